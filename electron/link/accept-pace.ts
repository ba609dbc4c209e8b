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
 * begin a few at a time, as fast as this process can carry them out: one of each network in turn, and those of one in the order in which they came, so that a network that floods
 * keeps nobody else waiting. An idle listener begins each at once.
 */
export class AcceptPace {
  readonly #clock: Pick<Clock, 'mono'>
  readonly #turn: (call: () => void) => void
  /** By network; the one whose turn it is comes first. None is empty. */
  readonly #waiting = new Map<string, Set<Waiting>>()
  #isTurning = false

  /** `turn`: calls in the next turn of the event loop, after what is under way has gone on. */
  constructor(clock: Pick<Clock, 'mono'>, turn: (call: () => void) => void = (call) => void setImmediate(call)) {
    this.#clock = clock
    this.#turn = turn
  }

  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** Calls `begin` or `drop`, once. Returns what ends the waiting without either. */
  enter(network: string, begin: () => void, drop: () => void): () => void {
    const entry: Waiting = { since: this.#clock.mono(), begin, drop }
    const own = this.#waiting.get(network)
    if (own === undefined) this.#waiting.set(network, new Set([entry]))
    else own.add(entry)
    this.#plan()
    return () => {
      const left = this.#waiting.get(network)
      left?.delete(entry)
      if (left?.size === 0) this.#waiting.delete(network)
    }
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
    while (begun < BEGUN_PER_TURN) {
      const next = this.#next()
      if (next === null) return
      if (this.#clock.mono() > after(next.since, ACCEPT_WAIT_MS)) next.drop()
      else {
        begun++
        next.begin()
      }
    }
  }

  #next(): Waiting | null {
    for (const [network, entries] of this.#waiting) {
      this.#waiting.delete(network)
      for (const entry of entries) {
        entries.delete(entry)
        if (entries.size > 0) this.#waiting.set(network, entries)
        return entry
      }
    }
    return null
  }
}
