import type { WallMs } from '../../shared/model/time'

/** How an edge is known. `secretId` is empty until the first secret has been proven; `nextSecretId` is its successor until that has been proven. */
export interface EnrolmentRow {
  readonly edgeId: string
  readonly instanceId: string
  readonly secretId: string
  readonly nextSecretId: string | null
  readonly enrolledAt: WallMs
  readonly revokedAt: WallMs | null
  /** When the edge was deleted at the master. An edge of the same id made since is another one, until a machine joins as it. */
  readonly removedAt: WallMs | null
}
export interface JoinCodeRow {
  readonly tokenId: string
  readonly edgeId: string
  readonly madeBy: string
  readonly madeAt: WallMs
  readonly expiresAt: WallMs
  readonly usedAt: WallMs | null
  readonly usedBy: string | null
  readonly revokedAt: WallMs | null
}
/** Where the rows lie: the part of the records port that enrolment needs. Throws `HoldfastError('storage')`. */
export interface EnrolmentRows {
  enrolments(): readonly EnrolmentRow[]
  saveEnrolment(enrolment: EnrolmentRow): void
  joinCode(tokenId: string): JoinCodeRow | null
  joinCodes(): readonly JoinCodeRow[]
  saveJoinCode(code: JoinCodeRow): void
}

export interface Invitation {
  readonly code: string
  readonly tokenId: string
  readonly expiresAt: WallMs
}

export interface InvitationView {
  readonly tokenId: string
  readonly edgeId: string
  readonly madeBy: string
  readonly madeAt: WallMs
  readonly expiresAt: WallMs
  /** `used` is said from the first use on, while the same machine may still repeat it. */
  readonly state: 'open' | 'used' | 'expired' | 'revoked'
}

/** What `secret.rotate` carries. */
export interface Rotation {
  readonly baseId: string
  readonly secretId: string
  readonly salt: string
}
