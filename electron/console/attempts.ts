import { HoldfastError } from '../../shared/model/failures'
import { after, type MonoMs } from '../../shared/model/time'
import { networkOf } from '../platform/http/network'
import type { Clock } from '../platform/ports'

/** The next attempt after a failure waits this long, doubled with each further one of the last five minutes. */
export const ATTEMPT_DELAY_MS = 250
export const ATTEMPT_DELAY_MAX_MS = 8_000
const FAILURES_REMEMBERED_MS = 300_000
/** Names and addresses with failures; beyond it the one that failed longest ago is forgotten. */
const REMEMBERED_MAX = 2_000
/** Attempts of one address that wait for their turn. One more is answered at once, with `retryAfterMs`. */
export const ATTEMPTS_WAITING_MAX = 8
const ADDRESSES_MAX = 256

/**
 * Guessing costs time, counted per name and per address, and nobody is ever locked out: attempts of one address are taken one after the other, each after the
 * delay that the failures of its name or its address have earned, and a right password is taken whenever its turn comes.
 */
export class Attempts implements Disposable {
  readonly #clock: Clock
  readonly #failures = new Map<string, { count: number; at: MonoMs }>()
  readonly #queues = new Map<string, { waiting: number; last: Promise<unknown> }>()
  readonly #delayed = new Set<() => void>()
  #isOver = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs `check` when it is its turn; false is a failure. Rejects with `rate-limited` when too many wait. */
  async take<T>(keys: { name: string; address: string }, check: () => Promise<T | null>): Promise<T | null> {
    const address = networkOf(keys.address)
    const queue = this.#queues.get(address) ?? { waiting: 0, last: Promise.resolve() }
    if (queue.waiting >= ATTEMPTS_WAITING_MAX || (this.#queues.size >= ADDRESSES_MAX && queue.waiting === 0))
      throw new HoldfastError('rate-limited', 'Too many attempts to sign in are waiting.', {
        retryAfterMs: ATTEMPT_DELAY_MAX_MS,
      })
    queue.waiting += 1
    this.#queues.set(address, queue)
    const mine = queue.last.then(() => this.#attempt({ name: keys.name, address }, check))
    queue.last = mine.catch(() => {})
    try {
      return await mine
    } finally {
      queue.waiting -= 1
      if (queue.waiting === 0) this.#queues.delete(address)
    }
  }

  async #attempt<T>({ name, address }: { name: string; address: string }, check: () => Promise<T | null>) {
    const both = [`name ${name}`, `address ${address}`]
    await this.#wait(Math.max(...both.map((key) => this.#delayOf(key))))
    if (this.#isOver) throw new HoldfastError('link-lost', 'The controller stops.')
    const found = await check()
    if (found === null) for (const key of both) this.#fail(key)
    // Who knows the password has not been guessing it; the address may have guessed others.
    else this.#failures.delete(`name ${name}`)
    return found
  }

  /** Still to wait, from the last failure on. */
  #delayOf(key: string): number {
    const known = this.#failures.get(key)
    if (!known) return 0
    const passedMs = this.#clock.mono() - known.at
    if (passedMs < FAILURES_REMEMBERED_MS)
      return Math.min(ATTEMPT_DELAY_MS * 2 ** (known.count - 1), ATTEMPT_DELAY_MAX_MS) - passedMs
    this.#failures.delete(key)
    return 0
  }

  #fail(key: string): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1
    this.#failures.delete(key)
    this.#failures.set(key, { count: Math.min(count, 32), at: this.#clock.mono() })
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= REMEMBERED_MAX) break
      this.#failures.delete(oldest)
    }
  }

  #wait(ms: number): Promise<void> {
    if (ms <= 0 || this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const release = (): void => {
        timer[Symbol.dispose]()
        this.#delayed.delete(release)
        resolve()
      }
      const timer = this.#clock.at(after(this.#clock.mono(), ms), release)
      this.#delayed.add(release)
    })
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    for (const release of [...this.#delayed]) release()
  }
}
