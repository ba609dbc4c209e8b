import { monoMs, type MonoMs } from '../../shared/model/time'
import type { Clock } from './ports'

/** A timer of a tick. One small object: thousands a second of them grow old together with the machines that wait for them. */
class Waiting implements Disposable {
  readonly #tick: Tick
  readonly #at: MonoMs
  readonly #call: (lateMs: number) => void

  constructor(tick: Tick, at: MonoMs, call: (lateMs: number) => void) {
    this.#tick = tick
    this.#at = at
    this.#call = call
  }

  fire(now: MonoMs): void {
    this.#call(now - this.#at)
  }

  [Symbol.dispose](): void {
    this.#tick.drop(this)
  }
}

/** All that is due at one instant. */
class Tick {
  readonly #clock: Clock
  readonly #waiting = new Set<Waiting>()
  readonly #timer: Disposable
  readonly #over: () => void

  /** `over`: nothing waits for it any more. */
  constructor(clock: Clock, at: MonoMs, over: () => void) {
    this.#clock = clock
    this.#over = over
    this.#timer = clock.at(at, () => this.#fire())
  }

  add(at: MonoMs, call: (lateMs: number) => void): Disposable {
    const one = new Waiting(this, at, call)
    this.#waiting.add(one)
    return one
  }

  drop(one: Waiting): void {
    if (!this.#waiting.delete(one) || this.#waiting.size > 0) return
    this.#timer[Symbol.dispose]()
    this.#over()
  }

  #fire(): void {
    this.#over()
    let thrown: { readonly error: unknown } | null = null
    // What one of them disposes of is gone from the set, and not visited.
    for (const one of this.#waiting) {
      try {
        one.fire(this.#clock.mono())
      } catch (error) {
        thrown ??= { error }
      }
    }
    // Whoever keeps one of them keeps nothing of the others.
    this.#waiting.clear()
    if (thrown !== null) throw thrown.error
  }
}

/**
 * The same clock with its timers called together, up to `everyMs` late and never early: for thousands of timers a second, of which each would else wake the process
 * by itself and be a large object of its own. Where a call throws the others of its tick are called all the same, and then it is thrown.
 */
export function inTicks(clock: Clock, everyMs: number): Clock {
  const ticks = new Map<number, Tick>()
  return {
    mono: () => clock.mono(),
    wall: () => clock.wall(),
    at(at, call) {
      const number = Math.ceil(at / everyMs)
      const known = ticks.get(number)
      if (known !== undefined) return known.add(at, call)
      const tick = new Tick(clock, monoMs(number * everyMs), () => {
        // Another one may have its number by now: of what is due already.
        if (ticks.get(number) === tick) ticks.delete(number)
      })
      ticks.set(number, tick)
      return tick.add(at, call)
    },
  }
}
