import type { ForwarderDocument } from '../../shared/model/documents'
import type { ForwardEncoder } from './forward-request'
import { ForwardPiece, seeksEdge } from './forward-piece'
import type { ForwardPosition, ForwardStore } from '../forwarding/forwarding'
import type { TelemetryStores } from '../telemetry/telemetry'

/** Batches of an edge that go in one piece. Each has up to 4 MiB. */
const ARRIVALS_AT_ONCE = 4

/** How far a destination is with what edges have pushed, and what comes next. */
export class ForwardProgress {
  readonly #forwarderId: string
  readonly #store: ForwardStore
  readonly #telemetry: TelemetryStores

  constructor(forwarderId: string, { store, telemetry }: { store: ForwardStore; telemetry: TelemetryStores }) {
    this.#forwarderId = forwarderId
    this.#store = store
    this.#telemetry = telemetry
  }

  /** Before anything is sent: without its positions it would send all that there ever was. Returns the edges that there are. */
  begin(): readonly string[] {
    const edges = this.#telemetry.edges()
    if (this.#store.isKnown(this.#forwarderId)) return edges
    const heads = edges.map((edgeId): [string, ForwardPosition] => {
      const { newest, stored } = this.#telemetry.extent(edgeId)
      return [edgeId, { arrival: newest, passed: stored }]
    })
    this.#store.begin(this.#forwarderId, new Map(heads))
    return edges
  }

  /** Null: the edge has nothing that the destination has not passed. */
  next(edgeId: string, document: ForwarderDocument, signalOf: ForwardEncoder['signalOf']): ForwardPiece | null {
    const { deleted, newest } = this.#telemetry.extent(edgeId)
    const known = this.#store.position(this.#forwarderId, edgeId)
    if (known.arrival === newest && known.passed >= deleted) return null
    const kept = this.#telemetry.of(edgeId)
    // The edge was removed and has come anew: its store begins again.
    const from = known.arrival > newest ? { arrival: 0, passed: 0 } : known
    const arrivals = kept.arrivals(from.arrival, ARRIVALS_AT_ONCE)
    // What retention has deleted lies before everything that is left.
    const lost = Math.max(0, deleted - from.passed)
    const last = arrivals.at(-1)
    if (last === undefined && lost === 0) return null
    const entries = arrivals.flatMap((arrival) => arrival.entries)
    const to = { arrival: last?.arrival ?? newest, passed: from.passed + lost + entries.length }
    return new ForwardPiece({ edgeId, to, lost, entries }, document, signalOf)
  }

  /** All of the piece has been answered for good. */
  passed({ edgeId, to, became }: ForwardPiece): void {
    this.#store.move(this.#forwarderId, edgeId, to, became)
  }

  /** Entries that the destination has not passed yet, of the edges that it is for. */
  pendingOf(document: ForwarderDocument): number {
    return this.#telemetry
      .edges()
      .filter((edgeId) => seeksEdge(document, edgeId))
      .reduce((sum, edgeId) => {
        const { stored, deleted } = this.#telemetry.extent(edgeId)
        return sum + Math.max(0, stored - Math.max(deleted, this.#store.position(this.#forwarderId, edgeId).passed))
      }, 0)
  }
}
