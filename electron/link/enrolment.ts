import type { Failure } from '../../shared/model/failures'

/** What the listener needs to know of an edge that dials. */
export interface KnownEdge {
  /** 32 bytes. */
  readonly secret: Uint8Array
}

/** Who asks to be let in, after the proof. `edgeId` and `secretId` are proven; `instanceId` is as the holder of the secret says. */
export interface ProvenPeer {
  readonly edgeId: string
  readonly secretId: string
  readonly instanceId: string
  readonly programVersion: string
  readonly address: string
}

/** What is known of edges, asked by the listener. `Enrolments` (enrolments.ts) implements it; a role may wrap it. */
export interface EdgeDirectory {
  /**
   * The secret to prove, or null: no such edge or secret. The listener then goes through the same exchange with a random key, so that ids cannot be probed.
   * A revoked edge keeps its secret here: it is told `revoked`, and counts as alive.
   */
  lookup(edgeId: string, secretId: string): Promise<KnownEdge | null>
  /** The edge has proven this secret: ends a rotation or a joining. Awaited before the edge is welcomed. */
  proven(peer: ProvenPeer): Promise<void>
  /** Asked after the proof, last of all; a failure refuses the link (`revoked`, `removed`, `duplicate-edge`, ...). */
  admit(peer: ProvenPeer): Failure | null
  /** Asked before each request and event of an open session: may this edge still speak? */
  standing(peer: { readonly edgeId: string; readonly instanceId: string }): Failure | null
}

/** What a joining machine has proven to know the token of. */
export interface ProvenJoin {
  readonly tokenId: string
  readonly instanceId: string
  readonly timeZone: string
}

/** What a joined edge is told. */
export interface JoinedEdge {
  readonly edgeId: string
  readonly edgeName: string
  readonly secretId: string
  readonly epochFloor: number
  readonly masterUrls: readonly string[]
}

/** Join codes, asked by the listener. */
export interface JoinDesk {
  /**
   * The token to prove; a failure (`code-expired`, `code-used`, `code-revoked`) for a code that is known and no longer good; null for an unknown one.
   * `code-used` is not said to the instance that used it and has not proven its secret yet: its reply may have been lost.
   */
  token(tokenId: string, instanceId: string): Promise<Uint8Array | Failure | null>
  /** Uses the code. `secretFor` derives the new edge's secret; both are durable when this settles. Rejects with `HoldfastError`. */
  join(join: ProvenJoin, secretFor: (edgeId: string, secretId: string) => Uint8Array): Promise<JoinedEdge>
}
