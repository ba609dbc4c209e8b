import type { AlertIncident } from '../../shared/console/alert-views'
import type { ChannelView } from '../../shared/console/channel-operations'
import type { AlertWatch } from '../../shared/model/alerts'
import type { ChannelDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after, wallMs, type MonoMs } from '../../shared/model/time'
import { outlookOf, type Due, type Outlook, type Tellable, type Told } from '../core/notify/due'
import { freeAt, paceAfter, retryAfter, type PaceAt } from '../core/notify/pace'
import { quietUntil } from '../core/notify/quiet'
import type { AlertMessage, NotifyStore, Outgoing, SendAnswer, Senders } from '../notify/notify'
import type { Clock, Logger, Random } from '../platform/ports'
import { messageOf, testMessage } from './alert-message'

/** What could not be written is written again after so long: the message itself has been taken. */
const WRITE_AGAIN_MS = 5_000
const DEAD_TOLD_MAX = 20
/** Tests go out at once, past the limits of messages. */
const TESTS_A_MINUTE = 5
const MINUTE_MS = 60_000

export interface ChannelOptions {
  readonly store: NotifyStore
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction' | 'id'>
  readonly logger: Logger
  readonly senders: Senders
  /** Name and zone of this controller. */
  readonly controller: string
  readonly timeZone: string
  /** Null: there is no such secret here. */
  secret(name: string): string | null
  watchOf(ruleId: string): AlertWatch | null
  /** Something may be to tell that was not before: `look` is to be called. */
  lookSoon(): void
}

type Failed = Exclude<SendAnswer, { kind: 'taken' }>

/** Tells people of alerts by one channel, as `core/notify` decides it. A message is written before it is sent, and sent again until it is taken or given up. */
export class AlertChannel {
  readonly #options: ChannelOptions
  #document: ChannelDocument
  #told: Map<string, Told>
  #outgoing: Outgoing | null
  #pace: PaceAt
  #outlook: Outlook | null = null
  #running: Promise<void> | null = null
  #abort = new AbortController()
  /** When it was tested lately. */
  #tests: MonoMs[] = []
  #retryTimer: Disposable | null = null
  #retryAt: MonoMs | null = null
  #lastError: ChannelView['lastError'] = null
  #isRefused = false
  /** The other side has taken what is under way, and that is not written yet: it is not sent again by this process. */
  #isTaken = false
  #ended = false

  /** Takes up what an earlier process left. Throws `HoldfastError('storage')`. */
  constructor(document: ChannelDocument, options: ChannelOptions) {
    const { store } = options
    this.#document = document
    this.#options = options
    this.#told = new Map(store.told(document.id))
    this.#outgoing = store.outgoing(document.id)
    this.#pace = store.totals(document.id).pace
  }

  get document(): ChannelDocument {
    return this.#document
  }
  /** Whose end has not been told. */
  get toldIds(): Iterable<string> {
    return this.#told.keys()
  }

  /** Another address, or on again: what is under way is tried at once; switched off, an attempt under way ends. */
  follow(document: ChannelDocument): void {
    this.#document = document
    this.#stopWaiting()
    if (!document.enabled) {
      this.#abort.abort()
      this.#abort = new AbortController()
      this.#outlook = null
    }
    this.#isRefused = false
    this.#go()
    this.#options.lookSoon()
  }

