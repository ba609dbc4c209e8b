import { describe, expect, it } from 'vitest'
import { formatDocumentFile, parseDocumentFile } from '../../../electron/journal/document-file'
import {
  bulkChanges,
  changesInFile,
  commonDraft,
  countsOf,
  documentsOf,
  fileOf,
  type BulkField,
  type StoredDocument,
} from '../../../renderer/features/fleet/documents'
import { applyParts, partsOf } from '../../../renderer/features/fleet/apply-parts'
import { memberFilter, memberName, loadsOf } from '../../../renderer/features/fleet/members'
import { operations } from '../../../shared/console/contract'
import { MESSAGE_ITEMS_BYTES_MAX } from '../../../shared/console/parts'
import { edgeDocument, systemDocument, type EdgeDocument } from '../../../shared/model/documents'
import { memberSample } from '../../support/member-samples'

/** As it comes over the wire. */
const bodyOf = (document: object) => JSON.parse(JSON.stringify(document)) as StoredDocument['body']
const edge = (id: string, change: Partial<EdgeDocument> = {}): StoredDocument => ({
  ...{ kind: 'edge', id, revision: 7 },
  body: bodyOf(edgeDocument.parse({ id, name: id, ...change })),
})
const bytesOf = (changes: unknown) => new TextEncoder().encode(JSON.stringify(changes)).length
const fields = (...names: BulkField[]) => new Set(names)

describe('a change of many edge documents', () => {
  const documents = [edge('berlin', { timeoutMs: 30_000 }), edge('lyon'), edge('porto', { description: 'By the sea' })]

  it('changes the chosen fields alone, from the revision it was made from, and leaves out who has them already', () => {
    const draft = { ...commonDraft(documents), timeoutMs: 30_000, failover: false, description: 'x' }
    const changes = bulkChanges(documents, draft, fields('timeoutMs'))
    expect(changes).toEqual([
      { op: 'put', kind: 'edge', revision: 7, body: { ...documents[1]!.body, timeoutMs: 30_000 } },
      { op: 'put', kind: 'edge', revision: 7, body: { ...documents[2]!.body, timeoutMs: 30_000 } },
    ])
    expect(operations['documents.apply'].input.safeParse({ changes }).success).toBe(true)
    expect(bulkChanges(documents, draft, fields())).toEqual([])
  })
  it('sets a window as a whole, and takes it away as a whole', () => {
    const draft = {
      ...commonDraft(documents),
      ...{ hasWindow: true, windowStart: '0 3 * * *', windowLengthMs: 7_200_000, windowTimeZone: 'Europe/Paris' },
    }
    const [first] = bulkChanges(documents, draft, fields('window'))
    const set = { windowStart: '0 3 * * *', windowLengthS: 7_200, windowTimeZone: 'Europe/Paris' }
    expect(first).toMatchObject({ body: { ...documents[0]!.body, ...set } })
    const having = edge('osaka', set)
    const [taken] = bulkChanges([having], { ...draft, hasWindow: false }, fields('window'))
    expect(taken).toEqual({ op: 'put', kind: 'edge', revision: 7, body: edge('osaka').body })
  })
  it('knows when it is too much for one message', () => {
    const many = Array.from({ length: 12_000 }, (_, n) => edge(`edge-${n}`))
    const draft = { ...commonDraft(many), timeoutMs: 30_000 }
    expect(partsOf(bulkChanges(many.slice(0, 2_000), draft, fields('timeoutMs')))).toHaveLength(1)
    expect(partsOf(bulkChanges(many, draft, fields('timeoutMs'))).length).toBeGreaterThan(1)
  })

  it('of ten thousand is cut into parts that each fit, and goes on until one fails: what is stored then is told', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => edge(`edge-${n}`, { name: `Größe ${n} 中文 🙂` }))
    const draft = { ...commonDraft(many), timeoutMs: 30_000 }
    const changes = bulkChanges(many, draft, fields('timeoutMs'))
    const parts = partsOf(changes)
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.every((part) => bytesOf(part) <= MESSAGE_ITEMS_BYTES_MAX)).toBe(true)
    expect(parts.flat()).toEqual(changes)
    const asked: number[] = []
    const told: number[] = []
    const call = (failAt: number) => async (_: string, params: unknown) => {
      asked.push((params as { changes: unknown[] }).changes.length)
      return asked.length === failAt
        ? { ok: false as const, code: 'conflict' as const, message: 'Somebody changed it.' }
        : { ok: true as const, value: { head: 1, differences: [] } }
    }
    const bridge = (failAt: number) => ({ call: call(failAt) as never })
    const sizes = parts.map(({ length }) => length)
    const whole = await applyParts(bridge(0), parts, { onDone: (done) => told.push(done) })
    expect([whole.done, whole.failure, asked]).toEqual([10_000, null, sizes])
    expect(told.at(-1)).toBe(10_000)
    asked.length = 0
    const stopped = await applyParts(bridge(2), parts)
    expect(stopped).toMatchObject({ done: sizes[0], failure: { code: 'conflict' } })
    expect(asked).toHaveLength(2)
  })
})

