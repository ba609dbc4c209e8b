import type { FeedCursor, JournalEntry, RequestResult } from '../../../shared/wire/requests'

/** What the writer of a feed still has. */
export interface FeedLog {
  readonly feedId: string
  readonly head: number
  /** The oldest event that can still be given; `head + 1`: none. */
  readonly oldest: number
  /** The run of the writer that made the event; null: no longer known. */
  runIdAt(seq: number): string | null
}

/** How a reader goes on from its cursor. */
export type FeedOpening =
  | { readonly kind: 'events'; readonly after: number }
  | { readonly kind: 'snapshot'; readonly because: 'no-cursor' | 'other-feed' | 'history-gone' }
  /** The reader has events that this store never wrote, or wrote differently: the store was put back from an older copy. */
  | { readonly kind: 'fork'; readonly because: 'beyond-head' | 'other-run' }

export function decideOpen(cursor: FeedCursor | null, log: FeedLog): FeedOpening {
  if (cursor === null) return { kind: 'snapshot', because: 'no-cursor' }
  if (cursor.feedId !== log.feedId) return { kind: 'snapshot', because: 'other-feed' }
  if (cursor.seq > log.head) return { kind: 'fork', because: 'beyond-head' }
  // Before the first event there is no run to compare.
  if (cursor.seq === 0)
    return log.oldest === 1 ? { kind: 'events', after: 0 } : { kind: 'snapshot', because: 'history-gone' }
  const runId = log.runIdAt(cursor.seq)
  if (runId === null || cursor.seq + 1 < log.oldest) return { kind: 'snapshot', because: 'history-gone' }
  if (runId !== cursor.runId) return { kind: 'fork', because: 'other-run' }
  return { kind: 'events', after: cursor.seq }
}

/**
 * How many items from `offset` on fit into one piece: at least one (an item larger than a piece travels alone), as long as the sum of their
 * sizes stays within `sizeMax`.
 */
export function pieceLength(sizes: readonly number[], offset: number, sizeMax: number): number {
  let sum = 0
  let count = 0
  for (let index = offset; index < sizes.length; index++) {
    sum += sizes[index] ?? 0
    if (count > 0 && sum > sizeMax) break
    count++
  }
  return count
}

type Answer<M> = Extract<RequestResult<'documents.read'>, { mode: M }>
export type EventsAnswer = Answer<'events'>
export type SnapshotPiece = Answer<'snapshot'>
export type SnapshotDocument = SnapshotPiece['documents'][number]

/** What every event of every feed says of itself. */
export interface FeedEvent {
  readonly seq: number
  readonly runId: string
}

/** `restart`: whatever was begun is dropped, and the reader asks for a snapshot. */
export type EventsStep<E extends FeedEvent = JournalEntry> =
  { readonly kind: 'apply'; readonly entries: readonly E[]; readonly cursor: FeedCursor } | { readonly kind: 'restart' }

/** What of an answer the reader applies: the events right after its cursor, without a gap. Events it already has are passed over. */
export function acceptEvents<E extends FeedEvent>(
  cursor: FeedCursor | null,
  answer: { readonly feedId: string; readonly entries: readonly E[]; readonly more: boolean },
): EventsStep<E> {
  if (cursor === null || answer.feedId !== cursor.feedId) return { kind: 'restart' }
  const entries = answer.entries.filter(({ seq }) => seq > cursor.seq)
  if (entries.some(({ seq }, index) => seq !== cursor.seq + 1 + index)) return { kind: 'restart' }
  const last = entries.at(-1)
  // More is promised and nothing comes: asking again would go on for ever.
  if (!last) return answer.more ? { kind: 'restart' } : { kind: 'apply', entries, cursor }
  return { kind: 'apply', entries, cursor: { feedId: cursor.feedId, seq: last.seq, runId: last.runId } }
}

/** Where a piece of a snapshot belongs. */
export interface PieceHead {
  readonly feedId: string
  readonly seq: number
  readonly runId: string
  readonly offset: number
  readonly total: number
}
/** How far a snapshot has come, wherever its rows are kept meanwhile. */
export interface StagedPosition {
  readonly cursor: FeedCursor
  readonly total: number
  readonly count: number
}
export type PositionStep =
  | { readonly kind: 'staged'; readonly position: StagedPosition }
  | { readonly kind: 'complete'; readonly position: StagedPosition }
  | { readonly kind: 'restart' }

/** Whether `count` rows of this piece go on with what is staged. A piece at offset 0 begins anew; one that does not continue discards everything. */
export function placePiece(
  staged: StagedPosition | null,
  piece: PieceHead,
  count: number,
  totalMax: number,
): PositionStep {
  const { feedId, seq, runId, offset, total } = piece
  if ((offset > 0 && !isContinued(staged, piece)) || total > totalMax) return { kind: 'restart' }
  const position = { cursor: { feedId, seq, runId }, total, count: offset + count }
  if (position.count > total || (count === 0 && total > 0)) return { kind: 'restart' }
  return { kind: position.count < total ? 'staged' : 'complete', position }
}

function isContinued(staged: StagedPosition | null, piece: PieceHead): boolean {
  if (!staged || staged.count !== piece.offset || staged.total !== piece.total) return false
  const { feedId, seq, runId } = staged.cursor
  return feedId === piece.feedId && seq === piece.seq && runId === piece.runId
}

/** A snapshot on its way. Kept in memory only: what is not complete when the process ends is asked for again. */
export interface StagedSnapshot {
  readonly cursor: FeedCursor
  readonly total: number
  readonly documents: readonly SnapshotDocument[]
}
export type PieceStep =
  | { readonly kind: 'staged'; readonly staged: StagedSnapshot }
  | { readonly kind: 'complete'; readonly documents: readonly SnapshotDocument[]; readonly cursor: FeedCursor }
  | { readonly kind: 'restart' }

/** Documents of one snapshot. A larger one is refused before it fills the memory. */
export const SNAPSHOT_DOCUMENTS_MAX = 200_000

/** Adds a piece of a snapshot that is staged in memory. */
export function acceptPiece(staged: StagedSnapshot | null, piece: SnapshotPiece): PieceStep {
  const before = staged && { cursor: staged.cursor, total: staged.total, count: staged.documents.length }
  const step = placePiece(before, piece, piece.documents.length, SNAPSHOT_DOCUMENTS_MAX)
  if (step.kind === 'restart') return step
  const documents = piece.offset === 0 ? piece.documents : [...(staged?.documents ?? []), ...piece.documents]
  const { cursor, total } = step.position
  if (step.kind === 'staged') return { kind: 'staged', staged: { cursor, total, documents } }
  const names = new Set(documents.map(({ kind, id }) => `${kind} ${id}`))
  return names.size === total ? { kind: 'complete', documents, cursor } : { kind: 'restart' }
}

/** The decisions of both ends, as the stores take them. */
export const feedRules = { decideOpen, pieceLength, acceptEvents, acceptPiece, placePiece } as const
export type FeedRules = typeof feedRules
