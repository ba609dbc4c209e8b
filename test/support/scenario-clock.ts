import type { Clock } from '../../electron/platform/ports'
import { monoMs, wallMs, type MonoMs } from '../../shared/model/time'

interface Timer {
  readonly at: MonoMs
  readonly call: (lateMs: number) => void
}

/** Time for scenarios: it moves only when told, and processes that live in it can sleep and die. */
export class ScenarioClock {
  #now = 0
  #wallOffset: number
  readonly #timers = new Map<Timer, ProcessClock>()

  constructor(startWall = Date.UTC(2026, 0, 15, 8)) {
    this.#wallOffset = startWall
  }

  get now(): number {
    return this.#now
  }
  get wall(): number {
    return this.#now + this.#wallOffset
  }

  /** The clocks of one process. */
  process(): ProcessClock {
    const clock: ProcessClock = new ProcessClock(
      () => this.#now,
      () => this.#now + this.#wallOffset,
      this.#timers,
    )
    return clock
  }

  /** Moves to the next timer at most `ms` away and fires everything due then, or moves the whole way. Says how far it went. */
  step(ms: number): number {
    const before = this.#now
    const due = [...this.#timers].filter(([timer, owner]) => timer.at <= before + ms && owner.isAwake)
    const next = due.length === 0 ? before + ms : Math.max(before, Math.min(...due.map(([{ at }]) => at)))
    this.#now = next
    for (const [timer] of due.filter(([{ at }]) => at <= next).sort(([a], [b]) => a.at - b.at)) {
      if (this.#timers.delete(timer)) timer.call(next - timer.at)
    }
    return next - before
  }

  /** The calendar is set, the clock that waits goes on. */
  setCalendar(byMs: number): void {
    this.#wallOffset += byMs
  }
}

export class ProcessClock implements Clock {
  readonly #timers: Map<Timer, ProcessClock>
  readonly mono: () => MonoMs
  readonly wall: () => ReturnType<typeof wallMs>
  /** False: stopped, as by SIGSTOP; its timers fire late. */
  isAwake = true
  #isDead = false

  constructor(now: () => number, wall: () => number, timers: Map<Timer, ProcessClock>) {
    this.#timers = timers
    this.mono = () => monoMs(now())
    this.wall = () => wallMs(wall())
  }

  at(at: MonoMs, call: (lateMs: number) => void): Disposable {
    const timer: Timer = { at, call }
    if (!this.#isDead) this.#timers.set(timer, this)
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) }
  }

  /** Timers that have not fired. */
  get armed(): number {
    return [...this.#timers.values()].filter((owner) => owner === this).length
  }

  /** Nothing fires any more. */
  die(): void {
    this.#isDead = true
    for (const [timer, owner] of this.#timers) if (owner === this) this.#timers.delete(timer)
  }
}
