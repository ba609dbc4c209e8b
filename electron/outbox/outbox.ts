import type { Failure } from '../../shared/model/failures'
import type {
  LossReason,
  OutboxEntry,
  SeqGap,
  SeqRange,
  StoredEntry,
  TelemetryCategory,
  TelemetryLane,
} from '../../shared/model/telemetry'
import type { WallMs } from '../../shared/model/time'
import type { LossTotal } from '../../shared/wire/push'

/** Under whose name entries are written. Null: this controller has no edge or enrolment yet. */
export interface OutboxIdentity {
  readonly sourceId: string
  readonly edgeId: string | null
  readonly enrolmentId: string | null
}

export interface AppendOptions {
  /** Committed at once in a transaction of its own (control decisions). Alerts always are. */
  readonly urgent?: boolean
  /** The producer offers again what is refused with `storage`, so that it is not counted as lost. */
  readonly repeats?: boolean
}

export interface AppendOutcome {
  readonly stored: number
  /** Entries that can never be stored, by their place in the call: `too-large` or `invalid`. They are counted as lost; their neighbours are stored. */
  readonly refused: readonly {
    readonly index: number
    readonly code: 'too-large' | 'invalid'
    readonly message: string
  }[]
  /** Entries of categories that are switched off: accepted, not stored, not counted. */
  readonly switchedOff: number
}

/**
 * One stream of entries. A store has a current feed per lane, and older ones as long as they hold entries: salvaged from a damaged file, pushed under
 * their old numbers.
 */
export interface OutboxFeed {
  readonly feedId: string
  readonly lane: TelemetryLane
  readonly isCurrent: boolean
  /** The highest number given out; 0: none yet. */
  readonly head: number
  /** Everything up to here is acknowledged or was reported as gone. */
  readonly throughSeq: number
  /** The newest acknowledged entry and the run that wrote it, by which a store put back from an older copy is noticed. */
  readonly lastAcknowledged: { readonly seq: number; readonly runId: string } | null
  /** Whether the master of the present enrolment has answered for all up to `throughSeq`. What only a former one has, this one was never told of. */
  readonly isKnownThere: boolean
  readonly pendingEntries: number
  readonly pendingBytes: number
}

/** Forward from the oldest unacknowledged number or after `after`; backward from the head or before `before`. `limit`: the last number looked at. */
export interface ReadOptions {
  readonly from: 'oldest' | 'newest' | { readonly after: number } | { readonly before: number }
  readonly limit?: number
  readonly maxEntries: number
  /** Of the bodies; at least one entry comes even if it is larger. */
  readonly maxBytes: number
}

/** A range with everything that fills it: entries in order of `seq`, and gaps. Ready for a batch. */
export interface OutboxSlice {
  readonly feedId: string
  readonly firstSeq: number
  readonly lastSeq: number
  readonly entries: readonly StoredEntry[]
  readonly gaps: readonly SeqGap[]
}

export interface Rejection {
  readonly seq: number
  readonly code: string
  readonly message: string
}

export interface DeadLetter {
  readonly id: number
  readonly entry: StoredEntry
  readonly code: string
  readonly message: string
  readonly rejectedAt: WallMs
}

export interface Tally {
  readonly entries: number
  readonly bytes: number
}

export interface OutboxStatus {
  /** `full`: the disk is, only alerts and counters are written. `salvaging`: rows of a damaged file are being read in the background. */
  readonly state: 'open' | 'salvaging' | 'full'
  readonly pendingEntries: number
  readonly pendingBytes: number
  /** When the oldest pending entry happened; null: nothing is pending. */
  readonly oldestAt: WallMs | null
  readonly byCategory: Readonly<Record<TelemetryCategory, Tally>>
  /** Since the store was made. */
  readonly dropped: Readonly<Record<TelemetryCategory, Tally & { readonly lastAt: WallMs | null }>>
  readonly droppedBecause: Readonly<Partial<Record<LossReason, number>>>
  /** The same by category and reason. */
  readonly losses: readonly LossTotal[]
  readonly deadLetters: number
  readonly deadLetterBytes: number
  /** Of the file on disk, without its log. */
  readonly fileBytes: number
  readonly switchedOff: readonly TelemetryCategory[]
  readonly lastError: Failure | null
}

