import type { WallMs } from '../../shared/model/time'

/** Something a person should look at: one line per kind, however often it happens. */
export interface Incident {
  readonly code: string
  /** Of the last time. */
  readonly detail: string
  /** Of the first time since it was last over. */
  readonly since: WallMs
  readonly lastAt: WallMs
  readonly count: number
}

/** What nobody has seen again for so long is history. */
const SHOWN_MS = 24 * 3_600_000
const DETAIL_LENGTH_MAX = 500

/** Incidents of one edge by kind: what repeats every three seconds must not push out what happened once. */
export class Incidents {
  readonly #byCode = new Map<string, Incident>()

  add(code: string, detail: string, at: WallMs): void {
    const known = this.#byCode.get(code)
    const goesOn = known !== undefined && at - known.lastAt <= SHOWN_MS
    this.#byCode.set(code, {
      code,
      detail: detail.slice(0, DETAIL_LENGTH_MAX),
      since: goesOn ? known.since : at,
      lastAt: at,
      count: goesOn ? known.count + 1 : 1,
    })
  }

  /** It is over. Says whether there was any. */
  clear(code: string): boolean {
    return this.#byCode.delete(code)
  }

  /** Newest first. */
  shown(now: WallMs): readonly Incident[] {
    return [...this.#byCode.values()]
      .filter(({ lastAt }) => now - lastAt <= SHOWN_MS)
      .sort((a, b) => b.lastAt - a.lastAt)
  }
}
