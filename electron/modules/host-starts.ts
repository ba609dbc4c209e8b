import type { HostWaitCause } from '../../shared/model/modules'
import { after, type MonoMs } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'
import type { HostWait } from './runtime'

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
/** Between two lines of the log. */
const LOGGED_EVERY_MS = 60_000
/** A wait is told of when it has lasted so long: that one starts after another is no news. */
export const WAIT_TOLD_MS = 5_000
/** What the machine lacked within this time still is the cause: at its limit it lacks now this, now that. Not longer than a wait that is told. */
const CAUSE_KEPT_MS = 5_000

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
  readonly since: MonoMs
  /** What it was told that it waits for; null: nothing yet. */
  told: HostWaitCause | null
  launch(): void
  tell(wait: HostWait): void
  settle(failure?: unknown): void
}

type Lack = Exclude<HostWaitCause, 'turn'>
const lackWords: Readonly<Record<Lack, string>> = { memory: 'memory', load: 'processor time' }

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
  #loggedAt = -Infinity
  /** When the machine was last seen to lack it for one that waits. */
  readonly #lackedAt: Record<Lack, number> = { memory: -Infinity, load: -Infinity }

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

  /**
   * Calls `launch` when a host may be started, at once where one may. Settles when it was called, or will not be because of the signal; rejects with what it threw.
   * `waits` is told why it is not called yet once that has lasted, again when the cause is another one, and null when the wait that it was told of is over.
   */
  inRoom(launch: () => void, signal: AbortSignal, waits: (wait: HostWait | null) => void): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const one: Waiting = {
      ...{ launch, since: this.#options.clock.mono(), told: null, tell: waits },
      settle: (failure) => {
        if (one.told !== null) waits(null)
        if (failure === undefined) resolve()
        else reject(failure)
      },
    }
    this.#waiting.push(one)
    const giveUp = () => {
      const at = this.#waiting.indexOf(one)
      if (at === -1) return
      this.#waiting.splice(at, 1)
      one.settle()
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
      this.#tellWaiting()
      if (this.#waiting.length > 0) this.#arm()
    })
  }

  #startMore(lateMs: number): void {
    const lack = this.#lack(lateMs)
    if (lack !== null) return this.#lacks(lack)
    while (this.#starting < this.#options.most) if (!this.#startNext()) return
  }

  #lack(lateMs: number): Lack | null {
    const { memory, load } = this.#options
    // The first few wait for nothing but each other.
    if (this.#living < HOSTS_ALWAYS) return null
    if (memory() <= MEMORY_KEPT_BYTES) return 'memory'
    return lateMs > LATE_MS_MAX || load() > LOAD_MAX ? 'load' : null
  }

  #lacks(lack: Lack): void {
    const { clock, logger, memory } = this.#options
    const now = clock.mono()
    this.#lackedAt[lack] = now
    if (now - this.#loggedAt < LOGGED_EVERY_MS) return
    this.#loggedAt = now
    const fields = { waiting: this.#waiting.length, hosts: this.#living, freeMiB: Math.round(memory() / 2 ** 20) }
    const message = `This machine lacks ${lackWords[lack]} for further module hosts: what they would drive waits`
    logger.log('warn', message, fields)
  }

  /** Whoever waits, waits for the same: without it those before would start, and then it. */
  #tellWaiting(): void {
    const now = this.#options.clock.mono()
    const why = this.#why(now)
    for (const one of this.#waiting) {
      // Nor have those behind it waited for so long.
      if (now - one.since < WAIT_TOLD_MS) return
      if (one.told === why) continue
      one.told = why
      one.tell({ why, since: one.since })
    }
  }

  #why(now: MonoMs): HostWaitCause {
    const { memory, load } = this.#lackedAt
    if (now - memory < CAUSE_KEPT_MS) return 'memory'
    return now - load < CAUSE_KEPT_MS ? 'load' : 'turn'
  }
}
