import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import { BATCH_BYTES, type SyncStatus } from '../../shared/wire/push'
import { MachineDriver } from '../core/driver/machine-driver'
import { step } from '../core/replication/push'
import {
  initialPush,
  kindOf,
  type KnownFeed,
  type PushInput,
  type PushOutput,
  type PushState,
  type Take,
} from '../core/replication/push-state'
import type { LinkSession } from '../link/link'
import type { Outbox, OutboxSlice } from '../outbox/outbox'
import type { Clock, Logger, Random } from '../platform/ports'
import { FreshMarks } from './push-fresh'
import { packed } from './push-payload'
import { PushRate } from './push-rate'

/** The first version of the link protocol that knows `receiveBatch`. */
const VERSION_MIN = 2
/** The link is full for a moment: not a reason to wait as long as after a failure. */
const BUSY_AGAIN_MS = 1_000
/** Each deletion waits for the disk once: under load it takes along what was acknowledged meanwhile. */
const DELETE_AFTER_MS = 60

export interface PushOptions {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  changed?(): void
  /** The master lost so many entries that it had acknowledged. */
  lostThere?(entries: number): void
}

type Output<T extends PushOutput['type']> = Extract<PushOutput, { type: T }>

/** Pushes the outbox of an edge to its master, whenever there is a link. */
export class Push {
  readonly #options: PushOptions
  readonly #driver: MachineDriver<PushState, PushInput, PushOutput>
  readonly #fresh: FreshMarks
  readonly #rate = new PushRate()
  readonly #unsubscribe: () => void
  readonly #slices = new Map<number, { slice: OutboxSlice; historical: boolean }>()
  /** Entries on their way, by batch. */
  readonly #flying = new Map<number, number>()
  /** Deletions follow each other; only the newest position of a feed is worth writing. */
  readonly #toDelete = new Map<string, Output<'acknowledge'> & { readonly by: string }>()
  #deleting: Promise<void> = Promise.resolve()
  #isDeleting = false
  #session: LinkSession | null = null
  /** Under which the link was made: an answer that comes when another has begun is still one of this one's master. */
  #enrolment = ''
  #lastAckAt: WallMs | null = null
  /** As asked for last: the machine may still be busy with something that came before. */
  #isPaused = false
  #failedAttempts = 0
  #lastError: SyncStatus['lastError'] = null
  #ended = false
  /** When the batch before is packed, or cannot be. */
  #packedBefore: Promise<unknown> = Promise.resolve()
  /** Ends the wait of the deletion that comes next. */
  #hurry = (): void => {}

