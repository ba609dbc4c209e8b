import { createHash } from 'node:crypto'
import type { ActivityDoor } from '../../shared/console/activity-operations'
import { roles, type Role } from '../../shared/console/operation'
import { foldedName } from '../../shared/model/document-id'
import type { DocumentChange, EdgeDocument, UserDocument } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { Clock, Random } from '../platform/ports'
import type { Caller } from './operations'
import { passwordFits, passwordVerifierOf } from './password'

export const INVITE_VALID_MS = 72 * 3_600_000
/** Tells a token from the key of the data directory, to people and to scanners for leaked secrets. */
export const TOKEN_PREFIX = 'hft_'

/** The journal as far as accounts are concerned. Bodies are not altered after they were handed out. */
export interface AccountDocuments {
  user(id: string): { readonly revision: number; readonly body: UserDocument } | null
  users(): readonly UserDocument[]
  edges(): readonly EdgeDocument[]
  /** All or nothing, on disk when it returns. Throws `HoldfastError`: `invalid`, `conflict`, `storage`. */
  change(changes: readonly DocumentChange[], actor: string): void
  /** After each commit that touched a user. */
  onUser(listener: (id: string) => void): () => void
  /** After each commit that touched a user or an edge, once. */
  onPeople(listener: () => void): () => void
}

/** Whose ways in are over: the sessions of a user but perhaps one, or what one token has opened. */
export interface Over {
  readonly userId: string
  /** Absent: not tokens. */
  readonly isTokenOver?: (tokenId: string) => boolean
  /** Absent: not sessions. */
  readonly isSessionOver?: (sessionId: string) => boolean
}

const digestOf = (key: string): string => createHash('sha256').update(key).digest('hex')
const lesser = (one: Role, other: Role): Role => (roles.indexOf(one) < roles.indexOf(other) ? one : other)

/** The accounts of one controller: who a login is, what it may do now, and when it is over. Keeps no state that the journal does not have. */
export class Accounts implements Disposable {
  readonly documents: AccountDocuments
  readonly #clock: Clock
  readonly #random: Random
  readonly #listeners = new Set<(over: Over) => void>()
  readonly #used: (tokenId: string) => void
  readonly #forget: () => void
  #known: ReadonlyMap<string, UserDocument>
  #byToken = new Map<string, { userId: string; tokenId: string }>()
  /** The session that changes its own password goes on. */
  #kept: string | null = null

  /** `used` hears of each use of a token. */
  constructor(options: {
    documents: AccountDocuments
    clock: Clock
    random: Random
    used?: (tokenId: string) => void
  }) {
    this.#used = options.used ?? (() => {})
    this.documents = options.documents
    this.#clock = options.clock
    this.#random = options.random
    this.#known = this.#look()
    this.#forget = this.documents.onUser((id) => this.#changed(id))
  }

