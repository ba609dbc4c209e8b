import type { Clock } from '../../electron/platform/ports'
import { monoMs, wallMs, type MonoMs, type WallMs } from '../../shared/model/time'

/** Both clocks move only when a test says so; timers fire in their order, each followed by whatever it starts. */
export class SettlingClock implements Clock {
  #mono = 1_000
  readonly #wallAhead: number
  readonly #timers = new Set<{ at: number; call: (lateMs: number) => void }>()

  constructor(wall: WallMs) {
    this.#wallAhead = wall - this.#mono
  }
  mono(): MonoMs {
    return monoMs(this.#mono)
  }
  wall(): WallMs {
    return wallMs(this.#mono + this.#wallAhead)
  }
  at(at: MonoMs, call: (lateMs: number) => void): Disposable {
    const timer = { at, call }
    this.#timers.add(timer)
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) }
  }
  /** Armed and not fired. */
  get timers(): number {
    return this.#timers.size
  }
  async pass(ms: number): Promise<void> {
    const end = this.#mono + ms
    for (;;) {
      await settled()
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at)
      if (!next || next.at > end) break
      this.#timers.delete(next)
      this.#mono = Math.max(this.#mono, next.at)
      next.call(0)
    }
    this.#mono = end
    await settled()
  }
}

/** All that is ready has run. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
