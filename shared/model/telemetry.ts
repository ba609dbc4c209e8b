import { z } from 'zod'
import type { WallMs } from './time'

/** In the order in which they are given up when there is no room: the first loses its oldest first, alerts go last. */
export const dropOrder = ['metrics', 'traces', 'logs', 'events', 'alerts'] as const
export const telemetryCategories = ['metrics', 'logs', 'traces', 'events', 'alerts'] as const
export type TelemetryCategory = (typeof telemetryCategories)[number]

/** Alerts are a feed of their own so that they can overtake; everything else shares one. */
export const telemetryLanes = ['alerts', 'telemetry'] as const
export type TelemetryLane = (typeof telemetryLanes)[number]
export const laneOf = (category: TelemetryCategory): TelemetryLane => (category === 'alerts' ? 'alerts' : 'telemetry')

/**
 * What a producer gives. `at`: when it happened, as the producer's calendar has it. `body`: anything `JSON.stringify` takes, or bytes. A producer that has
 * the JSON text already gives `json` instead (one value, not checked again).
 */
export type OutboxEntry = { readonly category: TelemetryCategory; readonly at: WallMs } & (
  { readonly body: unknown } | { readonly json: string }
)

const id = z.string().min(1).max(64)
const seq = z.int().min(1)

/** Where an entry came from that had another number before: a dead letter tried again, or a store put back from an older copy. */
export const entryOrigin = z.strictObject({ feedId: id, seq, runId: z.string().max(64) })
export type EntryOrigin = z.infer<typeof entryOrigin>

/**
 * An entry as it is stored and pushed; `(feedId, seq)` names it for ever. `edgeId` and `enrolmentId` are those under which it was written (null: written
 * before the controller had any). `doNotPropagate`: another master has acknowledged it, so nobody forwards it outside again. A `body` that is a string is JSON
 * text, one value; bytes travel as base64.
 */
export interface StoredEntry {
  readonly feedId: string
  readonly seq: number
  /** Random per process start of the writer. */
  readonly runId: string
  readonly category: TelemetryCategory
  readonly at: WallMs
  readonly sourceId: string
  readonly edgeId: string | null
  readonly enrolmentId: string | null
  readonly doNotPropagate: boolean
  readonly body: string | Uint8Array
  readonly origin?: EntryOrigin
}

/** The value of a JSON body. */
export const bodyOf = (entry: Pick<StoredEntry, 'body'>): unknown =>
  typeof entry.body === 'string' ? JSON.parse(entry.body) : entry.body

/** An inclusive range of sequence numbers. */
export const seqRange = z.tuple([seq, seq]).refine(([from, to]) => from <= to)
export type SeqRange = readonly [from: number, to: number]

export const gapReasons = ['lost', 'acknowledged'] as const
/** Numbers of a batch's range that bring no entry. `lost`: dropped here and counted; `acknowledged`: the master has them already. */
export const seqGap = z.strictObject({ from: seq, to: seq, reason: z.enum(gapReasons) })
export type SeqGap = Readonly<z.infer<typeof seqGap>>

/** Ranges one answer or one loss lists at most. */
export const RANGES_MAX = 64

export const lossReasons = [
  'bytes-cap',
  'age-cap',
  'disk-full',
  'too-large',
  'invalid',
  'damaged',
  'dead-letters-cap',
  'dropped-by-operator',
] as const
export type LossReason = (typeof lossReasons)[number]

/**
 * Entries lost for one reason. `ranges` are the numbers they had (none for those that never got one); with more than `RANGES_MAX` of them neighbours are joined
 * and `rangesAreExact` is false: `count` is exact all the same, unless `countIsExact` says otherwise (a damaged file that no longer tells). `firstAt` to `lastAt`:
 * when the lost entries happened; `lostAt`: when the newest of them was lost.
 */
export const loss = z.strictObject({
  category: z.enum(telemetryCategories),
  reason: z.enum(lossReasons),
  count: z.int().min(0),
  bytes: z.int().min(0),
  firstAt: z.int(),
  lastAt: z.int(),
  lostAt: z.int(),
  feedId: id.nullable(),
  ranges: z.array(seqRange).max(RANGES_MAX),
  rangesAreExact: z.boolean(),
  countIsExact: z.boolean(),
})
export type Loss = z.infer<typeof loss>

/** The body of the entry (category `events`) by which losses are pushed. */
export const lossReport = z.strictObject({ kind: z.literal('telemetry.lost'), losses: z.array(loss) })
export type LossReport = z.infer<typeof lossReport>

/** The name of the alert by which an edge says that its master no longer holds what it had acknowledged. */
export const TELEMETRY_LOST = 'telemetry-lost'

/** The largest body of one entry, in bytes of its JSON text or as they are. A larger one is refused with `too-large`; its neighbours go through. */
export const ENTRY_BYTES_MAX = 1024 * 1024
export const OUTBOX_BYTES_CAP = 1024 * 1024 * 1024
export const OUTBOX_AGE_CAP_MS = 7 * 86_400_000
