import { TAKE_OVER_TIMEOUT_MS } from '../../shared/model/defaults'
import type { MonoMs } from '../../shared/model/time'
import type { WatchedEdge } from '../core/alerts/seen'
import type { Journal, StoredDocument } from '../journal/journal'
import type { Clock } from '../platform/ports'

interface Link {
  readonly isLinked: boolean
  readonly since: MonoMs
  readonly isExpected: boolean
}
/** As much of the master as is asked about links. */
export interface Links {
  readonly booted: boolean
  /** Null: there is no site of this edge (yet). */
  linkOf(edgeId: string): Link | null
}

/** The edges as the rules of alerts look at them, by their documents and links. One that is as it was is the same object; if all are, so is the list. */
export class AlertEdges {
  readonly #journal: Pick<Journal, 'list'>
  readonly #clock: Pick<Clock, 'mono'>
  #documents: readonly StoredDocument<'edge'>[] = []
  /** In the order of the documents. */
  #edges: readonly WatchedEdge[] = []

  constructor({ journal, clock }: { journal: Pick<Journal, 'list'>; clock: Pick<Clock, 'mono'> }) {
    this.#journal = journal
    this.#clock = clock
  }

  /** Null: the master has not begun, and nothing is known of any link. */
  seen(links: Links | null): readonly WatchedEdge[] {
    const documents = this.#journal.list('edge')
    if (documents === this.#documents) return this.#followed(links)
    const known = new Map(this.#edges.map((edge) => [edge.id, edge]))
    this.#edges = documents.map((document) => this.#edge(document, links, known.get(document.id)))
    this.#documents = documents
    return this.#edges
  }

  /** Every second, of thousands: whatever is made anew here is made thousands of times. */
  #followed(links: Links | null): readonly WatchedEdge[] {
    let changed: WatchedEdge[] | null = null
    for (let n = 0; n < this.#documents.length; n++) {
      const known = this.#edges[n]
      const edge = this.#edge(this.#documents[n]!, links, known)
      if (edge !== known) (changed ??= [...this.#edges])[n] = edge
    }
    return changed === null ? this.#edges : (this.#edges = changed)
  }

  #edge({ id, body }: StoredDocument<'edge'>, links: Links | null, known: WatchedEdge | undefined): WatchedEdge {
    const timeoutMs = body.timeoutMs ?? TAKE_OVER_TIMEOUT_MS
    const now = links?.linkOf(id) ?? null
    const link = now === null ? 'unknown' : kindOf(now, links!.booted)
    const isAsItWas = known?.link === link && known.timeoutMs === timeoutMs
    // Nothing is counted from when it became unknown, which is told anew each time.
    if (isAsItWas && (link === 'unknown' || known.since === now!.since)) return known
    return { id, timeoutMs, link, since: now?.since ?? this.#clock.mono() }
  }
}

function kindOf({ isLinked, isExpected }: Link, booted: boolean): WatchedEdge['link'] {
  if (isLinked) return 'linked'
  if (!isExpected) return 'quiet'
  return booted ? 'lost' : 'unknown'
}