  constructor(options: PushOptions) {
    this.#options = options
    const { clock, outbox } = options
    this.#fresh = new FreshMarks(outbox.feeds(), clock.mono())
    this.#driver = new MachineDriver(initialPush(clock.mono()), clock, {
      step: (state, input) => step(state, input, clock.mono()),
      perform: (output) => this.#perform(output),
      isPersist: () => false,
      wake: { type: 'wake' },
      timeGap: { type: 'wake' },
      storageFailed: () => this.#storageFailedInput(),
      failed: (output, error) => {
        this.#failed(failureOf(error), `The outbox could not ${output.type}`)
        this.#driver.input(this.#storageFailedInput())
      },
      broken: (input, error) => {
        options.logger.log('error', 'A fault in the push; it begins again', { input: input.type, error })
        if (input.type !== 'storageFailed') this.#driver.input(this.#storageFailedInput())
      },
      changed: () => options.changed?.(),
    })
    this.#unsubscribe = outbox.onAppended(() => this.#appended())
  }

  get state(): PushState {
    return this.#driver.state
  }

  /** A new link: what waits goes at once. The link's end is noticed by itself. */
  linkUp(session: LinkSession): void {
    if (session.peer.version < VERSION_MIN) {
      this.#options.logger.log('warn', 'The master is too old to take telemetry; it waits here', {
        version: session.peer.version,
      })
      return
    }
    this.#session = session
    this.#enrolment = this.#options.outbox.enrolment()
    this.#driver.input({ type: 'linkUp', session: session.id, feeds: this.#feeds() })
    void session.closed.then(() => this.linkDown(session))
  }

  linkDown(session: LinkSession): void {
    if (this.#session !== session) return
    this.#session = null
    this.#slices.clear()
    this.#flying.clear()
    this.#rate.clear()
    this.#driver.input({ type: 'linkDown' })
  }

  /** Serves `drainBuffer`. Throws `link-lost`. */
  drain(limit: number | null): { pendingEntries: number } {
    if (this.#session === null)
      throw new HoldfastError('link-lost', 'The master cannot be reached; what is buffered goes when it is back.')
    this.#driver.input({ type: 'drainAsked', limit })
    return { pendingEntries: this.#options.outbox.status().pendingEntries }
  }

  /** Another enrolment begins: what is in the outbox now raises no live alert at its master. */
  allIsHistorical(): void {
    this.#fresh.age(this.#options.outbox.feeds(), this.#options.clock.mono())
  }

  pause(paused: boolean): void {
    if (this.#isPaused === paused) return
    this.#isPaused = paused
    this.#driver.input({ type: paused ? 'paused' : 'resumed' })
  }

  /** Serves `getSyncStatus`. */
  status(): SyncStatus {
    const { clock, outbox } = this.#options
    const stored = outbox.status()
    const kind = kindOf(this.#driver.state)
    const isMoving = kind === 'draining' || kind === 'sending'
    const ratePerS = isMoving ? this.#rate.perS(clock.mono()) : 0
    return {
      state: this.#stateInWords(stored.pendingEntries),
      pendingEntries: stored.pendingEntries,
      pendingBytes: stored.pendingBytes,
      oldestAt: stored.oldestAt,
      lastAckAt: this.#lastAckAt,
      ratePerS: Math.round(ratePerS * 10) / 10,
      etaS: etaOf(stored.pendingEntries, ratePerS),
      dropped: Object.values(stored.dropped).reduce((sum, { entries }) => sum + entries, 0),
      losses: [...stored.losses],
      deadLetters: stored.deadLetters,
      failedAttempts: this.#failedAttempts,
      lastError: this.#lastError,
    }
  }

  #stateInWords(pendingEntries: number): SyncStatus['state'] {
    switch (kindOf(this.#driver.state)) {
      case 'down':
        return 'buffering (master unreachable)'
      case 'paused':
        return 'paused'
      case 'draining':
        return 'catching up'
      case 'waiting':
      case 'sending':
        // What waits for its interval is no backlog; what waits because the master refuses is.
        return this.#failedAttempts > 0 && pendingEntries > 0 ? 'catching up' : 'up to date'
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#hurry()
    this.#unsubscribe()
    await this.#driver.end()
    await this.#deleting
  }

  #feeds(): KnownFeed[] {
    return this.#options.outbox.feeds().map(({ feedId, lane, isCurrent, head, throughSeq, isKnownThere }) => {
      return { feedId, lane, isCurrent, head, throughSeq, isKnownThere }
    })
  }

  #appended(): void {
    const feeds = this.#options.outbox.feeds()
    this.#fresh.mark(feeds, this.#options.clock.mono())
    if (this.#session !== null) this.#driver.input({ type: 'appended', feeds: this.#feeds() })
  }

  #perform(output: PushOutput): void | Promise<void> {
    switch (output.type) {
      case 'take':
        return this.#driver.input({ type: 'taken', take: output.take, slice: this.#take(output) })
      case 'send':
        return void this.#send(output)
      case 'reject':
        return this.#options.outbox.reject(output.feedId, output.rejected)
      case 'acknowledge':
        this.#toDelete.set(output.feedId, { ...output, by: this.#enrolment })
        if (!this.#isDeleting) this.#deleting = this.#delete()
        return
      case 'renew':
        return this.#renew(output.feedId)
      case 'reread':
        return this.#driver.input({ type: 'appended', feeds: this.#feeds() })
      case 'lostThere':
        this.#options.logger.log('error', 'The master no longer holds telemetry that it had acknowledged', {
          ...output,
        })
        return this.#options.lostThere?.(output.to - output.from + 1)
      case 'refused':
        this.#options.logger.log('debug', 'Refused an input of the push', { reason: output.reason })
    }
  }

  #take({ take, feedId, first, limit, maxEntries }: Take) {
    const { outbox, clock } = this.#options
    // Entries that have waited too long for a live alert travel apart from those that have not.
    const staleThrough = this.#fresh.staleThrough(feedId, clock.mono())
    const historical = first <= staleThrough
    const last = historical ? Math.min(limit, staleThrough) : limit
    const read = outbox.read(feedId, { from: { after: first - 1 }, limit: last, maxEntries, maxBytes: BATCH_BYTES })
    const slice = filled(outbox, feedId, first, last, read)
    if (slice === null) return null
    this.#slices.set(take, { slice, historical })
    const { firstSeq, lastSeq, entries } = slice
    return { firstSeq, lastSeq, entries: entries.length, firstEntrySeq: entries[0]?.seq ?? null }
  }

  /** Several are packed at once, and a small one is sooner done: they go in the order in which they were taken, alerts first. */
  #inTurn<Body>(packing: Promise<Body>): Promise<Body> {
    // What goes wrong with it is told in its turn.
    packing.catch(() => {})
    const inTurn = this.#packedBefore.then(() => packing)
    this.#packedBefore = inTurn.catch(() => {})
    return inTurn
  }

  async #send({ batch, take, lane }: Output<'send'>): Promise<void> {
    const session = this.#session
    const taken = this.#slices.get(take)
    this.#slices.delete(take)
    if (session === null || taken === undefined) return
    const { outbox, random, clock } = this.#options
    const { slice, historical } = taken
    this.#flying.set(batch, slice.entries.length)
    try {
      const feed = this.#driver.state.feeds.find(({ feedId }) => feedId === slice.feedId)
      const body = await this.#inTurn(packed(slice))
      const sum = (numbers: Iterable<number>) => [...numbers].reduce((all, number) => all + number, 0)
      const pending = sum(outbox.feeds().map(({ pendingEntries }) => pendingEntries))
      const answer = await session.request('receiveBatch', {
        ...body,
        batchId: random.id(),
        lane: feed?.lane ?? (lane === 'alert' ? 'alerts' : 'telemetry'),
        historical,
        pendingEntries: Math.max(0, pending - sum(this.#flying.values())),
        sentAt: clock.wall(),
      })
      if (this.#session !== session) return
      this.#flying.delete(batch)
      this.#rate.add(slice.entries.length, clock.mono())
      this.#lastAckAt = clock.wall()
      this.#failedAttempts = 0
      this.#driver.input({ type: 'answered', batch, answer })
    } catch (error) {
      if (this.#session !== session) return
      this.#flying.delete(batch)
      const failure = failureOf(error)
      if (failure.code !== 'too-large') this.#failed(failure, 'A batch was not taken')
      // Too much is waiting on the link itself: it says so for a moment only.
      const retryAfterMs = failure.retryAfterMs ?? (failure.code === 'busy' ? BUSY_AGAIN_MS : null)
      this.#driver.input({ type: 'failed', batch, code: failure.code, retryAfterMs, chance: random.fraction() })
    }
  }

  /**
   * One deletion at a time, several batches together while more are on their way. What a crash or a storage that refuses leaves undeleted is pushed again,
   * and changes nothing at the master.
   */
  async #delete(): Promise<void> {
    this.#isDeleting = true
    try {
      while (this.#toDelete.size > 0) {
        if (this.#flying.size > 0 && !this.#ended) await this.#moment()
        for (const [feedId, { throughSeq, ranges, by }] of this.#toDelete) {
          this.#toDelete.delete(feedId)
          await this.#options.outbox.acknowledge(feedId, { throughSeq, ranges, by })
        }
      }
    } catch (error) {
      this.#failed(failureOf(error), 'What was acknowledged could not be deleted')
      if (!this.#ended) this.#driver.input(this.#storageFailedInput())
    } finally {
      // In the same turn as the last look: what is acknowledged a turn later finds nobody at work, and begins anew.
      this.#isDeleting = false
    }
  }

  #moment(): Promise<void> {
    const { clock } = this.#options
    return new Promise((resolve) => {
      const timer = clock.at(after(clock.mono(), DELETE_AFTER_MS), () => resolve())
      this.#hurry = () => {
        timer[Symbol.dispose]()
        resolve()
      }
    })
  }

  #renew(feedId: string): void {
    const renewed = this.#options.outbox.renew(feedId)
    this.#options.logger.log('warn', 'The outbox was put back from an older copy: its feed continues under a new id', {
      feedId,
      renewed,
    })
    this.#driver.input({ type: 'appended', feeds: this.#feeds() })
  }

  #storageFailedInput(): PushInput {
    return { type: 'storageFailed', chance: this.#options.random.fraction() }
  }

  #failed(failure: Failure, message: string): void {
    const { logger, clock } = this.#options
    this.#failedAttempts++
    this.#lastError = { code: failure.code, message: failure.message, at: clock.wall() }
    logger.log(failure.code === 'link-lost' ? 'debug' : 'warn', message, {
      code: failure.code,
      reason: failure.message,
    })
  }
}

/** The slice from `first` on: what the outbox no longer tells of, because it is acknowledged, is told as a gap. */
function filled(
  outbox: Outbox,
  feedId: string,
  first: number,
  last: number,
  read: OutboxSlice | null,
): OutboxSlice | null {
  if (read !== null && read.firstSeq <= first) return read
  const to = read === null ? last : read.firstSeq - 1
  const gaps = outbox.gaps(feedId, first, to)
  if (gaps.length === 0) return read
  return {
    feedId,
    firstSeq: first,
    lastSeq: read?.lastSeq ?? to,
    entries: read?.entries ?? [],
    gaps: [...gaps, ...(read?.gaps ?? [])],
  }
}

function etaOf(pendingEntries: number, ratePerS: number): number | null {
  if (pendingEntries === 0) return 0
  return ratePerS > 0 ? Math.ceil(pendingEntries / ratePerS) : null
}
