import type { AlertEnding, AlertSeverity, AlertState } from '../../shared/model/alerts'
import type { WallMs } from '../../shared/model/time'
import type { AlertSubject } from '../core/alerts/seen'
import type { Incident } from '../core/alerts/alert-state'

/** What is over is kept for so long, and at most so many. */
export const RESOLVED_AGE_MS = 30 * 86_400_000
export const RESOLVED_KEPT = 10_000
export const SILENCES_MAX = 1_000

/** An incident as it is kept. `id` is given when it is raised and never again. */
export interface KeptAlert extends AlertSubject {
  readonly id: string
  /** As it was called when it was raised. */
  readonly ruleName: string
  readonly incident: Incident
  readonly resolvedAt: WallMs | null
  readonly resolvedBecause: AlertEnding | null
}

export type AlertWrite = AlertSubject & { readonly ruleName: string; readonly incident: Incident } & (
    { readonly type: 'raise' | 'keep' } | { readonly type: 'end'; readonly at: WallMs; readonly because: AlertEnding }
  )

export interface Silence {
  readonly id: string
  /** Null: whatever it is. */
  readonly ruleId: string | null
  readonly edgeId: string | null
  readonly series: string | null
  /** These edges alone; null: `edgeId` says it. */
  readonly edgeIds: readonly string[] | null
  readonly until: WallMs
  readonly at: WallMs
  readonly by: string
  readonly reason: string
}

export interface AlertQuery {
  /** As it was written last: what fires may be unknown by now. */
  readonly states: readonly Exclude<AlertState, 'pending'>[]
  readonly severities: readonly AlertSeverity[]
  readonly edgeId?: string
  readonly ruleId?: string
  /** Part of the text, the series or the name of the rule. */
  readonly text?: string
  readonly before?: string
  readonly limit: number
}

/** Incidents and silences of a master, `synchronous=FULL`. Throws `HoldfastError('storage')` when the file cannot be read or written. */
export interface AlertStore extends AsyncDisposable {
  /** All or nothing, in order. Gives the ids of what was raised, by key. Raising what is open already keeps it instead. */
  write(writes: readonly AlertWrite[]): ReadonlyMap<string, string>
  /** What is not over. */
  open(): readonly KeptAlert[]
  alert(id: string): KeptAlert | null
  /** Newest first; `total` counts without `before` and `limit`. */
  list(query: AlertQuery): { readonly alerts: readonly KeptAlert[]; readonly total: number }
  silences(): readonly Silence[]
  saveSilence(silence: Silence): void
  removeSilence(id: string): void
  /** Deletes what is over and old, or too much. */
  prune(now: WallMs): void
}
