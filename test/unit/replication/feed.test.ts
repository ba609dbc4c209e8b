import { describe, expect, test } from 'vitest'
import { acceptEvents, acceptPiece, decideOpen, pieceLength } from '../../../electron/core/replication/feed'
import type { FeedLog, SnapshotPiece, StagedSnapshot } from '../../../electron/core/replication/feed'
import type { FeedCursor, JournalEntry } from '../../../shared/wire/requests'

/** Events 1..20 were written, 11..20 are kept, the newest from 16 on by a second run. The run of 10 is still known from a snapshot. */
const log: FeedLog = {
  feedId: 'f',
  head: 20,
  oldest: 11,
  runIdAt: (seq) => (seq < 10 || seq > 20 ? null : seq < 16 ? 'run-1' : 'run-2'),
}
const at = (seq: number, runId = 'run-1', feedId = 'f'): FeedCursor => ({ feedId, seq, runId })

describe('opening a feed', () => {
  test.each([
    ['no cursor', null, log, { kind: 'snapshot', because: 'no-cursor' }],
    ['a cursor of another feed', at(15, 'run-1', 'g'), log, { kind: 'snapshot', because: 'other-feed' }],
    ['another feed, beyond the head', at(99, 'run-1', 'g'), log, { kind: 'snapshot', because: 'other-feed' }],
    ['the head', at(20, 'run-2'), log, { kind: 'events', after: 20 }],
    ['within the history', at(15), log, { kind: 'events', after: 15 }],
    ['the oldest kept', at(11), log, { kind: 'events', after: 11 }],
    ['right before the oldest, its run still known', at(10), log, { kind: 'events', after: 10 }],
    ['one further back', at(9), log, { kind: 'snapshot', because: 'history-gone' }],
    ['the beginning, history gone', at(0, ''), log, { kind: 'snapshot', because: 'history-gone' }],
    ['the beginning, history whole', at(0, ''), { ...log, oldest: 1 }, { kind: 'events', after: 0 }],
    ['the beginning of an empty feed', at(0, ''), { ...log, head: 0, oldest: 1 }, { kind: 'events', after: 0 }],
    ['beyond the head', at(21, 'run-2'), log, { kind: 'fork', because: 'beyond-head' }],
    ['ahead of an empty feed', at(1), { ...log, head: 0, oldest: 1 }, { kind: 'fork', because: 'beyond-head' }],
    ['another run at that event', at(15, 'run-9'), log, { kind: 'fork', because: 'other-run' }],
    ['another run at the head', at(20, 'run-1'), log, { kind: 'fork', because: 'other-run' }],
  ] as const)('%s', (_what, cursor, log, expected) => {
    expect(decideOpen(cursor, log)).toEqual(expected)
  })
})

test.each([
  ['as many as fit', [10, 10, 10, 10], 0, 30, 3],
  ['from the offset on', [10, 10, 10, 10], 2, 30, 2],
  ['one that is too large travels alone', [50, 10], 0, 30, 1],
  ['a large one waits for the next piece', [10, 50, 10], 0, 30, 1],
  ['none after the end', [10], 1, 30, 0],
  ['none of nothing', [], 0, 30, 0],
])('a piece holds %s', (_what, sizes, offset, sizeMax, count) => {
  expect(pieceLength(sizes, offset, sizeMax)).toBe(count)
})

const entry = (seq: number, runId = 'run-1'): JournalEntry => ({
  seq,
  term: 0,
  at: 0,
  runId,
  sourceId: 's',
  actor: 'a',
  kind: 'edge',
  id: 'e',
  op: 'put',
  body: null,
})
const events = (seqs: number[], more = false, feedId = 'f') => ({
  mode: 'events' as const,
  feedId,
  entries: seqs.map((seq) => entry(seq)),
  head: 99,
  more,
})

test.each([
  ['the next ones', at(5), events([6, 7]), [6, 7], 7],
  ['nothing new', at(5), events([]), [], 5],
  ['some it has already', at(5), events([4, 5, 6]), [6], 6],
  ['only ones it has', at(5), events([4, 5]), [], 5],
] as const)('a reader applies %s', (_what, cursor, answer, seqs, end) => {
  const step = acceptEvents(cursor, answer)
  expect(step).toMatchObject({ kind: 'apply', cursor: { seq: end } })
  if (step.kind === 'apply') expect(step.entries.map(({ seq }) => seq)).toEqual(seqs)
})

test.each([
  ['a gap', at(5), events([7])],
  ['a gap inside', at(5), events([6, 8])],
  ['the wrong order', at(5), events([7, 6])],
  ['another feed', at(5), events([6], false, 'g')],
  ['no cursor of its own', null, events([1])],
  ['a promise of more that brings nothing', at(5), events([], true)],
])('a reader starts again at %s', (_what, cursor, answer) => {
  expect(acceptEvents(cursor, answer)).toEqual({ kind: 'restart' })
})

const piece = (ids: string[], more: Partial<SnapshotPiece> = {}): SnapshotPiece => ({
  mode: 'snapshot',
  feedId: 'f',
  seq: 9,
  runId: 'run-1',
  offset: 0,
  total: 3,
  documents: ids.map((id) => ({ kind: 'edge', id, revision: 1, body: {} })),
  ...more,
})
const staged = (): StagedSnapshot => {
  const step = acceptPiece(null, piece(['a', 'b']))
  if (step.kind !== 'staged') throw new Error(step.kind)
  return step.staged
}

describe('a snapshot in pieces', () => {
  test('is complete with its last piece', () => {
    expect(acceptPiece(staged(), piece(['c'], { offset: 2 }))).toMatchObject({
      kind: 'complete',
      cursor: at(9),
      documents: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    })
    expect(acceptPiece(null, piece([], { total: 0 }))).toMatchObject({ kind: 'complete', documents: [] })
  })
  test('begins anew at offset 0, whatever was staged', () => {
    expect(acceptPiece(staged(), piece(['x'], { seq: 12 }))).toMatchObject({
      kind: 'staged',
      staged: { cursor: at(12), documents: [{ id: 'x' }] },
    })
  })
  test.each([
    ['a piece is missing', piece(['c'], { offset: 3, total: 4 })],
    ['a piece comes twice', piece(['b'], { offset: 1 })],
    ['another snapshot goes on', piece(['c'], { offset: 2, seq: 10 })],
    ['another run goes on', piece(['c'], { offset: 2, runId: 'run-2' })],
    ['another feed goes on', piece(['c'], { offset: 2, feedId: 'g' })],
    ['the total changes', piece(['c'], { offset: 2, total: 4 })],
    ['there are more than the total', piece(['c', 'd'], { offset: 2 })],
    ['a document comes twice', piece(['a'], { offset: 2 })],
    ['a piece is empty', piece([], { offset: 2 })],
  ])('is discarded whole when %s', (_what, next) => {
    expect(acceptPiece(staged(), next)).toEqual({ kind: 'restart' })
  })
  test('is refused when it is not begun, or far too large', () => {
    expect(acceptPiece(null, piece(['c'], { offset: 2 }))).toEqual({ kind: 'restart' })
    expect(acceptPiece(null, piece(['a'], { total: 200_001 }))).toEqual({ kind: 'restart' })
  })
})