describe('a file of documents', () => {
  const hall: StoredDocument = {
    ...{ kind: 'system', id: 'hall', revision: 3 },
    body: bodyOf(systemDocument.parse({ id: 'hall', name: 'Hall', edgeId: 'berlin', modules: ['air'] })),
  }
  const air: StoredDocument = {
    kind: 'module',
    id: 'air',
    revision: 2,
    body: { id: 'air', name: 'Air', driver: 'logic' },
  }
  const all = [edge('berlin', { description: 'yes: "no"\n- 007' }), edge('lyon'), hall, air]

  it('is read as it was written, here and by the command line', async () => {
    const text = await fileOf(all)
    const { changes, faults } = await changesInFile(text)
    expect(faults).toEqual([])
    expect(changes).toEqual(all.map(({ kind, body }) => ({ op: 'put', kind, body })))
    expect(parseDocumentFile(text)).toEqual({ changes })
    expect((await changesInFile(formatDocumentFile(all as never))).faults).toEqual([])
  })
  it('may be a list, and JSON', async () => {
    const list = JSON.stringify(all.map(({ kind, body }) => ({ kind, ...body })))
    expect((await changesInFile(list)).changes).toHaveLength(4)
  })
  it('of some sites has their systems and the modules of those, and no others', () => {
    expect(documentsOf(all, new Set(['berlin'])).map(({ id }) => id)).toEqual(['berlin', 'hall', 'air'])
    expect(documentsOf(all, new Set(['lyon'])).map(({ id }) => id)).toEqual(['lyon'])
  })
  it('says what is wrong, and where', async () => {
    const text = '- {kind: edge, name: Berlin}\n- {kind: shop, id: a}\n- 7\n- {kind: edge, id: lyon, name: Lyon}'
    const { changes, faults } = await changesInFile(text)
    expect(changes).toHaveLength(1)
    expect(faults).toEqual([
      { document: 1, code: 'id', detail: 'Berlin' },
      { document: 2, code: 'kind', detail: 'shop' },
      { document: 3, code: 'shape', detail: '' },
    ])
    expect((await changesInFile('{kind: edge')).faults).toMatchObject([{ document: null, code: 'unreadable' }])
    expect(await changesInFile('')).toEqual({ changes: [], faults: [] })
  })
  it('that multiplies itself is refused instead of read', async () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
    for (const [name, of] of ['ba', 'cb', 'dc', 'ed'].map((pair) => [...pair]))
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${of}`).join(', ')}]`)
    expect((await changesInFile(bomb.join('\n'))).faults).toMatchObject([{ document: null, code: 'unreadable' }])
  })
  it('is counted by what it amounts to', () => {
    const one = (op: 'create' | 'same', id: string) => ({ op, kind: 'edge' as const, id, name: id, fields: [] })
    expect(countsOf([one('create', 'a'), one('same', 'b'), one('same', 'c')])).toMatchObject({ create: 1, same: 2 })
  })
})

describe('the controllers of the fleet', () => {
  it('are filtered and sorted by the master', () => {
    const asked = memberFilter(' box ', 'draining', { key: 'cpu', descending: true })
    expect(asked).toEqual({ text: 'box', statuses: ['draining'], sort: 'cpu', isDescending: true })
    expect(operations['fleet.listNodes'].input.safeParse(asked).success).toBe(true)
    expect(memberFilter('', 'x', { key: 'menu', descending: false })).toEqual({ sort: 'name', isDescending: false })
  })
  it('are called what people call them, and tell of their load what they told', () => {
    expect(memberName(memberSample())).toBe('Berlin')
    expect(memberName(memberSample({ edgeName: null, hostname: '' }))).toBe('10.0.0.7')
    expect(loadsOf(memberSample({ memory: null }))).toEqual([
      { name: 'cpu', share: 0.125 },
      { name: 'disk', share: 0.25 },
    ])
  })
})
