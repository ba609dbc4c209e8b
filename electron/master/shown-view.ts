import type { EdgeView } from '../../shared/console/views'
import type { WallMs } from '../../shared/model/time'

/** What is shown of an edge is made again after this time at the latest: the ages in it, and incidents that are over by time. */
const FRESH_MS = 60_000

/** The view of one edge, kept until something changes: among thousands a console is told of one change, and the others are neither made again nor compared. */
export class ShownView {
  #kept: { readonly view: EdgeView; readonly madeAt: WallMs; readonly until: number } | null = null

  forget(): void {
    this.#kept = null
  }

  of(now: WallMs, make: () => EdgeView): EdgeView {
    // A calendar that was set back makes every instant in the view wrong.
    if (this.#kept === null || now >= this.#kept.until || now < this.#kept.madeAt) {
      const view = make()
      this.#kept = { view, madeAt: now, until: nextChangeBy(view, now) }
    }
    return this.#kept.view
  }
}

/** When time alone makes the view another one. */
function nextChangeBy({ window, paused, stableAt, takeOverAt }: EdgeView, now: number): number {
  const instants = [window.nextOpenAt, window.closesAt, paused?.until ?? null, stableAt, takeOverAt]
  return Math.min(now + FRESH_MS, ...instants.filter((at) => at !== null && at > now).map(Number))
}
