import { HoldfastError } from '../../shared/model/failures'
import type { Gate, Turn } from './contract'
import type { SharedState } from './host-shared'

/** The gate of one host: the permit that the watch thread keeps, asked before each write. */
export class HostGate {
  readonly #shared: SharedState
  readonly #now: () => number
  #depth = 0

  constructor(shared: SharedState, now: () => number) {
    this.#shared = shared
    this.#now = now
  }

  get epoch(): number | null {
    return this.#shared.epochAt(this.#now())
  }

  /** `bound`: the epoch of the work that writes; null: whatever the present one is. */
  write<T>(bound: number | null, signal: AbortSignal, send: () => T): T {
    const outermost = this.#depth === 0
    if (outermost) this.#shared.beginWrite()
    this.#depth += 1
    try {
      const epoch = this.epoch
      if (epoch === null) throw new HoldfastError('not-in-control', 'This side does not drive the device now.')
      if (bound !== null && epoch > bound)
        throw new HoldfastError('stale-epoch', `Accepted under epoch ${bound}; epoch ${epoch} is in force.`)
      if (signal.aborted) throw new HoldfastError('not-in-control', 'The connection has ended.')
      return send()
    } finally {
      this.#depth -= 1
      if (outermost) this.#shared.endWrite()
    }
  }

  view(bound: number | null, signal: AbortSignal): Gate {
    const epoch = () => (signal.aborted ? null : this.epoch)
    return {
      get epoch() {
        return epoch()
      },
      write: (send) => this.write(bound, signal, send),
    }
  }

  turn(bound: number | null, signal: AbortSignal): Turn {
    return { gate: this.view(bound, signal), signal }
  }
}
