import { HoldfastError } from '../../shared/model/failures'
import { ENTRY_BYTES_MAX } from '../../shared/model/telemetry'
import type { Loss, OutboxEntry, TelemetryCategory } from '../../shared/model/telemetry'
import { after } from '../../shared/model/time'
import type { MonoMs } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import { GROUP_COMMIT_MS } from './outbox'
import type { AppendOptions, AppendOutcome } from './outbox'
import { lossOf } from './retention'
import { categoryOf, codeOf } from './schema'
import { sizeOf } from './store'
import type { NewRow } from './store'

/** A group is committed early when it has this much. */
const GROUP_ENTRIES = 1_000
const GROUP_BYTES = 1024 * 1024
/** What may wait; more is refused with `busy`. */
const QUEUE_ENTRIES_MAX = 50_000
const QUEUE_BYTES_MAX = 32 * 1024 * 1024
/** One call is one transaction. */
export const CALL_ENTRIES_MAX = 10_000
export const CALL_BYTES_MAX = 8 * 1024 * 1024
const BUSY_RETRY_MS = 1_000
/**
 * A sender that waits for each answer is answered after this pause, not after a whole group's; those that come meanwhile share its commit. On a slow disk the pause
 * is longer, so that commits take a fifth of the time at most.
 */
const PAUSE_MS = 10
const PAUSE_COMMITS = 4

/** One call of `append`, ready to be written. */
export interface Job {
  readonly rows: readonly NewRow[]
  readonly bytes: number
  readonly outcome: AppendOutcome
  /** Of entries refused for good. */
  readonly losses: readonly Loss[]
  readonly isUrgent: boolean
  readonly repeats: boolean
  /** Of its one entry, to be remembered in the same transaction. */
  readonly name?: string
  settle(error?: Error): void
}

export interface QueuedOptions extends AppendOptions {
  readonly name?: string
}

export interface QueueOptions {
  readonly clock: Clock
  readonly isOff: (category: TelemetryCategory) => boolean
  /** Writes the jobs in one transaction; never throws, settles each. */
  readonly write: (jobs: readonly Job[]) => void
}

export type Queue = ReturnType<typeof openQueue>

/** What waits for the next commit. Urgent calls go at the next turn of the event loop, by themselves; the others share a commit. */
export function openQueue({ clock, isOff, write }: QueueOptions) {
  let urgent: Job[] = []
  let bulk: Job[] = []
  let waiting = { entries: 0, bytes: 0 }
  let timer: Disposable | null = null
  let soon: NodeJS.Immediate | null = null
  let committedAt: MonoMs | null = null
  let pauseMs = PAUSE_MS
  let isClosed = false

  function flush() {
    soon = null
    const alone = urgent
    urgent = []
    for (const jobs of groups(alone)) write(jobs)
    if (!isBulkDue()) return wake()
    flushBulk()
  }
  function flushBulk() {
    timer?.[Symbol.dispose]()
    timer = null
    const jobs = bulk
    bulk = []
    waiting = { entries: 0, bytes: 0 }
    if (jobs.length === 0) return
    const beganAt = clock.mono()
    for (const group of groups(jobs)) write(group)
    committedAt = clock.mono()
    pauseMs = Math.min(GROUP_COMMIT_MS, Math.max(PAUSE_MS, PAUSE_COMMITS * (committedAt - beganAt)))
  }
  const isBulkDue = () =>
    bulk.length > 0 && (isGroupFull() || committedAt === null || clock.mono() >= after(committedAt, pauseMs))
  const isGroupFull = () => waiting.entries >= GROUP_ENTRIES || waiting.bytes >= GROUP_BYTES

  /** The first call after a pause goes at once; those that follow share a commit. */
  function wake() {
    if (urgent.length > 0 || isBulkDue()) soon ??= setImmediate(flush)
    else if (bulk.length > 0) timer ??= clock.at(after(committedAt!, pauseMs), flushBulk)
  }

  function append(entries: readonly OutboxEntry[], options: QueuedOptions = {}): Promise<AppendOutcome> {
    if (isClosed) return Promise.reject(new HoldfastError('busy', 'The outbox is closed.'))
    if (entries.length > CALL_ENTRIES_MAX)
      return Promise.reject(new HoldfastError('too-large', `At most ${CALL_ENTRIES_MAX} entries at once.`))
    const isTaken = options.urgent === true ? () => true : (category: TelemetryCategory) => !isOff(category)
    const { rows, bytes, losses, outcome } = prepared(entries, clock, isTaken)
    if (bytes > CALL_BYTES_MAX)
      return Promise.reject(new HoldfastError('too-large', `At most ${CALL_BYTES_MAX} bytes at once.`))
    const isUrgent = options.urgent === true || rows.some(({ category }) => category === alerts)
    const isTooMuch = waiting.entries + rows.length > QUEUE_ENTRIES_MAX || waiting.bytes + bytes > QUEUE_BYTES_MAX
    if (isTooMuch && !isUrgent)
      return Promise.reject(
        new HoldfastError('busy', 'The outbox cannot write as fast as entries arrive.', {
          retryAfterMs: BUSY_RETRY_MS,
        }),
      )
    if (rows.length === 0 && losses.length === 0) return Promise.resolve(outcome)
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => (error === undefined ? resolve(outcome) : reject(error))
      const named = options.name === undefined ? {} : { name: options.name }
      const job: Job = { rows, bytes, losses, outcome, isUrgent, repeats: options.repeats === true, ...named, settle }
      if (isUrgent) urgent.push(job)
      else {
        bulk.push(job)
        waiting.entries += rows.length
        waiting.bytes += bytes
      }
      wake()
    })
  }

  return {
    append,
    /** Everything, now. */
    flushAll() {
      if (soon) clearImmediate(soon)
      flush()
      flushBulk()
    },
    close() {
      isClosed = true
      this.flushAll()
      timer?.[Symbol.dispose]()
    },
  }
}
const alerts = codeOf('alerts')

