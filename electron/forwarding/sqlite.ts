import { wallMs } from '../../shared/model/time'
import { guarded, openDatabase, type Migration } from '../platform/sqlite'
import { SET_ASIDE_KEPT, type ForwardStore, type SetAside } from './forwarding'

/**
 * | column             | meaning                                                                                   |
 * | ------------------ | ----------------------------------------------------------------------------------------- |
 * | position.arrival   | the last arrival at the edge's store that the destination has passed                      |
 * | position.passed    | entries up to there, since the edge's first one; against retention it tells what was lost |
 * | forwarder.*        | what became of entries since the destination began                                        |
 */
const migrations: readonly Migration[] = [
  {
    history: 'destinations, positions, what was set aside',
    sql: `
      CREATE TABLE forwarder (id TEXT PRIMARY KEY, sent INTEGER NOT NULL, skipped INTEGER NOT NULL, set_aside INTEGER NOT NULL, lost INTEGER NOT NULL,
        last_sent_at INTEGER) STRICT;
      CREATE TABLE position (forwarder TEXT NOT NULL, edge TEXT NOT NULL, arrival INTEGER NOT NULL, passed INTEGER NOT NULL,
        PRIMARY KEY (forwarder, edge)) STRICT, WITHOUT ROWID;
      CREATE TABLE set_aside (key INTEGER PRIMARY KEY, forwarder TEXT NOT NULL, at INTEGER NOT NULL, edge TEXT NOT NULL, entries INTEGER NOT NULL,
        code TEXT NOT NULL, message TEXT NOT NULL) STRICT;
      CREATE INDEX set_aside_by_forwarder ON set_aside (forwarder, key);`,
  },
]

/** Throws `HoldfastError('storage')` when the file cannot be opened. */
export function openForwarding(file: string): ForwardStore {
  const database = openDatabase(file, migrations)
  const on = <T>(work: () => T): T => guarded(file, work)
  const sql = {
    known: database.prepare<[string], number>('SELECT 1 FROM forwarder WHERE id = ?').pluck(),
    begin: database.prepare<[string]>('INSERT INTO forwarder VALUES (?, 0, 0, 0, 0, NULL)'),
    position: database.prepare<[string, string], { arrival: number; passed: number }>(
      'SELECT arrival, passed FROM position WHERE forwarder = ? AND edge = ?',
    ),
    put: database.prepare<[string, string, number, number]>('INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)'),
    count: database.prepare<[number, number, number, number, number | null, string]>(
      `UPDATE forwarder SET sent = sent + ?, skipped = skipped + ?, set_aside = set_aside + ?, lost = lost + ?,
         last_sent_at = coalesce(?, last_sent_at) WHERE id = ?`,
    ),
    totals: database.prepare<
      [string],
      { sent: number; skipped: number; set_aside: number; lost: number; last_sent_at: number | null }
    >('SELECT * FROM forwarder WHERE id = ?'),
    aside: database.prepare<[string, number, string, number, string, string]>(
      'INSERT INTO set_aside (forwarder, at, edge, entries, code, message) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    trim: database.prepare<[string, number]>(
      `DELETE FROM set_aside WHERE key IN (SELECT key FROM set_aside WHERE forwarder = ? ORDER BY key DESC LIMIT -1 OFFSET ?)`,
    ),
    asides: database.prepare<[string, number], Omit<SetAside, 'at'> & { at: number }>(
      'SELECT at, edge AS edgeId, entries, code, message FROM set_aside WHERE forwarder = ? ORDER BY key DESC LIMIT ?',
    ),
    forget: ['forwarder WHERE id', 'position WHERE forwarder', 'set_aside WHERE forwarder'].map((what) =>
      database.prepare<[string]>(`DELETE FROM ${what} = ?`),
    ),
  }
  const inOne = (work: () => void): void => on(() => database.transaction(work).immediate())
  return {
    isKnown: (id) => on(() => sql.known.get(id) !== undefined),
    begin: (id, positions) =>
      inOne(() => {
        sql.begin.run(id)
        for (const [edge, { arrival, passed }] of positions) sql.put.run(id, edge, arrival, passed)
      }),
    position: (id, edgeId) => on(() => sql.position.get(id, edgeId) ?? { arrival: 0, passed: 0 }),
    move: (id, edgeId, { arrival, passed }, { sent, skipped, lost, setAside, sentAt }) =>
      inOne(() => {
        sql.put.run(id, edgeId, arrival, passed)
        const aside = setAside.reduce((sum, { entries }) => sum + entries, 0)
        sql.count.run(sent, skipped, aside, lost, sentAt, id)
        for (const { at, entries, code, message } of setAside) sql.aside.run(id, at, edgeId, entries, code, message)
        if (setAside.length > 0) sql.trim.run(id, SET_ASIDE_KEPT)
      }),
    totals: (id) =>
      on(() => {
        const row = sql.totals.get(id)
        if (row === undefined) return { sent: 0, skipped: 0, setAside: 0, lost: 0, lastSentAt: null }
        const { sent, skipped, set_aside, lost, last_sent_at } = row
        return {
          sent,
          skipped,
          lost,
          setAside: set_aside,
          lastSentAt: last_sent_at === null ? null : wallMs(last_sent_at),
        }
      }),
    setAside: (id, limit) => on(() => sql.asides.all(id, limit).map((row) => ({ ...row, at: wallMs(row.at) }))),
    forget: (id) =>
      inOne(() => {
        for (const statement of sql.forget) statement.run(id)
      }),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}