  /** `alerts`: what is not over, and what was told. Gives when it wants to look again at the latest (epoch ms); null: when something changes. */
  look(alerts: ReadonlyMap<string, AlertIncident>): number | null {
    if (this.#ended || !this.#document.enabled) return null
    const { store, clock } = this.#options
    const { id, perHourMax, quiet } = this.#document
    const now = clock.wall()
    const tellable = [...alerts.values()].map(tellableOf)
    const outlook = outlookOf(tellable, this.#told, this.#document, {
      now,
      quietUntil: quiet === undefined ? null : quietUntil(quiet, quiet.timeZone ?? this.#options.timeZone, now),
      freeAt: freeAt(this.#pace, perHourMax, now),
    })
    this.#outlook = outlook
    if (outlook.dropped.length > 0) {
      store.forgetTold(id, outlook.dropped)
      for (const alert of outlook.dropped) this.#told.delete(alert)
    }
    if (this.#outgoing !== null) {
      this.#go()
      return null
    }
    if (outlook.due !== null) this.#queue(outlook.due, alerts, now)
    return this.#outgoing === null ? outlook.nextAt : null
  }

  /** Written as told before it is sent: a process that ends in between sends the same message under the same id. */
  #queue(due: Due, alerts: ReadonlyMap<string, AlertIncident>, now: number): void {
    const { store, random, watchOf } = this.#options
    const { id, perHourMax } = this.#document
    const message = messageOf(random.id(), due, alerts, watchOf, now)
    const told = new Map(
      [...due.fired, ...due.reminded].map((one) => [one, { severity: alerts.get(one)!.severity, at: now }]),
    )
    const pace = paceAfter(this.#pace, perHourMax, now)
    store.queue(id, message, told, due.resolved, pace)
    this.#pace = pace
    for (const [alert, as] of told) this.#told.set(alert, as)
    for (const alert of due.resolved) this.#told.delete(alert)
    this.#outgoing = { message, attempts: 0 }
    this.#outlook = null
    this.#go()
  }

  #go(): void {
    if (this.#outgoing === null || this.#running !== null || this.#retryTimer !== null || this.#ended) return
    if (!this.#document.enabled && !this.#isTaken) return
    this.#running = this.#attempt(this.#outgoing)
      .catch((error: unknown) => this.#writeLater(error))
      .finally(() => {
        this.#running = null
        this.#options.lookSoon()
      })
  }

  async #attempt(outgoing: Outgoing): Promise<void> {
    const signal = this.#abort.signal
    if (!this.#isTaken) {
      const answer = await this.#deliver(outgoing.message, signal)
      // Whether it was taken is not known: it goes again under the same id.
      if (answer.kind !== 'taken' && signal.aborted) return
      if (answer.kind !== 'taken') return this.#failed(outgoing, answer)
      this.#isTaken = true
    }
    this.#options.store.sent(this.#document.id, this.#options.clock.wall())
    this.#outgoing = null
    this.#succeeded()
  }

  #succeeded(): void {
    if (this.#lastError !== null)
      this.#options.logger.log('info', 'A channel takes messages again', { channel: this.#document.id })
    this.#isTaken = false
    this.#lastError = null
    this.#isRefused = false
  }

  async #deliver(message: AlertMessage, signal: AbortSignal): Promise<SendAnswer> {
    // Only what sends has the words of every language in memory.
    const { deliver } = await import('./alert-delivery')
    const { controller, timeZone, secret, senders, clock } = this.#options
    const words = { controller, timeZone, language: this.#document.language }
    return await deliver(message, this.#document, { words, secret, senders, now: () => clock.wall() }, signal)
  }

  #failed({ message, attempts: before }: Outgoing, answer: Failed): void {
    const { store, clock, random, logger } = this.#options
    const { id } = this.#document
    const { code, message: why } = answer
    const attempts = before + 1
    if (before === 0)
      logger.log('warn', 'A channel does not take a message', { channel: id, message: message.id, code, why })
    this.#lastError = { at: clock.wall(), code, message: why }
    this.#isRefused = answer.kind === 'refused'
    const delayMs = retryAfter(answer, attempts, random.fraction())
    if (delayMs !== null) {
      this.#outgoing = { message, attempts }
      // Waits even where this cannot be written: the count is of no more use than the pause is.
      this.#wait(delayMs)
      return store.failed(id, attempts)
    }
    const letter = {
      messageId: message.id,
      madeAt: message.madeAt,
      at: clock.wall(),
      alerts: message.count,
      code,
      message: why,
    }
    for (const alert of store.giveUp(id, letter)) this.#told.delete(alert)
    this.#outgoing = null
    logger.log('error', 'A message about alerts was given up', {
      channel: id,
      message: message.id,
      attempts,
      code,
      why,
    })
  }

  #writeLater(error: unknown): void {
    const { clock, logger } = this.#options
    const { code, message } = failureOf(error)
    logger.log('error', 'What a channel has done could not be written', {
      channel: this.#document.id,
      code,
      reason: message,
    })
    this.#lastError = { at: clock.wall(), code, message }
    if (this.#retryTimer === null) this.#wait(WRITE_AGAIN_MS)
  }

  #wait(delayMs: number): void {
    if (this.#ended) return
    const { clock } = this.#options
    this.#retryAt = after(clock.mono(), delayMs)
    this.#retryTimer = clock.at(this.#retryAt, () => {
      this.#stopWaiting()
      this.#go()
    })
  }

  #stopWaiting(): void {
    this.#retryTimer?.[Symbol.dispose]()
    this.#retryTimer = null
    this.#retryAt = null
  }

