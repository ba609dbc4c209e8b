/** Who may link, and how they come to. Implemented by the link's enrolment over the records and the secrets. */
export interface EnrolmentDesk {
  isEnrolled(edgeId: string): boolean
  isRevoked(edgeId: string): boolean
  /** Rejects with `HoldfastError`: `conflict` (joined already, without `replace`), `busy`, `storage`. */
  invite(
    edge: { id: string },
    by: { actor: string; validForMs: number; replace: boolean },
  ): Promise<{ code: string; tokenId: string; expiresAt: number }>
  invites(): readonly InviteRow[]
  /** False: there is no such code. Throws `code-used`. */
  revokeInvite(tokenId: string): boolean
  revoke(edgeId: string): void
  /** The edge was deleted: its enrolment and its open join codes end with it. Throws `storage`; nobody is let in all the same. */
  remove(edgeId: string): void
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
