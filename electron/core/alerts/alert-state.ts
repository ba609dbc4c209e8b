import type { AlertEnding, AlertSaid, AlertSeverity } from '../../../shared/model/alerts'
import type { MonoMs, WallMs } from '../../../shared/model/time'

/** Waits are by the monotonic clock, records by the calendar. */
export interface AlertNow {
  readonly mono: MonoMs
  readonly wall: WallMs
}

/** How a rule wants its alerts to behave. */
export interface AlertPolicy {
  readonly forMs: number
  readonly keepFiringForMs: number
  /** Without word for so long it is unknown; null: nothing has to speak of it again. */
  readonly staleAfterMs: number | null
  /** It tells of something that has happened: it eases by itself, and after a restart goes on easing. */
  readonly isMomentary: boolean
}

export interface Acknowledgement {
  readonly at: WallMs
  readonly by: string
  readonly note: string
}

/** What it says, as the catalogues know it; or in the words of an edge, which are `text` then. */
export interface AlertWords {
  readonly said: AlertSaid | null
  readonly text: string
}

/** What is remembered of an alert from the moment it fires. */
export interface Incident extends AlertWords {
  readonly severity: AlertSeverity
  readonly value: number | null
  readonly since: WallMs
  readonly firedAt: WallMs
  readonly lastAt: WallMs
  readonly unknownSince: WallMs | null
  readonly episodes: number
  readonly acknowledged: Acknowledgement | null
}

/** What speaks for the alert. */
export interface Evidence extends AlertWords {
  readonly severity: AlertSeverity
  readonly value: number | null
}

export type AlertState =
  | { readonly kind: 'calm' }
  | { readonly kind: 'pending'; readonly since: WallMs; readonly dueAt: MonoMs; readonly evidence: Evidence }
  | { readonly kind: 'firing'; readonly incident: Incident; readonly heardAt: MonoMs }
  /** Its cause is gone; firing until it has been gone for long enough. */
  | { readonly kind: 'easing'; readonly incident: Incident; readonly calmAt: MonoMs }
  /** Firing, and nothing speaks of it any more. */
  | { readonly kind: 'unknown'; readonly incident: Incident }
export type AlertKind = AlertState['kind']
export const CALM: AlertState = { kind: 'calm' }

export type AlertInput =
  /** The cause is there. `beganAt`: since when, where that is known better than by this input. */
  | { readonly type: 'met'; readonly evidence: Evidence; readonly beganAt?: MonoMs }
  | { readonly type: 'cleared' }
  /** Nobody can tell at the moment. */
  | { readonly type: 'silent' }
  | { readonly type: 'acknowledgeAsked'; readonly by: string; readonly note: string }
  | { readonly type: 'unacknowledgeAsked' }
  /** The rule or the edge is gone, or the rule speaks of something else now. */
  | { readonly type: 'withdrawn'; readonly because: AlertEnding }
  | { readonly type: 'wake' }
  /** Nobody watched for a while: waits begin again in full. */
  | { readonly type: 'timeGap' }

/** Each carries the incident as it is now. `raise`, `keep` and `end` are to be persisted, in order, before anyone is told; `show` is not worth it. */
export type AlertOutput =
  | { readonly type: 'raise'; readonly incident: Incident }
  | { readonly type: 'keep'; readonly incident: Incident }
  | { readonly type: 'end'; readonly incident: Incident; readonly because: AlertEnding; readonly at: WallMs }
  | { readonly type: 'show' }
  | { readonly type: 'refused'; readonly reason: 'not-firing' | 'acknowledged-already' | 'not-acknowledged' }

export const incidentOf = (state: AlertState): Incident | null =>
  state.kind === 'firing' || state.kind === 'easing' || state.kind === 'unknown' ? state.incident : null
