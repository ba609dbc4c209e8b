import { HoldfastError } from '../../shared/model/failures'
import type { Resource, ResourceKind } from '../../shared/model/inventory'
import { after, type MonoMs } from '../../shared/model/time'
import { changesOf } from '../core/replication/inventory'
import type { InventoryFeed } from '../inventory/inventory'
import type { Clock, Collector, Logger, Looked, Random } from '../platform/ports'

/** First looks are spread over this time, so that a start is not held up by all of them at once. */
const FIRST_SPREAD_MS = 2_000
/** Share of an interval added at random. */
const JITTER = 0.1
const PROBE_EVERY_MS = 10_000
/** Changes that are told come in bursts. */
const POKE_AFTER_MS = 500

export interface InventoryWatchOptions {
  readonly feed: InventoryFeed
  readonly collectors: readonly Collector[]
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly logger: Logger
  /** The feed has grown. */
  changed(head: number): void
}

/** Looks at this machine and this site at their times and writes what changed. One look of a kind at a time. */
export class InventoryWatch {
  readonly #options: InventoryWatchOptions
  readonly #looks: readonly KindWatch[]

  constructor(options: InventoryWatchOptions) {
    this.#options = options
    this.#looks = options.collectors.map((collector) => new KindWatch(collector, options))
  }

  start(): void {
    for (const look of this.#looks) look.start(this.#options.random.fraction() * FIRST_SPREAD_MS)
  }

  /** Something of this kind has changed, or all of it may have: look soon. */
  poke(kind: ResourceKind): void {
    for (const look of this.#looks) if (look.kind === kind) look.poke()
  }

  /** Looks at everything now; settles when all has been written. */
  async lookNow(): Promise<void> {
    await Promise.all(this.#looks.map((look) => look.now()))
  }

  /** Settles when no look runs any more. */
  async end(): Promise<void> {
    await Promise.all(this.#looks.map((look) => look.end()))
  }
}

class KindWatch {
  readonly #collector: Collector
  readonly #options: InventoryWatchOptions
  #timer: Disposable | null = null
  #probeTimer: Disposable | null = null
  #dueAt: MonoMs | null = null
  #running: Promise<void> | null = null
  #again = false
  #probing: Promise<void> | null = null
  /** What the probe said when the last look began; null: nothing yet. */
  #probed: string | null = null
  #abort: AbortController | null = null
  #hasEnded = false
  /** So that a failure that stays is logged once. */
  #failure: string | null = null

  constructor(collector: Collector, options: InventoryWatchOptions) {
    this.#collector = collector
    this.#options = options
  }

  get kind(): ResourceKind {
    return this.#collector.kind
  }

  start(afterMs: number): void {
    this.#arm(afterMs)
    if (this.#collector.probe) this.#armProbe()
  }

  poke(): void {
    if (this.#running) this.#again = true
    else this.#arm(POKE_AFTER_MS)
  }

  async now(): Promise<void> {
    if (this.#running) this.#again = true
    else this.#begin()
    await this.#running
  }

  async end(): Promise<void> {
    this.#hasEnded = true
    this.#timer?.[Symbol.dispose]()
    this.#probeTimer?.[Symbol.dispose]()
    this.#abort?.abort()
    await this.#running
    await this.#probing
  }

  /** Moves the next look forward, never back. */
  #arm(afterMs: number): void {
    const { clock } = this.#options
    const at = after(clock.mono(), afterMs)
    if (this.#hasEnded || (this.#dueAt !== null && this.#dueAt <= at)) return
    this.#timer?.[Symbol.dispose]()
    this.#dueAt = at
    this.#timer = clock.at(at, () => this.#begin())
  }

  #begin(): void {
    if (this.#hasEnded || this.#running) return
    this.#timer?.[Symbol.dispose]()
    this.#dueAt = null
    this.#again = false
    this.#running = this.#look().finally(() => {
      this.#running = null
      const { everyMs } = this.#collector
      this.#arm(this.#again ? POKE_AFTER_MS : everyMs * (1 + JITTER * this.#options.random.fraction()))
    })
  }

  async #look(): Promise<void> {
    const { clock } = this.#options
    if (this.#collector.probe) await this.#probe()
    const abort = new AbortController()
    this.#abort = abort
    const { promise: late, reject } = Promise.withResolvers<never>()
    using _limit = clock.at(after(clock.mono(), this.#collector.limitMs), () => {
      abort.abort()
      reject(new HoldfastError('timeout', `No answer within ${this.#collector.limitMs} ms`))
    })
    // What is thrown at once is a failure like any other.
    const collecting = Promise.resolve().then(() => this.#collector.collect(abort.signal))
    try {
      this.#take(await Promise.race([collecting, late]))
    } catch (error) {
      this.#take({ readings: [], unread: [{ idPrefix: '', reason: reasonOf(error) }] })
    }
    // A look that took too long is over when it has really ended.
    await collecting.catch(() => {})
  }

  #take({ readings, unread = [] }: Looked): void {
    if (this.#hasEnded) return
    const { feed, clock, logger, changed } = this.#options
    const at = clock.wall()
    try {
      const changes = changesOf(feed.rows(this.kind), { kind: this.kind, readings, unread }, at)
      const before = feed.head
      const head = feed.write(changes, at)
      const failed = unread.filter(({ isAbsent }) => isAbsent !== true)
      if (failed.length === 0) feed.confirm(this.kind, at)
      this.#noteFailure(failed[0]?.reason ?? null)
      if (head > before) changed(head)
    } catch (error) {
      // The next look compares with what is stored: nothing is lost but time.
      logger.log('error', 'The inventory cannot be written', { kind: this.kind, reason: reasonOf(error) })
    }
  }

  #noteFailure(reason: string | null): void {
    const { logger } = this.#options
    if (reason !== null && this.#failure === null)
      logger.log('warn', 'A part of the inventory cannot be read', { kind: this.kind, reason })
    if (reason === null && this.#failure !== null)
      logger.log('info', 'The inventory can be read again', { kind: this.kind })
    this.#failure = reason
  }

  #armProbe(): void {
    const { clock } = this.#options
    this.#probeTimer = clock.at(after(clock.mono(), PROBE_EVERY_MS), () => {
      const before = this.#probed
      this.#probing = this.#probe().then(() => {
        this.#probing = null
        if (this.#hasEnded) return
        if (before !== null && this.#probed !== before) this.poke()
        this.#armProbe()
      })
    })
  }

  async #probe(): Promise<void> {
    try {
      this.#probed = (await this.#collector.probe?.()) ?? null
    } catch {
      // The look itself will say what is wrong.
    }
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500)

/** Rows as the edge itself shows them: what has not changed is as new as its kind was last read. */
export function ownRows(feed: InventoryFeed, kind?: ResourceKind): Resource[] {
  const confirmed = feed.confirmed()
  return feed
    .rows(kind)
    .map((row) => (row.state === 'unknown' ? row : { ...row, asOf: Math.max(row.asOf, confirmed[row.kind] ?? 0) }))
}
