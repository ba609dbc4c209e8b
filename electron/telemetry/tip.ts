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
  /** All that is in the file is searchable. False: it may not be. */
  readonly isIndexed: boolean
}

/** Of an edge that has no file. */
export const NOTHING_CAME: Tip = { extent: { newest: 0, stored: 0, deleted: 0 }, ends: new Map(), isIndexed: true }

/**
 * A batch of which the file has nothing to say: it follows on from the feed's end in the same run, or is the first of all, and all of it is kept as it came. Null: the file has to be asked.
 */
export function followsOn(tip: Tip, batch: ArrivedBatch): { readonly tip: Tip; readonly packed: PackedEntries } | null {
  const { feedId, lane, firstSeq, lastSeq, entries, gaps, packed } = batch
  const end = tip.ends.get(feedId) ?? (isNew(tip) ? beginningOf(batch) : undefined)
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
  const extent = { newest: newest + 1, stored: stored + entries.length, deleted }
  return { tip: { ...tip, extent, ends }, packed }
}

const isNew = ({ extent, ends }: Tip): boolean => extent.newest === 0 && ends.size === 0

/** Where a feed ends of which nothing has come. */
const beginningOf = ({ entries }: ArrivedBatch): FeedEnd | undefined =>
  entries[0] === undefined ? undefined : { throughSeq: 0, runId: entries[0].runId }
