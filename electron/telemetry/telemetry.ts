import type { Coverage } from '../../shared/model/coverage'
import type { EntryOrigin, Loss, SeqGap, TelemetryCategory, TelemetryLane } from '../../shared/model/telemetry'
import type { WallMs } from '../../shared/model/time'
import type { EntryWriter } from '../../shared/wire/push'
import type { Tip } from './tip'

/** An entry later than this beyond the master's calendar when it came is flagged as from the future; it is kept as it is. */
export const FUTURE_AFTER_MS = 60_000
export const TELEMETRY_AGE_MS = 30 * 86_400_000
export const TELEMETRY_BYTES_CAP = 4 * 1024 * 1024 * 1024
export const POINTS_AGE_MS = 7 * 86_400_000
export const HOURLY_AGE_MS = 90 * 86_400_000
export const DAILY_AGE_MS = 730 * 86_400_000

/** An entry that has been looked at. `rejection`: it can never be stored, and why; its number counts as done all the same. */
export interface ArrivedEntry {
  readonly seq: number
  readonly runId: string
  readonly sourceId: string
  readonly edgeId: string | null
  readonly enrolmentId: string | null
  readonly category: TelemetryCategory
  readonly at: WallMs
  readonly doNotPropagate: boolean
  readonly isBytes: boolean
  /** JSON of one value, or base64 where `isBytes`. */
  readonly text: string
  readonly origin?: EntryOrigin
  readonly rejection?: { readonly code: string; readonly message: string }
}

/** The heads and bodies of a batch as on the wire, gzipped, and who wrote them. */
export interface PackedEntries {
  readonly writers: readonly EntryWriter[]
  readonly zipped: Buffer
}

/** Entries and gaps that fill `firstSeq` to `lastSeq`, in order. */
export interface ArrivedBatch {
  readonly feedId: string
  readonly lane: TelemetryLane
  readonly firstSeq: number
  readonly lastSeq: number
  readonly entries: readonly ArrivedEntry[]
  readonly gaps: readonly SeqGap[]
  readonly historical: boolean
  readonly sentAt: number
  /** All of the entries as they came: kept as it is where nothing is left out of it. Without it they are packed anew. */
  readonly packed?: PackedEntries
}

export interface Received extends Coverage {
  /** All of the range that were ever rejected, so that a repeat is answered the same. */
  readonly rejected: readonly { readonly seq: number; readonly code: string; readonly message: string }[]
  /** How many entries were new. 0: a repeat, nothing was written. */
  readonly stored: number
  /** The place in the order of arrival; null: nothing was written. */
  readonly arrival: number | null
}

/** An entry as it is kept. */
export interface KeptEntry extends Omit<ArrivedEntry, 'rejection'> {
  readonly feedId: string
  readonly receivedAt: WallMs
  /** It left the edge late: fills charts and raises no live alert. */
  readonly historical: boolean
  readonly fromFuture: boolean
}

export interface MetricSeries {
  readonly id: number
  readonly name: string
  readonly unit: string | null
  readonly kind: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly lastAt: WallMs
  readonly lastValue: number
}
/** A value, or what became of all values of an hour or a day that begins at `at` (UTC). */
export interface MetricPoint {
  readonly at: WallMs
  readonly value: number
  /** It came late; false as well where what it came with is no longer kept. */
  readonly historical: boolean
}
export interface MetricRollUp {
  readonly at: WallMs
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly last: number
}
export interface LogLine {
  readonly id: number
  readonly at: WallMs
  readonly severity: number
  readonly text: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly service: string | null
  readonly traceId: string | null
  readonly historical: boolean
}
export interface TraceSummary {
  readonly traceId: string
  /** Of its root, else of the earliest span that came. */
  readonly name: string
  readonly service: string | null
  readonly at: WallMs
  readonly durationMs: number
  readonly spans: number
  readonly errors: number
}
export interface SpanRow {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly service: string | null
  readonly kind: string
  readonly status: string
  readonly at: WallMs
  readonly durationMs: number
}
export interface AlertRow {
  readonly id: number
  readonly at: WallMs
  readonly receivedAt: WallMs
  readonly severity: string
  readonly state: string
  readonly text: string
  readonly historical: boolean
  readonly body: unknown
}

/** A loss as the edge told of it. `at`: when it told, by its calendar. */
export interface LossRow {
  readonly at: WallMs
  readonly receivedAt: WallMs
  readonly loss: Loss
}
/** What became searchable just now, for those who look on. Absent: nobody does. */
export interface Tail {
  readonly lines?: LogLine[]
  readonly points?: { series: number; at: number; value: number }[]
}

