import type { SeqRange, TelemetryLane } from '../../shared/model/telemetry'

export interface Feed {
  readonly number: number
  readonly id: string
  readonly lane: TelemetryLane
  readonly isCurrent: boolean
  readonly head: number
  readonly through: number
  readonly acked: readonly SeqRange[]
  readonly lastAcked: { readonly seq: number; readonly runId: string } | null
  /** The id it had up to and including `head`, before the store turned out to be an older copy. */
  readonly origin: { readonly id: string; readonly head: number } | null
}
export interface FeedColumns {
  readonly number: number
  readonly id: string
  readonly lane: TelemetryLane
  readonly is_current: number
  readonly head: number
  readonly through: number
  readonly acked: string
  readonly last_acked_seq: number | null
  readonly last_acked_run: string | null
  readonly origin_id: string | null
  readonly origin_head: number | null
}

export function feedFrom(row: FeedColumns): Feed {
  const { number, id, lane, head, through } = row
  const acked = JSON.parse(row.acked) as readonly SeqRange[]
  const lastAcked = row.last_acked_seq === null ? null : { seq: row.last_acked_seq, runId: row.last_acked_run ?? '' }
  const origin = row.origin_id === null ? null : { id: row.origin_id, head: row.origin_head ?? 0 }
  return { number, id, lane, isCurrent: row.is_current === 1, head, through, acked, lastAcked, origin }
}
export function columnsOf({ number, id, lane, isCurrent, head, through, acked, lastAcked, origin }: Feed): unknown[] {
  const ranges = JSON.stringify(acked)
  const last = [lastAcked?.seq ?? null, lastAcked?.runId ?? null]
  return [number, id, lane, Number(isCurrent), head, through, ranges, ...last, origin?.id ?? null, origin?.head ?? null]
}
