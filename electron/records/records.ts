import type { Decision } from '../../shared/model/control'
import type { StoredControl } from '../core/control/stored'
import type { WallMs } from '../../shared/model/time'

export type { StoredControl }

/** Alerts that an edge has raised and not ended, known over restarts. `synchronous=FULL`; throws `HoldfastError('storage')`. */
export interface StandingAlerts {
  /** Codes. */
  standingAlerts(edgeId: string): readonly string[]
  setStandingAlert(edgeId: string, code: string, isStanding: boolean): void
}

/** The control store: `synchronous=FULL`; throws `HoldfastError('storage')` when it cannot write. */
export interface ControlRecords extends StandingAlerts, AsyncDisposable {
  load(edgeId: string): StoredControl | null
  all(): ReadonlyMap<string, StoredControl>
  /** Writes the record and, in the same transaction, the decision that made it. */
  save(edgeId: string, control: StoredControl, decision?: Decision): void
  saveDecision(decision: Decision): void
  decision(id: string): Decision | null
  /** Newest first. */
  decisions(edgeId: string, options: { limit: number; before?: number }): readonly Decision[]
  /** Oldest first: those that were not told as they stand now. */
  untold(edgeId: string, limit: number): readonly Decision[]
  /** It was told as it stands here, unless it has changed since. */
  told(decision: Decision): void
  /** Decisions of all other edges that were not told never will be. Says how many there were of each; none the next time. */
  leaveOthers(edgeId: string): readonly { readonly edgeId: string; readonly decisions: number }[]
  remove(edgeId: string): void
}

/** How an edge is known at the master. The secret itself lies in `Secrets`. */
export interface Enrolment {
  readonly edgeId: string
  readonly instanceId: string
  /** The secret in use, and its successor until that has been proven once. */
  readonly secretId: string
  readonly nextSecretId: string | null
  readonly enrolledAt: WallMs
  readonly revokedAt: WallMs | null
  /** When the edge's document was deleted. */
  readonly removedAt: WallMs | null
}
export interface JoinCode {
  readonly tokenId: string
  readonly edgeId: string
  readonly madeBy: string
  readonly madeAt: WallMs
  readonly expiresAt: WallMs
  readonly usedAt: WallMs | null
  readonly usedBy: string | null
  readonly revokedAt: WallMs | null
}
export interface Enrolments {
  enrolment(edgeId: string): Enrolment | null
  enrolments(): readonly Enrolment[]
  saveEnrolment(enrolment: Enrolment): void
  joinCode(tokenId: string): JoinCode | null
  joinCodes(): readonly JoinCode[]
  saveJoinCode(code: JoinCode): void
}
