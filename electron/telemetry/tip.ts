import { SEQ_SPACE } from './schema'
import type { ArrivedBatch, PackedEntries, TelemetryExtent } from './telemetry'

/** A longer batch goes into the file of its edge at once: it is worth opening. */
const BATCH_BYTES_WAITING_MAX = 32 * 1024

/** Where a feed without holes ends, and the run that its newest numbers are of. */
export interface FeedEnd {
  readonly throughSeq: number
  readonly runId: string
}

/** What is known of an edge's telemetry without its file. */
export interface Tip {
  readonly extent: TelemetryExtent
  /** By feed id. A feed with holes has none. */
  readonly ends: ReadonlyMap<string, FeedEnd>
}

/**
 * A batch of which the file has nothing to say: it follows on from the feed's end in the same run, and all of it is kept as it came. Null: the file has to be asked.
 */
export function followsOn(tip: Tip, batch: ArrivedBatch): { readonly tip: Tip; readonly packed: PackedEntries } | null {
  const { feedId, lane, firstSeq, lastSeq, entries, gaps, packed } = batch
  const end = tip.ends.get(feedId)
  if (end === undefined || firstSeq !== end.throughSeq + 1 || lastSeq >= SEQ_SPACE) return null
  // Alerts are searchable at once.
  if (lane !== 'telemetry' || packed === undefined || packed.zipped.length > BATCH_BYTES_WAITING_MAX) return null
  if (gaps.length > 0 || entries.length !== lastSeq - firstSeq + 1) return null
  const isPlain = entries.every(
    ({ runId, rejection, origin }) => runId === end.runId && rejection === undefined && origin === undefined,
  )
  if (!isPlain) return null
  const { newest, stored, deleted } = tip.extent
  const ends = new Map(tip.ends).set(feedId, { throughSeq: lastSeq, runId: end.runId })
  return { tip: { extent: { newest: newest + 1, stored: stored + entries.length, deleted }, ends }, packed }
}
