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
  /** Alerts that hold now, by code. `said`: the feed and a number that the first word of it does not lie beyond; null: it is not on disk. */
  readonly #firing = new Map<string, { readonly body: object; said: { feedId: string; head: number } | null }>()
  /** Alerts that have ended, by code, and of which a master knows, until it is certain that their end has left. */
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
    if (this.#alertsFeed().pendingEntries === 0) this.#ended.clear()
    for (const [code, body] of this.#ended) void this.#appendAlert(code, body)
    for (const [code, { body }] of this.#firing) void this.#appendAlert(code, body)
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
    if (state === 'firing') {
      this.#ended.delete(code)
      return this.#raise(code, body)
    }
    const said = this.#firing.get(code)?.said
    this.#firing.delete(code)
    // Of what has not left yet nobody knows; what an earlier process raised has, as far as anybody can tell.
    const { feedId, throughSeq } = this.#alertsFeed()
    if (said === undefined || (said !== null && (said.feedId !== feedId || said.head <= throughSeq)))
      this.#ended.set(code, body)
    return this.#appendAlert(code, body)
  }

  async #raise(code: string, body: object): Promise<boolean> {
    const raised = { body, said: null as { feedId: string; head: number } | null }
    this.#firing.set(code, raised)
    const isStored = await this.#appendAlert(code, body)
    const { feedId, head } = this.#alertsFeed()
    if (isStored) raised.said = { feedId, head }
    return isStored
  }

  #alertsFeed() {
    return this.outbox.feeds().find(({ lane, isCurrent }) => lane === 'alerts' && isCurrent)!
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
