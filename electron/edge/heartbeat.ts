import { PING_EVERY_MS } from '../../shared/model/defaults'
import { HEARTBEAT_EVERY_MS } from '../../shared/model/fleet'
import { after, type MonoMs } from '../../shared/model/time'
import { FLEET_SINCE_VERSION, type Heartbeat } from '../../shared/wire/fleet'
import type { LinkSession } from '../link/link'
import type { Clock } from '../platform/ports'

/** A heartbeat goes with the ping that is next to its time, before it or after it. */
const ASIDE_MS_MAX = PING_EVERY_MS / 2

export interface HeartbeatsOptions {
  readonly clock: Clock
  /** Asked every two seconds; must cost next to nothing. */
  now(): Heartbeat
}

/** Tells the master how this edge is, over each link that knows of it. Nothing is stored and nothing else wakes: what is missed is said again. */
export class Heartbeats implements Disposable {
  readonly #options: HeartbeatsOptions
  #session: LinkSession | null = null
  #timer: Disposable | null = null
  #dueAt: MonoMs | null = null

  constructor(options: HeartbeatsOptions) {
    this.#options = options
  }

  linked(session: LinkSession): void {
    this[Symbol.dispose]()
    if (session.peer.version < FLEET_SINCE_VERSION) return
    this.#session = session
    void session.closed.then(() => {
      if (this.#session === session) this[Symbol.dispose]()
    })
    this.#beat()
  }

  /**
   * A ping has been answered just now: what is about due goes out with that answer, in one packet of the line and one turn of a master of thousands. Each second
   * ping takes one along.
   */
  pinged(): void {
    if (this.#dueAt !== null && this.#options.clock.mono() >= this.#dueAt - ASIDE_MS_MAX) this.#beat()
  }

  #beat(): void {
    const { clock } = this.#options
    this.#tell()
    this.#timer?.[Symbol.dispose]()
    this.#dueAt = after(clock.mono(), HEARTBEAT_EVERY_MS)
    this.#timer = clock.at(after(this.#dueAt, ASIDE_MS_MAX), () => this.#beat())
  }

  /** A figure that cannot be read must not end what drives devices; this beat is missing then. */
  #tell(): void {
    try {
      this.#session?.sendEvent('fleet.heartbeat', this.#options.now())
    } catch {
      // Said again in two seconds.
    }
  }

  /** Until the next link. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#dueAt = null
    this.#session = null
  }
}
