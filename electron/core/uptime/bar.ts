import type { NodeSaid } from '../../../shared/model/fleet'
import type { WallMs } from '../../../shared/model/time'

/** What an observer found. Whoever was not there found nothing: that is no span, and `unknown`. */
export const observedStates = ['healthy', 'degraded', 'offline', 'paused'] as const
export type ObservedState = (typeof observedStates)[number]

/** A time through which every look found the same. Spans of one node are in order and do not overlap; between them nobody looked. */
export interface Span {
  readonly from: WallMs
  /** Until when the last look holds. */
  readonly to: WallMs
  readonly state: ObservedState
  /** Looks in this span, evenly spread. */
  readonly checks: number
  /** In English; null while there is nothing to say. */
  readonly cause: string | null
  /** The same by key; null: `cause` is all there is. */
  readonly said: NodeSaid | null
}

export interface Bucket {
  readonly from: WallMs
  readonly to: WallMs
  readonly state: ObservedState | 'unknown'
  /** Milliseconds of the bucket observed in each state; what is missing to its length is unknown. */
  readonly ms: Readonly<Record<ObservedState, number>>
  /** Looks that found each state. */
  readonly healthy: number
  readonly degraded: number
  readonly offline: number
  readonly checks: number
  readonly downMs: number
  /** Falls into `offline` within the bucket. */
  readonly incidents: number
  /** Of the longest outage, else of the longest degradation in it. */
  readonly cause: string | null
  readonly said: NodeSaid | null
}

export interface Bar {
  readonly buckets: readonly Bucket[]
  /** Share of the observed time that was not `offline`, 0..1; paused time counts for nothing. Null: nothing was observed. */
  readonly uptime: number | null
}

/** From this share of the observed time on, a bucket with an outage is `offline`; below it, `degraded`. */
export const OFFLINE_SHARE = 0.5

interface Draft {
  readonly ms: Record<ObservedState, number>
  readonly looks: Record<ObservedState, number>
  incidents: number
  cause: { readonly of: Span; readonly isOutage: boolean; readonly ms: number } | null
}

const emptyDraft = (): Draft => ({
  ms: { healthy: 0, degraded: 0, offline: 0, paused: 0 },
  looks: { healthy: 0, degraded: 0, offline: 0, paused: 0 },
  incidents: 0,
  cause: null,
})

/** How many of a span's looks were before `at`: over all parts of a span their sum is exact. */
function looksBefore(span: Span, at: number): number {
  const length = span.to - span.from
  if (length <= 0) return at > span.from ? span.checks : 0
  const share = Math.min(1, Math.max(0, (at - span.from) / length))
  // The first look is at the very beginning of a span.
  return Math.min(span.checks, Math.ceil(span.checks * share))
}

function causeOf(known: Draft['cause'], span: Span, ms: number): Draft['cause'] {
  if (span.cause === null || (span.state !== 'offline' && span.state !== 'degraded')) return known
  const isOutage = span.state === 'offline'
  const isWorse = known === null || (isOutage && !known.isOutage) || (isOutage === known.isOutage && ms > known.ms)
  return isWorse ? { of: span, isOutage, ms } : known
}

function stateOf({ ms }: Draft): Bucket['state'] {
  const watched = ms.healthy + ms.degraded + ms.offline
  if (watched === 0) return ms.paused > 0 ? 'paused' : 'unknown'
  if (ms.offline / watched >= OFFLINE_SHARE) return 'offline'
  return ms.offline + ms.degraded > 0 ? 'degraded' : 'healthy'
}

/**
 * The buckets between `edges` (rising, one more than buckets), from the spans of one node in order. Every millisecond of a span that lies between the
 * edges is counted in exactly one bucket.
 */
export function barOf(spans: readonly Span[], edges: readonly WallMs[]): Bar {
  const drafts = edges.slice(1).map(emptyDraft)
  let at = 0
  let before: Span | null = null
  for (const span of spans) {
    while (at < drafts.length - 1 && (edges[at + 1] ?? 0) <= span.from) at += 1
    const isFall = span.state === 'offline' && !(before?.state === 'offline' && before.to >= span.from)
    for (let bucket = at; bucket < drafts.length; bucket += 1) {
      const draft = drafts[bucket]
      const from = edges[bucket]
      const to = edges[bucket + 1]
      if (!draft || from === undefined || to === undefined || from >= span.to) break
      const ms = Math.min(span.to, to) - Math.max(span.from, from)
      if (ms <= 0) continue
      draft.ms[span.state] += ms
      draft.looks[span.state] += looksBefore(span, to) - looksBefore(span, from)
      draft.cause = causeOf(draft.cause, span, ms)
      if (isFall && span.from >= from && span.from < to) draft.incidents += 1
    }
    before = span
  }
  const buckets = drafts.map((draft, index) => bucketOf(draft, edges[index] as WallMs, edges[index + 1] as WallMs))
  return { buckets, uptime: uptimeOf(buckets) }
}

function bucketOf(draft: Draft, from: WallMs, to: WallMs): Bucket {
  const { ms, looks, incidents, cause } = draft
  return {
    ...{ from, to, ms, incidents },
    state: stateOf(draft),
    healthy: looks.healthy,
    degraded: looks.degraded,
    offline: looks.offline,
    checks: looks.healthy + looks.degraded + looks.offline,
    downMs: ms.offline,
    cause: cause?.of.cause ?? null,
    said: cause?.of.said ?? null,
  }
}

function uptimeOf(buckets: readonly Bucket[]): number | null {
  let up = 0
  let down = 0
  for (const { ms } of buckets) {
    up += ms.healthy + ms.degraded
    down += ms.offline
  }
  return up + down === 0 ? null : up / (up + down)
}
