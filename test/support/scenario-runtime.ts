import type { HostWait, ModuleRuntime, ModuleRuntimes, Permit } from '../../electron/modules/runtime'
import type { ModuleDocument } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { DebugLine, ModuleMethod, ModuleView } from '../../shared/model/modules'
import { after } from '../../shared/model/time'
import type { Clock } from '../../electron/platform/ports'

const RENEW_MS = 1_000
const TELL_MS = 100

/** How the runtimes of one process behave; a test changes it while the scenario runs. */
export interface RuntimeFaults {
  connectMs: number
  stopMs: number
  /** So many starts, stops or endings of predecessors are rejected first. */
  failStarts: number
  failStops: number
  failPredecessors: number
  /** Devices do not answer. */
  devicesAway: boolean
}

/** Module runtimes that keep the contract of the port in the time of a scenario: no process, no device, the same gate. */
export class ScenarioRuntimes implements ModuleRuntimes {
  readonly faults: RuntimeFaults = {
    connectMs: 50,
    stopMs: 100,
    failStarts: 0,
    failStops: 0,
    failPredecessors: 0,
    devicesAway: false,
  }
  readonly made = new Map<string, ScenarioRuntime>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  create(name: string, permit: () => Permit | null): ScenarioRuntime {
    const runtime = new ScenarioRuntime(this.#clock, permit, this.faults)
    this.made.set(name, runtime)
    return runtime
  }

  endPredecessors(): Promise<{ ended: number }> {
    if (this.faults.failPredecessors > 0) {
      this.faults.failPredecessors--
      return Promise.reject(new HoldfastError('internal', 'A host of an earlier run does not end.'))
    }
    return Promise.resolve({ ended: 0 })
  }

  /** The controller is gone: its hosts end themselves. */
  die(): void {
    for (const runtime of this.made.values()) runtime.die()
  }
}

interface Running {
  document: ModuleDocument
  isHeld: boolean
  state: ModuleView['state']
  connected: boolean
  status: Record<string, string | number>
  since: number
}

export class ScenarioRuntime implements ModuleRuntime {
  readonly #clock: Clock
  readonly #permit: () => Permit | null
  readonly #faults: RuntimeFaults
  readonly #modules = new Map<string, Running>()
  readonly #listeners = new Set<(changed: readonly ModuleView[], removed: readonly string[]) => void>()
  readonly #debuggers = new Map<string, Set<(lines: readonly DebugLine[], dropped: number) => void>>()
  readonly #answers = new Map<string, Promise<unknown>>()
  readonly #changed = new Set<string>()
  readonly #removed = new Set<string>()
  #seeds = new Map<string, ModuleView>()
  readonly #waits = new Set<Disposable>()
  #telling = false
  #isStarted = false
  #isDead = false
  #held: { readonly epoch: number; readonly until: number } | null = null
  #renewal: Disposable | null = null
  /** What was carried out, for a test to look at. */
  readonly calls: { readonly moduleId: string; readonly method: string; readonly epoch: number }[] = []
  starts = 0
  stops = 0
  hasSpare = false
  #waiting: HostWait | null = null
  readonly #waitListeners = new Set<() => void>()
  onStop: () => void = () => {}

  constructor(clock: Clock, permit: () => Permit | null, faults: RuntimeFaults) {
    this.#clock = clock
    this.#permit = permit
    this.#faults = faults
  }

