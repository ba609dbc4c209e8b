import { JOIN_CODE_VALID_MS } from '../../shared/model/defaults'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import type { Clock, Logger, Random, Secrets } from '../platform/ports'
import type { EdgeDirectory, JoinDesk, JoinedEdge, KnownEdge, ProvenJoin, ProvenPeer } from './enrolment'
import type { EnrolmentRow, EnrolmentRows, Invitation, InvitationView, JoinCodeRow, Rotation } from './enrolment-rows'
import { encodeJoinCode, TOKEN_BYTES, TOKEN_ID_BYTES } from './join-code'
import { rotatedSecret } from './proof'

/** Join codes that are neither used, revoked nor expired. Beyond it, `busy`. */
export const OPEN_CODES_MAX = 1_000
const SALT_BYTES = 32
/** Secrets got by joining are named after the token, which is how a repeated use of a code is recognised. */
const JOINED = 'join-'

export interface EnrolmentsOptions {
  rows: EnrolmentRows
  secrets: Secrets
  clock: Clock
  random: Random
  logger: Logger
  /** Null: the authority cannot be read, and nobody can be let in. */
  caSha256: string | null
  masterUrls: () => readonly string[]
  /** The edge's name and the epoch it must begin above; null: there is no such edge (any more). Asked with each message of each link: only what is read of it may cost. */
  edge: (edgeId: string) => { readonly name: string; readonly epochFloor: number } | null
  /** The role's own reasons against a link (`duplicate-edge`, `loading`), asked after the proof. */
  admission?: (peer: ProvenPeer) => Failure | null
  /** A machine has got a secret of this edge. It has not proven it yet. */
  joined?: (edgeId: string, join: ProvenJoin) => void
  /** Another machine has taken this edge's place: a session of the old one is to be closed. Awaited before the new one is let in. */
  replaced?: (edgeId: string) => Promise<void> | void
}

/**
 * Who may link with this control plane: join codes, secrets, rotation, revocation. Each change of the rows is made in one turn of the event loop, after
 * the secrets it needs are stored; secrets that are no longer needed are deleted afterwards.
 */
export class Enrolments implements EdgeDirectory, JoinDesk, AsyncDisposable {
  readonly #options: EnrolmentsOptions
  readonly #known: Map<string, EnrolmentRow>
  /** Codes that are neither used nor revoked, with the instant of their end: thousands of edges join by as many codes, which are all kept. */
  readonly #openCodes = new Map<string, Pick<JoinCodeRow, 'edgeId' | 'expiresAt'>>()
  #cleaning: Promise<unknown> = Promise.resolve()

  constructor(options: EnrolmentsOptions) {
    this.#options = options
    this.#known = new Map(options.rows.enrolments().map((row) => [row.edgeId, row]))
    for (const code of options.rows.joinCodes()) this.#noteCode(code)
    // Deleted just before a crash: the document is gone, the enrolment was not ended.
    for (const { edgeId } of this.#known.values()) {
      if (options.edge(edgeId) !== null) continue
      try {
        this.remove(edgeId)
      } catch (error) {
        options.logger.log('error', 'The enrolment of a removed edge could not be ended', { edge: edgeId, error })
      }
    }
  }

  /** A machine has joined as this edge and has proven its secret once: a code that was used and never followed by a link is no site to take over. */
  isEnrolled(edgeId: string): boolean {
    const row = this.#known.get(edgeId)
    return row !== undefined && row.secretId !== '' && row.removedAt === null
  }

  isRevoked(edgeId: string): boolean {
    return this.#known.get(edgeId)?.revokedAt != null
  }

  /** The machine that joined as this edge last and has proven it; null: none has. */
  instanceOf(edgeId: string): string | null {
    const row = this.#known.get(edgeId)
    return row === undefined || row.removedAt !== null ? null : row.instanceId
  }

  /**
   * Makes a join code. Rejects with `HoldfastError`: `conflict` (the edge has joined, and `replace` does not say that another machine takes its place),
   * `not-found`, `busy`, `invalid` (no usable URL), `storage`.
   */
  async invite(
    edge: { id: string },
    by: { actor: string; validForMs?: number; replace?: boolean },
  ): Promise<Invitation> {
    const { secrets, clock, random, caSha256, masterUrls } = this.#options
    if (caSha256 === null) {
      throw new HoldfastError('storage', 'This master has no authority that it can read: no edge can join.', {
        hint: 'holdfast status says what is wrong.',
      })
    }
    if (this.#options.edge(edge.id) === null) throw new HoldfastError('not-found', `There is no edge ${edge.id}`)
    const isRevoked = this.isRevoked(edge.id)
    if (this.isEnrolled(edge.id) && !isRevoked && by.replace !== true) {
      throw new HoldfastError('conflict', 'A machine has already joined as this edge', {
        hint: 'Use --replace to put another in its place.',
      })
    }
    const madeAt = clock.wall()
    if ([...this.#openCodes.values()].filter(({ expiresAt }) => madeAt < expiresAt).length >= OPEN_CODES_MAX) {
      throw new HoldfastError('busy', `There are ${OPEN_CODES_MAX} unused join codes`, {
        hint: 'Revoke some, or wait until they expire.',
      })
    }
    const tokenId = Buffer.from(random.bytes(TOKEN_ID_BYTES)).toString('hex')
    const token = Buffer.from(random.bytes(TOKEN_BYTES))
    const code = encodeJoinCode({ masterUrls: masterUrls(), caSha256: Buffer.from(caSha256, 'hex'), tokenId, token })
    const expiresAt = after(madeAt, by.validForMs ?? JOIN_CODE_VALID_MS)
    await secrets.set(tokenName(tokenId), token.toString('hex'))
    this.#saveCode({
      tokenId,
      edgeId: edge.id,
      madeBy: by.actor,
      madeAt,
      expiresAt,
      usedAt: null,
      usedBy: null,
      revokedAt: null,
    })
    return { code, tokenId, expiresAt }
  }

