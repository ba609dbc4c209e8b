import { dropOrder, RANGES_MAX } from '../../../shared/model/telemetry'
import type { Loss, TelemetryCategory } from '../../../shared/model/telemetry'
import { complement, joined, settle, unite, within } from './outbox-ranges'

export interface CategorySize {
  readonly entries: number
  readonly bytes: number
}
export type Sizes = Readonly<Record<TelemetryCategory, CategorySize>>

/** How many bytes each category has to give up, in order. */
export type DropPlan = readonly { readonly category: TelemetryCategory; readonly bytes: number }[]

/**
 * Over the cap the lowest class loses its oldest first, and the next only when the one below is empty. A little more than needed goes at once (`slackBytes`), so that
 * a full outbox does not drop with every entry.
 */
export function planDrop(sizes: Sizes, bytesCap: number, slackBytes: number): DropPlan {
  const total = dropOrder.reduce((sum, category) => sum + sizes[category].bytes, 0)
  if (total <= bytesCap) return []
  let excess = total - Math.max(0, bytesCap - slackBytes)
  const plan: { category: TelemetryCategory; bytes: number }[] = []
  for (const category of dropOrder) {
    const bytes = Math.min(excess, sizes[category].bytes)
    if (bytes > 0) plan.push({ category, bytes })
    excess -= bytes
    if (excess <= 0) break
  }
  return plan
}

/** Losses are told together when they agree in these. */
export const lossKey = (loss: Pick<Loss, 'category' | 'reason' | 'feedId'>) =>
  `${loss.category} ${loss.reason} ${loss.feedId ?? ''}`

/** Two losses of the same key as one. */
export function mergeLoss(a: Loss, b: Loss): Loss {
  const { ranges, isExact } = joined(unite(a.ranges, b.ranges), RANGES_MAX)
  return {
    ...a,
    count: a.count + b.count,
    bytes: a.bytes + b.bytes,
    firstAt: Math.min(a.firstAt, b.firstAt),
    lastAt: Math.max(a.lastAt, b.lastAt),
    lostAt: Math.max(a.lostAt, b.lostAt),
    ranges: ranges.map(([from, to]) => [from, to]),
    rangesAreExact: a.rangesAreExact && b.rangesAreExact && isExact,
    countIsExact: a.countIsExact && b.countIsExact,
  }
}

/** By key, in the order of their first appearance. */
export function mergeLosses(losses: Iterable<Loss>): readonly Loss[] {
  const merged = new Map<string, Loss>()
  for (const loss of losses) {
    const known = merged.get(lossKey(loss))
    merged.set(lossKey(loss), known ? mergeLoss(known, loss) : loss)
  }
  return [...merged.values()]
}

/**
 * What is pending is told when nothing told before is still waiting, or that is `everyMs` old: a master that is away for a week finds a thousand reports, not one for
 * every drop.
 */
export const isReportDue = (
  facts: { hasPending: boolean; isReportWaiting: boolean; sinceReportMs: number },
  everyMs: number,
) => facts.hasPending && (!facts.isReportWaiting || facts.sinceReportMs >= everyMs)

/** The decisions of the outbox, as the store takes them. */
export const outboxRules = {
  planDrop,
  lossKey,
  mergeLosses,
  isReportDue,
  unite,
  complement,
  within,
  joined,
  settle,
} as const
export type OutboxRules = typeof outboxRules
