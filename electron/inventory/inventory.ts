import type { Resource, ResourceKind } from '../../shared/model/inventory'
import type { WallMs } from '../../shared/model/time'
import type { InventoryAnswer, InventoryEvent } from '../../shared/wire/inventory'
import type { FeedCursor } from '../../shared/wire/requests'
import type { ResourceChange } from '../core/replication/inventory'

export interface InventoryAsk {
  readonly cursor: FeedCursor | null
  readonly snapshotAt: number | null
  readonly offset: number
}

/** What exists and runs at this edge, and the feed of its changes. Throws `HoldfastError('storage')` when the file cannot be read or written. */
export interface InventoryFeed extends AsyncDisposable {
  readonly feedId: string
  /** Number of the newest event; 0: none yet. */
  readonly head: number
  /** In order of kind and id. */
  rows(kind?: ResourceKind): readonly Resource[]
  count(): number
  /** The newest of these events come last. */
  events(options: { readonly limit: number }): readonly InventoryEvent[]
  /** Rows and their events in one transaction; on disk when it returns. Returns the head. */
  write(changes: readonly ResourceChange[], at: WallMs): number
  /** A look at the kind brought no error: what has not changed is as new as `at`. Kept in memory. */
  confirm(kind: ResourceKind, at: WallMs): void
  confirmed(): Readonly<Partial<Record<ResourceKind, number>>>
  /** Serves `inventory.read`. */
  read(ask: InventoryAsk): InventoryAnswer
}

/** What changed in a copy. `changed` null: too much to list, read it again. */
export interface CopyChange {
  readonly edgeId: string
  readonly head: number
  readonly receivedAt: WallMs
  readonly changed:
    | readonly {
        readonly type: string
        readonly kind: ResourceKind
        readonly id: string
        readonly row: Resource | null
      }[]
    | null
}

export interface CopyPage {
  readonly rows: readonly Resource[]
  /** Of all rows that were asked for, on whatever page. */
  readonly total: number
  readonly more: boolean
}

/** The master's copies of the inventories of its edges. Throws `HoldfastError('storage')` when the file cannot be read or written. */
export interface InventoryCopies extends AsyncDisposable {
  /** Null: nothing of this edge has been read to its end yet. */
  cursor(edgeId: string): FeedCursor | null
  /** When the copy was last known to equal the inventory, by this machine's calendar. Null: never. */
  asOf(edgeId: string): WallMs | null
  /** What to ask first after a link-up: the events after the cursor, or the next piece of a snapshot that was interrupted. */
  next(edgeId: string): InventoryAsk
  rows(
    edgeId: string,
    options: {
      readonly kind?: ResourceKind
      readonly limit: number
      readonly after?: { readonly kind: ResourceKind; readonly id: string }
    },
  ): CopyPage
  get(edgeId: string, kind: ResourceKind, id: string): Resource | null
  /**
   * Applies one answer of `inventory.read`; says what to ask next, null when caught up. Rows and cursor move in one transaction; of a snapshot nothing is seen
   * before its last piece, and a broken one is discarded whole.
   */
  apply(edgeId: string, answer: InventoryAnswer, at: WallMs): InventoryAsk | null
  /** The link says that nothing has changed until `at`. */
  confirm(edgeId: string, at: WallMs): void
  /** Forgets an edge. */
  remove(edgeId: string): void
  /** Forgets a snapshot that will not be finished. */
  discard(edgeId: string): void
  /** Gives back the room of replaced sets, a small step a call; false: nothing is left. */
  sweep(): boolean
  onChange(listener: (change: CopyChange) => void): () => void
}

/** One answer stays below the link's 64 KiB pieces, envelope included. A row larger than this travels alone. */
export const INVENTORY_ANSWER_BYTES_MAX = 48 * 1024
/** Rows of one edge. A larger snapshot is refused before it fills the disk. */
export const INVENTORY_ROWS_MAX = 2_000_000
/** Changes that listeners are told one by one. */
export const CHANGES_TOLD_MAX = 1_000
