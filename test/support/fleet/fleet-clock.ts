import { performance } from 'node:perf_hooks'
import type { Clock } from '../../../electron/platform/ports'
import { monoMs, wallMs, type MonoMs } from '../../../shared/model/time'

interface Timer {
  readonly at: number
  readonly order: number
  call: ((lateMs: number) => void) | null
}

/** Turns of the microtask queue after which a refused dial has reached its machine. */
const SETTLING_TURNS = 12

/**
 * The clock of a whole fleet: the machine's, with one Node timer for all of them, and it can leap: an outage of half an hour passes as fast as its timers can be
 * called, each at its instant. The calendar never leaps.
 */
export class FleetClock implements Clock {
  /** A heap by instant, and by the order of arming among equals. */
  readonly #timers: Timer[] = []
  #order = 0
  #leaptMs = 0
  /** The instant that holds while it leaps; null: time passes by itself. */
  #held: number | null = null
  #armed: { readonly at: number; readonly timer: NodeJS.Timeout } | null = null

  mono = (): MonoMs => monoMs(this.#held ?? performance.now() + this.#leaptMs)
  wall = (): ReturnType<typeof wallMs> => wallMs(Date.now())

  at(at: MonoMs, call: (lateMs: number) => void): Disposable {
    const timer: Timer = { at, order: this.#order++, call }
    this.#push(timer)
    this.#arm()
    // Left in the heap: it goes when its time comes.
    return { [Symbol.dispose]: () => void (timer.call = null) }
  }

  /** Time passes without anything real in it. Only for machines that wait for nothing but timers. */
  async leap(ms: number): Promise<void> {
    const from = this.mono()
    const until = from + ms
    this.#held = from
    this.#disarm()
    for (let next = this.#timers[0]; next !== undefined && next.at <= until; next = this.#timers[0]) {
      this.#pop()
      if (next.call === null) continue
      this.#held = Math.max(this.#held, next.at)
      next.call(0)
      for (let turn = 0; turn < SETTLING_TURNS; turn++) await Promise.resolve()
    }
    this.#leaptMs = until - performance.now()
    this.#held = null
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#timers.length = 0
    this.#disarm()
  }

  #disarm(): void {
    if (this.#armed) clearTimeout(this.#armed.timer)
    this.#armed = null
  }

  #arm(): void {
    const [next] = this.#timers
    if (this.#held !== null || next === undefined || (this.#armed !== null && this.#armed.at <= next.at)) return
    this.#disarm()
    const waitMs = Math.min(Math.max(Math.ceil(next.at - this.mono()), 0), 60_000)
    this.#armed = { at: next.at, timer: setTimeout(() => this.#fire(), waitMs) }
  }

  #fire(): void {
    this.#armed = null
    if (this.#held !== null) return
    const now = this.mono()
    for (let next = this.#timers[0]; next !== undefined && next.at <= now; next = this.#timers[0]) {
      this.#pop()
      next.call?.(this.mono() - next.at)
    }
    this.#arm()
  }

  #push(timer: Timer): void {
    const heap = this.#timers
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#timers
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
