import { beforeEach, describe, expect, test } from 'vitest'
import type { StoredDocument } from '../../../electron/journal/journal'
import { AlertEdges, type Links } from '../../../electron/master/alert-edges'
import { edgeDocument } from '../../../shared/model/documents'
import { monoMs, type MonoMs } from '../../../shared/model/time'

type Link = NonNullable<ReturnType<Links['linkOf']>>
const linked = (since: number): Link => ({ isLinked: true, since: monoMs(since), isExpected: true })

let documents: readonly StoredDocument<'edge'>[]
let links: Map<string, Link>
let booted: boolean
let mono: MonoMs
let edges: AlertEdges
const document = (id: string, more: object = {}): StoredDocument<'edge'> => ({
  ...{ kind: 'edge', id, revision: 1 },
  body: edgeDocument.parse({ id, name: id, ...more }),
})
const seen = () =>
  edges.seen({
    get booted() {
      return booted
    },
    // Another object each time, as a master makes it.
    linkOf: (id) => (links.has(id) ? { ...links.get(id)! } : null),
  })
beforeEach(() => {
  documents = ['a', 'b', 'c'].map((id) => document(id))
  links = new Map(['a', 'b', 'c'].map((id) => [id, linked(1.5)]))
  booted = true
  mono = monoMs(0)
  edges = new AlertEdges({ journal: { list: () => documents as never }, clock: { mono: () => mono } })
})

describe('the edges that alerts look at', () => {
  test('are by their documents and links', () => {
    links.set('b', { ...linked(3), isLinked: false })
    links.delete('c')
    documents = [document('a', { timeoutMs: 5_000 }), documents[1]!, documents[2]!, document('d')]
    links.set('d', { ...linked(4), isLinked: false, isExpected: false })
    mono = monoMs(7)
    const told = [
      { id: 'a', timeoutMs: 5_000, link: 'linked', since: 1.5 },
      { id: 'b', timeoutMs: 20_000, link: 'lost', since: 3 },
      { id: 'c', timeoutMs: 20_000, link: 'unknown', since: 7 },
      { id: 'd', timeoutMs: 20_000, link: 'quiet', since: 4 },
    ]
    expect(seen()).toEqual(told)
    booted = false
    expect(seen().map(({ link }) => link)).toEqual(['linked', 'unknown', 'unknown', 'quiet'])
    expect(edges.seen(null).map(({ link }) => link)).toEqual(Array(4).fill('unknown'))
  })

  test('are the same list while nothing changes, and the same objects but for those that did', () => {
    const before = seen()
    expect(seen()).toBe(before)
    links.set('b', linked(9))
    const after = seen()
    expect(after[1]).toEqual({ ...before[1], since: 9 })
    expect([after[0], after[2]]).toEqual([before[0], before[2]])
    expect([after[0] === before[0], after[2] === before[2]]).toEqual([true, true])
    expect(before[1]).toMatchObject({ since: 1.5 })
    expect(seen()).toBe(after)
  })

  test('are the same objects when documents come, go, or are otherwise in what alerts do not read', () => {
    const [, b, c] = seen()
    documents = [document('aa'), document('b', { name: 'Berlin' }), documents[2]!]
    const after = seen()
    expect(after.map(({ id, link }) => [id, link])).toEqual([
      ['aa', 'unknown'],
      ['b', 'linked'],
      ['c', 'linked'],
    ])
    expect([after[1] === b, after[2] === c]).toEqual([true, true])
    documents = [documents[0]!, document('b', { timeoutMs: 3_000 }), documents[2]!]
    expect(seen()[1]).toMatchObject({ timeoutMs: 3_000 })
  })

  test('of which nobody knows yet stay as they are while time passes', () => {
    links.clear()
    const before = seen()
    mono = monoMs(1_000)
    expect(seen()).toBe(before)
    links.set('a', { ...linked(500), isLinked: false })
    expect(seen()[0]).toMatchObject({ link: 'lost', since: 500 })
  })
})
