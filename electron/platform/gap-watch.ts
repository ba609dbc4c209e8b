import { TICK_GAP_MS } from '../../shared/model/defaults'
import { after } from '../../shared/model/time'
import type { Clock } from './ports'

const TICK_MS = 1_000

/**
 * Ticks every second and tells of gaps: a process that was stopped (SIGSTOP, a blocked event loop) sees them on its monotonic clock, a machine that slept
 * on the calendar alone, because the monotonic clock of some systems sleeps too. A calendar that was set forward looks the same, and is told as well.
 */
export function watchGaps(clock: Clock, onGap: (gapMs: number) => void): Disposable {
  let mono = clock.mono()
  let wall = clock.wall()
  let timer: Disposable
  const tick = (): void => {
    const [monoNow, wallNow] = [clock.mono(), clock.wall()]
    const gapMs = Math.max(monoNow - mono, wallNow - wall)
    mono = monoNow
    wall = wallNow
    timer = clock.at(after(monoNow, TICK_MS), tick)
    if (gapMs > TICK_GAP_MS) onGap(gapMs)
  }
  timer = clock.at(after(mono, TICK_MS), tick)
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
