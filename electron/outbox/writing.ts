import { HoldfastError } from '../../shared/model/failures'
import type { Loss, TelemetryLane } from '../../shared/model/telemetry'
import { laneOf } from '../../shared/model/telemetry'
import type { Job } from './queue'
import { lossOf } from './retention'
import type { Retention } from './retention'
import { categoryCodes, categoryOf } from './schema'
import type { Change, Store } from './store'

export interface WriterPorts {
  readonly store: () => Store
  readonly retention: () => Retention
  /** The name of an entry that is stored once, within the transaction. */
  readonly remember: (name: string) => void
  readonly isFull: () => boolean
  /** Pages of the file that hold nothing. */
  readonly freeBytes: () => number
  /** The disk is full: what was kept for this is released. */
  readonly becomeFull: (cause: unknown) => void
  /** The file is damaged: it is replaced by a new one. */
  readonly replace: (cause: unknown) => void
  readonly refusal: (error: unknown) => Error
  readonly appended: (lane: TelemetryLane, entries: number) => void
}

type Trouble = 'full' | 'damaged' | 'other'
export function troubleOf(error: unknown): Trouble {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return 'other'
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return 'damaged'
  // A quota shows as a write error, not as a full disk.
  if (/^SQLITE_(FULL|IOERR_(WRITE|SHMSIZE|FSYNC|TRUNCATE))/.test(code)) return 'full'
  return 'other'
}

const RETRY_AFTER_MS = 5_000
/** What the pages around a row take, when room is made for it. */
const ROOM_FACTOR = 1.25
const ROOM_BYTES = 32 * 1024

/** Writes what the queue hands over, in good times and on a full disk. */
export function openWriting(ports: WriterPorts) {
  function put(change: Change, jobs: readonly Job[]) {
    const lanes = new Map<TelemetryLane, number>()
    const adding = categoryCodes.map((_, category) => ({ category, entries: 0, bytes: 0 }))
    for (const { rows, losses, name } of jobs) {
      if (name !== undefined) ports.remember(name)
      if (rows.length > 0) change.append(rows)
      for (const { category, size } of rows) {
        const sum = adding[category]!
        sum.entries++
        sum.bytes += size
      }
      for (const loss of losses) change.lose(loss)
    }
    for (const { category, entries } of adding) {
      if (entries === 0) continue
      const lane = laneOf(categoryOf(category))
      lanes.set(lane, (lanes.get(lane) ?? 0) + entries)
    }
    return { lanes, adding }
  }

  function writeNormally(jobs: readonly Job[]) {
    const retention = ports.retention()
    const lanes = ports.store().commit((change) => {
      const done = put(change, jobs)
      retention.enforceBytes(change, done.adding)
      retention.markHeads(change)
      retention.reportLosses(change)
      return done.lanes
    })
    retention.dropped()
    for (const job of jobs) job.settle()
    for (const [lane, entries] of lanes) ports.appended(lane, entries)
  }

  /** Everything of the calls is given up; counted unless somebody offers it again. */
  const lossesOf = (jobs: readonly Job[]): readonly Loss[] =>
    jobs.flatMap(({ rows, losses, repeats }) => [
      ...losses,
      ...(repeats
        ? []
        : rows.map(({ category, size, at }) => {
            const lostAt = ports.store().options.clock.wall()
            return lossOf(categoryOf(category), 'disk-full', size, at, lostAt)
          })),
    ])
  function refuse(jobs: readonly Job[], cause: unknown) {
    const error = ports.refusal(cause)
    for (const job of jobs) job.settle(error)
  }

  /** Only urgent calls are written, in the room of what counts less; the counters of all the others. */
  function writeFull(jobs: readonly Job[], cause: unknown) {
    const urgent = jobs.filter(({ isUrgent }) => isUrgent)
    const others = jobs.filter(({ isUrgent }) => !isUrgent)
    const retention = ports.retention()
    const store = ports.store()
    const lost = lossesOf(others)
    try {
      const bytes = urgent.reduce((sum, job) => sum + job.bytes, 0)
      const lanes = store.commit((change) => {
        const missing = bytes * ROOM_FACTOR + ROOM_BYTES - ports.freeBytes()
        if (urgent.length > 0 && missing > 0) retention.makeRoom(change, missing)
        for (const loss of lost) change.lose(loss)
        return put(change, urgent).lanes
      })
      retention.dropped()
      for (const job of urgent) job.settle()
      for (const [lane, entries] of lanes) ports.appended(lane, entries)
      refuse(others, cause)
    } catch (error) {
      if (troubleOf(error) === 'damaged') throw error
      store.saveLater(lossesOf(jobs))
      saveCounters(store)
      refuse(jobs, error)
    }
    // The log starts anew in the room it has, which it keeps: whoever filled the disk could take it.
    tryTo(() => store.database.pragma('wal_checkpoint(RESTART)'))
  }
  const saveCounters = (store: Store) => tryTo(() => store.commit(() => undefined))

  /** Never throws. */
  function write(jobs: readonly Job[], isAgain = false) {
    try {
      if (ports.isFull()) writeFull(jobs, diskFull())
      else writeNormally(jobs)
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble === 'full') {
        // From now on the disk counts as full; that the file is damaged as well may show only then.
        ports.becomeFull(error)
        write(jobs, isAgain)
      } else if (trouble === 'damaged' && !isAgain) {
        try {
          ports.replace(error)
          write(jobs, true)
        } catch (cause) {
          ports.store().saveLater(lossesOf(jobs))
          refuse(jobs, cause)
        }
      } else {
        ports.store().saveLater(lossesOf(jobs))
        refuse(jobs, error)
      }
    }
  }
  return { write: (jobs: readonly Job[]) => write(jobs) }
}

const diskFull = () =>
  new HoldfastError('storage', 'outbox.db: the disk is full', {
    hint: 'Free some space on the disk that holds the data directory; alerts are still kept.',
    retryAfterMs: RETRY_AFTER_MS,
  })

function tryTo(work: () => unknown) {
  try {
    work()
  } catch {
    // Nothing is lost by it: the counters stay in memory and go with the next commit.
  }
}