/** Calls that fit into one transaction; a call is never split. */
function groups(jobs: readonly Job[]): Job[][] {
  const all: Job[][] = []
  let size = { entries: 0, bytes: 0 }
  for (const job of jobs) {
    const isFull = size.entries + job.rows.length > GROUP_ENTRIES || size.bytes + job.bytes > GROUP_BYTES
    if (all.length === 0 || isFull) {
      all.push([])
      size = { entries: 0, bytes: 0 }
    }
    all.at(-1)!.push(job)
    size = { entries: size.entries + job.rows.length, bytes: size.bytes + job.bytes }
  }
  return all
}

function prepared(entries: readonly OutboxEntry[], clock: Clock, isTaken: (category: TelemetryCategory) => boolean) {
  const rows: NewRow[] = []
  const losses: Loss[] = []
  const refused: { index: number; code: 'too-large' | 'invalid'; message: string }[] = []
  let bytes = 0
  let switchedOff = 0
  for (const [index, entry] of entries.entries()) {
    if (!isTaken(entry.category)) {
      switchedOff++
      continue
    }
    const code = codeOf(entry.category)
    const body = code < 0 || !Number.isSafeInteger(entry.at) ? null : textOf(entry)
    const length = body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
    if (body !== null && length <= ENTRY_BYTES_MAX) {
      const size = sizeOf(length)
      rows.push({ category: code, at: entry.at, size, body })
      bytes += size
      continue
    }
    const reason = body === null ? 'invalid' : 'too-large'
    const message = body === null ? 'Not an entry: category, time or body cannot be stored.' : tooLarge(length)
    refused.push({ index, code: reason, message })
    const at = Number.isSafeInteger(entry.at) ? entry.at : clock.wall()
    losses.push(lossOf(code < 0 ? 'events' : categoryOf(code), reason, length, at, clock.wall()))
  }
  return { rows, bytes, losses, outcome: { stored: rows.length, refused, switchedOff } }
}

const tooLarge = (bytes: number) => `${bytes} bytes: an entry has at most ${ENTRY_BYTES_MAX}.`

/** Null: nothing that JSON can say. */
function textOf(entry: OutboxEntry): string | Uint8Array | null {
  if ('json' in entry) return typeof entry.json === 'string' ? entry.json : null
  if (entry.body instanceof Uint8Array) return entry.body
  try {
    return JSON.stringify(entry.body) ?? null
  } catch {
    return null
  }
}