export interface TelemetryStatus {
  readonly entries: number
  readonly rejected: number
  readonly fromFuture: number
  readonly bytes: number
  readonly lastReceivedAt: WallMs | null
  /** How far the edge's calendar is ahead of the master's; null: nothing has come lately. */
  readonly skewMs: number | null
  /** Entries stored and not searchable or charted yet. */
  readonly notIndexed: number
  /** Numbers that will never come, by reason. */
  readonly gaps: Readonly<Partial<Record<SeqGap['reason'], number>>>
}

export interface TimeSpan {
  readonly from?: number
  readonly to?: number
}

export interface Retention {
  readonly ageMs: number
  readonly bytes: number
  readonly pointsAgeMs: number
  readonly hourlyAgeMs: number
  readonly dailyAgeMs: number
}

/** How much there is and was. Entries are deleted in the order of arrival. */
export interface TelemetryExtent {
  /** Arrival; 0: none. */
  readonly newest: number
  /** Entries since the file was made. */
  readonly stored: number
  /** Entries that retention has deleted since the file was made. */
  readonly deleted: number
}

/**
 * What one edge has pushed. `receive` is on disk (`synchronous=FULL`) when it returns: entries and position in one transaction. Search, charts and lists follow
 * a little later (`index`), from what is stored, each entry exactly once. Everything throws `HoldfastError('storage')` when the file cannot be read or written.
 */
export interface TelemetryStore extends AsyncDisposable {
  /** Throws besides: `conflict` (a number under two runs: the edge's store was put back from an older copy), `busy` (one range too many). */
  receive(batch: ArrivedBatch, now: WallMs): Received
  /** Batches that were answered before, in order: all in one transaction. What is here already is passed over. */
  receiveAll(waiting: readonly { readonly batch: ArrivedBatch; readonly receivedAt: WallMs }[]): void
  position(feedId: string): Coverage
  /** Makes about so many stored entries searchable, and adds them to `tail` when that is on disk. Returns how many wait. */
  index(maxEntries: number, tail?: Tail): number
  /** Deletes about `maxEntries` of what is too old or too much. Returns whether more is due. */
  retain(retention: Retention, now: WallMs, maxEntries: number): boolean

  /** In order of arrival, after `after` (an `arrival`, then a number): for forwarding with a position of its own. */
  arrivals(
    after: number,
    limit: number,
  ): readonly { readonly arrival: number; readonly entries: readonly KeptEntry[] }[]
  entries(options: { feedId: string; after?: number; limit: number }): readonly KeptEntry[]
  series(options: { name?: string; limit: number }): readonly MetricSeries[]
  points(series: number, span: TimeSpan & { limit: number }): readonly MetricPoint[]
  rollUps(series: number, width: 'hour' | 'day', span: TimeSpan & { limit: number }): readonly MetricRollUp[]
  /** Newest first, from `before` on (`beforeId`: of that very instant, what has a lower id). `text`: words that all occur, the last one perhaps not to its end. */
  logs(
    options: TimeSpan & {
      text?: string
      severityMin?: number
      traceId?: string
      before?: number
      beforeId?: number
      limit: number
    },
  ): readonly LogLine[]
  traces(options: TimeSpan & { minDurationMs?: number; limit: number }): readonly TraceSummary[]
  spans(traceId: string, limit: number): readonly SpanRow[]
  alerts(options: TimeSpan & { limit: number }): readonly AlertRow[]
  /** Newest first. */
  losses(options: TimeSpan & { limit: number }): readonly LossRow[]
  status(): TelemetryStatus
  extent(): TelemetryExtent
  tip(): Tip
}

/** A file per edge, and one for batches that wait to go into those of edges whose file is closed. */
export interface TelemetryStores extends AsyncDisposable {
  /**
   * Takes a batch as the store of the edge does; on disk when it resolves. `isWaiting`: not in the file of the edge yet. Whoever asks for that file finds it there,
   * and whoever moves what is `due` sees to it that it gets there.
   */
  receive(edgeId: string, batch: ArrivedBatch, now: WallMs): Promise<Received & { readonly isWaiting: boolean }>
  /** Edges of which batches wait to go into their files: they may have none yet. */
  waiting(): readonly string[]
  /** Of these, those of which batches have waited long enough: to be asked for with `of`. */
  due(): readonly string[]
  /** Sets who is told when batches that waited have gone into the file of their edge: before anybody else sees it. */
  onMoved(listener: (edgeId: string, store: TelemetryStore) => void): void
  /** To be used at once and not kept: with many edges, files not used for long are closed. With it are all batches that were answered. Throws `HoldfastError('storage')`. */
  of(edgeId: string): TelemetryStore
  /** As the store tells it; known without the file where that was closed to make room: all edges may be asked for. */
  extent(edgeId: string): TelemetryExtent
  /** Edges of which something has come. */
  edges(): readonly string[]
  /** Of these, those of which something may not be searchable. */
  notIndexed(): readonly string[]
  /** Deletes what an edge has pushed. */
  remove(edgeId: string): Promise<void>
}
