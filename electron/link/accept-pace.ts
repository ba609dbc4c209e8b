import { after, type MonoMs } from '../../shared/model/time'
import type { Clock } from '../platform/ports'

/** Connections whose handshake begins in one turn of the event loop. What was begun in earlier turns goes on in each of them. */
export const BEGUN_PER_TURN = 8
/** An edge gives an attempt up after 3,000 ms: one that has waited longer than this could no longer prove itself in time, and its handshake would be for nothing. */
export const ACCEPT_WAIT_MS = 1_500

interface Waiting {
  readonly since: MonoMs
  begin(): void
  drop(): void
}

/**
 * Paces the handshakes of a fleet that comes back at once. Begun all together they would all take longer than an attempt may, and nobody would ever get in; so they
 * begin a few at a time, in the order in which they came, as fast as this process can carry them out. An idle listener begins each at once.
 */
export class AcceptPace {
  readonly #clock: Pick<Clock, 'mono'>
  readonly #turn: (call: () => void) => void
  readonly #waiting = new Set<Waiting>()
  #isTurning = false

  /** `turn`: calls in the next turn of the event loop, after what is under way has gone on. */
  constructor(clock: Pick<Clock, 'mono'>, turn: (call: () => void) => void = (call) => void setImmediate(call)) {
    this.#clock = clock
    this.#turn = turn
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Calls `begin` or `drop`, once. Returns what ends the waiting without either. */
  enter(begin: () => void, drop: () => void): () => void {
    const entry: Waiting = { since: this.#clock.mono(), begin, drop }
    this.#waiting.add(entry)
    this.#plan()
    return () => void this.#waiting.delete(entry)
  }

  #plan(): void {
    if (this.#isTurning || this.#waiting.size === 0) return
    this.#isTurning = true
    this.#turn(() => {
      this.#isTurning = false
      this.#begin()
      this.#plan()
    })
  }

  #begin(): void {
    let begun = 0
    for (const entry of this.#waiting) {
      if (begun >= BEGUN_PER_TURN) return
      this.#waiting.delete(entry)
      if (this.#clock.mono() > after(entry.since, ACCEPT_WAIT_MS)) entry.drop()
      else {
        begun++
        entry.begin()
      }
    }
  }
}
