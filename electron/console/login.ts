import { createHash, timingSafeEqual } from 'node:crypto'
import type { SessionView } from '../../shared/console/user-operations'
import type { UserDocument } from '../../shared/model/documents'
import type { Failure } from '../../shared/model/failures'
import { after, type MonoMs } from '../../shared/model/time'
import { networkOf } from '../platform/http/network'
import { RefusalLog } from '../platform/http/refusal-log'
import type { Clock, Logger, Random } from '../platform/ports'
import { foldedName } from '../../shared/model/document-id'
import type { Accounts } from './accounts'
import type { Attempts } from './attempts'
import type { AuditEntry } from './dispatch'
import type { DoorKind, From } from './door'
import type { Caller } from './operations'

export const SESSION_VALID_MS = 12 * 3_600_000
export const ONE_TIME_KEY_VALID_MS = 15 * 60_000
/** A session of another machine ends when no console was open for it so long: a closed tab there is nobody's to look after. */
export const SESSION_IDLE_MS = 30 * 60_000
/** Of one door, and of one account; at the limit the oldest of them gives way. Whoever signs in from afar puts nobody at the machine out. */
export const SESSIONS_MAX = 100
export const SESSIONS_OF_USER_MAX = 10
export const ONE_TIME_KEYS_MAX = 32
/** An answer to a wrong key waits this long, doubled with each failure of the last five minutes. */
const FAILURE_DELAY_MS = 250
const FAILURE_DELAY_MAX_MS = 4_000
const FAILURES_REMEMBERED_MS = 300_000
/** Wrong keys whose answer is being held back. One more is answered at once, with `retryAfterMs`. */
export const DELAYED_MAX = 32

/** A way in that stands: a browser's session, or a connection that a token has opened. */
export interface Session {
  readonly id: string
  readonly door: DoorKind
  readonly caller: Caller
  /** Wall time, for the page. */
  readonly expiresAt: number
  /** Called once when the session is over. Returns the unsubscriber. */
  onEnd(listener: () => void): () => void
  /** A console is open for it until the returned function is called. */
  hold(): () => void
}

export type KeyAnswer = { ok: true; token: string; session: Session } | { ok: false; retryAfterMs: number | null }

/** Browsers that are signed in. */
export interface OpenSessions {
  /** Newest first. `callerThere`: who is signed in. */
  list(): (Omit<SessionView, 'userId' | 'userName' | 'role' | 'isOwn'> & { readonly callerThere: Caller })[]
  /** False: there is none of this id. */
  end(sessionId: string): boolean
}

interface Held {
  readonly session: Session
  readonly end: () => void
}
/** Of a browser. */
interface Signed extends Held {
  readonly way: SessionView['way']
  /** Null: this machine. */
  readonly from: string | null
  readonly beganAt: number
  usedAt: number
  consoles: number
}

/** How somebody came in, as the audit says it. */
type Way = SessionView['way'] | 'key file or token' | 'token'

/** Of this machine's own door everybody is on this machine. */
const afar = ({ door, address }: From) => (door === 'remote' ? { from: address } : {})

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Who may use the console. One-time keys travel in a link's fragment and buy an administrator's session; a name and a password, or an invitation, buy the session
 * of an account; the command line proves the key of the key file or a token. Nothing of these is kept in the clear. A wrong one costs time, never the access.
 * The ways of whoever owns the data directory (key file, one-time key) need no account and no journal, so that there is always one left.
 */
export class Login {
  private readonly sessions = new Map<string, Signed>()
  /** Connections that tokens have opened. */
  private readonly tokens = new Set<Held>()
  private readonly oneTimeKeys = new Map<string, MonoMs>()
  private failures: MonoMs[] = []
  private isClosed = false
  /** Answers that are being held back, and how to give them at once. */
  private readonly delayed = new Set<() => void>()
  private readonly fileKey: Buffer
  private readonly clock: Clock
  private readonly random: Random
  private readonly log: Logger
  private readonly refusals: RefusalLog
  /** Null: this controller keeps none. */
  private readonly accounts: Accounts | null
  private readonly attempts: Attempts
  private readonly audit: (entry: AuditEntry) => void
  private readonly forget: () => void

