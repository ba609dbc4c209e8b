import type { Resource } from '../../shared/model/inventory'
import type { MonoMs } from '../../shared/model/time'
import { INVENTORY_ANSWER_ITEMS_MAX, type InventoryAnswer } from '../../shared/wire/inventory'
import type { Clock } from '../platform/ports'
import { openDatabase, type Database } from '../platform/sqlite'
import { INVENTORY_ANSWER_BYTES_MAX } from './inventory'
import { inventoryMigrations } from './schema'

/** Readers at once. One more and the one that waits longest begins again. */
const SNAPSHOTS_MAX = 2
/** While a snapshot is being read, the log of the file cannot be shortened past it. */
const IDLE_MS = 60_000

type Piece = Extract<InventoryAnswer, { mode: 'snapshot' }>
interface FeedPosition {
  readonly feedId: string
  readonly head: number
  readonly runId: string
}

/** One consistent view of all rows, on a connection of its own whose read transaction is open until the last piece. */
interface Reading {
  readonly database: Database
  readonly rows: IterableIterator<{ body: string }>
  readonly position: FeedPosition
  readonly total: number
  /** The next row to be given, and the piece that ends there, which may be asked for again. */
  offset: number
  last: Piece | null
  /** Read, but too large for the piece before. */
  held: string | null
  usedAt: MonoMs
}

/** Snapshots that are being read piece by piece, by the number of the event they stand at. */
export function openSnapshots(file: string, clock: Pick<Clock, 'mono'>, feed: () => FeedPosition) {
  const readings = new Map<number, Reading>()

  function begin(): Piece {
    const position = feed()
    end(position.head)
    const [first] = readings.keys()
    if (readings.size >= SNAPSHOTS_MAX && first !== undefined) end(first)
    const database = openDatabase(file, inventoryMigrations)
    try {
      // Writes are done by the same thread: what `feed` says and what this transaction sees are the same moment.
      database.exec('BEGIN')
      const total = database.prepare<[], { count: number }>('SELECT COUNT(*) AS count FROM row').get()?.count ?? 0
      const rows = database.prepare<[], { body: string }>('SELECT body FROM row ORDER BY kind, id').iterate()
      const fresh = { database, rows, position, total, offset: 0, last: null, held: null, usedAt: clock.mono() }
      readings.set(position.head, fresh)
      return piece(fresh)
    } catch (error) {
      readings.delete(position.head)
      database.close()
      throw error
    }
  }

  /** Null: not the next piece, nor the last one again. The reader gets another snapshot from its beginning. */
  function next(seq: number, offset: number): Piece | null {
    const reading = readings.get(seq)
    if (!reading || reading.position.feedId !== feed().feedId) return null
    reading.usedAt = clock.mono()
    if (offset === reading.last?.offset) return reading.last
    return offset === reading.offset && offset < reading.total ? piece(reading) : null
  }

  function piece(reading: Reading): Piece {
    const { position, total, offset } = reading
    const rows: Resource[] = []
    let bytes = 0
    while (rows.length < INVENTORY_ANSWER_ITEMS_MAX) {
      const body = reading.held ?? nextOf(reading.rows)
      reading.held = null
      if (body === null) break
      bytes += Buffer.byteLength(body) + 1
      if (rows.length > 0 && bytes > INVENTORY_ANSWER_BYTES_MAX) {
        reading.held = body
        break
      }
      rows.push(JSON.parse(body) as Resource)
    }
    const { feedId, head: seq, runId } = position
    reading.offset = offset + rows.length
    reading.last = { mode: 'snapshot', feedId, seq, runId, offset, total, rows }
    // The last piece may be asked for again; the transaction is not needed for it.
    if (reading.offset >= total) release(reading)
    return reading.last
  }

  function end(seq: number) {
    const reading = readings.get(seq)
    readings.delete(seq)
    if (reading) release(reading)
  }

  return {
    begin,
    next,
    dropIdle() {
      for (const [seq, { usedAt }] of readings) if (clock.mono() - usedAt > IDLE_MS) end(seq)
    },
    close() {
      for (const seq of [...readings.keys()]) end(seq)
    },
  }
}

function nextOf(rows: IterableIterator<{ body: string }>): string | null {
  const step = rows.next()
  return step.done === true ? null : step.value.body
}

function release({ database, rows }: Reading) {
  rows.return?.()
  if (database.open) database.close()
}
