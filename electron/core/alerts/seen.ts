import type { MonoMs, WallMs } from '../../../shared/model/time'
import type { AlertOutput, AlertState } from './alert-state'
import type { Attributes } from './series'

export interface WatchedEdge {
  readonly id: string
  readonly timeoutMs: number
  /** `quiet`: nobody expects it (not joined yet, revoked); `unknown`: the master still loads. */
  readonly link: 'linked' | 'lost' | 'quiet' | 'unknown'
  /** Since when. */
  readonly since: MonoMs
}
export interface MetricSeen {
  readonly name: string
  readonly resource: Attributes
  readonly points: readonly { readonly at: number; readonly attributes: Attributes; readonly value: number }[]
}
export interface LogSeen {
  readonly severity: number
  readonly text: string
  readonly attributes: string
}
export interface EdgeAlertSeen {
  readonly name: string
  readonly text: string
  readonly severity: string
  readonly isOver: boolean
  /** It tells of something that has happened, and will tell of no end. */
  readonly isMomentary: boolean
  /** By the edge's calendar. */
  readonly at: number
  /** It left the edge late. */
  readonly isLate: boolean
}

/** Whose alert it is. `key` is stable over restarts. */
export interface AlertSubject {
  readonly key: string
  readonly ruleId: string
  readonly edgeId: string
  readonly series: string
}
export interface BookChange extends AlertSubject {
  readonly output: Exclude<AlertOutput, { type: 'refused' }>
  readonly state: AlertState
}
export interface Refusals {
  readonly count: number
  readonly lastAt: WallMs
  readonly reason: string
}
