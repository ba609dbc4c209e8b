import { GATE_CLOSE_MS } from '../../../shared/model/defaults'
import { failureOf } from '../../../shared/model/failures'
import { viewsHandedOver, type ModuleView } from '../../../shared/model/modules'
import { after } from '../../../shared/model/time'
import { within, type Timers } from './machine-driver'

/** Between two tries to start or to stop modules that could not be. */
const AGAIN_MS = 3_000

/** As much of a module runtime as control needs. */
export interface ControlledModules {
  views(): readonly ModuleView[]
  seed(views: readonly ModuleView[]): void
  closeGate(): Promise<void>
  stop(): Promise<void>
  keepSpare(isWanted: boolean): void
  spareReady(): Promise<void>
}

export interface DrivenModulesOptions {
  readonly clock: Timers
  readonly logger: { log(level: 'warn' | 'error', message: string, fields?: Record<string, unknown>): void }
  /** Null: there never were any. */
  modules(): ControlledModules | null
  /** Made where there never were any. */
  madeModules(): ControlledModules
  drives(): boolean
  /** Of the decision that made the record what it is. */
  decisionId(): string | null
  /** Settles when no host of a predecessor is left; asked before each start of modules. */
  predecessorsGone(): Promise<unknown>
  startModules(): Promise<void>
  /** What modules start with when no hand-over brought anything newer. */
  lastViews(): readonly ModuleView[]
}

/** The modules behind the gate: started and stopped as control says, again and again where that fails. */
export class DrivenModules {
  readonly #options: DrivenModulesOptions
  #seeds: { readonly decisionId: string; readonly views: readonly ModuleView[] } | null = null
  #again: Disposable | null = null
  #wantsSpare = false
  #ended = false

  constructor(options: DrivenModulesOptions) {
    this.#options = options
  }

  /** The views a hand-over brought; used only if it is the one that began what starts next. */
  handedOver(decisionId: string, statuses: unknown): void {
    this.#seeds = { decisionId, views: viewsHandedOver(statuses) }
  }

  start(): void {
    this.#start().catch((error: unknown) => {
      this.#options.logger.log('error', 'Modules could not be started', failureOf(error))
      this.#later(() => {
        if (this.#options.drives()) this.start()
      })
    })
  }

  async #start(): Promise<void> {
    const { modules, drives, decisionId, lastViews, startModules, predecessorsGone } = this.#options
    await predecessorsGone()
    const driven = modules()
    if (this.#ended || driven === null || !drives()) return
    const handedOver = this.#seeds?.decisionId === decisionId() ? (this.#seeds?.views ?? []) : []
    this.#seeds = null
    driven.seed(handedOver.length > 0 ? handedOver : lastViews())
    await startModules()
  }

  /** Control goes nowhere before every host has stopped or is dead, so this is tried until it is done. */
  stop(stopped: () => void): void {
    this.#again?.[Symbol.dispose]()
    const done = this.#options.modules()?.stop() ?? Promise.resolve()
    done.then(stopped, (error: unknown) => {
      this.#options.logger.log('error', 'Modules could not be stopped', failureOf(error))
      this.#later(() => this.stop(stopped))
    })
  }

  /** Bounded: a host that does not confirm in time has no permit for longer than 3,000 ms, and is killed when the modules stop. */
  async closeGate(): Promise<void> {
    const modules = this.#options.modules()
    if (modules !== null) await within(this.#options.clock, 2 * GATE_CLOSE_MS, modules.closeGate())
  }

  /**
   * Whether this side is likely to drive soon: then a host process stands ready, so that a switch does not wait for one to start. Called after every step.
   * A spare that is about to be used is left alone: the start of the modules takes it, or ends it.
   */
  keepSpare(isWanted: boolean): void {
    if (isWanted === this.#wantsSpare || this.#ended) return
    this.#wantsSpare = isWanted
    if (isWanted) void this.#spare()
    else if (!this.#options.drives()) this.#options.modules()?.keepSpare(false)
  }

  /** Null: it may not be made now, or not any more. */
  async #spare(): Promise<ControlledModules | null> {
    try {
      await this.#options.predecessorsGone()
      if (!this.#wantsSpare || this.#ended) return null
      const modules = this.#options.madeModules()
      modules.keepSpare(true)
      return modules
    } catch (error) {
      // Nothing depends on it: the start of the modules says what is wrong.
      this.#options.logger.log('warn', 'No spare module host', failureOf(error))
      return null
    }
  }

  /** With a spare asked for: resolves when it is ready, or there will be none, or after `ms`. */
  async spareReady(ms: number): Promise<void> {
    const ready = this.#spare().then((modules) => modules?.spareReady())
    await within(this.#options.clock, ms, ready)
  }

  end(): void {
    this.#ended = true
    this.#again?.[Symbol.dispose]()
  }

  #later(call: () => void): void {
    const { clock } = this.#options
    this.#again?.[Symbol.dispose]()
    if (!this.#ended) this.#again = clock.at(after(clock.mono(), AGAIN_MS), call)
  }
}
