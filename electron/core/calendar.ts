import type { MonoMs, WallMs } from '../../shared/model/time'

/** The two clocks are read one after the other and rounded: below this their distance has not changed. */
const SAME_WITHIN_MS = 50

interface Clocks {
  mono(): MonoMs
  wall(): WallMs
}

const kept = new WeakMap<Clocks, number>()

/** Says when an instant of the monotonic clock was, by the calendar as it is now: the same instant always at the same time, until the calendar is set. */
export function calendarOf(clock: Clocks): (at: MonoMs) => number {
  const now = clock.wall() - clock.mono()
  const before = kept.get(clock)
  const offset = before !== undefined && Math.abs(now - before) < SAME_WITHIN_MS ? before : now
  if (offset !== before) kept.set(clock, offset)
  return (at) => Math.round(at + offset)
}
