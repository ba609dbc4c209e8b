import type { MonoMs } from '../../shared/model/time'

const WINDOW_MS = 10_000
const STEP_MS = 500
/** Nothing for so long, or for three times as long as it took lately from one answer to the next: it does not move. */
const STILL_MS = 2_000
const STILL_STEPS = 3

/** Entries a second over the last ten. */
export class PushRate {
  readonly #steps: { at: MonoMs; until: MonoMs; entries: number }[] = []

  add(entries: number, now: MonoMs): void {
    const last = this.#steps.at(-1)
    if (last && now - last.at < STEP_MS) {
      last.entries += entries
      last.until = now
    } else this.#steps.push({ at: now, until: now, entries })
    this.#forget(now)
  }

  /** The way is closed: what moves when it is open again is measured anew. */
  clear(): void {
    this.#steps.length = 0
  }

  perS(now: MonoMs): number {
    this.#forget(now)
    const [first] = this.#steps
    const last = this.#steps.at(-1)
    if (first === undefined || last === undefined) return 0
    const betweenMs = this.#steps.length < 2 ? 0 : (last.at - first.at) / (this.#steps.length - 1)
    if (now - last.until > Math.max(STILL_MS, STILL_STEPS * betweenMs)) return 0
    const entries = this.#steps.reduce((sum, step) => sum + step.entries, 0)
    return entries / (Math.max(1_000, now - first.at) / 1_000)
  }

  #forget(now: MonoMs): void {
    while (this.#steps.length > 0 && now - this.#steps[0]!.until > WINDOW_MS) this.#steps.shift()
  }
}