  invites(): readonly InvitationView[] {
    const now = this.#options.clock.wall()
    return this.#options.rows.joinCodes().map((code) => {
      const { tokenId, edgeId, madeBy, madeAt, expiresAt } = code
      return { tokenId, edgeId, madeBy, madeAt, expiresAt, state: stateOf(code, now) }
    })
  }

  /** False: there is no such code, or it has been used up: then the edge itself is to be revoked. */
  revokeInvite(tokenId: string): boolean {
    const code = this.#options.rows.joinCode(tokenId)
    if (code === null || (code.usedAt !== null && this.#openJoin(code) === null)) return false
    this.#dropCode(code)
    return true
  }

  /** Begins a rotation: both secrets are valid until the edge proves the new one. The caller sends the answer as `secret.rotate`. */
  async rotate(edgeId: string): Promise<Rotation> {
    const { random, secrets } = this.#options
    const baseId = this.#known.get(edgeId)?.secretId ?? ''
    const base = baseId === '' ? null : await this.#secret(edgeId, baseId)
    if (base === null) throw new HoldfastError('conflict', `The edge ${edgeId} has no secret to rotate`)
    const salt = Buffer.from(random.bytes(SALT_BYTES))
    const secretId = random.id()
    await secrets.set(secretName(edgeId, secretId), rotatedSecret(base, salt, secretId).toString('hex'))
    const row = this.#known.get(edgeId)
    if (row?.secretId !== baseId || row.revokedAt !== null || row.removedAt !== null) {
      this.#forget(secretName(edgeId, secretId))
      throw new HoldfastError('conflict', `The edge ${edgeId} was revoked, removed or replaced meanwhile`)
    }
    this.#offer(row, secretId)
    return { baseId, secretId, salt: salt.toString('hex') }
  }

  /** From here on nothing of this edge is taken; it is told `revoked`. The caller closes its link and pauses its take-over. */
  revoke(edgeId: string): void {
    this.#shutOut(edgeId, 'revokedAt')
  }

  /**
   * The edge was deleted: its machine is told `removed`, for as long as its secret can be proven, also when an edge of the same id is made again. That one needs
   * a new join code. The caller closes the link.
   */
  remove(edgeId: string): void {
    this.#shutOut(edgeId, 'removedAt')
  }

  #shutOut(edgeId: string, since: 'revokedAt' | 'removedAt'): void {
    const { rows, clock } = this.#options
    const row = this.#known.get(edgeId)
    if (row !== undefined && row[since] === null) {
      const ended = { ...row, nextSecretId: null, [since]: clock.wall() }
      // In memory first: a row that cannot be written must not keep a machine in.
      this.#known.set(edgeId, ended)
      this.#save(ended)
    }
    if (row?.nextSecretId != null) this.#forget(secretName(edgeId, row.nextSecretId))
    for (const [tokenId, open] of [...this.#openCodes]) {
      const code = open.edgeId === edgeId ? rows.joinCode(tokenId) : null
      if (code !== null && stateOf(code, clock.wall()) === 'open') this.#dropCode(code)
    }
  }

  async lookup(edgeId: string, secretId: string): Promise<KnownEdge | null> {
    const row = this.#known.get(edgeId)
    if (row === undefined || secretId === '' || (secretId !== row.secretId && secretId !== row.nextSecretId))
      return null
    const secret = await this.#secret(edgeId, secretId)
    return secret === null ? null : { secret }
  }

  async proven({ edgeId, secretId, instanceId }: ProvenPeer): Promise<void> {
    const row = this.#known.get(edgeId)
    if (row?.nextSecretId !== secretId) return
    const isJoin = secretId.startsWith(JOINED)
    // A new joining ends a revocation or a removal; a rotation cannot be open during one. A rotation does not say whose place the edge's is.
    const joined = { instanceId, ...(row.removedAt === null ? {} : { enrolledAt: this.#options.clock.wall() }) }
    const ended = { secretId, nextSecretId: null, revokedAt: null, removedAt: null }
    this.#save({ ...row, ...(isJoin ? joined : {}), ...ended })
    if (isJoin) this.#forget(tokenName(secretId.slice(JOINED.length)))
    if (row.secretId === '') return
    this.#forget(secretName(edgeId, row.secretId))
    if (isJoin) await this.#options.replaced?.(edgeId)
  }

  admit(peer: ProvenPeer): Failure | null {
    const failure = this.standing(peer)
    if (failure !== null) return failure
    return this.#options.admission?.(peer) ?? null
  }

  standing({ edgeId }: { edgeId: string }): Failure | null {
    const row = this.#known.get(edgeId)
    if (row === undefined || row.removedAt !== null || this.#options.edge(edgeId) === null) return removed
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

  async join(join: ProvenJoin, secretFor: (edgeId: string, secretId: string) => Uint8Array): Promise<JoinedEdge> {
    const { clock, masterUrls, secrets } = this.#options
    const { tokenId, instanceId } = join
    const secretId = JOINED + tokenId
    const { edgeId } = this.#usable(tokenId, instanceId)
    await secrets.set(secretName(edgeId, secretId), Buffer.from(secretFor(edgeId, secretId)).toString('hex'))
    // Asked again: the code may have been used or revoked while the secret was written.
    const code = this.#usable(tokenId, instanceId)
    const edge = this.#options.edge(edgeId)
    if (edge === null) throw new HoldfastError('removed', 'The edge this join code was made for no longer exists')
    const now = clock.wall()
    // A crash between the two leaves the code open: nobody has got its secret then, and the next use replaces it.
    this.#offer(
      this.#known.get(edgeId) ?? {
        edgeId,
        instanceId,
        secretId: '',
        nextSecretId: null,
        enrolledAt: now,
        revokedAt: null,
        removedAt: null,
      },
      secretId,
    )
    this.#saveCode({ ...code, usedAt: now, usedBy: instanceId })
    this.#options.joined?.(edgeId, join)
    return { edgeId, edgeName: edge.name, secretId, epochFloor: edge.epochFloor, masterUrls: [...masterUrls()] }
  }

  /** Settles when secrets that are no longer needed are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleaning
  }

  /** Throws why the code cannot be used. */
  #usable(tokenId: string, instanceId: string): JoinCodeRow {
    const code = this.#options.rows.joinCode(tokenId)
    if (code === null) throw new HoldfastError('refused', 'Unknown join code')
    const failure = this.#unusable(code, instanceId)
    if (failure !== null)
      throw new HoldfastError(failure.code, failure.message, failure.hint === undefined ? {} : { hint: failure.hint })
    return code
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
    return row?.nextSecretId === JOINED + code.tokenId ? row : null
  }

  /** Makes `secretId` valid beside the secret in use, in place of a successor that was never proven. */
  #offer(row: EnrolmentRow, secretId: string): void {
    this.#save({ ...row, nextSecretId: secretId })
    if (row.nextSecretId !== null && row.nextSecretId !== secretId)
      this.#forget(secretName(row.edgeId, row.nextSecretId))
  }

  #dropCode(code: JoinCodeRow): void {
    this.#saveCode({ ...code, revokedAt: this.#options.clock.wall() })
    this.#forget(tokenName(code.tokenId))
    const row = this.#openJoin(code)
    if (row === null) return
    this.#save({ ...row, nextSecretId: null })
    this.#forget(secretName(code.edgeId, JOINED + code.tokenId))
  }

  #saveCode(code: JoinCodeRow): void {
    this.#options.rows.saveJoinCode(code)
    this.#noteCode(code)
  }

  #noteCode({ tokenId, edgeId, expiresAt, usedAt, revokedAt }: JoinCodeRow): void {
    if (usedAt === null && revokedAt === null) this.#openCodes.set(tokenId, { edgeId, expiresAt })
    else this.#openCodes.delete(tokenId)
  }

  #save(row: EnrolmentRow): void {
    this.#options.rows.saveEnrolment(row)
    this.#known.set(row.edgeId, row)
  }

  async #secret(edgeId: string, secretId: string): Promise<Buffer | null> {
    const hex = await this.#options.secrets.get(secretName(edgeId, secretId))
    return hex === null ? null : Buffer.from(hex, 'hex')
  }

  /** The row no longer names the secret, so one that cannot be deleted is only litter. */
  #forget(name: string): void {
    const { secrets, logger } = this.#options
    const gone = secrets
      .delete(name)
      .catch((error: unknown) => logger.log('warn', 'Could not delete a secret that is no longer used', { error }))
    this.#cleaning = Promise.all([this.#cleaning, gone])
  }
}

function stateOf(code: JoinCodeRow, now: WallMs): InvitationView['state'] {
  if (code.revokedAt !== null) return 'revoked'
  if (code.usedAt !== null) return 'used'
  return now < code.expiresAt ? 'open' : 'expired'
}
const secretName = (edgeId: string, secretId: string) => `link/edge/${edgeId}/${secretId}`
const tokenName = (tokenId: string) => `link/join/${tokenId}`
const revoked: Failure = {
  code: 'revoked',
  message: 'This edge has been revoked',
  hint: 'It goes on driving its site. Join it again with a new join code.',
}
const removed: Failure = {
  code: 'removed',
  message: 'This edge was removed at the master',
  hint: 'It goes on driving its site and keeps what it has to tell. To link it again: holdfast join CODE',
}
