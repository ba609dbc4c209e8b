import type { WallMs } from '../../shared/model/time'

/** Reasons kept of one destination. */
export const SET_ASIDE_KEPT = 100

/** How far a destination is with what an edge has pushed: the last arrival it has passed, and how many entries lie up to there since the edge's first. */
export interface ForwardPosition {
  readonly arrival: number
  readonly passed: number
}
export interface ForwardTotals {
  readonly sent: number
  readonly skipped: number
  readonly setAside: number
  readonly lost: number
  readonly lastSentAt: WallMs | null
}
export interface SetAside {
  readonly at: WallMs
  readonly edgeId: string
  readonly entries: number
  readonly code: string
  readonly message: string
}
/** What became of the entries between two positions. */
export interface ForwardStep {
  readonly sent: number
  readonly skipped: number
  readonly lost: number
  readonly setAside: readonly SetAside[]
  /** Null: nothing was sent. */
  readonly sentAt: WallMs | null
}

/** Positions and totals of the destinations, `synchronous=FULL`. Throws `HoldfastError('storage')`. */
export interface ForwardStore extends AsyncDisposable {
  /** False: it has never begun. */
  isKnown(forwarderId: string): boolean
  /** Begins at these positions; edges that are not named begin with their first entry. */
  begin(forwarderId: string, positions: ReadonlyMap<string, ForwardPosition>): void
  position(forwarderId: string, edgeId: string): ForwardPosition
  /** Position and what became of the entries, in one transaction. */
  move(forwarderId: string, edgeId: string, to: ForwardPosition, step: ForwardStep): void
  totals(forwarderId: string): ForwardTotals
  /** Newest first. */
  setAside(forwarderId: string, limit: number): readonly SetAside[]
  forget(forwarderId: string): void
}

export interface ForwardRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly isGzip: boolean
}
/**
 * `taken`: for good, but for `rejected` records. `refused`: it will never take this. `later`: not now. `misconfigured`: it does not take anything from this
 * sender, or is no such endpoint; the entries have no part in it.
 */
export type ForwardAnswer =
  | { readonly kind: 'taken'; readonly rejected: number; readonly message: string }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'misconfigured'; readonly code: string; readonly message: string }
  | { readonly kind: 'later'; readonly code: string; readonly message: string; readonly retryAfterMs: number | null }

/** Never rejects: what goes wrong on the way is `later`. */
export type SendForward = (request: ForwardRequest, signal: AbortSignal) => Promise<ForwardAnswer>
