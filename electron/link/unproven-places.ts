import { after } from '../../shared/model/time'
import { FairPlaces } from '../platform/http/fair-places'
import type { Clock } from '../platform/ports'

/** The places of connections that have proven nothing yet, each for so long. */
export class UnprovenPlaces {
  readonly #clock: Pick<Clock, 'mono' | 'at'>
  readonly #deadlineMs: number
  /** By the far end's address and port. */
  readonly #places: FairPlaces<string>
  readonly #deadlines = new Map<string, Disposable>()

  constructor(options: { clock: Pick<Clock, 'mono' | 'at'>; max: number; deadlineMs: number }) {
    this.#clock = options.clock
    this.#deadlineMs = options.deadlineMs
    this.#places = new FairPlaces(options.max)
  }

  get size(): number {
    return this.#places.size
  }

  /** False: there is no room for it. `drop` ends the connection: at its deadline, or because somebody else gets its place. */
  take(end: string, network: string, drop: () => void): boolean {
    const isIn = this.#places.take(end, network, () => {
      this.give(end)
      drop()
    })
    if (isIn) this.#deadlines.set(end, this.#clock.at(after(this.#clock.mono(), this.#deadlineMs), drop))
    return isIn
  }

  has(end: string): boolean {
    return this.#places.has(end)
  }

  /** The connection has proven itself, is another's business, or is gone. */
  give(end: string): void {
    this.#places.give(end)
    this.#deadlines.get(end)?.[Symbol.dispose]()
    this.#deadlines.delete(end)
  }
}