  /** Rejects with `HoldfastError('rate-limited')`. */
  async test(): Promise<{ delivered: boolean; code: string; answer: string; durationMs: number }> {
    const { clock, random } = this.#options
    const begin = clock.mono()
    this.#tests = this.#tests.filter((at) => begin - at < MINUTE_MS)
    const [first] = this.#tests
    if (first !== undefined && this.#tests.length >= TESTS_A_MINUTE)
      throw new HoldfastError('rate-limited', `At most ${TESTS_A_MINUTE} tests of a channel a minute.`, {
        retryAfterMs: MINUTE_MS - (begin - first),
      })
    this.#tests.push(begin)
    const answer = await this.#deliver(testMessage(random.id(), clock.wall()), this.#abort.signal)
    const durationMs = Math.round(clock.mono() - begin)
    if (answer.kind === 'taken') return { delivered: true, code: 'ok', answer: answer.answer, durationMs }
    return { delivered: false, code: answer.code, answer: answer.message, durationMs }
  }

  view(revision: number): ChannelView {
    const { store, clock } = this.#options
    const { id } = this.#document
    const { sent, givenUp, lastSentAt } = store.totals(id)
    const wall = (at: MonoMs | null) => (at === null ? null : wallMs(clock.wall() + Math.max(0, at - clock.mono())))
    return {
      ...{ id, channel: this.#document, revision, sent, givenUp, lastSentAt, state: this.#state() },
      heldBy: this.#outlook?.heldBy ?? null,
      waiting: this.#outlook?.waiting ?? 0,
      nextAt: this.#outlook === null || this.#outlook.waiting === 0 ? null : this.#outlook.nextAt,
      underWay:
        this.#outgoing === null
          ? null
          : {
              ...{ messageId: this.#outgoing.message.id, madeAt: this.#outgoing.message.madeAt },
              ...{ alerts: this.#outgoing.message.count, attempts: this.#outgoing.attempts },
            },
      retryAt: wall(this.#retryAt),
      lastError: this.#lastError,
      deadLetters: store.deadLetters(id, DEAD_TOLD_MAX).map((letter) => ({ ...letter })),
    }
  }

  #state(): ChannelView['state'] {
    if (!this.#document.enabled) return 'off'
    if (this.#outgoing !== null) {
      if (this.#retryTimer === null) return 'sending'
      return this.#isRefused ? 'refused' : 'waiting'
    }
    if (this.#outlook === null || this.#outlook.waiting === 0) return 'ready'
    return this.#outlook.heldBy === null ? 'collecting' : 'held'
  }

  /** Settles when nothing of it runs any more. */
  async end(): Promise<void> {
    this.#ended = true
    this.#stopWaiting()
    this.#abort.abort()
    await this.#running
  }
}

function tellableOf(alert: AlertIncident): Tellable {
  const { id, ruleId, edgeId, severity, firedAt, since, resolvedAt, acknowledged, silenced } = alert
  return {
    ...{ id, ruleId, edgeId, severity, resolvedAt, firedAt: firedAt ?? since },
    isQuiet: acknowledged !== null || silenced !== null,
  }
}
