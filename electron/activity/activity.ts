import type { ActivityItem, ActivityKind } from '../../shared/console/activity-operations'

/** What is written down; the store gives it an id. With a `key` it takes the place of the entry that has the key already. */
export type ActivityEntry = Omit<ActivityItem, 'id' | 'times' | 'lastAt'> & {
  readonly key: string | null
  /** How often it happened since it was last written: added to what the store counts. 1 unless told. */
  readonly times?: number
}

/** `undefined`: not asked for. */
export interface ActivityFilter {
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly actor?: string | undefined
  readonly edge?: string | undefined
  readonly kind?: readonly ActivityKind[] | undefined
  readonly text?: string | undefined
}
export interface ActivityQuery extends ActivityFilter {
  readonly before?: { readonly at: number; readonly id: number } | undefined
  readonly limit: number
}
export interface ActivityPage {
  readonly items: readonly ActivityItem[]
  /** Where to go on; null: that was all. */
  readonly next: { readonly at: number; readonly id: number } | null
}

/**
 * The audit of one controller and what happened beside it. What `add` has returned survives loss of power. Bounded: of changes, of refusals, and of events, each
 * `rowsMax` entries, `bytesMax` bytes and `ageMaxMs`; the oldest go first, and no kind can push out another.
 */
export interface ActivityStore extends AsyncDisposable {
  /** All or nothing, with the marks that say how far other logs have been followed. Throws `HoldfastError('storage')`. */
  add(entries: readonly ActivityEntry[], marks?: Readonly<Record<string, string>>): readonly ActivityItem[]
  /** Newest first. Looks at `SCANNED_MAX` entries at most. */
  page(query: ActivityQuery): ActivityPage
  mark(name: string): string | null
}

export const ACTIVITY_ROWS_MAX = 100_000
export const ACTIVITY_BYTES_MAX = 64 * 1024 * 1024
export const ACTIVITY_AGE_MAX_MS = 400 * 86_400_000
/** Of one entry; beyond it the details are left out. */
export const ACTIVITY_ENTRY_BYTES_MAX = 4 * 1024
export const SCANNED_MAX = 20_000
