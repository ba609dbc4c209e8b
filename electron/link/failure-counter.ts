import { FAILURES_MAX, FAILURES_WINDOW_MS } from '../../shared/model/defaults'
import type { MonoMs } from '../../shared/model/time'

const KEYS_MAX = 10_000

/**
 * Counts failed proofs by key (an address, an edge). It only turns failing answers into `rate-limited`; whoever proves the secret is never asked for the
 * count. Holds at most `KEYS_MAX` keys: the one that failed longest ago is forgotten first.
 */
export class FailureCounter {
  /** The last failures of each key, oldest first, at most `FAILURES_MAX`; keys in order of their newest failure. */
  readonly #failures = new Map<string, MonoMs[]>()

  /** Notes a failure of all `keys` and returns how long further answers to them stay refused; null: not limited. */
  failed(keys: readonly string[], now: MonoMs): number | null {
    const waits = keys.map((key) => this.#count(key, now))
    const longest = Math.max(...waits)
    return longest > 0 ? longest : null
  }

  #count(key: string, now: MonoMs): number {
    const recent = (this.#failures.get(key) ?? []).filter((at) => now - at < FAILURES_WINDOW_MS)
    const limited = recent.length >= FAILURES_MAX
    // While limited the oldest failures keep their places: hammering on does not extend the wait beyond the window.
    if (!limited) recent.push(now)
    this.#failures.delete(key)
    this.#failures.set(key, recent)
    if (this.#failures.size > KEYS_MAX) this.#failures.delete(this.#failures.keys().next().value!)
    return limited ? Math.ceil(recent[0]! + FAILURES_WINDOW_MS - now) : 0
  }

  get size(): number {
    return this.#failures.size
  }
}
