import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'

/** Changes within this time make one message. */
const COALESCE_MS = 50

/** A body that is built from what is true now and told to whoever listens after each change. Costs nothing while nobody listens. */
export class LiveTopic<Body> implements Disposable {
  readonly #clock: Clock
  readonly #build: () => Body
  readonly #failed: (error: unknown) => void
  readonly #coalesceMs: number
  readonly #listeners = new Set<(body: Body) => void>()
  #timer: Disposable | null = null

  /**
   * `failed` hears of a body that could not be built and of a listener that threw: neither may end the process, which drives devices. `coalesceMs`: longer
   * where a body is dear to build.
   */
  constructor(clock: Clock, build: () => Body, failed: (error: unknown) => void, coalesceMs = COALESCE_MS) {
    this.#clock = clock
    this.#build = build
    this.#failed = failed
    this.#coalesceMs = coalesceMs
  }

  changed(): void {
    if (this.#timer !== null || this.#listeners.size === 0) return
    this.#timer = this.#clock.at(after(this.#clock.mono(), this.#coalesceMs), () => {
      this.#timer = null
      this.#tell()
    })
  }

  #tell(): void {
    let body: Body
    try {
      body = this.#build()
    } catch (error) {
      return this.#failed(error)
    }
    for (const listener of [...this.#listeners]) {
      try {
        listener(body)
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  /** Delivers the present body at once, then every change until the returned function is called. Throws when there is no body now. */
  subscribe(listener: (body: Body) => void): () => void {
    listener(this.#build())
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#listeners.clear()
  }
}
