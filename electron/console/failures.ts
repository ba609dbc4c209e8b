import type { MonoMs } from '../../shared/model/time'
import type { Clock } from '../platform/ports'

/** The next attempt after a failure waits this long, doubled with each further one of the last five minutes. */
export const ATTEMPT_DELAY_MS = 250
export const ATTEMPT_DELAY_MAX_MS = 8_000
const FAILURES_REMEMBERED_MS = 300_000
const COUNTED_MAX = 32

interface Known {
  readonly count: number
  readonly at: MonoMs
}

/** Failures by name or by network, and what they cost. Beyond `max` the one with the fewest is forgotten: many that failed once push out none that fails on. */
export class Failures {
  readonly #clock: Pick<Clock, 'mono'>
  readonly #max: number
  readonly #known = new Map<string, Known>()

  constructor(clock: Pick<Clock, 'mono'>, max: number) {
    this.#clock = clock
    this.#max = max
  }

  get size(): number {
    return this.#known.size
  }

  /** Of the last five minutes. */
  countOf(key: string): number {
    return this.#of(key)?.count ?? 0
  }

  /** Still to wait, from the last failure on, in ms; not above 0: nothing. */
  delayOf(key: string): number {
    const known = this.#of(key)
    if (known === null) return 0
    return Math.min(ATTEMPT_DELAY_MS * 2 ** (known.count - 1), ATTEMPT_DELAY_MAX_MS) - this.#passedMs(known)
  }

  add(key: string): void {
    const count = Math.min(this.countOf(key) + 1, COUNTED_MAX)
    this.#known.delete(key)
    if (this.#known.size >= this.#max) this.#forgetOne()
    this.#known.set(key, { count, at: this.#clock.mono() })
  }

  forget(key: string): void {
    this.#known.delete(key)
  }

  #of(key: string): Known | null {
    const known = this.#known.get(key)
    if (known === undefined) return null
    if (this.#passedMs(known) < FAILURES_REMEMBERED_MS) return known
    this.#known.delete(key)
    return null
  }

  #passedMs({ at }: Known): number {
    return this.#clock.mono() - at
  }

  /** The oldest of those with the fewest, or one that is over. */
  #forgetOne(): void {
    let least: { key: string; count: number } | null = null
    for (const [key, known] of this.#known) {
      const count = this.#passedMs(known) < FAILURES_REMEMBERED_MS ? known.count : 0
      if (least === null || count < least.count) least = { key, count }
      if (count === 0) break
    }
    if (least !== null) this.#known.delete(least.key)
  }
}
