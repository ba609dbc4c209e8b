import { JOIN_CODE_VALID_MS } from '../../shared/model/defaults'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import type { Clock, Logger, Random, Secrets } from '../platform/ports'
import type { EdgeDirectory, JoinDesk, JoinedEdge, KnownEdge, ProvenJoin, ProvenPeer } from './enrolment'
import { encodeJoinCode, TOKEN_BYTES, TOKEN_ID_BYTES } from './join-code'
import { rotatedSecret } from './proof'

/** Join codes that are neither used, revoked nor expired. Beyond it, `busy`. */
export const OPEN_CODES_MAX = 1_000
const SALT_BYTES = 32
/** Secrets got by joining are named after the token, which is how a repeated use of a code is recognised. */
const joinSecretId = (tokenId: string) => `join-${tokenId}`

/** How an edge is known. `secretId` is empty until the first secret has been proven; `nextSecretId` is its successor until that has been proven. */
export interface EnrolmentRow {
  readonly edgeId: string
  readonly instanceId: string
  readonly secretId: string
  readonly nextSecretId: string | null
  readonly enrolledAt: WallMs
  readonly revokedAt: WallMs | null
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

export interface EnrolmentsOptions {
  rows: EnrolmentRows
  secrets: Secrets
  clock: Clock
  random: Random
  logger: Logger
  caSha256: string
  masterUrls: () => readonly string[]
  /** The edge's name and the epoch it must begin above; null: there is no such edge (any more). */
  edge: (edgeId: string) => { name: string; epochFloor: number } | null
  /** The role's own reasons against a link (`duplicate-edge`, `loading`), asked after the proof. */
  admission?: (peer: ProvenPeer) => Failure | null
}

export interface Invitation {
  readonly code: string
  readonly tokenId: string
  readonly expiresAt: WallMs
}

/** What `secret.rotate` carries. */
export interface Rotation {
  readonly baseId: string
  readonly secretId: string
  readonly salt: string
}

/** Who may link with this control plane: join codes, secrets, rotation, revocation. */
export class Enrolments implements EdgeDirectory, JoinDesk {
  readonly #options: EnrolmentsOptions
  readonly #known: Map<string, EnrolmentRow>
  /** Changes run one after the other: each is several writes. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: EnrolmentsOptions) {
    this.#options = options
    this.#known = new Map(options.rows.enrolments().map((row) => [row.edgeId, row]))
  }

  enrolment(edgeId: string): EnrolmentRow | null {
    return this.#known.get(edgeId) ?? null
  }

  /** Makes a join code for an edge, new or to be replaced. Rejects with `not-found`, `busy`, `invalid` (no usable URL), `storage`. */
  invite(edgeId: string, madeBy: string, validForMs = JOIN_CODE_VALID_MS): Promise<Invitation> {
    return this.#inTurn(async () => {
      const { rows, secrets, clock, random, caSha256, masterUrls } = this.#options
      if (this.#options.edge(edgeId) === null) throw new HoldfastError('not-found', `There is no edge ${edgeId}`)
      const madeAt = clock.wall()
      if (rows.joinCodes().filter((code) => isOpen(code, madeAt)).length >= OPEN_CODES_MAX) {
        throw new HoldfastError('busy', `There are ${OPEN_CODES_MAX} unused join codes`, {
          hint: 'Revoke some, or wait until they expire.',
        })
      }
      const tokenId = Buffer.from(random.bytes(TOKEN_ID_BYTES)).toString('hex')
      const token = Buffer.from(random.bytes(TOKEN_BYTES))
      const code = encodeJoinCode({ masterUrls: masterUrls(), caSha256: Buffer.from(caSha256, 'hex'), tokenId, token })
      const expiresAt = after(madeAt, validForMs)
      await secrets.set(tokenName(tokenId), token.toString('hex'))
      rows.saveJoinCode({ tokenId, edgeId, madeBy, madeAt, expiresAt, usedAt: null, usedBy: null, revokedAt: null })
      return { code, tokenId, expiresAt }
    })
  }

