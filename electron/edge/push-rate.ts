import type { MonoMs } from '../../shared/model/time'

const WINDOW_MS = 10_000
const STEP_MS = 500

/** Entries a second over the last ten. */
export class PushRate {
  readonly #steps: { at: MonoMs; entries: number }[] = []

  add(entries: number, now: MonoMs): void {
    const last = this.#steps.at(-1)
    if (last && now - last.at < STEP_MS) last.entries += entries
    else this.#steps.push({ at: now, entries })
    this.#forget(now)
  }

  perS(now: MonoMs): number {
    this.#forget(now)
    const [first] = this.#steps
    if (first === undefined) return 0
    const entries = this.#steps.reduce((sum, step) => sum + step.entries, 0)
    return entries / (Math.max(1_000, now - first.at) / 1_000)
  }

  #forget(now: MonoMs): void {
    while (this.#steps.length > 0 && now - this.#steps[0]!.at > WINDOW_MS) this.#steps.shift()
  }
}
