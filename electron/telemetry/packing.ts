import { telemetryCategories, type EntryOrigin, type StoredEntry } from '../../shared/model/telemetry'
import { wallMs } from '../../shared/model/time'
import type { Database } from '../platform/sqlite'
import { lossesOf } from './body'
import { packedChunk } from './chunks'
import { feedOf, seqOf } from './schema'

/** Of one chunk. An entry that alone has more is a chunk of its own. */
const CHUNK_ENTRIES = 1_000
const CHUNK_BYTES = 1024 * 1024
/** In versions 1 and 2: what the bits of `entry.flags` said besides what follows from the batch. */
const FLAG_KEEP_INSIDE = 4
const FLAG_BYTES = 8
const UNKNOWN = ['unknown', 'unknown', null, null]

interface EntryRow {
  readonly id: number
  readonly batch: number
  readonly at: number
  readonly category: number
  /** Null: the row of its writer is gone. */
  readonly writer: string | null
  readonly flags: number
  readonly origin: string | null
  readonly body: string
}

/**
 * Migration 3: packs the rows of `entry` that come next, as long as they are of one batch and one feed, and deletes them. Numbers, batches, positions and what was
 * made for search and charts stay as they are. Returns false when the tables of old are gone.
 */
export function packRows(database: Database): boolean {
  const rows = nextRows(database)
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) {
    database.exec('DROP TABLE entry; DROP TABLE writer;')
    return false
  }
  const { writers, zipped } = packedChunk(rows.map(storedOf))
  database
    .prepare('INSERT INTO chunk (id, last_seq, batch, writers, body) VALUES (?, ?, ?, ?, ?)')
    .run(first.id, seqOf(last.id), first.batch, JSON.stringify(writers), zipped)
  tellLosses(database, first.batch, rows)
  database.prepare('DELETE FROM entry WHERE id BETWEEN ? AND ?').run(first.id, last.id)
  return true
}

function nextRows(database: Database): readonly EntryRow[] {
  const rows: EntryRow[] = []
  let bytes = 0
  const statement = database.prepare<[number], EntryRow>(
    `SELECT e.id, e.batch, e.at, e.category, w.body AS writer, e.flags, e.origin, e.body FROM entry e LEFT JOIN writer w ON w.key = e.writer ORDER BY e.id LIMIT ?`,
  )
  for (const row of statement.iterate(CHUNK_ENTRIES)) {
    const first = rows[0] ?? row
    bytes += Buffer.byteLength(row.body)
    if (row.batch !== first.batch || feedOf(row.id) !== feedOf(first.id)) break
    if (rows.length > 0 && bytes > CHUNK_BYTES) break
    rows.push(row)
  }
  return rows
}

function storedOf({ id, at, category, writer, flags, origin, body }: EntryRow): StoredEntry {
  type Names = [runId: string, sourceId: string, edgeId: string | null, enrolmentId: string | null]
  const [runId, sourceId, edgeId, enrolmentId] = (writer === null ? UNKNOWN : JSON.parse(writer)) as Names
  return {
    ...{ feedId: '', seq: seqOf(id), runId, sourceId, edgeId, enrolmentId, at: wallMs(at) },
    category: telemetryCategories[category]!,
    doNotPropagate: (flags & FLAG_KEEP_INSIDE) !== 0,
    body: (flags & FLAG_BYTES) !== 0 ? Buffer.from(body, 'base64') : body,
    ...(origin === null ? {} : { origin: JSON.parse(origin) as EntryOrigin }),
  }
}

/** Reports that had become searchable before losses had a list of their own. What is not searchable yet is listed when it becomes so. */
function tellLosses(database: Database, batch: number, rows: readonly EntryRow[]): void {
  const known = database
    .prepare<[number], { indexed: number; received_at: number }>('SELECT indexed, received_at FROM batch WHERE key = ?')
    .get(batch)
  if (known === undefined) return
  const add = database.prepare('INSERT OR IGNORE INTO loss (id, at, received_at, body) VALUES (?, ?, ?, ?)')
  for (const { id, at, category, flags, body } of rows) {
    const isEvent = telemetryCategories[category] === 'events' || telemetryCategories[category] === 'logs'
    if (!isEvent || (flags & FLAG_BYTES) !== 0 || seqOf(id) > known.indexed || !body.includes('telemetry.lost'))
      continue
    const losses = lossesOf(JSON.parse(body))
    if (losses) add.run(id, at, known.received_at, JSON.stringify(losses))
  }
}