  /** The epoch under which a host may write to its device now; null: it may not. */
  get openAt(): number | null {
    if (this.#isDead || this.#held === null || this.#clock.mono() >= this.#held.until) return null
    return [...this.#modules.values()].some(({ state }) => state === 'running') ? this.#held.epoch : null
  }
  get debugged(): readonly string[] {
    return [...this.#debuggers.keys()]
  }

  async start(modules: readonly ModuleDocument[]): Promise<void> {
    if (this.#faults.failStarts > 0) {
      this.#faults.failStarts--
      throw new HoldfastError('internal', 'No process can be started.')
    }
    this.#isStarted = true
    this.starts++
    await this.update(modules)
    this.hasSpare = false
  }

  update(modules: readonly ModuleDocument[]): Promise<void> {
    const wanted = new Set(modules.map(({ id }) => id))
    for (const id of this.#modules.keys())
      if (!wanted.has(id)) {
        this.#modules.delete(id)
        this.#removed.add(id)
      }
    for (const document of modules) {
      const known = this.#modules.get(document.id)
      const status = known?.status ?? { ...(this.#seeds.get(document.id)?.status as Record<string, string>) }
      if (known && JSON.stringify(known.document) === JSON.stringify(document)) continue
      const since = this.#clock.wall()
      this.#modules.set(document.id, {
        document,
        isHeld: false,
        state: 'stopped',
        connected: false,
        status,
        since,
      })
    }
    if (this.#isStarted) for (const one of this.#modules.values()) this.#launch(one)
    this.renewPermit()
    this.#touch(...wanted)
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#isStarted = false
    this.stops++
    this.onStop()
    this.hasSpare = false
    this.#held = null
    if (this.#faults.failStops > 0) {
      this.#faults.failStops--
      throw new HoldfastError('internal', 'A host cannot be reached.')
    }
    if ([...this.#modules.values()].some(({ state }) => state !== 'stopped')) await this.#pause(this.#faults.stopMs)
    for (const one of this.#modules.values()) this.#set(one, 'stopped', false)
    this.#renewal?.[Symbol.dispose]()
    this.#renewal = null
    this.#touch(...this.#modules.keys())
  }

  renewPermit(): void {
    const permit = this.#isStarted ? this.#permit() : null
    this.#held = permit === null ? null : { epoch: permit.epoch, until: this.#clock.mono() + permit.validForMs }
    this.#renewal?.[Symbol.dispose]()
    this.#renewal = this.#isStarted
      ? this.#clock.at(after(this.#clock.mono(), RENEW_MS), () => this.renewPermit())
      : null
  }

  closeGate(): Promise<void> {
    this.#held = null
    return Promise.resolve()
  }

  keepSpare(isWanted: boolean): void {
    this.hasSpare = isWanted && !this.#isDead
  }

  spareReady(): Promise<void> {
    return Promise.resolve()
  }

  waiting(): HostWait | null {
    return this.#waiting
  }

  onWaiting(listener: () => void): () => void {
    this.#waitListeners.add(listener)
    return () => void this.#waitListeners.delete(listener)
  }

  /** The machine has no room for its host, or has it again. */
  waits(wait: HostWait | null): void {
    this.#waiting = wait
    for (const listener of this.#waitListeners) listener()
  }

  views(): readonly ModuleView[] {
    return [...this.#modules.values()].map((one) => this.#view(one))
  }

  methods(): readonly ModuleMethod[] {
    return [{ name: 'route', title: 'Route', changesDevice: true, params: {} }]
  }

  onChange(listener: (changed: readonly ModuleView[], removed: readonly string[]) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  execute(
    moduleId: string,
    method: string,
    args: Record<string, unknown>,
    { requestId }: { requestId: string },
  ): Promise<unknown> {
    const known = this.#answers.get(requestId)
    if (known) return known
    const answer = this.#execute(moduleId, method, args)
    this.#answers.set(requestId, answer)
    answer.catch(() => this.#answers.delete(requestId))
    return answer
  }

  async #execute(moduleId: string, method: string, args: Record<string, unknown>): Promise<unknown> {
    const one = this.#modules.get(moduleId)
    if (!one) throw new HoldfastError('not-found', `There is no module "${moduleId}".`)
    const epoch = this.openAt
    if (epoch === null) throw new HoldfastError('not-in-control', 'The gate is closed.')
    this.calls.push({ moduleId, method, epoch })
    one.status = { ...one.status, ...(args as Record<string, string>) }
    this.#touch(moduleId)
    return { done: this.calls.length }
  }

  debug(moduleId: string, listener: (lines: readonly DebugLine[], dropped: number) => void): () => void {
    const listeners = this.#debuggers.get(moduleId) ?? new Set()
    this.#debuggers.set(moduleId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#debuggers.delete(moduleId)
    }
  }

  /** A line of a driver. */
  say(moduleId: string, text: string): void {
    const line: DebugLine = { at: this.#clock.wall(), moduleId, level: 'debug', text }
    for (const listener of this.#debuggers.get(moduleId) ?? []) listener([line], 0)
  }

  seed(views: readonly ModuleView[]): void {
    this.#seeds = new Map(views.map((view) => [view.id, view]))
    for (const view of views) {
      const one = this.#modules.get(view.id)
      if (one) one.status = { ...(view.status as Record<string, string>), ...one.status }
    }
  }

  devices(): { started: boolean; connected: number; total: number } {
    const devices = [...this.#modules.values()].filter(({ document }) => document.role === 'device')
    return {
      started: this.#isStarted,
      connected: devices.filter(({ connected }) => connected).length,
      total: devices.length,
    }
  }

  startModules(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#hold(id, false)
    return Promise.resolve()
  }

  stopModules(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#hold(id, true)
    return Promise.resolve()
  }

  die(): void {
    this.#isDead = true
    this.#held = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.#listeners.clear()
    this.#debuggers.clear()
    for (const wait of this.#waits) wait[Symbol.dispose]()
  }

  #after(ms: number, call: () => void): void {
    const wait = this.#clock.at(after(this.#clock.mono(), ms), () => {
      this.#waits.delete(wait)
      call()
    })
    this.#waits.add(wait)
  }

  #hold(id: string, isHeld: boolean): void {
    const one = this.#modules.get(id)
    if (!one) return
    one.isHeld = isHeld
    if (isHeld) this.#set(one, 'stopped', false)
    else this.#launch(one)
    this.#touch(id)
  }

  #launch(one: Running): void {
    if (one.state === 'running' || one.isHeld) return
    this.#set(one, 'running', false)
    this.#after(this.#faults.connectMs, () => {
      if (one.state !== 'running' || this.#modules.get(one.document.id) !== one) return
      this.#set(one, 'running', !this.#faults.devicesAway)
      this.#touch(one.document.id)
    })
  }

  #set(one: Running, state: Running['state'], connected: boolean): void {
    if (one.state !== state || one.connected !== connected) one.since = this.#clock.wall()
    one.state = state
    one.connected = connected
  }

  #view({ document: { id, name, driver, role }, state, connected, since, status }: Running): ModuleView {
    const asOf = this.#clock.wall()
    return {
      ...{ id, name, driver, role, state, connected, since, asOf },
      ...{ status: { ...status }, fault: null, restarts: 0, retryAt: null },
    }
  }

  #touch(...ids: string[]): void {
    for (const id of ids) this.#changed.add(id)
    if (this.#telling) return
    this.#telling = true
    this.#after(TELL_MS, () => {
      this.#telling = false
      const changed = [...this.#changed].flatMap((id) => this.#modules.get(id) ?? []).map((one) => this.#view(one))
      const removed = [...this.#removed]
      this.#changed.clear()
      this.#removed.clear()
      for (const listener of this.#listeners) listener(changed, removed)
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.at(after(this.#clock.mono(), ms), () => resolve()))
  }
}
