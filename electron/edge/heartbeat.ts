import { HEARTBEAT_EVERY_MS } from '../../shared/model/fleet'
import { after } from '../../shared/model/time'
import { FLEET_SINCE_VERSION, type Heartbeat } from '../../shared/wire/fleet'
import type { LinkSession } from '../link/link'
import type { Clock } from '../platform/ports'

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

  #beat(): void {
    const { clock } = this.#options
    this.#tell()
    this.#timer = clock.at(after(clock.mono(), HEARTBEAT_EVERY_MS), () => this.#beat())
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
    this.#session = null
  }
}
