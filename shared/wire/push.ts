import { z } from 'zod'
import { entryOrigin, lossReasons, RANGES_MAX, seqGap, telemetryCategories } from '../model/telemetry'

/**
 * `receiveBatch`: one range of one feed with everything that fills it. `entries` is the payload: the UTF-8 of one line of JSON, the `entryHeads`, then one line
 * for each body in the same order (JSON text as the producer gave it, or base64 of bytes; neither holds a line break), gzipped and as base64. The
 * hash is of the payload before compression, so what it holds true is what is stored.
 *
 *     edge                                       master
 *      │ receiveBatch [first..last] of a feed      │
 *      ├──────────────────────────────────────────►│ one transaction: entries it has not yet, gaps, position; FULL
 *      │        {throughSeq, ranges, rejected}     │
 *      │◄──────────────────────────────────────────┤ after the commit
 *      │ rejected -> dead letters, then delete     │
 */
export const BATCH_ENTRIES_MAX = 1_000
/** Of the payload before compression. An entry of the largest size fits with its head. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** What a batch aims at: long enough to compress well, short enough to leave the line to others. */
export const BATCH_BYTES = 1024 * 1024
/** One before each entry, and one behind the last. */
export const GAPS_MAX = BATCH_ENTRIES_MAX + 1
export const WRITERS_MAX = 64
/** Base64 of a payload that compression made no smaller, and a little. The link itself carries 8 MiB. */
const ENTRIES_TEXT_MAX = Math.ceil((BATCH_BYTES_MAX / 3) * 4) + 4_096

const id = z.string().min(1).max(64)
const seq = z.int().min(1)

/** Under whose name entries were written, and by which run of the program. */
export const entryWriter = z.strictObject({
  runId: z.string().max(64),
  sourceId: z.string().max(64),
  edgeId: z.string().max(64).nullable(),
  enrolmentId: z.string().max(64).nullable(),
})
export type EntryWriter = z.infer<typeof entryWriter>

/** What is not always so. `isBytes`: the body is base64 of bytes. */
const entryMore = z.strictObject({
  origin: entryOrigin.optional(),
  doNotPropagate: z.literal(true).optional(),
  isBytes: z.literal(true).optional(),
})
/** Number, instant, category (its place in `telemetryCategories`), writer (its place in the batch's list), the rest. */
export type EntryHead = readonly [
  ...[seq: number, at: number, category: number, writer: number],
  ...([] | [more: z.infer<typeof entryMore>]),
]
/** Looked at without a schema for each part: there are a thousand in a batch, and a schema takes longer than all else that is done with them. */
function isEntryHead(head: unknown): head is EntryHead {
  if (!Array.isArray(head)) return false
  const [seq, at, category, writer, more] = head as unknown[]
  if (!isCount(seq) || seq < 1 || !Number.isFinite(at) || !isCount(category) || !isCount(writer)) return false
  return head.length === 4 || (head.length === 5 && entryMore.safeParse(more).success)
}
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
export const entryHeads = z.custom<readonly EntryHead[]>(
  (heads) => Array.isArray(heads) && heads.length <= BATCH_ENTRIES_MAX && heads.every(isEntryHead),
)

export const receiveBatchParams = z.strictObject({
  batchId: id,
  feedId: id,
  /** Alerts are a feed of their own. */
  lane: z.enum(['alerts', 'telemetry']),
  firstSeq: seq,
  lastSeq: seq,
  /** Entries and gaps fill the range, or the batch is refused whole. */
  gaps: z.array(seqGap).max(GAPS_MAX),
  writers: z.array(entryWriter).max(WRITERS_MAX),
  /** Entries that did not leave when they were new: they fill charts and raise no live alert. */
  historical: z.boolean(),
  /** How many more wait at the edge; the master grants a drain by it. */
  pendingEntries: z.int().min(0),
  /** The edge's calendar when it sent this, for the measured skew. */
  sentAt: z.number(),
  /** Lower-case hex, of the payload before compression. */
  sha256: z.string().length(64),
  gzip: z.boolean(),
  entries: z.string().max(ENTRIES_TEXT_MAX),
})
export type ReceiveBatchParams = z.output<typeof receiveBatchParams>

export const receiveBatchResult = z.object({
  /** Everything up to here is stored, refused for good, or was told as a gap; so are the ranges. */
  throughSeq: z.int().min(0),
  ranges: z.array(z.tuple([seq, seq])).max(RANGES_MAX),
  rejected: z.array(z.object({ seq, code: z.string().max(64), message: z.string().max(500) })).max(BATCH_ENTRIES_MAX),
  /** Whether more than the quota may come until the backlog is gone. */
  drain: z.boolean(),
})
export type ReceiveBatchResult = z.output<typeof receiveBatchResult>

/** What was lost of one category for one reason since the store was made. `lastAt`: when the newest of them was lost, by the edge's calendar. */
export const lossTotal = z.object({
  category: z.enum(telemetryCategories),
  reason: z.enum(lossReasons),
  entries: z.int().min(0),
  bytes: z.int().min(0),
  lastAt: z.number(),
})
export type LossTotal = z.output<typeof lossTotal>

/** The first version of the link protocol in which an edge tells by itself how its pushing goes (`sync.changed`). */
export const SYNC_TOLD_SINCE_VERSION = 3

export const syncStates = ['up to date', 'catching up', 'buffering (master unreachable)', 'paused'] as const
export const syncStatus = z.object({
  state: z.enum(syncStates),
  pendingEntries: z.int().min(0),
  pendingBytes: z.int().min(0),
  /** When the oldest pending entry happened; null: nothing is pending. */
  oldestAt: z.number().nullable(),
  /** Null: nothing was acknowledged since the start. */
  lastAckAt: z.number().nullable(),
  /** Entries a second, over the last seconds. */
  ratePerS: z.number().min(0),
  /** Null: not moving, or not known yet. */
  etaS: z.number().min(0).nullable(),
  /** Entries lost since the store was made. */
  dropped: z.int().min(0),
  /** The same by category and reason; versions before 3 do not tell. */
  losses: z
    .array(lossTotal)
    .max(telemetryCategories.length * lossReasons.length)
    .default([]),
  deadLetters: z.int().min(0),
  /** Attempts that failed since the last one that did not. */
  failedAttempts: z.int().min(0),
  lastError: z.object({ code: z.string(), message: z.string(), at: z.number() }).nullable(),
})
export type SyncStatus = z.output<typeof syncStatus>
