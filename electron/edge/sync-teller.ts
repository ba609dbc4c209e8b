import { after, type MonoMs } from '../../shared/model/time'
import { SYNC_TOLD_SINCE_VERSION, type SyncStatus } from '../../shared/wire/push'
import type { LinkSession } from '../link/link'
import type { Clock } from '../platform/ports'

/** While the backlog moves the master is told this often at most. */
const MOVING_EVERY_MS = 1_000
/** What waits for its interval changes all the time, and is no news. */
const RESTING_EVERY_MS = 10_000

export interface SyncTellerOptions {
  readonly clock: Clock
  status(): SyncStatus
  /** For this controller's own console: what only time changes (the rate) has changed. */
  changed(): void
}

/** Tells the master how the pushing goes: a change of state at once, figures in their time, nothing when nothing has changed. */
export class SyncTeller implements Disposable {
  readonly #options: SyncTellerOptions
  #session: LinkSession | null = null
  #told: { readonly sign: string; readonly state: SyncStatus['state']; readonly dropped: number } | null = null
  #toldAt: MonoMs | null = null
  #timer: { readonly due: MonoMs; readonly timer: Disposable } | null = null
  #ended = false

  constructor(options: SyncTellerOptions) {
    this.#options = options
  }

  linked(session: LinkSession): void {
    this.#session = session.peer.version < SYNC_TOLD_SINCE_VERSION ? null : session
    this.#told = null
    this.#toldAt = null
    void session.closed.then(() => {
      if (this.#session === session) this.#session = null
    })
    this.changed()
  }

  /** Something of the status may have changed. */
  changed(): void {
    if (this.#ended) return
    const { clock } = this.#options
    const status = this.#options.status()
    const isNews = status.state !== this.#told?.state || status.dropped !== this.#told.dropped
    const everyMs = isNews || status.ratePerS > 0 ? MOVING_EVERY_MS : RESTING_EVERY_MS
    const due = this.#toldAt === null ? clock.mono() : after(this.#toldAt, everyMs)
    if (this.#timer !== null && this.#timer.due <= due) return
    this.#timer?.timer[Symbol.dispose]()
    this.#timer = { due, timer: clock.at(due, () => this.#tell()) }
  }

  #tell(): void {
    this.#timer = null
    const { clock } = this.#options
    const status = this.#options.status()
    const sign = JSON.stringify(status)
    this.#toldAt = clock.mono()
    if (sign === this.#told?.sign) return
    this.#told = { sign, state: status.state, dropped: status.dropped }
    this.#session?.sendEvent('sync.changed', status)
    this.#options.changed()
    // The rate falls by itself; when it has, that is told, too.
    if (status.ratePerS > 0) this.changed()
  }

  [Symbol.dispose](): void {
    this.#ended = true
    this.#timer?.timer[Symbol.dispose]()
    this.#timer = null
  }
}