  /** `fileKey`: the content of the key file. `resumeKey`: a one-time key that was made before this process or controller began. */
  constructor(options: {
    fileKey: string
    clock: Clock
    random: Random
    log: Logger
    accounts: Accounts | null
    attempts: Attempts
    audit(entry: AuditEntry): void
    resumeKey?: string
  }) {
    this.accounts = options.accounts
    this.attempts = options.attempts
    this.audit = (entry) => options.audit(entry)
    this.forget =
      options.accounts?.onOver(({ userId, isSessionOver, isTokenOver }) => {
        for (const { session, end } of [...this.sessions.values()])
          if (session.caller.userId === userId && isSessionOver?.(session.id)) end()
        for (const { session, end } of [...this.tokens])
          if (session.caller.userId === userId && isTokenOver?.(session.caller.tokenId ?? '')) end()
      }) ?? (() => {})
    this.fileKey = digest(options.fileKey)
    this.clock = options.clock
    this.random = options.random
    this.log = options.log
    this.refusals = new RefusalLog(options)
    if (options.resumeKey !== undefined) this.remember(options.resumeKey)
  }

  oneTimeKey(): { key: string; expiresAt: number } {
    this.forgetOld()
    const key = this.token()
    this.remember(key)
    return { key, expiresAt: this.clock.wall() + ONE_TIME_KEY_VALID_MS }
  }

  private remember(key: string): void {
    this.oneTimeKeys.set(digest(key).toString('hex'), after(this.clock.mono(), ONE_TIME_KEY_VALID_MS))
    dropOldest(this.oneTimeKeys, ONE_TIME_KEYS_MAX)
  }

  /** A one-time key against a session. From afar none is taken, nor used up: it stands for somebody at the machine. */
  async enter(key: string, from: From): Promise<KeyAnswer> {
    this.forgetOld()
    const name = digest(key).toString('hex')
    if (from.door === 'remote' || !this.oneTimeKeys.delete(name))
      return { ok: false, retryAfterMs: await this.fail('one-time key', from) }
    return this.entered('one-time key', from, (id) => ({ actor: `browser:${id.slice(-8)}`, role: 'admin' }))
  }

  /**
   * A name and a password against a session. Names that nobody has, wrong passwords and disabled accounts are one and the same answer, after the same time.
   * Rejects with `HoldfastError`: `rate-limited`, `busy`.
   */
  async enterByPassword(name: string, password: string, from: From): Promise<KeyAnswer> {
    const { accounts } = this
    const { address } = from
    const user = accounts
      ? await this.attempts.take({ name: foldedName(name), address }, () => accounts.prove(name, password))
      : null
    // A password typed into the wrong field must not get into the audit: only names of accounts are written down.
    return user ? this.enteredAs(user, 'password', from) : this.refused('password', accounts?.find(name) ?? null, from)
  }

  /** An invitation and a new password against a session. Rejects as above, and with `storage`. */
  async enterByInvite(inviteKey: string, password: string, from: From): Promise<KeyAnswer> {
    const { accounts } = this
    const { address } = from
    const user = accounts
      ? await this.attempts.take({ name: `invitation from ${address}`, address }, () =>
          accounts.accept(inviteKey, password),
        )
      : null
    return user ? this.enteredAs(user, 'invitation', from) : this.refused('invitation', null, from)
  }

  private enteredAs({ id: userId }: UserDocument, how: SessionView['way'], from: From): KeyAnswer {
    return this.entered(how, from, (sessionId) => this.accounts!.caller(userId, { sessionId, via: 'browser' }))
  }