/**
 * The durable buffer of an edge. What `append` has answered survives a crash of the process and loss of power; of what it has not answered yet, at most
 * `GROUP_COMMIT_MS` of metrics, logs, traces and events are waiting. Numbers of a feed are contiguous and never given out twice.
 */
export interface Outbox extends AsyncDisposable {
  /**
   * Resolves after the commit. Rejects with `HoldfastError`: `busy` (too much is waiting; nothing is stored or counted, offer it again later), `storage` (the disk
   * is full or broken: none of these entries is stored; counted as lost unless the producer `repeats`).
   */
  append(entries: readonly OutboxEntry[], options?: AppendOptions): Promise<AppendOutcome>

  /**
   * Stores an entry that has a name, urgent, if none of that name was stored before (the newest 10,000 names are known; a new file after damage knows none). False: it
   * was. Rejects with `storage`, `too-large`.
   */
  appendOnce(name: string, entry: OutboxEntry): Promise<boolean>

  /** Current feeds first, alerts before telemetry, then older ones. */
  feeds(): readonly OutboxFeed[]
  /** The present enrolment, as `acknowledge` takes it. */
  enrolment(): string
  /** Null: nothing to tell (all acknowledged, or the feed is unknown). A slice may hold gaps only. */
  read(feedId: string, options: ReadOptions): OutboxSlice | null
  /** The numbers from `first` to `last` that have no entry here. */
  gaps(feedId: string, first: number, last: number): readonly SeqGap[]
  /**
   * Deletes what the master has: everything up to `throughSeq` and the ranges. Small steps, each a transaction; killed half-way, the rest is pushed again.
   * `by`: the enrolment under which it was pushed, if that may no longer be the present one.
   * `beyond-head` and nothing deleted: the master knows numbers this store never gave out (it was put back from an older copy): call `renew`.
   */
  acknowledge(
    feedId: string,
    stored: { readonly throughSeq: number; readonly ranges: readonly SeqRange[]; readonly by?: string },
  ): Promise<'done' | 'beyond-head' | 'unknown-feed'>
  /** Moves entries the master refuses for good to the dead letters, in one transaction. Numbers without an entry are passed over. */
  reject(feedId: string, rejected: readonly Rejection[]): Promise<void>
  /** A new id for the feed; what is pending keeps its numbers and names the old feed as its origin. Returns the new id. */
  renew(feedId: string): string

  /** Oldest first, after the id `after`. */
  deadLetters(options: { readonly limit: number; readonly after?: number }): readonly DeadLetter[]
  /** Appends them again as new entries that name their origin. Returns how many there were. */
  retryDeadLetters(ids: readonly number[] | 'all'): Promise<number>
  /** Deletes them, counted as lost. */
  dropDeadLetters(ids: readonly number[] | 'all'): Promise<number>
  /** Deletes everything pending, counted as lost: an operator's word after the edge joined another master. */
  dropPending(options: { readonly enrolmentId?: string }): Promise<number>

  /** Categories from now on not stored; urgent entries (control decisions) and alerts are all the same. */
  switchOff(categories: readonly TelemetryCategory[]): void
  /** Caps from now on; what is over them goes in steps, counted. */
  setCaps(caps: { readonly bytes: number; readonly ageMs: number }): void
  /** Counters kept in memory: cheap. */
  status(): OutboxStatus
  /** Called after each commit of new entries with what is pending in each lane; returns the unsubscriber. */
  onAppended(listener: (appended: { readonly lane: TelemetryLane; readonly entries: number }) => void): () => void
  /** Commits what is waiting. */
  flush(): Promise<void>
}

/** Metrics, logs, traces and events wait this long for their commit at most; those that arrive meanwhile share it. */
export const GROUP_COMMIT_MS = 200
