import type { ModuleView } from '../../shared/model/modules'
import type { WallMs } from '../../shared/model/time'

/** Age alone is no change every second: what is as fresh as the link is told to be so in steps. */
export const HEARD_STEP_MS = 5_000

/** The module views an edge told, and over which session: what an earlier link brought says nothing about now. */
export class ToldViews {
  readonly #views = new Map<string, { readonly view: ModuleView; readonly session: string }>()

  take(session: string, changed: readonly ModuleView[], removed: readonly string[]): void {
    for (const view of changed) this.#views.set(view.id, { view, session })
    for (const id of removed) this.#views.delete(id)
  }

  /** Forgets modules that are not of this edge any more. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#views.keys()) if (!ids.has(id)) this.#views.delete(id)
  }

  /** As told, for a start that goes on from there. */
  last(): ModuleView[] {
    return [...this.#views.values()].map(({ view }) => view)
  }

  /** As known now: changes arrive at once, so what this session told is as fresh as the link; the rest is unknown, as of when it was told. */
  now(session: string | null, heardAt: WallMs | null): ModuleView[] {
    const heard = Math.floor((heardAt ?? 0) / HEARD_STEP_MS) * HEARD_STEP_MS
    return [...this.#views.values()].map(({ view, session: toldOver }) =>
      toldOver === session
        ? { ...view, asOf: Math.max(view.asOf, heard) }
        : { ...view, state: 'unknown', connected: false },
    )
  }
}