  private entered(how: SessionView['way'], from: From, callerOf: (sessionId: string) => Caller): KeyAnswer {
    const token = this.token()
    const session = this.begin(digest(token).toString('hex'), how, from, callerOf)
    const { actor, role, userId } = session.caller
    this.log.log('info', 'console session began', { actor, ...afar(from) })
    const params = { how, ...(userId === undefined ? {} : { user: userId }), ...afar(from) }
    this.told({ actor, role, via: 'browser', op: 'session.begin', params, outcome: 'done', failure: null })
    return { ok: true, token, session }
  }

  private refused(how: Way, user: UserDocument | null, from: From): KeyAnswer {
    const more = { ...(user === null ? {} : { user: user.id }), ...afar(from) }
    this.refusals.tell(networkOf(from.address), 'warn', 'console login refused', { what: how, ...more })
    this.toldRefusal(how, user, from)
    return { ok: false, retryAfterMs: null }
  }

  private toldRefusal(how: Way, user: UserDocument | null, from: From): void {
    const failure: Failure = { code: 'unauthenticated', message: `That ${how} is not valid.` }
    const params = { how, ...(user === null ? {} : { user: user.id }), ...afar(from) }
    const via = how.endsWith('token') ? 'cli' : 'browser'
    this.told({ actor: 'anonymous', role: 'anonymous', via, op: 'session.begin', params, outcome: 'refused', failure })
  }

  private told(entry: Omit<AuditEntry, 'at' | 'durationMs'>): void {
    this.audit({ ...entry, at: this.clock.wall(), durationMs: 0 })
  }

