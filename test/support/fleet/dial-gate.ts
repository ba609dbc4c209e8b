import { HoldfastError } from '../../../shared/model/failures'

/** Dials of one process at once: each edge has a processor of its own, and here thousands share one. */
const DIALS_AT_ONCE = 16
/** A dial that has waited longer could not end in the 3,000 ms of its attempt. */
const WAIT_MS = 1_500

interface Waiting {
  readonly since: number
  readonly isOver: () => boolean
  begin(): void
  drop(): void
}

/**
 * What the simulator can dial. Without it a whole fleet would shake hands at once, each as slowly as all the others, and no attempt would ever end in time: which
 * would say something of this process, and nothing of the master.
 */
export class DialGate {
  readonly #waiting: Waiting[] = []
  #running = 0
  /** Dials that were given up here. */
  given = 0

  /** Rejects when the dial has waited too long; `signal`: the attempt is over. */
  async through<T>(signal: AbortSignal, dial: () => Promise<T>): Promise<T> {
    if (this.#running >= DIALS_AT_ONCE) await this.#turn(signal)
    this.#running++
    try {
      return await dial()
    } finally {
      this.#running--
      this.#next()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        since: performance.now(),
        isOver: () => signal.aborted,
        begin: resolve,
        drop: () => {
          this.given++
          reject(new HoldfastError('busy', 'The simulator has no processor time for this dial'))
        },
      })
    })
  }

  #next(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (!next.isOver() && performance.now() - next.since < WAIT_MS) return next.begin()
      next.drop()
    }
  }
}
