/** Who may link, and how they come to. Implemented by the link's enrolment over the records and the secrets. */
export interface EnrolmentDesk {
  isEnrolled(edgeId: string): boolean
  isRevoked(edgeId: string): boolean
  /** Rejects with `HoldfastError`: `busy`, `storage`. */
  invite(
    edgeId: string,
    by: { actor: string; validForMs: number },
  ): Promise<{ code: string; tokenId: string; expiresAt: number }>
  invites(): readonly InviteRow[]
  /** Rejects with `not-found` or `code-used`. */
  revokeInvite(tokenId: string): Promise<void>
  revoke(edgeId: string): Promise<void>
  /** Begins a rotation: what the edge is to be told. It ends when the edge has proven the new secret. */
  rotate(edgeId: string): Promise<{ baseId: string; secretId: string; salt: string }>
}

export interface InviteRow {
  readonly tokenId: string
  readonly edgeId: string
  readonly madeBy: string
  readonly madeAt: number
  readonly expiresAt: number
  readonly state: 'open' | 'used' | 'expired' | 'revoked'
}
