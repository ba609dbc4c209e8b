import type { MonoMs } from '../../shared/model/time'

/** Entries that leave within this time of being written may raise live alerts; measured on the clock that nobody sets. */
export const FRESH_MS = 60_000
const STEP_MS = 1_000

interface Head {
  readonly feedId: string
  readonly head: number
}

/** Which entries of each feed are older than `FRESH_MS`. What was there before this process is. */
export class FreshMarks {
  /** Heads in order of time. Each says: all up to here was written before `at`. */
  readonly #marks: { at: MonoMs; heads: Map<string, number> }[] = []

  constructor(feeds: readonly Head[], now: MonoMs) {
    // Before everything that this process writes.
    this.#marks.push({ at: (now - FRESH_MS) as MonoMs, heads: headsOf(feeds) })
  }

  /** What is there now is no longer fresh, whenever it was written. */
  age(feeds: readonly Head[], now: MonoMs): void {
    this.#marks.length = 0
    this.#marks.push({ at: (now - FRESH_MS) as MonoMs, heads: headsOf(feeds) })
  }

  mark(feeds: readonly Head[], now: MonoMs): void {
    const last = this.#marks.at(-1)!
    // The heads of this moment stand for all of the second, so that an entry is at most a second longer fresh than it says.
    if (now - last.at < STEP_MS && this.#marks.length > 1) last.heads = headsOf(feeds)
    else this.#marks.push({ at: now, heads: headsOf(feeds) })
    while (this.#marks.length > 1 && now - this.#marks[1]!.at >= FRESH_MS) this.#marks.shift()
  }

  /** The last number that is no longer fresh; a feed that came later (renewed, salvaged) holds nothing fresh. */
  staleThrough(feedId: string, now: MonoMs): number {
    let stale: number | null = null
    let seen = false
    for (const { at, heads } of this.#marks) {
      const head = heads.get(feedId)
      if (head === undefined) continue
      seen = true
      if (now - at < FRESH_MS) break
      stale = head
    }
    if (!seen) return Number.MAX_SAFE_INTEGER
    return stale ?? 0
  }
}

const headsOf = (feeds: readonly Head[]) => new Map(feeds.map(({ feedId, head }) => [feedId, head]))
