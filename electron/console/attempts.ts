import { HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import { networkOf } from '../platform/http/network'
import type { Clock } from '../platform/ports'
import { ATTEMPT_DELAY_MAX_MS, Failures } from './failures'

/** Attempts of one network that wait for their turn. One more is answered at once, with `retryAfterMs`. */
export const ATTEMPTS_WAITING_MAX = 8
/** Networks with attempts that wait. More than the ports have connections: those are full before. */
const NETWORKS_MAX = 2_000
/** Names, and networks, whose failures are remembered. */
const REMEMBERED_MAX = 5_000
/** Accounts whose networks are known by having signed in from them, and networks of one account; the oldest goes. */
const ACCOUNTS_KNOWN_MAX = 1_000
const NETWORKS_KNOWN_MAX = 8

/** An attempt at an account. */
interface AtAccount {
  readonly network: string
  /** Never rejects. */
  run(): Promise<void>
}

/**
 * Guessing costs time, and nobody is ever locked out. Attempts of one network are taken one after the other, each after the delay that the failures of the network have
 * earned. Those at one account are taken one after the other as well, whatever networks they come from, after the delay of the account, and first those of networks that have failed least: whoever
 * guesses from many places gets no more guesses by it, and does not hold up a newcomer. A network from which the account has signed in before waits for no other one.
 */
export class Attempts implements Disposable {
  readonly #clock: Clock
  readonly #byName: Failures
  readonly #byNetwork: Failures
  readonly #queues = new Map<string, { waiting: number; last: Promise<unknown> }>()
  /** Attempts at each account that wait for it. */
  readonly #accounts = new Map<string, AtAccount[]>()
  readonly #known = new Map<string, Set<string>>()
  readonly #delayed = new Set<() => void>()
  #isOver = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#byName = new Failures(clock, REMEMBERED_MAX)
    this.#byNetwork = new Failures(clock, REMEMBERED_MAX)
  }

  /** Runs `check` when it is its turn; null is a failure. Rejects with `rate-limited` when too many wait. */
  async take<T>(keys: { name: string; address: string }, check: () => Promise<T | null>): Promise<T | null> {
    const network = networkOf(keys.address)
    const queue = this.#queues.get(network) ?? { waiting: 0, last: Promise.resolve() }
    if (queue.waiting >= ATTEMPTS_WAITING_MAX || (this.#queues.size >= NETWORKS_MAX && queue.waiting === 0))
      throw new HoldfastError('rate-limited', 'Too many attempts to sign in are waiting.', {
        retryAfterMs: ATTEMPT_DELAY_MAX_MS,
      })
    queue.waiting += 1
    this.#queues.set(network, queue)
    const mine = queue.last.then(() => this.#attempt({ name: keys.name, network }, check))
    queue.last = mine.catch(() => {})
    try {
      return await mine
    } finally {
      queue.waiting -= 1
      if (queue.waiting === 0) this.#queues.delete(network)
    }
  }

  async #attempt<T>({ name, network }: { name: string; network: string }, check: () => Promise<T | null>) {
    await this.#wait(this.#byNetwork.delayOf(network))
    const checked = async (): Promise<T | null> => {
      if (this.#isOver) throw new HoldfastError('link-lost', 'The controller stops.')
      const found = await check()
      if (found === null) this.#failed(name, network)
      else this.#succeeded(name, network)
      return found
    }
    return this.#known.get(name)?.has(network) === true ? checked() : this.#inTurn(name, network, checked)
  }

  #inTurn<T>(name: string, network: string, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const attempt: AtAccount = { network, run: () => work().then(resolve, reject) }
      const waiting = this.#accounts.get(name)
      if (waiting !== undefined) return void waiting.push(attempt)
      const first = [attempt]
      this.#accounts.set(name, first)
      void this.#serve(name, first)
    })
  }

  async #serve(name: string, waiting: AtAccount[]): Promise<void> {
    while (waiting.length > 0) {
      // Who is next is decided when it is time: a newcomer may have come meanwhile.
      await this.#wait(this.#byName.delayOf(name))
      const counts = waiting.map(({ network }) => this.#byNetwork.countOf(network))
      const [next] = waiting.splice(counts.indexOf(Math.min(...counts)), 1)
      await next!.run()
    }
    this.#accounts.delete(name)
  }

  #failed(name: string, network: string): void {
    this.#byName.add(name)
    this.#byNetwork.add(network)
  }

  /** Who knows the password has not been guessing it; the network may have guessed others. */
  #succeeded(name: string, network: string): void {
    this.#byName.forget(name)
    const networks = this.#known.get(name) ?? new Set<string>()
    for (const [all, key, max] of [
      [this.#known, name, ACCOUNTS_KNOWN_MAX],
      [networks, network, NETWORKS_KNOWN_MAX],
    ] as const) {
      all.delete(key)
      if (all.size >= max) all.delete(all.keys().next().value!)
    }
    this.#known.set(name, networks.add(network))
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
