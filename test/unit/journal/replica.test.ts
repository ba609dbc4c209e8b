import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DocumentsReplica, Journal } from '../../../electron/journal/journal'
import type { DocumentChange } from '../../../shared/model/documents'
import { edge, module, put, remove } from '../../support/documents'
import { catchUp, contentOf, journalIn, replicaIn } from '../../support/journal'

let folder: string
let journal: Journal
let replica: DocumentsReplica
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-replica-'))
  journal = journalIn(folder)
  replica = replicaIn(folder)
})
afterEach(async () => {
  await journal[Symbol.asyncDispose]()
  await replica[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
const change = (...changes: DocumentChange[]) =>
  expect(journal.change(changes, { actor: 'a' })).toMatchObject({ ok: true })
const reopenReplica = async () => {
  await replica[Symbol.asyncDispose]()
  replica = replicaIn(folder)
}
const many = (count: number, size = 1_000) =>
  Array.from({ length: count }, (_, i) => put('module', module(`m${i}`, { settings: { text: 'ü'.repeat(size / 2) } })))

test('a new edge gets one snapshot, then only events, and works from its file without a master', async () => {
  change(put('edge', edge('berlin')), put('edge', edge('oslo')))
  expect(catchUp(replica, journal)).toEqual(['snapshot', 'events'])
  change(put('edge', edge('rome')), remove('edge', 'oslo'))
  expect(catchUp(replica, journal)).toEqual(['events'])
  await reopenReplica()
  expect([replica.head, replica.feedId, contentOf(replica)]).toEqual([journal.head, journal.feedId, contentOf(journal)])
  expect(catchUp(replica, journal)).toEqual(['events'])
})

test('an empty journal gives an empty copy', () => {
  expect(catchUp(replica, journal)).toEqual(['snapshot', 'events'])
  expect(replica.cursor).toMatchObject({ feedId: journal.feedId, seq: 0 })
  change(put('edge', edge('berlin')))
  expect(catchUp(replica, journal)).toEqual(['events'])
})

test('a large set travels in pieces below 64 KiB, none of them visible before the last', () => {
  change(...many(300))
  let ask: ReturnType<DocumentsReplica['apply']> = { cursor: null, snapshotAt: null, offset: 0 }
  let pieces = 0
  while (ask !== null) {
    const answer = journal.read(ask)
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(64 * 1024)
    if (answer.mode === 'snapshot') expect(replica.list('module')).toHaveLength(0)
    pieces++
    ask = replica.apply(answer)
  }
  expect(pieces).toBeGreaterThan(6)
  expect(contentOf(replica)).toEqual(contentOf(journal))
})

test('events travel in pieces, too', () => {
  catchUp(replica, journal)
  change(...many(200))
  expect(catchUp(replica, journal).length).toBeGreaterThan(4)
  expect(contentOf(replica)).toEqual(contentOf(journal))
})

test('pieces of a snapshot stay those of one moment while the journal goes on', () => {
  change(...many(200))
  const first = journal.read({ cursor: null, snapshotAt: null, offset: 0 })
  let ask = replica.apply(first)
  change(remove('module', 'm0'), remove('module', 'm199'), put('module', module('m5')), put('module', module('new')))
  while (ask !== null) ask = replica.apply(journal.read(ask))
  expect(contentOf(replica)).toEqual(contentOf(journal))
})

test('a copy that has to start again never goes back to an older moment', () => {
  change(put('edge', edge('berlin')), put('edge', edge('oslo')))
  catchUp(replica, journal)
  change(remove('edge', 'oslo'), put('edge', edge('rome')))
  catchUp(replica, journal)
  const gap = {
    seq: 9,
    term: 0,
    at: 0,
    runId: 'r',
    sourceId: 's',
    actor: 'a',
    kind: 'edge' as const,
    id: 'x',
    op: 'delete' as const,
    body: null,
  }
  let ask = replica.apply({ mode: 'events', feedId: journal.feedId, entries: [gap], head: 9, more: false })
  expect(ask).toEqual({ cursor: null, snapshotAt: 4, offset: 0 })
  const heads: number[] = []
  replica.onChange(({ head }) => heads.push(head))
  while (ask !== null) {
    ask = replica.apply(journal.read(ask))
    expect(replica.head).toBe(4)
  }
  expect([heads, contentOf(replica)]).toEqual([[], contentOf(journal)])
})

test('a snapshot that the master has forgotten begins again', async () => {
  change(...many(200))
  const ask = replica.apply(journal.read({ cursor: null, snapshotAt: null, offset: 0 }))
  expect(ask).toMatchObject({ snapshotAt: 200 })
  await journal[Symbol.asyncDispose]()
  journal = journalIn(folder)
  change(put('edge', edge('berlin')))
  const again = journal.read(ask ?? { cursor: null, snapshotAt: null, offset: 0 })
  expect(again).toMatchObject({ mode: 'snapshot', offset: 0, seq: 201 })
  replica.apply(again)
  catchUp(replica, journal)
  expect(contentOf(replica)).toEqual(contentOf(journal))
})

test('a snapshot cut short leaves the copy and its cursor as they were', async () => {
  change(put('edge', edge('berlin')))
  catchUp(replica, journal)
  const [before, cursor] = [contentOf(replica), replica.cursor]
  change(...many(200))
  replica.apply(journal.read({ cursor: null, snapshotAt: null, offset: 0 }))
  await reopenReplica()
  expect([contentOf(replica), replica.cursor]).toEqual([before, cursor])
})

test('a snapshot removes what is absent from it and tells only what changed', async () => {
  change(put('edge', edge('berlin')), put('edge', edge('oslo')), put('edge', edge('rome')))
  catchUp(replica, journal)
  await journal[Symbol.asyncDispose]()
  journal = journalIn(folder, { file: 'another.db' })
  change(put('edge', edge('berlin')), put('edge', edge('oslo', { description: 'other' })))
  const heard: unknown[] = []
  replica.onChange(({ head, changed }) => heard.push([head, changed.map(({ id, body }) => [id, body === null])]))
  expect(catchUp(replica, journal)[0]).toBe('snapshot')
  expect(heard).toEqual([
    [
      2,
      [
        ['oslo', false],
        ['rome', true],
      ],
    ],
  ])
  expect(contentOf(replica)).toEqual(contentOf(journal))
})

test('a journal put back from an older copy gives a new feed id and a snapshot, once', async () => {
  change(put('edge', edge('berlin')))
  await journal[Symbol.asyncDispose]()
  await copyFile(path.join(folder, 'journal.db'), path.join(folder, 'older.db'))
  journal = journalIn(folder)
  change(put('edge', edge('oslo')), put('edge', edge('rome')))
  catchUp(replica, journal)
  await journal[Symbol.asyncDispose]()

  journal = journalIn(folder, { file: 'older.db' })
  const old = journal.feedId
  change(put('edge', edge('paris')), put('edge', edge('madrid')), put('edge', edge('lisbon')))
  expect(catchUp(replica, journal)).toEqual(['snapshot', 'events'])
  expect(journal.feedId).not.toBe(old)
  expect(contentOf(replica)).toEqual(contentOf(journal))
  const renewed = journal.feedId
  expect(journal.read({ cursor: { feedId: renewed, seq: 99, runId: 'x' }, snapshotAt: null, offset: 0 }).mode).toBe(
    'snapshot',
  )
  expect(journal.feedId).toBe(renewed)
})

test('a document of a later version keeps what this one does not know; one it cannot read is refused and changes nothing', async () => {
  catchUp(replica, journal)
  const cursor = { feedId: journal.feedId, seq: 1, runId: 'r' }
  const answer = (body: Record<string, unknown>, seq: number) => ({
    mode: 'events' as const,
    feedId: journal.feedId,
    head: seq,
    more: false,
    entries: [
      {
        seq,
        term: 0,
        at: 0,
        runId: 'r',
        sourceId: 's',
        actor: 'a',
        kind: 'edge' as const,
        id: 'berlin',
        op: 'put' as const,
        body: body as never,
      },
    ],
  })
  replica.apply(answer({ ...edge('berlin'), colour: 'red' }, 1))
  expect(replica.get('edge', 'berlin')?.body).toMatchObject({ name: 'BERLIN', failover: true })
  expect(replica.get('edge', 'berlin')?.body).not.toHaveProperty('colour')
  expect(() => replica.apply(answer({ ...edge('berlin'), failover: 'sometimes' }, 2))).toThrow(
    expect.objectContaining({ code: 'version-mismatch' }),
  )
  await reopenReplica()
  expect([replica.cursor, replica.get('edge', 'berlin')?.revision]).toEqual([cursor, 1])
})

test('whatever happens, a copy that has caught up equals the journal', async () => {
  const id = fc.integer({ min: 0, max: 9 }).map((n) => `e${n}`)
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), id, text: fc.string({ maxLength: 8 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), id }) },
    { weight: 3, arbitrary: fc.constantFrom({ do: 'read' as const }, { do: 'catch-up' as const }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { do: 'restart-journal' as const },
        { do: 'restart-replica' as const },
        { do: 'forget' as const },
      ),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const place = mkdtempSync(path.join(tmpdir(), 'holdfast-history-'))
      // Small limits, so that history is often gone and snapshots are often in use.
      const limits = { snapshotEvery: 4, trailing: 3, snapshotsKept: 2 }
      let journal = journalIn(place, { limits })
      let replica = replicaIn(place)
      let ask: ReturnType<DocumentsReplica['apply']> = null
      try {
        for (const step of steps) {
          if (step.do === 'put')
            journal.change([put('edge', edge(step.id, { description: step.text }))], { actor: 'a' })
          else if (step.do === 'delete') journal.change([remove('edge', step.id)], { actor: 'a' })
          else if (step.do === 'read')
            ask = replica.apply(journal.read(ask ?? { cursor: replica.cursor, snapshotAt: null, offset: 0 }))
          else if (step.do === 'catch-up') catchUp(replica, journal)
          else if (step.do === 'restart-journal') {
            await journal[Symbol.asyncDispose]()
            journal = journalIn(place, { limits })
          } else if (step.do === 'restart-replica') {
            await replica[Symbol.asyncDispose]()
            replica = replicaIn(place)
            ask = null
          } else ask = replica.apply(journal.read({ cursor: null, snapshotAt: null, offset: 0 }))
        }
        catchUp(replica, journal)
        expect(contentOf(replica)).toEqual(contentOf(journal))
        expect(replica.head).toBe(journal.head)
      } finally {
        await journal[Symbol.asyncDispose]()
        await replica[Symbol.asyncDispose]()
        rmSync(place, { recursive: true })
      }
    }),
    { numRuns: 60 },
  )
})
