import type { WatchedEdge } from './seen'

/** What there is to look at. */
export interface EdgesTurn {
  /** In the order of all. */
  readonly looked: readonly WatchedEdge[]
  /** How those of them were that are otherwise now; null: new. */
  readonly before: ReadonlyMap<string, WatchedEdge | null>
  readonly isAnyGone: boolean
}

/** The edges there are. They are told every second and seldom change: one that is the same object is as it was. */
export class KnownEdges {
  #all: readonly WatchedEdge[] = []
  readonly #byId = new Map<string, WatchedEdge>()
  #again = new Set<string>()

  /** As told last. */
  get all(): readonly WatchedEdge[] {
    return this.#all
  }

  get(id: string): WatchedEdge | undefined {
    return this.#byId.get(id)
  }

  /** There will be something to look at, although it may be as it was. */
  lookAgain(id: string): void {
    this.#again.add(id)
  }

  /** Each once. Null: there is nothing to look at. */
  tell(edges: readonly WatchedEdge[]): EdgesTurn | null {
    const again = this.#again
    if (edges === this.#all && again.size === 0) return null
    this.#all = edges
    this.#again = new Set()
    const looked: WatchedEdge[] = []
    const before = new Map<string, WatchedEdge | null>()
    for (const edge of edges) {
      const known = this.#byId.get(edge.id)
      if (known === edge && !again.has(edge.id)) continue
      looked.push(edge)
      if (known === edge) continue
      before.set(edge.id, known ?? null)
      this.#byId.set(edge.id, edge)
    }
    const isAnyGone = this.#byId.size > edges.length
    if (isAnyGone) this.#forgetAllBut(new Set(edges.map(({ id }) => id)))
    return { looked, before, isAnyGone }
  }

  #forgetAllBut(ids: ReadonlySet<string>): void {
    for (const id of this.#byId.keys()) if (!ids.has(id)) this.#byId.delete(id)
  }
}
