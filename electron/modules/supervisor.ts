import { isDeepStrictEqual } from 'node:util'
import { MODULE_START_BATCH, MODULE_START_PAUSE_MS, MODULE_STOP_MS, PERMIT_RENEW_MS } from '../../shared/model/defaults'
import type { ModuleDocument } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { DebugLine, ModuleMethod, ModuleView } from '../../shared/model/modules'
import { after } from '../../shared/model/time'
import type { Clock, Logger, Random } from '../platform/ports'
import type { Json } from './contract'
import { HostEvents } from './host-events'
import { HostPool, type PoolOptions } from './host-pool'
import { ModuleBook, type ModuleRecord, type ViewListener } from './module-book'
import { ModuleCalls } from './module-calls'
import { ModuleWatchers } from './module-watchers'
import { Placement } from './placement'
import { RequestAnswers } from './request-answers'
import type { HostWait, ModuleRuntime, Permit } from './runtime'

/** After so long a module that starts is asked for again. */
const STARTING_RETRY_MS = 500

export interface SupervisorOptions extends PoolOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly modulesPerHost: number
  /** Puts values in place of references to secrets. Default: none. */
  readonly resolve?: (document: ModuleDocument) => ModuleDocument
}

/** Runs one set of modules in host processes. Decisions about hosts are `Placement`'s; this carries them out. */
export class Supervisor implements ModuleRuntime {
  readonly #options: SupervisorOptions
  readonly #permit: () => Permit | null
  readonly #placement: Placement
  readonly #pool: HostPool
  readonly #book: ModuleBook
  readonly #calls: ModuleCalls
  readonly #answers: RequestAnswers
  readonly #watchers: ModuleWatchers
  readonly #events: HostEvents
  /** One change of the set at a time. */
  #turn: Promise<unknown> = Promise.resolve()
  #isStarted = false
  #stops = 0
  /** Aborted by the stop that ends the present start. */
  #wanted = new AbortController()
  #renewal: Disposable | null = null
  #waiting: HostWait | null = null
  readonly #waitListeners = new Set<() => void>()

