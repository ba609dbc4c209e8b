import { after } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'

/** However little memory is left: so many hosts a machine that looks after its own site may need. */
export const HOSTS_ALWAYS = 8
/** Left to the controller itself, and to whatever else runs on its machine. */
export const MEMORY_KEPT_BYTES = 512 * 1024 * 1024
/** While any waits: how often it is looked whether there is room, and how late such a look may be for it. */
export const LOOK_EVERY_MS = 100
const LATE_MS_MAX = 50
/** Processes that want a core, for each core of the machine, over the last minute: more, and whoever is linked is no longer served in time. */
export const LOAD_MAX = 1.5
/** A host that is neither ready nor dead by then no longer counts as starting. */
const STARTING_MS_MAX = 10_000
const TOLD_EVERY_MS = 60_000

export interface HostStartsOptions {
  readonly clock: Pick<Clock, 'mono' | 'at'>
  readonly logger: Logger
  /** Hosts that may be starting at once. */
  readonly most: number
  /** Bytes that a process of this machine can still get. */
  memory(): number
  /** Processes that want a core, for each core; 0 where the system does not say. */
  load(): number
}

interface Waiting {
  launch(): void
  settle(failure?: unknown): void
}

/**
 * The starts of hosts of all sets of one controller. A master that loses thousands of edges at once is to drive them all: without an order thousands of processes would
 * start in the same second, take the processor and the memory from those that already drive, and keep the master so busy that the edges find no way back to it. So
 * they start a few at a time, and beyond the first only while the machine has time for more and this process its turn.
 */
export class HostStarts {
  readonly #options: HostStartsOptions
  /** In the order in which they came: one for each set at most. */
  readonly #waiting: Waiting[] = []
  #living = 0
  #starting = 0
  #look: Disposable | null = null
  #toldAt = -Infinity

  constructor(options: HostStartsOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** A host was started. `ready` settles when it can take modules or is dead, `ended` when it is dead. */
  note(ready: Promise<unknown>, ended: Promise<unknown>): void {
    const { clock } = this.#options
    this.#living++
    this.#starting++
    let isStarting = true
    const started = () => {
      if (!isStarting) return
      isStarting = false
      this.#starting--
      late[Symbol.dispose]()
      this.#startFirst()
    }
    const late = clock.at(after(clock.mono(), STARTING_MS_MAX), started)
    void ready.then(started)
    void ended.then(() => {
      this.#living--
      started()
      this.#startFirst()
    })
  }

  /** Calls `launch` when a host may be started, at once where one may. Settles when it was called, or will not be because of the signal; rejects with what it threw. */
  inRoom(launch: () => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const one: Waiting = { launch, settle: (failure) => (failure === undefined ? resolve() : reject(failure)) }
    this.#waiting.push(one)
    const giveUp = () => {
      const at = this.#waiting.indexOf(one)
      if (at !== -1) this.#waiting.splice(at, 1)
      resolve()
    }
    signal.addEventListener('abort', giveUp, { once: true })
    this.#startFirst()
    if (this.#waiting.length > 0) this.#arm()
    return promise
  }

  /** The first few are what a machine is there for: they wait for nothing but each other. */
  #startFirst(): void {
    while (this.#living < HOSTS_ALWAYS && this.#starting < this.#options.most) if (!this.#startNext()) return
  }

  /** False: none waits. */
  #startNext(): boolean {
    const next = this.#waiting.shift()
    if (next === undefined) return false
    try {
      next.launch()
      next.settle()
    } catch (failure) {
      next.settle(failure)
    }
    return true
  }

  #arm(): void {
    const { clock } = this.#options
    this.#look ??= clock.at(after(clock.mono(), LOOK_EVERY_MS), (lateMs) => {
      this.#look = null
      this.#startMore(lateMs)
      if (this.#waiting.length > 0) this.#arm()
    })
  }

  #startMore(lateMs: number): void {
    const { memory, load, most } = this.#options
    const isBusy = lateMs > LATE_MS_MAX || load() > LOAD_MAX
    const lacks = memory() <= MEMORY_KEPT_BYTES ? 'memory' : isBusy ? 'processor time' : null
    if (lacks !== null) return this.#tell(lacks)
    while (this.#starting < most) if (!this.#startNext()) return
  }

  #tell(lacks: string): void {
    const { clock, logger, memory } = this.#options
    const now = clock.mono()
    if (now - this.#toldAt < TOLD_EVERY_MS) return
    this.#toldAt = now
    const fields = { waiting: this.#waiting.length, hosts: this.#living, freeMiB: Math.round(memory() / 2 ** 20) }
    logger.log('warn', `This machine lacks ${lacks} for further module hosts: what they would drive waits`, fields)
  }
}
