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
  /** The enrolment whose master has answered for all up to `through`; null: none has. */
  readonly knownBy: string | null
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
  /** Absent in a damaged file of an earlier version. */
  readonly known_by?: string | null
}

export function feedFrom(row: FeedColumns): Feed {
  const { number, id, lane, head, through } = row
  const acked = JSON.parse(row.acked) as readonly SeqRange[]
  const lastAcked = row.last_acked_seq === null ? null : { seq: row.last_acked_seq, runId: row.last_acked_run ?? '' }
  const origin = row.origin_id === null ? null : { id: row.origin_id, head: row.origin_head ?? 0 }
  const knownBy = row.known_by ?? null
  return { number, id, lane, isCurrent: row.is_current === 1, head, through, acked, lastAcked, knownBy, origin }
}
export function columnsOf(feed: Feed): unknown[] {
  const { number, id, lane, isCurrent, head, through, acked, lastAcked, knownBy, origin } = feed
  const ranges = JSON.stringify(acked)
  const last = [lastAcked?.seq ?? null, lastAcked?.runId ?? null]
  const was = [origin?.id ?? null, origin?.head ?? null]
  return [number, id, lane, Number(isCurrent), head, through, ranges, ...last, ...was, knownBy]
}
