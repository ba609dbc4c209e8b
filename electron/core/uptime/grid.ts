import { wallMs, type WallMs } from '../../../shared/model/time'
import { instantOf, wallOf } from '../zone'

export const INTERVAL_MS_MIN = 300_000
export const INTERVAL_MS_MAX = 86_400_000
/** Intervals are whole multiples of it. */
const INTERVAL_STEP_MS = 300_000
/** A week of the finest buckets. */
export const BUCKETS_MAX = 2_016

const DAY_S = 86_400
const DAY_MS = 86_400_000

export interface GridAsked {
  readonly bucketCount?: number | undefined
  readonly intervalMs?: number | undefined
}

/** Within the range and on the step; a day if not given. */
export function intervalOf(asked: number | undefined): number {
  if (asked === undefined || Number.isNaN(asked)) return INTERVAL_MS_MAX
  const clamped = Math.min(INTERVAL_MS_MAX, Math.max(INTERVAL_MS_MIN, asked))
  return Math.round(clamped / INTERVAL_STEP_MS) * INTERVAL_STEP_MS
}

/** At least one; as many as the kept days fill if not given. */
export function countOf(asked: number | undefined, intervalMs: number, retentionDays: number): number {
  const usual = Math.ceil((retentionDays * DAY_MS) / intervalMs)
  const wanted = asked === undefined || Number.isNaN(asked) ? usual : Math.floor(asked)
  return Math.min(BUCKETS_MAX, Math.max(1, wanted))
}

/** The edges of one calendar day's buckets, its first instant first, without the next day's. */
function edgesOfDay(zone: string, midnightS: number, intervalMs: number): WallMs[] {
  const from = instantOf(zone, midnightS) * 1_000
  const to = instantOf(zone, midnightS + DAY_S) * 1_000
  // A day of 25 hours is still one day; the shorter buckets of a day are counted off in elapsed time.
  const stepMs = intervalMs === INTERVAL_MS_MAX ? to - from : intervalMs
  const edges: WallMs[] = []
  for (let edge = from; edge < to; edge += stepMs) edges.push(wallMs(edge))
  return edges
}

/**
 * The `count + 1` edges of `count` buckets, rising, the last bucket being the one that `now` is in. Every local midnight is an edge: buckets are counted
 * off from it in elapsed time, and the last one of a day is what is left of it (a day has 23, 24 or 25 hours). So an edge never moves with `now`.
 */
export function bucketEdges(zone: string, now: WallMs, count: number, intervalMs: number): readonly WallMs[] {
  const wallNow = wallOf(zone, Math.floor(now / 1_000))
  let midnightS = Math.floor(wallNow / DAY_S) * DAY_S
  // The hour before a midnight that occurs twice is shown twice: the second time it belongs to the day that had begun.
  if (instantOf(zone, midnightS + DAY_S) * 1_000 <= now) midnightS += DAY_S
  const today = edgesOfDay(zone, midnightS, intervalMs)
  const next = today.find((edge) => edge > now) ?? wallMs(instantOf(zone, midnightS + DAY_S) * 1_000)
  const edges = [...today.filter((edge) => edge <= now), next]
  while (edges.length < count + 1) {
    midnightS -= DAY_S
    edges.unshift(...edgesOfDay(zone, midnightS, intervalMs))
  }
  return edges.slice(-(count + 1))
}
