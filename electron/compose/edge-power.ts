import type { WallMs } from '../../shared/model/time'
import type { EdgeRole } from '../edge/edge-role'
import type { Clock } from '../platform/ports'

/** The edge half, which the demo can switch off like a machine. */
export class EdgePower implements AsyncDisposable {
  readonly #make: () => EdgeRole
  readonly #clock: Clock
  #edge: EdgeRole | null = null
  /** The one before, until it has let go of its devices and its stores. */
  #ending: Promise<void> = Promise.resolve()
  #ended = false
  offSince: WallMs

  constructor(make: () => EdgeRole, clock: Clock) {
    this.#make = make
    this.#clock = clock
    this.offSince = clock.wall()
  }

  get edge(): EdgeRole | null {
    return this.#edge
  }

  on(): void {
    if (this.#edge !== null || this.#ended) return
    this.#edge = this.#make()
    this.#edge.start()
  }

  async onAgain(): Promise<void> {
    await this.#ending.catch(() => {})
    this.on()
  }

  off(): Promise<void> {
    const edge = this.#edge
    if (edge === null) return this.#ending
    this.#edge = null
    this.offSince = this.#clock.wall()
    return (this.#ending = edge.end())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.off()
  }
}
