import type { NodeSaid } from '../../../shared/model/fleet'
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
/** A node, by what the checks found and people decided. */
export interface WatchedNode {
  /** `subjectOfNode` of its id. */
  readonly id: string
  readonly tags: readonly string[]
  /** `offline`: several checks in a row did not reach it, and it was not seen within its threshold; `unknown`: nobody looked lately, or one check says too little. */
  readonly reach: 'reached' | 'offline' | 'unknown' | 'paused' | 'removed'
  /** Since when. */
  readonly since: MonoMs
  /** Why it is not reached, in English and, unless an older version found it, by key. */
  readonly cause: string | null
  readonly said: NodeSaid | null
  /** What is shown instead of the pinned host key, or of the pinned certificate of the health endpoint; null: nothing is. */
  readonly offeredKey: { readonly of: 'ssh' | 'tls'; readonly fingerprint: string; readonly since: MonoMs } | null
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
