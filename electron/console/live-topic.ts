import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'

/** Changes within this time make one message. */
const COALESCE_MS = 50

/** A body that is built from what is true now and told to whoever listens after each change. Costs nothing while nobody listens. */
export class LiveTopic<Body> {
  readonly #clock: Clock
  readonly #build: () => Body
  readonly #listeners = new Set<(body: Body) => void>()
  #timer: Disposable | null = null

  constructor(clock: Clock, build: () => Body) {
    this.#clock = clock
    this.#build = build
  }

  changed(): void {
    if (this.#timer !== null || this.#listeners.size === 0) return
    this.#timer = this.#clock.at(after(this.#clock.mono(), COALESCE_MS), () => {
      this.#timer = null
      const body = this.#build()
      for (const listener of this.#listeners) listener(body)
    })
  }

  /** Delivers the present body at once, then every change until the returned function is called. */
  subscribe(listener: (body: Body) => void): () => void {
    this.#listeners.add(listener)
    listener(this.#build())
    return () => void this.#listeners.delete(listener)
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#listeners.clear()
  }
}