  /** What a token opens; null: it is none, or over. The caller ends it when its connection does. */
  byToken(token: string, from: From): { session: Session; end: () => void } | null {
    const found = this.accounts?.tokenOf(token)
    if (!this.accounts || !found) return null
    const { userId, tokenId, expiresAt } = found
    const id = this.random.id()
    const listeners = new Set<() => void>()
    const caller = this.accounts.caller(userId, { tokenId, via: 'cli' })
    const session: Session = {
      ...{ id, door: from.door, caller, expiresAt: expiresAt ?? Number.MAX_SAFE_INTEGER },
      onEnd(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      // It lasts as long as its connection.
      hold: () => () => {},
    }
    const timer =
      expiresAt === null
        ? null
        : this.clock.at(after(this.clock.mono(), Math.max(0, expiresAt - this.clock.wall())), () => end())
    const held: Held = {
      session,
      end: () => {
        if (!this.tokens.delete(held)) return
        timer?.[Symbol.dispose]()
        for (const listener of listeners) listener()
      },
    }
    const { end } = held
    this.tokens.add(held)
    return { session, end }
  }

  session(token: string, door: DoorKind): Session | null {
    this.forgetOld()
    const held = this.sessions.get(digest(token).toString('hex'))
    if (held?.session.door !== door) return null
    held.usedAt = this.clock.wall()
    return held.session
  }

  leave(token: string): void {
    const held = this.sessions.get(digest(token).toString('hex'))
    if (!held) return
    const { actor, role } = held.session.caller
    held.end()
    this.told({ actor, role, via: 'browser', op: 'session.end', params: {}, outcome: 'done', failure: null })
  }

  openSessions(): OpenSessions {
    return {
      list: () =>
        [...this.sessions.values()]
          .map(({ session, way, from, beganAt, usedAt, consoles }) => ({
            ...{ sessionId: session.id, callerThere: session.caller, way, from, beganAt, consoles },
            lastUsedAt: consoles > 0 ? this.clock.wall() : usedAt,
            expiresAt: session.expiresAt,
          }))
          .reverse(),
      end: (sessionId) => {
        const held = [...this.sessions.values()].find(({ session }) => session.id === sessionId)
        held?.end()
        return held !== undefined
      },
    }
  }

  /** True for the key of the key file; a wrong one is answered late. */
  async provesFileKey(key: string, from: From): Promise<boolean> {
    if (from.door === 'remote') {
      // It is for who can read the file: whoever shows it elsewhere should not have it.
      await this.fail('token', from)
      return false
    }
    if (timingSafeEqual(digest(key), this.fileKey)) return true
    await this.fail('key file or token', from)
    return false
  }

  /** Ends every session and every wait. */
  close(): void {
    this.isClosed = true
    this.forget()
    this.refusals[Symbol.dispose]()
    for (const release of [...this.delayed]) release()
    for (const held of [...this.sessions.values(), ...this.tokens]) held.end()
    this.oneTimeKeys.clear()
  }

  private begin(name: string, way: SessionView['way'], from: From, callerOf: (sessionId: string) => Caller): Session {
    const { door } = from
    const id = this.random.id()
    const listeners = new Set<() => void>()
    const endIn = (ms: number): Disposable => this.clock.at(after(this.clock.mono(), ms), () => end())
    const timer = endIn(SESSION_VALID_MS)
    let idle = door === 'remote' ? endIn(SESSION_IDLE_MS) : null
    const end = (): void => {
      if (!this.sessions.delete(name)) return
      timer[Symbol.dispose]()
      idle?.[Symbol.dispose]()
      for (const listener of listeners) listener()
    }
    const session: Session = {
      id,
      door,
      caller: callerOf(id),
      expiresAt: this.clock.wall() + SESSION_VALID_MS,
      onEnd(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      hold: () => {
        signed.consoles += 1
        idle?.[Symbol.dispose]()
        return () => {
          signed.consoles -= 1
          signed.usedAt = this.clock.wall()
          if (signed.consoles === 0 && door === 'remote' && this.sessions.has(name)) idle = endIn(SESSION_IDLE_MS)
        }
      },
    }
    const beganAt = this.clock.wall()
    const signed: Signed = {
      ...{ session, end, way, beganAt, usedAt: beganAt, consoles: 0 },
      from: door === 'remote' ? from.address : null,
    }
    this.sessions.set(name, signed)
    this.makeRoom(session)
    return session
  }

  private makeRoom({ door, caller: { userId } }: Session): void {
    const held = [...this.sessions.values()]
    const here = held.filter(({ session }) => session.door === door)
    const own = userId === undefined ? [] : held.filter(({ session }) => session.caller.userId === userId)
    if (own.length > SESSIONS_OF_USER_MAX) own[0]!.end()
    else if (here.length > SESSIONS_MAX) here[0]!.end()
  }

  /** Waits out the delay of a failed attempt. The answer says when to try again if there was no room to wait. */
  private async fail(what: Way, from: From): Promise<number | null> {
    const now = this.clock.mono()
    this.failures = [...this.failures.filter((at) => now - at < FAILURES_REMEMBERED_MS), now].slice(-16)
    const delayMs = Math.min(FAILURE_DELAY_MS * 2 ** (this.failures.length - 1), FAILURE_DELAY_MAX_MS)
    // Those that wait are written down: what comes without a pause must not fill log and audit.
    if (this.delayed.size >= DELAYED_MAX) return delayMs
    const fields = { what, failures: this.failures.length, ...afar(from) }
    this.refusals.tell(networkOf(from.address), 'warn', 'console login refused', fields)
    this.toldRefusal(what, null, from)
    if (this.isClosed) return delayMs
    await new Promise<void>((resolve) => {
      const release = (): void => {
        timer[Symbol.dispose]()
        this.delayed.delete(release)
        resolve()
      }
      const timer = this.clock.at(after(now, delayMs), release)
      this.delayed.add(release)
    })
    return null
  }

  private forgetOld(): void {
    const now = this.clock.mono()
    for (const [name, expiresAt] of this.oneTimeKeys) if (expiresAt <= now) this.oneTimeKeys.delete(name)
  }

  private token(): string {
    return Buffer.from(this.random.bytes(32)).toString('base64url')
  }
}

function dropOldest<T>(map: Map<string, T>, limit: number): void {
  for (const name of map.keys()) {
    if (map.size <= limit) return
    map.delete(name)
  }
}
