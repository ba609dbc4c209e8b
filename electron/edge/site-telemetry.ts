import type { SyncBrief } from '../../shared/console/data-views'
import { syncBriefOf } from '../../shared/console/describe'
import { failureOf } from '../../shared/model/failures'
import type { SyncStatus } from '../../shared/wire/push'
import type { LinkSession } from '../link/link'
import type { Outbox } from '../outbox/outbox'
import type { Clock, Logger, Random } from '../platform/ports'
import { Push } from './push'
import { SyncTeller } from './sync-teller'

export interface SiteTelemetryOptions {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  changed(): void
}

/** What the site itself has to tell, and the way of everything in the outbox to the master. */
export class SiteTelemetry {
  readonly outbox: Outbox
  readonly push: Push
  /** Alerts that hold now, by code. */
  readonly #firing = new Map<string, object>()
  /** Alerts that have ended, by code, until it is certain that their end has left. */
  readonly #ended = new Map<string, object>()
  readonly #teller: SyncTeller
  readonly #unsubscribe: () => void
  readonly #options: SiteTelemetryOptions
  readonly #lostThere = new Set<(detail: string) => void>()

  constructor(options: SiteTelemetryOptions) {
    this.#options = options
    this.outbox = options.outbox
    this.push = new Push({
      ...options,
      changed: () => {
        options.changed()
        // Called while the push is being made, too.
        ;(this.#teller as SyncTeller | undefined)?.changed()
      },
      lostThere: (entries) => {
        for (const listener of this.#lostThere) listener(`${entries} entries`)
      },
    })
    this.#teller = new SyncTeller({
      clock: options.clock,
      status: () => this.push.status(),
      changed: () => options.changed(),
    })
    this.#unsubscribe = this.outbox.onAppended(() => this.#teller.changed())
  }

  linked(session: LinkSession): void {
    this.push.linkUp(session)
    this.#teller.linked(session)
    // What was said while the link was away comes late. That raises nothing there, and ends nothing at a master that has started anew: what holds now, and
    // what does not, is said again.
    const isWaiting = this.outbox.feeds().some(({ lane, pendingEntries }) => lane === 'alerts' && pendingEntries > 0)
    if (!isWaiting) this.#ended.clear()
    for (const [code, body] of this.#ended) void this.#appendAlert(code, body)
    for (const [code, body] of this.#firing) void this.#appendAlert(code, body)
  }

  status(): SyncStatus {
    return this.push.status()
  }

  /** As it stands in the status of this controller. */
  brief(): SyncBrief {
    return syncBriefOf(this.push.status(), this.#options.clock.wall(), true)
  }

  /** Settles with whether it is on disk. */
  alert(code: string, text: string, state: 'firing' | 'resolved', severity: 'warning' | 'critical'): Promise<boolean> {
    const body = { name: code, text, state, severity }
    const [to, from] = state === 'firing' ? [this.#firing, this.#ended] : [this.#ended, this.#firing]
    from.delete(code)
    to.set(code, body)
    return this.#appendAlert(code, body)
  }

  /** The site is another one, or none: nothing of what held before is said again. */
  forgetAlerts(): void {
    this.#firing.clear()
    this.#ended.clear()
  }

  /** Something has happened that has no end of its own. */
  incident(code: string, text: string): void {
    void this.#appendAlert(code, { name: code, text, state: 'firing', severity: 'warning', isMomentary: true })
  }

  async #appendAlert(code: string, body: object): Promise<boolean> {
    const { clock, logger } = this.#options
    try {
      await this.outbox.append([{ category: 'alerts', at: clock.wall(), body }])
      return true
    } catch (error) {
      logger.log('warn', 'An alert of the site could not be stored', { code, reason: failureOf(error).message })
      return false
    }
  }

  /** The master no longer holds what it had acknowledged. */
  onLostThere(listener: (detail: string) => void): () => void {
    this.#lostThere.add(listener)
    return () => void this.#lostThere.delete(listener)
  }

  /**
   * What the outbox holds was written under an enrolment that is over: it is pushed as historical, or given up, counted, if that is the operator's word. The
   * caller names the new enrolment when this has settled.
   */
  async enrolmentOver({ dropBacklog }: { dropBacklog: boolean }): Promise<void> {
    // None of it may leave under the new enrolment before it is decided about.
    this.push.pause(true)
    let isDone = !dropBacklog
    try {
      await this.outbox.flush()
      if (dropBacklog) {
        const dropped = await this.outbox.dropPending({})
        this.#options.logger.log('warn', 'What was buffered under an earlier enrolment was given up', { dropped })
      }
      this.push.allIsHistorical()
      isDone = true
    } finally {
      // What is to be given up, and could not be, must not leave all the same.
      this.push.pause(!isDone)
    }
  }

  async end(): Promise<void> {
    this.#unsubscribe()
    this.#teller[Symbol.dispose]()
    await this.push.end()
    await this.outbox.flush()
  }
}
