import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { AlertBook } from '../../../electron/core/alerts/alert-book'
import { KnownEdges } from '../../../electron/core/alerts/known-edges'
import type { AlertNow, Incident } from '../../../electron/core/alerts/alert-state'
import type { BookChange, WatchedEdge } from '../../../electron/core/alerts/seen'
import { alertRuleDocument, type AlertRuleDocument } from '../../../shared/model/documents'
import { monoMs, wallMs } from '../../../shared/model/time'

const WALL = 1_750_000_000_000
const at = (ms: number): AlertNow => ({ mono: monoMs(ms), wall: wallMs(WALL + ms) })
const edge = (id: string, link: WatchedEdge['link'] = 'linked', since = 0): WatchedEdge => ({
  ...{ id, timeoutMs: 20_000, link },
  since: monoMs(since),
})
const rule = (fields: Record<string, unknown>): AlertRuleDocument =>
  alertRuleDocument.parse({ name: 'Rule', ...fields })
const away = rule({ id: 'away', watch: 'edge-lost', keepFiringForMs: 3_000 })
const awayOne = rule({ id: 'away-one', watch: 'edge-lost', edges: ['b'], forMs: 2_000 })
const silent = rule({ id: 'silent', watch: 'absence', forMs: 5_000 })
const still = rule({ id: 'still', watch: 'absence', metric: 'cpu', forMs: 4_000, keepFiringForMs: 2_000 })
const hot = rule({ id: 'hot', watch: 'metric', metric: 'cpu', threshold: 1 })
const rulesOf = (documents: readonly AlertRuleDocument[]) =>
  documents.map((document) => ({ document, isDefault: false }))
const cpu = (value: number, core = '0') => ({
  ...{ name: 'cpu', resource: {} },
  points: [{ at: 0, attributes: { core }, value }],
})
const incident: Incident = {
  ...{ severity: 'critical', said: null, text: 'x', value: null, episodes: 1, acknowledged: null, unknownSince: null },
  ...{ since: at(0).wall, firedAt: at(0).wall, lastAt: at(0).wall },
}
const left = (ruleId: string, edgeId: string) => ({
  ...{ key: JSON.stringify([ruleId, edgeId, '']), ruleId, edgeId, series: '', incident },
})
const words = (changes: readonly BookChange[]) =>
  changes.map(({ ruleId, edgeId, output }) => `${output.type} ${ruleId} ${edgeId}`)
const states = (book: AlertBook) => [...book.alerts()].map(({ key, state }) => [key, state])

describe('what is told of edges', () => {
  let known: KnownEdges
  const [a, b] = [edge('a'), edge('b')]
  beforeEach(() => {
    known = new KnownEdges()
    known.tell([a, b])
  })

  test('is nothing while it is the same list, and nothing to look at where only the list is another', () => {
    const again = [a, b]
    expect(known.tell(again)).toMatchObject({ looked: [] })
    expect(known.tell(again)).toBeNull()
  })

  test('is what is otherwise, with how it was, and whether any is gone', () => {
    const [lost, c] = [edge('b', 'lost'), edge('c')]
    const turn = known.tell([a, lost, c])!
    expect(turn.looked).toEqual([lost, c])
    expect([...turn.before]).toEqual([
      ['b', b],
      ['c', null],
    ])
    expect(turn.isAnyGone).toBe(false)
    expect(known.tell([lost, c])).toMatchObject({ looked: [], isAnyGone: true })
    expect([known.get('a'), known.get('b')]).toEqual([undefined, lost])
    expect(known.tell([a, lost, c])!.looked).toEqual([a])
  })

  test('is looked at once more where somebody asked for it', () => {
    const all = known.all
    known.lookAgain('b')
    expect(known.tell(all)).toMatchObject({ looked: [b], isAnyGone: false })
    expect(known.tell(all)).toBeNull()
  })
})

describe('an edge that is as it was', () => {
  test('is not looked at, whatever the rules for links', () => {
    const reads: string[] = []
    const counted = (id: string, link: WatchedEdge['link']): WatchedEdge => ({
      ...{ id, timeoutMs: 20_000, since: monoMs(0) },
      get link() {
        reads.push(id)
        return link
      },
    })
    const book = new AlertBook()
    const edges = [counted('a', 'linked'), counted('b', 'lost'), counted('c', 'linked')]
    book.setEdges(edges, at(0))
    book.setRules(rulesOf([away, awayOne, silent, still]), at(0))
    expect(new Set(reads)).toEqual(new Set(['a', 'b', 'c']))
    reads.length = 0
    book.setEdges(edges, at(1_000))
    expect(reads).toEqual([])
    book.setEdges([edges[0]!, edges[1]!, counted('c', 'lost')], at(2_000))
    expect(new Set(reads)).toEqual(new Set(['c']))
  })

  test('has its alert as soon as there is room for it', () => {
    const book = new AlertBook(2)
    const edges = [edge('a', 'lost'), edge('b'), edge('c')]
    book.setRules(rulesOf([away, hot]), at(0))
    book.setEdges([edge('a'), edges[1]!, edges[2]!], at(0))
    book.metric('b', cpu(2), at(0))
    book.metric('c', cpu(2), at(0))
    expect(words(book.setEdges(edges, at(1_000)))).toEqual([])
    expect(words(book.setEdges(edges, at(2_000)))).toEqual([])
    expect(book.refusedOf('away')).toMatchObject({ count: 2, lastAt: at(2_000).wall })
    book.metric('c', cpu(0), at(2_500))
    expect(words(book.setEdges(edges, at(3_000)))).toEqual(['show away a'])
    expect(words(book.setEdges(edges, at(4_000)))).toEqual([])
    // It counts from when the link was lost, not from when there was room.
    expect(words(book.wake(at(20_000)))).toEqual(['raise away a'])
    expect(book.refusedOf('away')).toMatchObject({ count: 2 })
  })

  test('takes no place while it is away and nothing is absent', () => {
    const book = new AlertBook(1)
    book.setRules(rulesOf([silent, hot]), at(0))
    book.setEdges([edge('a', 'lost'), edge('b', 'quiet')], at(0))
    expect(words(book.metric('a', cpu(2), at(0)))).toEqual(['raise hot a'])
    expect([book.refusedOf('silent'), book.refusedOf('hot')]).toEqual([null, null])
  })

  test('ends or takes up what an earlier process left of it', () => {
    const book = new AlertBook()
    const edges = [edge('a'), edge('b', 'lost')]
    book.setEdges(edges, at(0))
    book.setRules(rulesOf([away, silent]), at(0))
    book.restore([left('away', 'a'), left('away', 'b'), left('silent', 'a')], () => false, at(0))
    expect(states(book).map(([, state]) => state)).toMatchObject(Array(3).fill({ kind: 'unknown' }))
    expect(words(book.setEdges(edges, at(1_000)))).toEqual(['keep away a', 'keep away b'])
    expect(words(book.wake(at(4_000)))).toEqual(['end away a'])
    expect(words(book.heard('a', at(5_000)))).toEqual(['end silent a'])
    // Absence counts from when the link was seen.
    book.restore([left('silent', 'a')], () => false, at(6_000))
    book.setEdges(edges, at(7_000))
    expect(words(book.wake(at(11_999)))).toEqual([])
    expect(words(book.wake(at(12_000)))).toEqual(['keep silent a'])
  })
})

