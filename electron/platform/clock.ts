import { performance } from 'node:perf_hooks'
import { monoMs, wallMs, type MonoMs } from '../../shared/model/time'
import type { Clock } from './ports'

/** Longest delay a Node timer can hold; a longer wait is made of several. */
const TIMER_MS_MAX = 2_147_483_647

/** The machine's clocks: the monotonic one for waits, the calendar for records. */
export function systemClock(): Clock {
  const mono = () => monoMs(performance.now())
  return {
    mono,
    wall: () => wallMs(Date.now()),
    at(at: MonoMs, call: (lateMs: number) => void): Disposable {
      let timer: NodeJS.Timeout | null = null
      const arm = () => {
        timer = setTimeout(fire, Math.min(Math.max(Math.ceil(at - mono()), 0), TIMER_MS_MAX))
      }
      const fire = () => {
        const lateMs = mono() - at
        // Node rounds delays to whole milliseconds and may fire a fraction early; a wait never ends before its instant.
        if (lateMs < 0) return arm()
        timer = null
        call(lateMs)
      }
      arm()
      return {
        [Symbol.dispose]() {
          if (timer !== null) clearTimeout(timer)
          timer = null
        },
      }
    },
  }
}
