import { UNSENT_BYTES_MAX } from '../../shared/model/defaults'
import type { MonoMs } from '../../shared/model/time'

const WINDOW_BYTES_MIN = 32 * 1024
/** How long data may keep a ping waiting, beyond the time the line itself takes. With both directions full a ping and its answer meet it twice. */
const QUEUE_MS_MAX = 400
/** Acknowledged marks that may stay while others follow them. */
const MARKS_FORGOTTEN_AT_ONCE = 64

/**
 * How much data may be on the way and not yet acknowledged. Never more than `UNSENT_BYTES_MAX`; less on a slow line, so that the queue in front of it (in
 * this process, the system, routers) stays shorter than `QUEUE_MS_MAX`, which is measured by how long acknowledgements take.
 */
export class SendWindow {
  #bytes = WINDOW_BYTES_MIN
  #onTheWay = 0
  #sentTotal = 0
  #takenTotal = 0
  /** The total with each frame on the way, and when it was sent: a quiet link collects a hundred before they are acknowledged, so they are held as bare numbers. */
  #totals: number[] = []
  #times: MonoMs[] = []
  /** Those before it are acknowledged. */
  #firstMark = 0
  #shortestMs = Infinity
  /** Acknowledgements of what was sent before the last narrowing say nothing new. */
  #narrowedAtTotal = 0

  get bytes(): number {
    return this.#bytes
  }

  has(bytes: number): boolean {
    return this.#onTheWay + bytes <= this.#bytes
  }

  sent(bytes: number, now: MonoMs): void {
    this.#onTheWay += bytes
    this.#sentTotal += bytes
    this.#totals.push(this.#sentTotal)
    this.#times.push(now)
  }

  /** False: more than was sent. */
  acknowledged(bytes: number, now: MonoMs): boolean {
    if (bytes > this.#onTheWay) return false
    this.#onTheWay -= bytes
    this.#takenTotal += bytes
    let first = this.#firstMark
    while (first < this.#totals.length && this.#totals[first]! <= this.#takenTotal) first++
    if (first > this.#firstMark) this.#adjust(now - this.#times[first - 1]!, bytes, this.#totals[first - 1]!)
    this.#forget(first)
    return true
  }

  #forget(first: number): void {
    this.#firstMark = first
    if (first !== this.#totals.length && first <= MARKS_FORGOTTEN_AT_ONCE) return
    this.#totals = this.#totals.slice(first)
    this.#times = this.#times.slice(first)
    this.#firstMark = 0
  }

  #adjust(tookMs: number, bytes: number, total: number): void {
    this.#shortestMs = Math.min(this.#shortestMs, tookMs)
    const longestMs = this.#shortestMs + QUEUE_MS_MAX
    if (tookMs > longestMs && total > this.#narrowedAtTotal) {
      this.#bytes = Math.max(WINDOW_BYTES_MIN, Math.floor((this.#bytes * longestMs) / tookMs))
      this.#narrowedAtTotal = this.#sentTotal
    } else if (tookMs < this.#shortestMs + QUEUE_MS_MAX / 2) {
      this.#bytes = Math.min(UNSENT_BYTES_MAX, this.#bytes + bytes)
    }
  }
}