type Op =
  | { readonly op: 'link'; readonly of: number; readonly link: WatchedEdge['link'] }
  | { readonly op: 'timeout'; readonly of: number; readonly timeoutMs: number }
  | { readonly op: 'edge'; readonly of: number }
  | { readonly op: 'rules'; readonly on: readonly boolean[]; readonly forMs: number }
  | { readonly op: 'restore'; readonly of: number; readonly rule: number }
  | { readonly op: 'metric'; readonly of: number; readonly core: string; readonly value: number }
  | { readonly op: 'heard'; readonly of: number }
  | { readonly op: 'gap' | 'look' }

const ids = ['a', 'b', 'c', 'd']
const all = [away, awayOne, silent, still, hot]
const of = fc.nat({ max: ids.length - 1 })
const links = fc.constantFrom<WatchedEdge['link'][]>('linked', 'linked', 'lost', 'lost', 'quiet', 'unknown')
const ops: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('link' as const), of, link: links }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('timeout' as const), of, timeoutMs: fc.constantFrom(1_000, 8_000) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('edge' as const), of }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('rules' as const),
      on: fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }),
      forMs: fc.constantFrom(0, 3_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('restore' as const), of, rule: fc.nat({ max: all.length - 1 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ op: fc.constant('metric' as const), of, core: fc.constantFrom('0', '1') },
      value: fc.constantFrom(0, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('heard' as const), of }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('gap' as const) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('look' as const) }) },
)

/** What a book tells when each edge is another object at each look, as `anew` says, or only when it has changed. */
function told(watchedMax: number, life: readonly (readonly [Op, number])[], anew: boolean): unknown[] {
  const book = new AlertBook(watchedMax)
  let edges: readonly WatchedEdge[] = ids.map((id) => edge(id))
  let now = 0
  const out: unknown[] = []
  const tell = (changes: readonly BookChange[]) => out.push([now, changes, states(book), book.wakeAt()])
  const look = () => {
    tell(book.setEdges(anew ? edges.map((each) => ({ ...each })) : edges, at(now)))
    tell(book.wake(at(now)))
  }
  const change = (id: string, to: Partial<WatchedEdge>) =>
    (edges = edges.map((each) => (each.id === id ? { ...each, ...to } : each)))
  book.setEdges(edges, at(0))
  tell(book.setRules(rulesOf(all), at(0)))
  for (const [asked, passes] of life) {
    now += passes
    const id = 'of' in asked ? ids[asked.of]! : ''
    switch (asked.op) {
      case 'link':
        change(id, { link: asked.link, since: monoMs(now) })
        break
      case 'timeout':
        change(id, { timeoutMs: asked.timeoutMs })
        break
      case 'edge':
        edges = edges.some((each) => each.id === id)
          ? edges.filter((each) => each.id !== id)
          : [...edges, edge(id, 'lost', now)]
        break
      case 'rules': {
        const { on, forMs } = asked
        const documents = all.map((each, n) => ({ ...each, enabled: on[n]!, ...(each === still ? {} : { forMs }) }))
        tell(book.setRules(rulesOf(documents), at(now)))
        break
      }
      case 'restore':
        tell(book.restore([left(all[asked.rule]!.id, id)], () => false, at(now)))
        break
      case 'metric':
        tell(book.metric(id, cpu(asked.value, asked.core), at(now)))
        break
      case 'heard':
        tell(book.heard(id, at(now)))
        break
      case 'gap':
        tell(book.timeGap(at(now)))
        break
      case 'look':
        look()
    }
  }
  look()
  return [...out, all.map(({ id }) => book.refusedOf(id))]
}

describe('a book that is told only what has changed', () => {
  test('says the same as one that looks at all edges each time, with room for all or not', () => {
    const life = fc.array(fc.tuple(ops, fc.constantFrom(0, 500, 1_000, 4_000)), { maxLength: 60 })
    fc.assert(
      fc.property(fc.constantFrom(2, 4, 7, 100), life, (max, turns) => {
        expect(told(max, turns, false)).toEqual(told(max, turns, true))
      }),
      { numRuns: 400 },
    )
  })
})
