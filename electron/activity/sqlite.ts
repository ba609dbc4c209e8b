import type { ActivityItem, ActivityKind } from '../../shared/console/activity-operations'
import type { Clock } from '../platform/ports'
import { guarded, openDatabase, type Migration } from '../platform/sqlite'
import {
  ACTIVITY_AGE_MAX_MS,
  ACTIVITY_BYTES_MAX,
  ACTIVITY_ENTRY_BYTES_MAX,
  ACTIVITY_ROWS_MAX,
  SCANNED_MAX,
  type ActivityEntry,
  type ActivityPage,
  type ActivityQuery,
  type ActivityStore,
} from './activity'
import { actorWordsOf, wordsOf } from './words'

const migrations: readonly Migration[] = [
  {
    history: 'entries in two shelves, marks',
    sql: `
      CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, shelf INTEGER NOT NULL, at INTEGER NOT NULL, last_at INTEGER NOT NULL,
        times INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, edge_id TEXT, edge_name TEXT, search TEXT NOT NULL, body TEXT NOT NULL,
        bytes INTEGER NOT NULL) STRICT;
      CREATE INDEX entry_by_time ON entry (at DESC, id DESC);
      CREATE INDEX entry_by_shelf ON entry (shelf, at, id);
      CREATE TABLE mark (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  },
  { history: 'refusals in a shelf of their own', sql: `UPDATE entry SET shelf = 2 WHERE kind = 'refusal'` },
]

/** What people did may not be pushed out by what merely happened, nor by what anybody may ask for in vain as often as they like. */
const shelves = { audit: 0, events: 1, refusals: 2 } as const
const auditKinds = new Set<ActivityKind>(['change', 'document', 'enrolment'])
const shelfOf = (kind: ActivityKind): number =>
  kind === 'refusal' ? shelves.refusals : auditKinds.has(kind) ? shelves.audit : shelves.events

/** Rows that one write removes at most, so that a large clean-up never holds up the controller. */
const TRIMMED_MAX = 500
/** Removed at once when a shelf is over its limit: not every write then has something to remove. */
const TRIMMED_SHARE = 0.01

export interface ActivityLimits {
  readonly rowsMax: number
  readonly bytesMax: number
  readonly ageMaxMs: number
  readonly scannedMax: number
}
const usual: ActivityLimits = {
  rowsMax: ACTIVITY_ROWS_MAX,
  bytesMax: ACTIVITY_BYTES_MAX,
  ageMaxMs: ACTIVITY_AGE_MAX_MS,
  scannedMax: SCANNED_MAX,
}

interface Row {
  readonly id: number
  readonly at: number
  readonly last_at: number
  readonly times: number
  readonly body: string
}
type Body = Omit<ActivityItem, 'id' | 'at' | 'times' | 'lastAt'>
interface Tally {
  rows: number
  bytes: number
}

/** Opens or makes `activity.db`. Throws `HoldfastError('storage')`. */
export function openActivity(
  file: string,
  { clock, limits = usual }: { clock: Pick<Clock, 'wall'>; limits?: ActivityLimits },
): ActivityStore {
  const database = openDatabase(file, migrations)
  const sql = {
    upsert: database.prepare<unknown[], Row>(
      `INSERT INTO entry (key, shelf, at, last_at, times, kind, actor, edge_id, edge_name, search, body, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET last_at = max(entry.last_at, excluded.last_at), times = entry.times + excluded.times, body = excluded.body,
         search = excluded.search, bytes = excluded.bytes
       RETURNING id, at, last_at, times, body`,
    ),
    known: database.prepare<[string], { bytes: number }>('SELECT bytes FROM entry WHERE key = ?'),
    tallies: database.prepare<[], { shelf: number; rows: number; bytes: number }>(
      'SELECT shelf, count(*) AS rows, sum(bytes) AS bytes FROM entry GROUP BY shelf',
    ),
    oldest: database.prepare<[number], { id: number; at: number; bytes: number }>(
      'SELECT id, at, bytes FROM entry WHERE shelf = ? ORDER BY at, id',
    ),
    remove: database.prepare<[number]>('DELETE FROM entry WHERE id = ?'),
    mark: database.prepare<[string], { value: string }>('SELECT value FROM mark WHERE name = ?'),
    setMark: database.prepare<[string, string]>(
      'INSERT INTO mark (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    ),
  }
  const tallies = new Map<number, Tally>(Object.values(shelves).map((shelf) => [shelf, { rows: 0, bytes: 0 }]))
  guarded(file, recount)

  function recount() {
    for (const tally of tallies.values()) Object.assign(tally, { rows: 0, bytes: 0 })
    for (const { shelf, rows, bytes } of sql.tallies.all()) tallies.set(shelf, { rows, bytes })
  }

  function put(entry: ActivityEntry): ActivityItem {
    const { key, at, times = 1, ...rest } = entry
    const body = bounded(rest)
    const search = wordsOf(rest)
    const bytes = body.length + search.length
    const tally = tallies.get(shelfOf(entry.kind))!
    const before = key === null ? undefined : sql.known.get(key)
    const { kind, edgeId, edgeName } = entry
    const now = clock.wall()
    const values = [key, shelfOf(kind), at, key === null ? at : Math.max(at, now), times, kind, actorWordsOf(entry)]
    const row = sql.upsert.get(...values, edgeId, edgeName, search, body, bytes)!
    tally.rows += before === undefined ? 1 : 0
    tally.bytes += bytes - (before?.bytes ?? 0)
    return itemOf(row)
  }

  function trim() {
    const tooOld = clock.wall() - limits.ageMaxMs
    for (const [shelf, tally] of tallies) {
      const isOver = tally.rows > limits.rowsMax || tally.bytes > limits.bytesMax
      const rowsKept = limits.rowsMax - (isOver ? Math.ceil(limits.rowsMax * TRIMMED_SHARE) : 0)
      const bytesKept = limits.bytesMax * (isOver ? 1 - TRIMMED_SHARE : 1)
      const gone: number[] = []
      for (const { id, at, bytes } of sql.oldest.iterate(shelf)) {
        const isDue = tally.rows > rowsKept || tally.bytes > bytesKept || at < tooOld
        if (!isDue || gone.length >= TRIMMED_MAX) break
        gone.push(id)
        tally.rows -= 1
        tally.bytes -= bytes
      }
      for (const id of gone) sql.remove.run(id)
    }
  }

  const add = database.transaction((entries: readonly ActivityEntry[], marks: Readonly<Record<string, string>>) => {
    const items = entries.map(put)
    for (const [name, value] of Object.entries(marks)) sql.setMark.run(name, value)
    trim()
    return items
  })

  function page(query: ActivityQuery): ActivityPage {
    const { where, values } = conditions(query)
    const from = query.from ?? -Number.MAX_SAFE_INTEGER
    const { at, id } = query.before ?? { at: query.to ?? Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER }
    const rows = database.prepare<unknown[], Row & { hit: number }>(
      `SELECT id, at, last_at, times, ${where} AS hit, CASE WHEN ${where} THEN body END AS body FROM entry
       WHERE (at, id) < (?, ?) AND at >= ? AND at <= ? ORDER BY at DESC, id DESC`,
    )
    const items: ActivityItem[] = []
    let scanned = 0
    let last: ActivityPage['next'] = null
    const bounds = [at, id, from, query.to ?? Number.MAX_SAFE_INTEGER]
    for (const row of rows.iterate(...values, ...values, ...bounds)) {
      if (items.length >= query.limit || scanned >= limits.scannedMax) return { items, next: last }
      scanned++
      last = { at: row.at, id: row.id }
      if (row.hit) items.push(itemOf(row))
    }
    return { items, next: null }
  }

  return {
    add(entries, marks = {}) {
      try {
        return guarded(file, () => add.immediate(entries, marks))
      } catch (error) {
        // What was counted within the transaction did not happen.
        recount()
        throw error
      }
    },
    page: (query) => guarded(file, () => page(query)),
    mark: (name) => guarded(file, () => sql.mark.get(name)?.value ?? null),
    async [Symbol.asyncDispose]() {
      if (database.open) guarded(file, () => database.close())
    },
  }
}

const itemOf = ({ id, at, last_at, times, body }: Row): ActivityItem => ({
  id,
  at,
  ...(JSON.parse(body) as Body),
  times,
  lastAt: last_at,
})

function bounded(rest: Omit<ActivityEntry, 'key' | 'at' | 'times'>): string {
  const body = JSON.stringify(rest)
  if (Buffer.byteLength(body) <= ACTIVITY_ENTRY_BYTES_MAX) return body
  return JSON.stringify({ ...rest, text: rest.text.slice(0, 500), details: null })
}

function conditions({ actor, edge, kind, text }: ActivityQuery): { where: string; values: string[] } {
  const parts: string[] = ['1']
  const values: string[] = []
  const add = (part: string, ...more: string[]): void => {
    parts.push(part)
    values.push(...more)
  }
  if (kind !== undefined) add(`kind IN (${kind.map(() => '?').join(', ')})`, ...kind)
  if (edge !== undefined) add('(edge_id = ? OR edge_name = ?)', edge, edge)
  if (actor !== undefined) add('instr(lower(actor), ?) > 0', actor.toLowerCase())
  for (const word of (text ?? '').toLowerCase().split(/\s+/).filter(Boolean)) add('instr(search, ?) > 0', word)
  return { where: `(${parts.join(' AND ')})`, values }
}
