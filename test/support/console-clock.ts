import type { Clock } from '../../electron/platform/ports'
import { monoMs, wallMs, type MonoMs } from '../../shared/model/time'

/** Time that moves only when told. Both clocks run together. */
export interface ManualClock extends Clock {
  /** Moves on and fires what is due, in order. */
  advance(ms: number): void
  /** Moves on without a turn for any timer: then fires what is due, late. */
  stall(ms: number): void
  readonly armed: number
}

export function manualClock(startWall = 1_750_000_000_000): ManualClock {
  let now = 0
  const timers = new Set<{ at: MonoMs; call: (lateMs: number) => void }>()
  return {
    mono: () => monoMs(now),
    wall: () => wallMs(startWall + now),
    at(at, call) {
      const timer = { at, call }
      timers.add(timer)
      return { [Symbol.dispose]: () => void timers.delete(timer) }
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (!due) break
        timers.delete(due)
        now = Math.max(now, due.at)
        due.call(now - due.at)
      }
      now = end
    },
    stall(ms) {
      now += ms
      this.advance(0)
    },
    get armed() {
      return timers.size
    },
  }
}