  /** Rejects with `not-found`, or `code-used` when it has been used up: then the edge itself is to be revoked. */
  revokeInvitation(tokenId: string): Promise<void> {
    return this.#inTurn(async () => {
      const code = this.#options.rows.joinCode(tokenId)
      if (code === null) throw new HoldfastError('not-found', `There is no join code ${tokenId}`)
      if (code.usedAt !== null && this.#openJoin(code) === null) {
        throw new HoldfastError('code-used', 'The join code has been used', { hint: 'Revoke the edge instead.' })
      }
      await this.#dropCode(code)
    })
  }

  /** Begins a rotation: both secrets are valid until the edge proves the new one. The caller sends it as `secret.rotate`. */
  rotate(edgeId: string): Promise<Rotation> {
    return this.#inTurn(async () => {
      const row = this.#known.get(edgeId)
      const base = row === undefined ? null : await this.#secret(edgeId, row.secretId)
      if (row === undefined || base === null || row.revokedAt !== null)
        throw new HoldfastError('conflict', `The edge ${edgeId} has no secret to rotate`)
      const salt = Buffer.from(this.#options.random.bytes(SALT_BYTES))
      const secretId = this.#options.random.id()
      await this.#offer(row, secretId, rotatedSecret(base, salt, secretId))
      return { baseId: row.secretId, secretId, salt: salt.toString('hex') }
    })
  }

  /** From here on nothing of this edge is taken; it is told `revoked`. The caller closes its link and pauses its take-over. */
  revoke(edgeId: string): Promise<void> {
    return this.#inTurn(async () => {
      const { rows, clock } = this.#options
      const row = this.#known.get(edgeId)
      if (row !== undefined && row.revokedAt === null)
        this.#save({ ...row, nextSecretId: null, revokedAt: clock.wall() })
      if (row?.nextSecretId != null) await this.#options.secrets.delete(secretName(edgeId, row.nextSecretId))
      for (const code of rows.joinCodes())
        if (code.edgeId === edgeId && isOpen(code, clock.wall())) await this.#dropCode(code)
    })
  }

  async lookup(edgeId: string, secretId: string): Promise<KnownEdge | null> {
    const row = this.#known.get(edgeId)
    if (row === undefined || secretId === '' || (secretId !== row.secretId && secretId !== row.nextSecretId))
      return null
    const secret = await this.#secret(edgeId, secretId)
    return secret === null ? null : { secret }
  }

  async proven({ edgeId, secretId, instanceId }: ProvenPeer): Promise<void> {
    if (this.#known.get(edgeId)?.nextSecretId !== secretId) return
    await this.#inTurn(async () => {
      const row = this.#known.get(edgeId)
      if (row?.nextSecretId !== secretId) return
      // A new joining ends a revocation; a rotation cannot be open during one.
      this.#save({ ...row, instanceId, secretId, nextSecretId: null, revokedAt: null })
      if (row.secretId !== '') await this.#options.secrets.delete(secretName(edgeId, row.secretId))
      for (const { tokenId } of this.#options.rows.joinCodes())
        if (joinSecretId(tokenId) === secretId) await this.#options.secrets.delete(tokenName(tokenId))
    })
  }

  admit(peer: ProvenPeer): Failure | null {
    const row = this.#known.get(peer.edgeId)
    if (row === undefined || this.#options.edge(peer.edgeId) === null) return removed
    if (row.revokedAt !== null && peer.secretId !== row.nextSecretId) return revoked
    return this.#options.admission?.(peer) ?? null
  }

  standing(edgeId: string): Failure | null {
    const row = this.#known.get(edgeId)
    if (row === undefined || this.#options.edge(edgeId) === null) return removed
    return row.revokedAt === null ? null : revoked
  }

  async token(tokenId: string, instanceId: string): Promise<Uint8Array | Failure | null> {
    const code = this.#options.rows.joinCode(tokenId)
    if (code === null) return null
    const failure = this.#unusable(code, instanceId)
    if (failure !== null) return failure
    const token = await this.#options.secrets.get(tokenName(tokenId))
    return token === null ? null : Buffer.from(token, 'hex')
  }

  join(
    { tokenId, instanceId }: ProvenJoin,
    secretFor: (edgeId: string, secretId: string) => Uint8Array,
  ): Promise<JoinedEdge> {
    return this.#inTurn(async () => {
      const { rows, clock, masterUrls } = this.#options
      const code = rows.joinCode(tokenId)
      const failure = code === null ? null : this.#unusable(code, instanceId)
      if (code === null || failure !== null)
        throw new HoldfastError(failure?.code ?? 'refused', failure?.message ?? 'Unknown join code')
      const { edgeId } = code
      const edge = this.#options.edge(edgeId)
      if (edge === null) throw new HoldfastError('removed', 'The edge this join code was made for no longer exists')
      const now = clock.wall()
      const row = this.#known.get(edgeId) ?? {
        edgeId,
        instanceId,
        secretId: '',
        nextSecretId: null,
        enrolledAt: now,
        revokedAt: null,
      }
      const secretId = joinSecretId(tokenId)
      // A crash between the two leaves the code open: nobody has got its secret then, and the next use replaces it.
      await this.#offer(row, secretId, secretFor(edgeId, secretId))
      rows.saveJoinCode({ ...code, usedAt: now, usedBy: instanceId })
      return { edgeId, edgeName: edge.name, secretId, epochFloor: edge.epochFloor, masterUrls: [...masterUrls()] }
    })
  }

  #unusable(code: JoinCodeRow, instanceId: string): Failure | null {
    const hint = 'Ask the operator of the master for a new join code.'
    if (code.revokedAt !== null) return { code: 'code-revoked', message: 'The join code has been revoked', hint }
    const isRepeat = code.usedBy === instanceId && this.#openJoin(code) !== null
    if (code.usedAt !== null && !isRepeat) return { code: 'code-used', message: 'The join code has been used', hint }
    if (this.#options.clock.wall() >= code.expiresAt)
      return { code: 'code-expired', message: 'The join code has expired', hint }
    return null
  }

  /** The enrolment whose joining by this code waits for its first proof. */
  #openJoin(code: JoinCodeRow): EnrolmentRow | null {
    const row = this.#known.get(code.edgeId)
    return row?.nextSecretId === joinSecretId(code.tokenId) ? row : null
  }

  /** Makes `secretId` valid beside the secret in use, in place of a successor that was never proven. */
  async #offer(row: EnrolmentRow, secretId: string, secret: Uint8Array): Promise<void> {
    const { secrets } = this.#options
    await secrets.set(secretName(row.edgeId, secretId), Buffer.from(secret).toString('hex'))
    this.#save({ ...row, nextSecretId: secretId })
    if (row.nextSecretId !== null && row.nextSecretId !== secretId)
      await secrets.delete(secretName(row.edgeId, row.nextSecretId))
  }

  async #dropCode(code: JoinCodeRow): Promise<void> {
    const { rows, secrets, clock } = this.#options
    rows.saveJoinCode({ ...code, revokedAt: clock.wall() })
    await secrets.delete(tokenName(code.tokenId))
    const row = this.#openJoin(code)
    if (row === null) return
    this.#save({ ...row, nextSecretId: null })
    await secrets.delete(secretName(row.edgeId, joinSecretId(code.tokenId)))
  }

  #save(row: EnrolmentRow): void {
    this.#options.rows.saveEnrolment(row)
    this.#known.set(row.edgeId, row)
  }

  async #secret(edgeId: string, secretId: string): Promise<Buffer | null> {
    const hex = await this.#options.secrets.get(secretName(edgeId, secretId))
    return hex === null ? null : Buffer.from(hex, 'hex')
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change, change)
    this.#last = turn.catch(() => {})
    return turn
  }
}

const isOpen = (code: JoinCodeRow, now: WallMs) =>
  code.usedAt === null && code.revokedAt === null && now < code.expiresAt
const secretName = (edgeId: string, secretId: string) => `link/edge/${edgeId}/${secretId}`
const tokenName = (tokenId: string) => `link/join/${tokenId}`
const revoked: Failure = {
  code: 'revoked',
  message: 'This edge has been revoked',
  hint: 'It goes on driving its site. Join it again with a new join code.',
}
const removed: Failure = {
  code: 'removed',
  message: 'This edge no longer exists at the master',
  hint: 'Join again with a new join code, or reset this controller.',
}
