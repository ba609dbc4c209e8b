import type { AlertAggregate } from '../../../shared/model/alerts'
import type { MonoMs } from '../../../shared/model/time'

/** Values one alert looks at. Beyond it the oldest are left out. */
export const WINDOW_SAMPLES_MAX = 1_000

/** The values that came within the last `overMs`, by the time of their coming: the calendars of edges are their own. */
export class SampleWindow {
  readonly #overMs: number
  #samples: { readonly at: MonoMs; readonly value: number }[] = []

  constructor(overMs: number) {
    this.#overMs = overMs
  }

  get isEmpty(): boolean {
    return this.#samples.length === 0
  }

  add(value: number, at: MonoMs): void {
    this.#samples.push({ at, value })
    if (this.#samples.length > WINDOW_SAMPLES_MAX) this.#samples.shift()
  }

  /** Forgets what is too old. Says whether there was any. */
  prune(now: MonoMs): boolean {
    const first = this.#samples.findIndex(({ at }) => at > now - this.#overMs)
    const gone = first === -1 ? this.#samples.length : first
    if (gone > 0) this.#samples = this.#samples.slice(gone)
    return gone > 0
  }

  /** Null: there is nothing to say it of. */
  value(aggregate: AlertAggregate): number | null {
    const values = this.#samples.map(({ value }) => value)
    const sum = () => values.reduce((all, value) => all + value, 0)
    if (aggregate === 'count') return values.length
    if (aggregate === 'sum') return sum()
    if (values.length === 0) return null
    switch (aggregate) {
      case 'last':
        return values.at(-1)!
      case 'min':
        return Math.min(...values)
      case 'max':
        return Math.max(...values)
      case 'mean':
        return sum() / values.length
    }
  }
}
