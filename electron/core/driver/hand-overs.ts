import { GRANT_CANCEL_AFTER_MS, GRANT_CLOSE_AFTER_MS, HAND_OVER_STEP_MS } from '../../../shared/model/defaults'
import type { Decision } from '../../../shared/model/control'
import { HoldfastError, type Failure } from '../../../shared/model/failures'
import { after } from '../../../shared/model/time'
import type { Timers } from './machine-driver'

/** How a hand-over ended, for whoever asked for it. */
export interface HandOverResult {
  readonly decisionId: string
  readonly epoch: number
  readonly holder: Decision['winner']
  readonly outcome: Decision['outcome']
  readonly detail: string | null
}

/** The answer to a switch request: it comes at once from this side, or after one round trip. */
const ANSWER_MS = 5_000
/** Documents, stopping, grant, cancel: after this a hand-over has ended one way or another. */
const END_MS = 2 * HAND_OVER_STEP_MS + GRANT_CANCEL_AFTER_MS + GRANT_CLOSE_AFTER_MS
const WAITING_MAX = 1_000

type Waiter<T> = { resolve(value: T): void; reject(error: Error): void }

/** Joins the requests people make to the decisions that answer them. */
export class HandOvers {
  readonly #timers: Timers
  readonly #find: (id: string) => Decision | null
  readonly #answers = new Map<string, Waiter<string>>()
  readonly #ends = new Map<string, Set<Waiter<HandOverResult>>>()
  /** Everyone who waits, whatever for. */
  readonly #waiting = new Set<Waiter<never>>()
  #ended = false

  constructor(timers: Timers, find: (id: string) => Decision | null) {
    this.#timers = timers
    this.#find = find
  }

  /** Sends a request and waits for the decision id it was given. */
  ask(requestId: string, send: () => void): Promise<string> {
    return this.#within(ANSWER_MS, 'The other side did not answer the request.', (waiter, onEnd) => {
      this.#answers.set(requestId, waiter)
      onEnd(() => void this.#answers.delete(requestId))
      send()
    })
  }

  answered(requestId: string, decisionId: string | null, failure: Failure | null): 'ours' | 'unknown' {
    const waiter = this.#answers.get(requestId)
    if (!waiter) return 'unknown'
    this.#answers.delete(requestId)
    if (failure) waiter.reject(new HoldfastError(failure.code, failure.message, failure))
    else if (decisionId === null) waiter.reject(new HoldfastError('refused', 'There is nothing to switch.'))
    else waiter.resolve(decisionId)
    return 'ours'
  }

  /** Waits until the decision is finished; a decision that is not running any more answers at once. */
  finished(decisionId: string): Promise<HandOverResult> {
    const known = this.#find(decisionId)
    if (known !== null && known.finishedAt !== null) return Promise.resolve(resultOf(known))
    return this.#within(END_MS, 'The hand-over did not end in time.', (waiter, onEnd) => {
      const waiters = this.#ends.get(decisionId) ?? new Set()
      waiters.add(waiter)
      this.#ends.set(decisionId, waiters)
      onEnd(() => {
        waiters.delete(waiter)
        if (waiters.size === 0) this.#ends.delete(decisionId)
      })
    })
  }

  decided(decision: Decision): void {
    if (decision.finishedAt === null) return
    for (const waiter of this.#ends.get(decision.id) ?? []) waiter.resolve(resultOf(decision))
  }

  /** Nobody is answered any more: the controller stops. What runs goes on without whoever asked for it. */
  end(): void {
    this.#ended = true
    for (const waiter of [...this.#waiting]) waiter.reject(stopping())
  }

  /** `begin` may settle the waiter at once, or throw. */
  #within<T>(
    ms: number,
    late: string,
    begin: (waiter: Waiter<T>, onEnd: (call: () => void) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended) throw stopping()
      if (this.#waiting.size >= WAITING_MAX)
        throw new HoldfastError('busy', 'Too many requests are waiting.', { retryAfterMs: 1_000 })
      let end: () => void = () => {}
      const settle = () => {
        timer[Symbol.dispose]()
        this.#waiting.delete(waiter)
        end()
      }
      const waiter: Waiter<T> = {
        resolve: (value) => {
          settle()
          resolve(value)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      const timer = this.#timers.at(after(this.#timers.mono(), ms), () =>
        waiter.reject(
          new HoldfastError('timeout', late, { hint: 'holdfast status says who drives now.', outcomeUnknown: true }),
        ),
      )
      this.#waiting.add(waiter)
      try {
        begin(waiter, (call) => (end = call))
      } catch (error) {
        waiter.reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }
}

const stopping = (): HoldfastError => new HoldfastError('link-lost', 'The controller stops.', { outcomeUnknown: true })

function resultOf(decision: Decision): HandOverResult {
  return {
    decisionId: decision.id,
    epoch: decision.epoch,
    holder: decision.winner,
    outcome: decision.outcome,
    detail: decision.detail,
  }
}