  constructor(options: SupervisorOptions, permit: () => Permit | null) {
    this.#options = options
    this.#permit = () => (this.#isStarted ? permit() : null)
    const { clock, logger, random } = options
    this.#placement = new Placement(options.modulesPerHost)
    this.#answers = new RequestAnswers(clock)
    this.#book = new ModuleBook(clock, (id) => {
      const host = this.#placement.hostOf(id)
      return host === null ? null : this.#pool.sign(host)
    })
    this.#calls = new ModuleCalls(clock, (host, message) => this.#pool.send(host, message))
    this.#watchers = new ModuleWatchers(this.#book, clock, (host, message) => this.#pool.send(host, message))
    this.#events = new HostEvents({
      clock,
      logger,
      random,
      placement: this.#placement,
      book: this.#book,
      calls: this.#calls,
      watchers: this.#watchers,
      resolve: options.resolve ?? ((document) => document),
      send: (host, message) => this.#pool.send(host, message),
      kill: (host) => this.#pool.kill(host),
      startAgain: (ids, isTogether) => this.#startAgain(ids, isTogether),
      execute: (id, method, args, requestId, epoch) => this.#execute(id, method, args, { requestId, epoch }),
    })
    this.#pool = new HostPool(options, this.#permit, this.#events)
  }

  /** Of the hosts that live now. */
  hostPids(): readonly number[] {
    return this.#pool.pids()
  }

  /** Null: there is no spare. */
  get sparePid(): number | null {
    return this.#pool.sparePid
  }

  keepSpare(isWanted: boolean): void {
    this.#pool.keepSpare(isWanted)
    if (isWanted) this.#renewal ??= this.#armRenewal()
  }

  spareReady(): Promise<void> {
    return this.#pool.spareReady()
  }

  start(modules: readonly ModuleDocument[]): Promise<void> {
    const stopsBefore = this.#stops
    return this.#inTurn(async () => {
      // A stop that was asked for after this start wins, whichever has its turn first.
      if (this.#stops === stopsBefore) {
        this.#isStarted = true
        this.#wanted = new AbortController()
      }
      await this.#bringInLine(modules)
      // Taken by now, or not needed.
      this.#pool.keepSpare(false)
    })
  }

  update(modules: readonly ModuleDocument[]): Promise<void> {
    return this.#inTurn(() => this.#bringInLine(modules))
  }

  stop(): Promise<void> {
    // At once, also while a start is under way: it looks at this between its batches.
    this.#isStarted = false
    this.#stops += 1
    this.#wanted.abort()
    this.#pool.keepSpare(false)
    return this.#inTurn(() => this.#stopAll())
  }

  renewPermit(): void {
    this.#pool.renew()
  }

  closeGate(): Promise<void> {
    return this.#pool.closeGate()
  }

  views(): readonly ModuleView[] {
    return this.#book.views()
  }

  methods(moduleId: string): readonly ModuleMethod[] {
    const record = this.#book.get(moduleId)
    if (!record) throw new HoldfastError('not-found', `There is no module "${moduleId}".`)
    return this.#events.methodsOf(record)
  }

  onChange(listener: ViewListener): () => void {
    return this.#book.onChange(listener)
  }

  waiting(): HostWait | null {
    return this.#waiting
  }

  onWaiting(listener: () => void): () => void {
    this.#waitListeners.add(listener)
    return () => void this.#waitListeners.delete(listener)
  }

  execute(
    moduleId: string,
    method: string,
    args: Record<string, unknown>,
    options: { requestId: string; timeoutMs?: number },
  ): Promise<unknown> {
    const plain = args as Record<string, Json>
    return this.#execute(moduleId, method, plain, { ...options, epoch: null })
  }

  debug(moduleId: string, listener: (lines: readonly DebugLine[], dropped: number) => void): () => void {
    return this.#watchers.debug(moduleId, listener, () => this.#placement.hostOf(moduleId))
  }

  seed(views: readonly ModuleView[]): void {
    this.#book.seed(views)
  }

  devices(): { started: boolean; connected: number; total: number } {
    const devices = this.#book.all().filter(({ document }) => document.role === 'device' && document.enabled)
    const connected = devices.filter(({ connected, state }) => connected && state === 'running').length
    return { started: this.#isStarted, connected, total: devices.length }
  }

  startModules(ids: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const id of ids) {
        this.#book.change(id, { isHeld: false, retry: null, retryAt: null })
        // Asked for by a person: neither a delay nor an earlier failure keeps it.
        if (this.#placement.hostOf(id) === null) this.#book.change(id, { state: 'stopped' })
      }
      await this.#startMissing()
    })
  }

  stopModules(ids: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const id of ids) this.#book.change(id, { isHeld: true })
      await this.#stopSome(ids)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.#book.close()
    this.#watchers.close()
    this.#waitListeners.clear()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work, work)
    this.#turn = done.catch(() => {})
    return done
  }

  async #bringInLine(modules: readonly ModuleDocument[]): Promise<void> {
    const wanted = new Map(modules.map((document) => [document.id, document]))
    const gone = this.#book.all().filter(({ document }) => !wanted.has(document.id))
    const changed = this.#book.all().filter(({ document }) => {
      const now = wanted.get(document.id)
      return now !== undefined && isOtherwise(document, now)
    })
    const touched = [...gone, ...changed].map(({ document }) => document.id)
    await this.#stopSome(touched)
    for (const id of touched) this.#placement.forget(id)
    for (const { document } of gone) this.#book.remove(document.id)
    for (const document of modules) this.#book.put(document)
    await this.#startMissing()
  }

  /** Devices before logic, 200 at a time. */
  async #startMissing(): Promise<void> {
    if (!this.#isStarted) return
    const rank = ({ document }: ModuleRecord) => (document.role === 'device' ? 0 : 1)
    const missing = this.#book
      .all()
      .filter(
        (record) =>
          isWanted(record) && record.state === 'stopped' && this.#placement.hostOf(record.document.id) === null,
      )
      .sort((a, b) => rank(a) - rank(b))
    for (let first = 0; first < missing.length; first += MODULE_START_BATCH) {
      if (first > 0) await this.#pause(MODULE_START_PAUSE_MS)
      if (!this.#isStarted) return
      await this.#launchInRoom(missing.slice(first, first + MODULE_START_BATCH), missing.slice(first))
    }
  }

  /** The first host of a set waits for its place among those of other sets, and with it `left`: what is still to start. */
  async #launchInRoom(records: readonly ModuleRecord[], left: readonly ModuleRecord[]): Promise<void> {
    if (this.#pool.size > 0 || this.#pool.sparePid !== null) return this.#launch(records)
    let isLaunched = false
    const launch = () => {
      isLaunched = true
      this.#launch(records)
    }
    const launched = this.#options.starts.inRoom(launch, this.#wanted.signal, (wait) => this.#waits(wait))
    // Nobody has stopped them.
    if (!isLaunched) for (const { document } of left) this.#book.change(document.id, { state: 'starting' })
    try {
      await launched
    } finally {
      // Those of later batches, or all where the wait was given up: whoever has no host does not start.
      for (const { document, state } of left)
        if (state === 'starting' && this.#placement.hostOf(document.id) === null)
          this.#book.change(document.id, { state: 'stopped' })
    }
  }

  #waits(wait: HostWait | null): void {
    this.#waiting = wait
    for (const listener of this.#waitListeners) listener()
  }

  #launch(records: readonly ModuleRecord[]): void {
    const modules = records.map(({ document }) => ({ id: document.id, isolated: document.isolated }))
    const now = this.#options.clock.mono()
    for (const group of this.#placement.assign(modules, now)) this.#tell(group.host, group.ids)
  }

  #tell(host: number, ids: readonly string[]): void {
    if (!this.#pool.has(host)) this.#pool.fork(host)
    for (const id of ids) this.#events.start(host, id)
    this.#renewal ??= this.#armRenewal()
  }

  #startAgain(ids: readonly string[], isTogether: boolean): void {
    if (!this.#isStarted) return
    const records = ids.flatMap((id) => this.#book.get(id) ?? []).filter(isWanted)
    const left = records.filter(({ document }) => this.#placement.hostOf(document.id) === null)
    if (left.length === 0) return
    if (!isTogether) return this.#launch(left)
    const alone = left.filter(({ document }) => document.isolated)
    const shared = left.filter(({ document }) => !document.isolated).map(({ document }) => document.id)
    this.#launch(alone)
    if (shared.length === 0) return
    const group = this.#placement.assignTogether(shared, this.#options.clock.mono())
    this.#tell(group.host, group.ids)
  }

  #armRenewal(): Disposable {
    const { clock } = this.#options
    return clock.at(after(clock.mono(), PERMIT_RENEW_MS), () => {
      this.#renewal = null
      this.#pool.renew()
      this.#pool.look()
      if (!this.#pool.isIdle) this.#renewal = this.#armRenewal()
    })
  }

  async #stopSome(ids: readonly string[]): Promise<void> {
    const stopped = ids.flatMap((id) => this.#events.stop(id) ?? [])
    await Promise.race([Promise.all(stopped), this.#pause(MODULE_STOP_MS)])
    // Whoever does not stop in time loses its host; the neighbours come back.
    for (const id of ids) this.#events.settleStop(id)
  }

  /** Gate first; then logic before devices, the last started first; after 3,000 ms whoever is left is killed. */
  async #stopAll(): Promise<void> {
    const { clock } = this.#options
    const deadline = clock.at(after(clock.mono(), MODULE_STOP_MS), () => this.#pool.killAll())
    await this.#pool.closeGate()
    const rank = ({ document }: ModuleRecord) => (document.role === 'logic' ? 0 : 1)
    const running = this.#book
      .all()
      .toReversed()
      .sort((a, b) => rank(a) - rank(b))
    for (let first = 0; first < running.length && this.#pool.size > 0; first += MODULE_START_BATCH) {
      if (first > 0) await this.#pause(MODULE_START_PAUSE_MS)
      for (const { document } of running.slice(first, first + MODULE_START_BATCH)) void this.#events.stop(document.id)
    }
    this.#events.endAll()
    await this.#pool.allEnded()
    deadline[Symbol.dispose]()
    // A spare that was asked for meanwhile is looked after on.
    if (this.#pool.isIdle) {
      this.#renewal?.[Symbol.dispose]()
      this.#renewal = null
    }
    for (const { document } of running) {
      this.#placement.forget(document.id)
      this.#book.change(document.id, { state: 'stopped', connected: false, retry: null, retryAt: null, slot: 0 })
    }
  }

  async #execute(
    id: string,
    method: string,
    args: Record<string, Json>,
    options: { requestId: string; timeoutMs?: number; epoch: number | null },
  ): Promise<unknown> {
    const fingerprint = JSON.stringify([id, method, args])
    return this.#answers.once(options.requestId, fingerprint, () => {
      const record = this.#book.get(id)
      if (!record) throw new HoldfastError('not-found', `There is no module "${id}".`)
      const permit = this.#permit()
      if (permit === null) throw new HoldfastError('not-in-control', 'This side does not drive the devices now.')
      const epoch = options.epoch ?? permit.epoch
      if (epoch < permit.epoch)
        throw new HoldfastError('stale-epoch', `Asked under epoch ${epoch}; epoch ${permit.epoch} is in force.`)
      const host = this.#placement.hostOf(id)
      if (host === null || record.state !== 'running') throw notRunning(record, this.#options.clock.wall())
      const known = this.#events.methodsOf(record).find(({ name }) => name === method)
      const changesDevice = known?.changesDevice ?? true
      return this.#calls.run(host, { id, method, args, epoch, changesDevice, timeoutMs: options.timeoutMs })
    })
  }

  #pause(delayMs: number): Promise<void> {
    const { clock } = this.#options
    return new Promise((resolve) => clock.at(after(clock.mono(), delayMs), () => resolve()))
  }
}

const isWanted = ({ document, isHeld }: ModuleRecord) => document.enabled && !isHeld

/** True when a restart is needed: a new name is only a label. */
function isOtherwise(before: ModuleDocument, now: ModuleDocument): boolean {
  return !isDeepStrictEqual({ ...before, name: '' }, { ...now, name: '' })
}

/** What starts will soon run: whoever asks then may ask again. */
function notRunning({ document, state, fault, retryAt }: ModuleRecord, now: number): HoldfastError {
  if (state === 'starting')
    return new HoldfastError('busy', `${document.name} is starting.`, { retryAfterMs: STARTING_RETRY_MS })
  const more = fault === null ? {} : { hint: fault }
  const wait = retryAt === null ? {} : { retryAfterMs: Math.max(0, retryAt - now) }
  return new HoldfastError('unreachable', `${document.name} is ${state}.`, { ...more, ...wait })
}
