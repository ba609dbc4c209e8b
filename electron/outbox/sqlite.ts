import { existsSync, statSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { Failure } from '../../shared/model/failures'
import { OUTBOX_AGE_CAP_MS, OUTBOX_BYTES_CAP } from '../../shared/model/telemetry'
import { laneOf } from '../../shared/model/telemetry'
import type { TelemetryCategory, TelemetryLane } from '../../shared/model/telemetry'
import { guarded, openDatabase, refuseDamage, setAside, storageError } from '../platform/sqlite'
import type { Database } from '../platform/sqlite'
import { housekeeping } from './housekeeping'
import type { Outbox } from './outbox'
import { openParts } from './parts'
import type { Parts } from './parts'
import { openQueue } from './queue'
import { openSalvage, waitingForSalvage } from './salvage'
import type { Salvage } from './salvage'
import { outboxMigrations } from './schema'
import { RESERVE_BYTES, reserveBeside, WAL_BYTES_KEPT, WAL_PAGES } from './space'
import { statusOf } from './status'
import { enrolmentOf } from './store'
import type { StoreOptions } from './store'
import { openWriting, troubleOf } from './writing'

export interface OutboxOptions extends StoreOptions {
  readonly bytesCap?: number
  readonly ageCapMs?: number
  readonly switchedOff?: readonly TelemetryCategory[]
  /** Room on the disk kept for counters and alerts. */
  readonly reserveBytes?: number
}

/** A file up to this size is read whole at start; of a larger one only what must be right to go on, and each row when it is read. */
const CHECKED_BYTES_MAX = 64 * 1024 * 1024
const CACHE_KIB = 4 * 1024

/**
 * Opens the outbox. A damaged file is set aside, a new one used at once and the readable rows taken over in the background. Throws `HoldfastError('storage')`
 * when the file cannot be opened or made, or was written by a newer version.
 */
export function openOutbox(file: string, options: OutboxOptions): Outbox {
  const { clock, random, logger, rules } = options
  const caps = { bytes: options.bytesCap ?? OUTBOX_BYTES_CAP, ageMs: options.ageCapMs ?? OUTBOX_AGE_CAP_MS }
  const reserve = reserveBeside(file, random, options.reserveBytes ?? RESERVE_BYTES)
  const listeners = new Set<(appended: { lane: TelemetryLane; entries: number }) => void>()
  let off = new Set<TelemetryCategory>(options.switchedOff ?? [])
  let isFull = false
  let lastError: Failure | null = null
  let parts: Parts = open()
  let salvage: Salvage | null = null
  let isSalvageWaiting = true
  let isClosed = false
  isFull = !reserve.restore()
  if (isFull) logger.log('error', 'the disk is full: only alerts and counters are kept')

  function open(): Parts {
    try {
      return openWhole()
    } catch (error) {
      const cause = error instanceof HoldfastError ? (error.cause ?? error) : error
      if (troubleOf(cause) === 'full') {
        // Even opening takes a little room.
        reserve.release()
        return openWhole()
      }
      if (troubleOf(cause) !== 'damaged' && !isDamage(error)) throw error
      return openAnew(error)
    }
  }
  function openWhole(): Parts {
    const database = openFile(file)
    try {
      return guarded(file, () => openParts(database, { ...options, rules }, caps, file))
    } catch (error) {
      database.close()
      throw error
    }
  }
  function openAnew(because: unknown): Parts {
    lastError = failureOf(because)
    const aside = setAside(file, clock.wall())
    const message = 'the outbox was damaged: it was set aside, and what can be read of it is taken over'
    logger.log('error', message, { aside, because: lastError.message })
    return openWhole()
  }
  function replace(because: unknown) {
    salvage?.close()
    salvage = null
    try {
      parts.store.database.close()
    } catch {
      // It is damaged; the file is renamed either way.
    }
    parts = openAnew(storageError(file, because))
    isSalvageWaiting = true
  }

  function becomeFull(cause: unknown) {
    if (isFull) return
    isFull = true
    lastError = failureOf(storageError(file, cause))
    logger.log('error', 'the disk is full: only alerts and counters are kept', { pending: parts.store.sizes() })
    reserve.release()
    try {
      parts.store.database.pragma('wal_checkpoint(RESTART)')
    } catch {
      // As much of the log as there was room for; the rest follows with the next one.
    }
  }

  /** What is stored is stored, whatever becomes of those who wait for it. */
  function tell(lane: TelemetryLane, entries: number) {
    for (const listener of [...listeners]) {
      try {
        listener({ lane, entries })
      } catch (error) {
        logger.log('error', 'new entries could not be told of', { reason: failureOf(error).message })
      }
    }
  }

  const writing = openWriting({
    store: () => parts.store,
    retention: () => parts.retention,
    remember: (name) => parts.once.remember(name),
    isFull: () => isFull,
    freeBytes: () => parts.space.freeBytes,
    becomeFull,
    replace,
    refusal(error) {
      const told = storageError(file, error)
      lastError = failureOf(told)
      return told instanceof Error ? told : new Error(String(told))
    },
    appended: tell,
  })
  const queue = openQueue({ clock, isOff: (category) => off.has(category), write: writing.write })

  /** Reads and deletes: a damaged file is replaced while the controller runs, and the caller finds the new one. */
  function on<T>(work: (parts: Parts) => T): T {
    try {
      return work(parts)
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble === 'damaged') {
        replace(error)
        return work(parts)
      }
      if (trouble === 'full') becomeFull(error)
      throw storageError(file, error)
    }
  }
  async function onSteps<T>(work: (parts: Parts) => Promise<T>): Promise<T> {
    try {
      return await work(parts)
    } catch (error) {
      on(() => {
        throw error
      })
      throw error
    }
  }

  const housekeeper = housekeeping({
    clock,
    logger,
    parts: () => parts,
    isFull: () => isFull,
    recover() {
      if (!reserve.restore()) return false
      isFull = false
      lastError = null
      logger.log('info', 'there is room on the disk again', { lost: parts.store.unsaved.length })
      return true
    },
    salvage() {
      if (!isSalvageWaiting) return false
      if (!salvage) {
        const [aside] = waitingForSalvage(file)
        if (aside === undefined) return (isSalvageWaiting = false)
        salvage = openSalvage(parts.store, file, aside, (name) => new Sqlite(name, { readonly: true }))
      }
      const isMore = salvage.step()
      parts.retention.forgetOldest()
      if (!isMore) salvage = null
      return true
    },
    trouble: (error) => void on(() => raise(error)),
  })

  return {
    append: (entries, more) => queue.append(entries, more),
    async appendOnce(name, entry) {
      if (isClosed) throw new HoldfastError('busy', 'The outbox is closed.')
      // Only the queue makes room.
      if (isFull) {
        if (on(({ once }) => once.isKnown(name))) return false
        return (await queue.append([entry], { urgent: true, name })).stored > 0
      }
      const isNew = on(({ once }) => once.append(name, entry))
      if (isNew) tell(laneOf(entry.category), 1)
      return isNew
    },
    feeds: () => on(({ reading }) => reading.feeds()),
    enrolment: () => enrolmentOf(options),
    read: (feedId, request) => on(({ reading }) => reading.read(feedId, request)),
    gaps: (feedId, first, last) => on(({ reading }) => reading.gaps(feedId, first, last)),
    acknowledge(feedId, stored) {
      housekeeper.deleting()
      return onSteps(({ acknowledging }) => acknowledging.acknowledge(feedId, stored))
    },
    reject: async (feedId, rejected) => on(({ acknowledging }) => acknowledging.reject(feedId, rejected)),
    renew: (feedId) => on(({ acknowledging }) => acknowledging.renew(feedId)),
    deadLetters: (request) => on(({ deadLetters }) => deadLetters.list(request)),
    retryDeadLetters: async (ids) => {
      const count = on(({ deadLetters }) => deadLetters.retry(ids))
      if (count > 0) for (const lane of ['alerts', 'telemetry'] as const) tell(lane, count)
      return count
    },
    dropDeadLetters: async (ids) => on(({ deadLetters }) => deadLetters.drop(ids)),
    dropPending: (which) => onSteps(({ acknowledging }) => acknowledging.dropPending(which)),
    switchOff: (categories) => void (off = new Set(categories)),
    setCaps: (next) => void Object.assign(caps, next),
    status: () => statusOf(parts, { isFull, isSalvaging: salvage !== null, off, lastError }),
    onAppended(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    flush: async () => queue.flushAll(),
    async [Symbol.asyncDispose]() {
      if (isClosed) return
      isClosed = true
      queue.close()
      housekeeper[Symbol.dispose]()
      salvage?.close()
      guarded(file, () => parts.store.database.close())
    },
  }
}

const raise = (error: unknown): never => {
  throw error
}
const isDamage = (error: unknown) =>
  error instanceof HoldfastError && error.code === 'storage' && / is damaged: /.test(error.message)

function openFile(file: string): Database {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) prepare(file)
  const database = openDatabase(file, outboxMigrations)
  try {
    return guarded(file, () => {
      database.pragma(`wal_autocheckpoint = ${WAL_PAGES}`)
      database.pragma(`journal_size_limit = ${WAL_BYTES_KEPT}`)
      database.pragma(`cache_size = -${CACHE_KIB}`)
      if (size <= CHECKED_BYTES_MAX) refuseDamage(file, database)
      return database
    })
  } catch (error) {
    database.close()
    throw error
  }
}

/** Giving pages back must be chosen before the first table is made. */
function prepare(file: string) {
  if (existsSync(`${file}-wal`)) return
  guarded(file, () => {
    const database = new Sqlite(file)
    try {
      database.pragma('auto_vacuum = INCREMENTAL')
      database.pragma('journal_mode = WAL')
    } finally {
      database.close()
    }
  })
}
