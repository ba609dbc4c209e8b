import type { SyncBrief } from '../../shared/console/data-views'
import { syncBriefOf } from '../../shared/console/describe'
import type { Decision } from '../../shared/model/control'
import { failureOf } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import type { OutboxEntry } from '../../shared/model/telemetry'
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
  readonly #teller: SyncTeller
  readonly #unsubscribe: () => void
  readonly #options: SiteTelemetryOptions
  /** What was told of each module, so that a change of a value alone is no event. */
  readonly #told = new Map<string, string>()

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
  }

  status(): SyncStatus {
    return this.push.status()
  }

  /** As it stands in the status of this controller. */
  brief(): SyncBrief {
    return syncBriefOf(this.push.status(), this.#options.clock.wall(), true)
  }

  /** A control decision is on disk before it counts: the control store has it; this is its way to the master's history. */
  decided(decision: Decision): void {
    this.#append(
      [{ category: 'events', at: this.#options.clock.wall(), body: { event: 'control.decision', ...decision } }],
      true,
    )
  }

  modulesChanged(changed: readonly ModuleView[]): void {
    const at = this.#options.clock.wall()
    const entries = changed.flatMap((view): OutboxEntry[] => {
      const { id, name, driver, state, connected, fault } = view
      const sign = `${state} ${connected}`
      if (this.#told.get(id) === sign) return []
      this.#told.set(id, sign)
      const event = connected ? 'module.connected' : `module.${state}`
      return [{ category: 'events', at, body: { event, module: id, name, driver, state, connected, fault } }]
    })
    if (entries.length > 0) this.#append(entries, false)
  }

  modulesRemoved(ids: readonly string[]): void {
    for (const id of ids) this.#told.delete(id)
  }

  alert(code: string, text: string, state: 'firing' | 'resolved', severity: 'warning' | 'critical'): void {
    this.#append(
      [{ category: 'alerts', at: this.#options.clock.wall(), body: { name: code, text, state, severity } }],
      true,
    )
  }

  /**
   * What the outbox holds was written under an enrolment that is over: it is pushed as historical, or given up, counted, if that is the operator's word. The
   * caller names the new enrolment when this has settled.
   */
  async enrolmentOver({ dropBacklog }: { dropBacklog: boolean }): Promise<void> {
    // None of it may leave under the new enrolment before it is decided about.
    const wasPaused = this.push.state.paused
    this.push.pause(true)
    try {
      await this.outbox.flush()
      if (dropBacklog) {
        const dropped = await this.outbox.dropPending({})
        this.#options.logger.log('warn', 'What was buffered under an earlier enrolment was given up', { dropped })
      }
      this.push.allIsHistorical()
    } finally {
      this.push.pause(wasPaused)
    }
  }

  async end(): Promise<void> {
    this.#unsubscribe()
    this.#teller[Symbol.dispose]()
    await this.push.end()
    await this.outbox.flush()
  }

  #append(entries: readonly OutboxEntry[], urgent: boolean): void {
    this.outbox
      .append(entries, { urgent })
      .catch((error: unknown) =>
        this.#options.logger.log('warn', 'The site could not tell of itself', { reason: failureOf(error).message }),
      )
  }
}
