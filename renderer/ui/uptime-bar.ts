/** What a bar is made of: the answer of `nodes.getUptimeBar`. Instants are epoch ms. */
export interface UptimeBucket {
  readonly from: number
  readonly to: number
  readonly state: 'healthy' | 'degraded' | 'offline' | 'paused' | 'unknown'
  readonly checks: number
  readonly downMs: number
  readonly incidents: number
  readonly cause: string | null
  /** Observed in each state. */
  readonly ms: {
    readonly healthy: number
    readonly degraded: number
    readonly offline: number
    readonly paused: number
  }
}
export type UptimeState = UptimeBucket['state']
export const uptimeStates: readonly UptimeState[] = ['healthy', 'degraded', 'offline', 'paused', 'unknown']

export const uptimeRanges = ['day', 'week', 'month', 'quarter'] as const
export type UptimeRange = (typeof uptimeRanges)[number]
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What to ask for; a bar of any range has few enough buckets to be pointed at. */
export const barOfRange: Readonly<Record<UptimeRange, { bucketCount: number; intervalMs: number }>> = {
  day: { bucketCount: 24, intervalMs: HOUR_MS },
  week: { bucketCount: 28, intervalMs: 6 * HOUR_MS },
  month: { bucketCount: 30, intervalMs: DAY_MS },
  quarter: { bucketCount: 90, intervalMs: DAY_MS },
}

/** A part of a bucket's height, from the bottom up. `ahead`: not over yet, of the bucket that is now. */
export interface UptimePart {
  readonly state: UptimeState | 'ahead'
  /** 0..1; all parts of a bucket make 1. */
  readonly share: number
}
const order = ['healthy', 'degraded', 'offline', 'paused'] as const
/** A minute without it in a day is what one looks for: it is never too thin to be seen. */
const LEAST_SHARE = 0.14
const leastOf = (state: UptimePart['state']) => (state === 'offline' || state === 'degraded' ? LEAST_SHARE : 0)

/** The height of a bucket told apart by time spent in each state; `now` cuts off what lies ahead. */
export function partsOf(bucket: UptimeBucket, now: number): UptimePart[] {
  const length = bucket.to - bucket.from
  if (length <= 0) return [{ state: bucket.state, share: 1 }]
  const past = Math.min(Math.max(now - bucket.from, 0), length)
  const observed = order.map((state) => ({ state, ms: bucket.ms[state] }))
  const known = observed.reduce((sum, { ms }) => sum + ms, 0)
  const all: { state: UptimePart['state']; ms: number }[] = [
    ...observed,
    // Between two looks lies a moment that nobody vouches for; a sliver of it says nothing.
    { state: 'unknown', ms: Math.max(0, past - known) },
    { state: 'ahead', ms: Math.max(0, length - Math.max(past, known)) },
  ]
  const shares = all
    .filter(({ ms }) => ms / length > 0.005)
    .map(({ state, ms }) => ({ state, share: Math.max(ms / length, leastOf(state)) }))
  for (const { state, ms } of all)
    if (ms > 0 && ms / length <= 0.005 && leastOf(state) > 0) shares.push({ state, share: leastOf(state) })
  shares.sort((a, b) => rank(a.state) - rank(b.state))
  if (shares.length === 0) return [{ state: bucket.state, share: 1 }]
  return fitted(shares)
}
const rank = (state: UptimePart['state']) => [...order, 'unknown', 'ahead'].indexOf(state)

/** What was raised to be seen is taken from the largest part. */
function fitted(parts: UptimePart[]): UptimePart[] {
  const over = parts.reduce((sum, { share }) => sum + share, 0) - 1
  if (Math.abs(over) < 1e-9) return parts
  const largest = parts.reduce((best, part) => (part.share > best.share ? part : best))
  return parts.map((part) => (part === largest ? { ...part, share: part.share - over } : part))
}

export interface UptimeSummary {
  /** Share of the observed time that was not offline; null: nothing was observed. */
  readonly uptime: number | null
  readonly downMs: number
  readonly incidents: number
  readonly unknownMs: number
  readonly pausedMs: number
}
export function summaryOf(buckets: readonly UptimeBucket[], uptime: number | null, now: number): UptimeSummary {
  let [downMs, incidents, unknownMs, pausedMs] = [0, 0, 0, 0]
  for (const { ms, from, to, incidents: falls } of buckets) {
    downMs += ms.offline
    pausedMs += ms.paused
    incidents += falls
    const past = Math.max(0, Math.min(now, to) - from)
    unknownMs += Math.max(0, past - ms.healthy - ms.degraded - ms.offline - ms.paused)
  }
  return { uptime, downMs, incidents, unknownMs, pausedMs }
}

/** Never rounded up: 100 % means that nothing was missing. */
export function percentOf(uptime: number, locale: string): string {
  const floor = Math.floor(uptime * 10_000 + 1e-7) / 10_000
  return new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 }).format(floor)
}

/** From when until when, on the observer's calendar: a whole day is named as such. */
export function spanText({ from, to }: { from: number; to: number }, timeZone: string, locale: string): string {
  const day = new Intl.DateTimeFormat(locale, { timeZone, weekday: 'short', day: 'numeric', month: 'short' })
  if (to - from >= 23 * HOUR_MS) return day.format(from)
  const time = new Intl.DateTimeFormat(locale, { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  return `${day.format(from)}, ${time.format(from)}–${time.format(to)}`
}

/** When it begins: a day by its date, less by day and time. */
export function startText({ from, to }: { from: number; to: number }, timeZone: string, locale: string): string {
  const isDay = to - from >= 23 * HOUR_MS
  const finer = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const format = isDay ? ({ day: 'numeric', month: 'short' } as const) : finer
  return new Intl.DateTimeFormat(locale, { timeZone, ...format }).format(from)
}

/** Hours of a day that has not 24 of them; null: it has, or it is no day. */
export function oddHours({ from, to }: { from: number; to: number }): number | null {
  const hours = (to - from) / HOUR_MS
  return hours >= 22 && hours <= 26 && hours !== 24 && Number.isInteger(hours) ? hours : null
}