  onOver(listener: (over: Over) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** By name or id, however it was typed; null: nobody. */
  find(reference: string): UserDocument | null {
    const folded = foldedName(reference)
    const users = [...this.#known.values()]
    return (
      this.#known.get(reference) ??
      users.find(({ name }) => foldedName(name) === folded) ??
      users.find(({ id }) => foldedName(id) === folded) ??
      null
    )
  }

  /** The user whose name and password these are. Takes the same time for names that nobody has. */
  async prove(name: string, password: string): Promise<UserDocument | null> {
    const user = this.find(name)
    const fits = await passwordFits(password, user?.password ?? null)
    // Disabled or changed meanwhile counts.
    const now = user === null ? null : (this.#known.get(user.id) ?? null)
    return fits && now !== null && !now.disabled && now.password?.hash === user?.password?.hash ? now : null
  }

  /** Uses up an invitation. Null: it is none, or over. Rejects when the password cannot be stored. */
  async accept(inviteKey: string, password: string): Promise<UserDocument | null> {
    const digest = digestOf(inviteKey)
    const invited = (): UserDocument | undefined =>
      [...this.#known.values()].find(
        ({ invite, disabled }) => !disabled && invite?.digest === digest && invite.expiresAt > this.#clock.wall(),
      )
    if (!invited()) return null
    const verifier = await passwordVerifierOf(password)
    const user = invited()
    if (!user) return null
    this.put({ ...user, password: verifier, invite: null }, `user:${user.id}`)
    return this.#known.get(user.id) ?? null
  }

  /** A fresh key for the user; only its digest is kept. */
  invite(user: UserDocument, actor: string): { inviteKey: string; expiresAt: number } {
    const inviteKey = this.#key()
    const expiresAt = this.#clock.wall() + INVITE_VALID_MS
    this.put({ ...user, invite: { digest: digestOf(inviteKey), expiresAt } }, actor)
    return { inviteKey, expiresAt }
  }

  /** A fresh token; only its digest is kept. */
  makeToken(
    user: UserDocument,
    {
      name,
      role,
      validForMs,
      actor,
    }: { name: string; role: UserDocument['role']; validForMs: number | null; actor: string },
  ): { token: string; kept: UserDocument['tokens'][number] } {
    const token = TOKEN_PREFIX + this.#key()
    const madeAt = this.#clock.wall()
    const expiresAt = validForMs === null ? null : madeAt + validForMs
    const kept = { id: this.#random.id(), name, role, digest: digestOf(token), madeAt, expiresAt }
    const valid = user.tokens.filter((one) => one.expiresAt === null || one.expiresAt > madeAt)
    this.put({ ...user, tokens: [...valid, kept] }, actor)
    return { token, kept }
  }

  /** Null: no token of ours, or one that is over. */
  tokenOf(token: string): { userId: string; tokenId: string; expiresAt: number | null } | null {
    const found = token.startsWith(TOKEN_PREFIX) ? this.#byToken.get(digestOf(token)) : undefined
    if (!found || this.#standing(found.userId, found.tokenId) === 'anonymous') return null
    this.#used(found.tokenId)
    const kept = this.#known.get(found.userId)?.tokens.find(({ id }) => id === found.tokenId)
    return { ...found, expiresAt: kept?.expiresAt ?? null }
  }

  /** Who calls by a session or a token. Role and edges are those of the moment they are asked for: nobody has to be told of a demotion. */
  caller(
    userId: string,
    by: { sessionId: string; via: ActivityDoor } | { tokenId: string; via: ActivityDoor },
  ): Caller {
    const tokenId = 'tokenId' in by ? by.tokenId : null
    const standing = (): Role => this.#standing(userId, tokenId)
    const isWhole = (): boolean => standing() !== 'anonymous' && standing() === this.#known.get(userId)?.role
    return {
      ...by,
      actor: `user:${userId}`,
      userId,
      get role() {
        return standing()
      },
      // A token made for less than its owner may is meant to do less: it operates no edge by its owner's name.
      get edgeAdminAs() {
        return isWhole() ? userId : undefined
      },
    }
  }

  /** Throws `HoldfastError`. `keptSession` outlives a new password. */
  put(user: UserDocument, actor: string, keptSession: string | null = null): void {
    const revision = this.documents.user(user.id)?.revision ?? 0
    this.#kept = keptSession
    try {
      this.documents.change([{ op: 'put', kind: 'user', body: user, revision }], actor)
    } finally {
      this.#kept = null
    }
  }

  remove(user: UserDocument, actor: string): void {
    const edges = this.documents.edges().filter(({ admins }) => admins.includes(user.id))
    this.documents.change(
      [
        { op: 'delete', kind: 'user', id: user.id },
        ...edges.map((edge): DocumentChange => {
          const body = { ...edge, admins: edge.admins.filter((id) => id !== user.id) }
          return { op: 'put', kind: 'edge', body: body as never }
        }),
      ],
      actor,
    )
  }

  #standing(userId: string, tokenId: string | null): Role {
    const user = this.#known.get(userId)
    if (!user || user.disabled) return 'anonymous'
    if (tokenId === null) return user.role
    const token = user.tokens.find(({ id }) => id === tokenId)
    if (!token || (token.expiresAt !== null && token.expiresAt <= this.#clock.wall())) return 'anonymous'
    return lesser(token.role, user.role)
  }

  #look(): ReadonlyMap<string, UserDocument> {
    const users = this.documents.users()
    this.#byToken = new Map(
      users.flatMap(({ id, tokens }) => tokens.map((token) => [token.digest, { userId: id, tokenId: token.id }])),
    )
    return new Map(users.map((user) => [user.id, user]))
  }

  #changed(userId: string): void {
    const before = this.#known.get(userId)
    this.#known = this.#look()
    if (!before) return
    const now = this.#known.get(userId)
    const isOther = now === undefined || now.disabled || now.role !== before.role
    const isNewPassword = now?.password?.hash !== before.password?.hash
    const left = new Set(now?.tokens.map(({ id }) => id))
    const kept = this.#kept
    this.#tell({
      userId,
      isTokenOver: (tokenId) => isOther || !left.has(tokenId),
      ...(isOther ? { isSessionOver: () => true } : {}),
      ...(isNewPassword && !isOther ? { isSessionOver: (sessionId: string) => sessionId !== kept } : {}),
    })
  }

  #tell(over: Over): void {
    for (const listener of [...this.#listeners]) listener(over)
  }

  #key(): string {
    return Buffer.from(this.#random.bytes(32)).toString('base64url')
  }

  [Symbol.dispose](): void {
    this.#forget()
    this.#listeners.clear()
  }
}

/** For a controller whose accounts are elsewhere. */
export const noAccounts = (): never => {
  throw new HoldfastError('refused', 'Users are kept at the master.', {
    hint: 'Run this at the master of this edge.',
  })
}
