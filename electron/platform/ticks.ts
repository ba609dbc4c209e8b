import { monoMs, type MonoMs } from '../../shared/model/time'
import type { Clock } from './ports'

type Call = (lateMs: number) => void

/**
 * The same clock with its timers called together, up to `everyMs` late and never early: for thousands of timers a second, of which each would else wake the process
 * by itself and be a large object of its own. A call that throws keeps the others of its tick from nothing.
 */
export function inTicks(clock: Clock, everyMs: number): Clock {
  const ticks = new Map<
    number,
    { readonly calls: Map<object, { at: MonoMs; call: Call }>; readonly timer: Disposable }
  >()

  function fire(number: number): void {
    const tick = ticks.get(number)
    ticks.delete(number)
    let thrown: { readonly error: unknown } | null = null
    for (const [key, { at, call }] of tick?.calls ?? []) {
      // Disposed by one before it: gone from the map, and not visited.
      tick!.calls.delete(key)
      try {
        call(clock.mono() - at)
      } catch (error) {
        thrown ??= { error }
      }
    }
    if (thrown !== null) throw thrown.error
  }

  return {
    mono: () => clock.mono(),
    wall: () => clock.wall(),
    at(at, call) {
      const number = Math.ceil(at / everyMs)
      let tick = ticks.get(number)
      if (tick === undefined) {
        tick = { calls: new Map(), timer: clock.at(monoMs(number * everyMs), () => fire(number)) }
        ticks.set(number, tick)
      }
      const { calls, timer } = tick
      const one = {
        [Symbol.dispose]() {
          calls.delete(one)
          if (calls.size > 0 || ticks.get(number) !== tick) return
          ticks.delete(number)
          timer[Symbol.dispose]()
        },
      }
      calls.set(one, { at, call })
      return one
    },
  }
}
