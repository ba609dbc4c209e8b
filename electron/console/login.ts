import { createHash, timingSafeEqual } from 'node:crypto'
import type { Role } from '../../shared/console/operation'
import { after, type MonoMs } from '../../shared/model/time'
import type { Clock, Logger, Random } from '../platform/ports'

export const SESSION_VALID_MS = 12 * 3_600_000
export const ONE_TIME_KEY_VALID_MS = 15 * 60_000
/** At the limit the oldest gives way. */
export const SESSIONS_MAX = 100
export const ONE_TIME_KEYS_MAX = 32
/** An answer to a wrong key waits this long, doubled with each failure of the last five minutes. */
const FAILURE_DELAY_MS = 250
const FAILURE_DELAY_MAX_MS = 4_000
const FAILURES_REMEMBERED_MS = 300_000
/** Wrong keys whose answer is being held back. One more is answered at once, with `retryAfterMs`. */
export const DELAYED_MAX = 32

export interface Session {
  readonly id: string
  readonly role: Role
  readonly actor: string
  /** Wall time, for the page. */
  readonly expiresAt: number
  /** Called once when the session is over. Returns the unsubscriber. */
  onEnd(listener: () => void): () => void
}

export type KeyAnswer = { ok: true; token: string; session: Session } | { ok: false; retryAfterMs: number | null }

interface Held {
  readonly session: Session
  readonly end: () => void
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Who may use the console. One-time keys travel in a link's fragment and buy a session; the command line proves the key of the key file. Nothing of
 * either is kept in the clear. A wrong key costs time, never the access: a right one is accepted at any moment.
 */
export class Login {
  private readonly sessions = new Map<string, Held>()
  private readonly oneTimeKeys = new Map<string, MonoMs>()
  private failures: MonoMs[] = []
  private isClosed = false
  /** Answers that are being held back, and how to give them at once. */
  private readonly delayed = new Set<() => void>()
  private readonly fileKey: Buffer
  private readonly clock: Clock
  private readonly random: Random
  private readonly log: Logger

  /** `fileKey`: the content of the key file. `resumeKey`: a one-time key that was made before this process or controller began. */
  constructor(options: { fileKey: string; clock: Clock; random: Random; log: Logger; resumeKey?: string }) {
    this.fileKey = digest(options.fileKey)
    this.clock = options.clock
    this.random = options.random
    this.log = options.log
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

  /** A one-time key against a session. */
  async enter(key: string): Promise<KeyAnswer> {
    this.forgetOld()
    const name = digest(key).toString('hex')
    if (!this.oneTimeKeys.delete(name)) return { ok: false, retryAfterMs: await this.fail('one-time key') }
    const token = this.token()
    const session = this.begin(digest(token).toString('hex'))
    this.log.log('info', 'console session began', { actor: session.actor })
    return { ok: true, token, session }
  }

  session(token: string): Session | null {
    this.forgetOld()
    return this.sessions.get(digest(token).toString('hex'))?.session ?? null
  }

  leave(token: string): void {
    this.sessions.get(digest(token).toString('hex'))?.end()
  }

  /** True for the key of the key file; a wrong one is answered late. */
  async provesFileKey(key: string): Promise<boolean> {
    if (timingSafeEqual(digest(key), this.fileKey)) return true
    await this.fail('key file')
    return false
  }

  /** Ends every session and every wait. */
  close(): void {
    this.isClosed = true
    for (const release of [...this.delayed]) release()
    for (const held of [...this.sessions.values()]) held.end()
    this.oneTimeKeys.clear()
  }

  private begin(name: string): Session {
    const id = this.random.id()
    const listeners = new Set<() => void>()
    const timer = this.clock.at(after(this.clock.mono(), SESSION_VALID_MS), () => end())
    const end = (): void => {
      if (!this.sessions.delete(name)) return
      timer[Symbol.dispose]()
      for (const listener of listeners) listener()
    }
    const session: Session = {
      id,
      role: 'admin',
      actor: `browser:${id.slice(-8)}`,
      expiresAt: this.clock.wall() + SESSION_VALID_MS,
      onEnd(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    this.sessions.set(name, { session, end })
    if (this.sessions.size > SESSIONS_MAX) this.sessions.values().next().value?.end()
    return session
  }

  /** Waits out the delay of a failed attempt. The answer says when to try again if there was no room to wait. */
  private async fail(what: string): Promise<number | null> {
    const now = this.clock.mono()
    this.failures = [...this.failures.filter((at) => now - at < FAILURES_REMEMBERED_MS), now].slice(-16)
    const delayMs = Math.min(FAILURE_DELAY_MS * 2 ** (this.failures.length - 1), FAILURE_DELAY_MAX_MS)
    this.log.log('warn', 'console login refused', { what, failures: this.failures.length })
    if (this.isClosed || this.delayed.size >= DELAYED_MAX) return delayMs
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
