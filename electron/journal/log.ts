import { JOURNAL_SNAPSHOTS_KEPT, JOURNAL_SNAPSHOT_EVERY, JOURNAL_TRAILING } from '../../shared/model/defaults'
import type { DocumentKind } from '../../shared/model/documents'
import type { JournalEntry } from '../../shared/wire/requests'
import { damaged, seal, sealHolds } from '../platform/sqlite'
import type { Database, Migration } from '../platform/sqlite'

export const journalMigrations: readonly Migration[] = [
  {
    history: 'entries, snapshots, the feed id',
    sql: `
      CREATE TABLE feed (id TEXT NOT NULL) STRICT;
      CREATE TABLE entry (seq INTEGER PRIMARY KEY, term INTEGER NOT NULL, at INTEGER NOT NULL, run_id TEXT NOT NULL, source_id TEXT NOT NULL,
        actor TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, op TEXT NOT NULL, body TEXT NOT NULL, seal BLOB NOT NULL) STRICT;
      CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, run_id TEXT NOT NULL, total INTEGER NOT NULL, seal BLOB NOT NULL) STRICT;
      CREATE TABLE snapshot_document (snapshot INTEGER NOT NULL REFERENCES snapshot (seq) ON DELETE CASCADE, kind TEXT NOT NULL, id TEXT NOT NULL,
        revision INTEGER NOT NULL, body TEXT NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (snapshot, kind, id)) STRICT, WITHOUT ROWID;`,
  },
]

/** A document as the disk holds it: `body` is its JSON. */
export interface RawDocument {
  readonly kind: DocumentKind
  readonly id: string
  readonly revision: number
  readonly body: string
}
type Sealed<T> = T & { readonly seal: unknown }
interface EntryRow extends Omit<JournalEntry, 'runId' | 'sourceId' | 'body'> {
  readonly run_id: string
  readonly source_id: string
  readonly body: string
}

export interface LogLimits {
  readonly snapshotEvery: number
  readonly trailing: number
  readonly snapshotsKept: number
}
export const logLimits: LogLimits = {
  snapshotEvery: JOURNAL_SNAPSHOT_EVERY,
  trailing: JOURNAL_TRAILING,
  snapshotsKept: JOURNAL_SNAPSHOTS_KEPT,
}

const entrySeal = (row: EntryRow) =>
  [row.seq, row.term, row.at, row.run_id, row.source_id, row.actor, row.kind, row.id, row.op, row.body] as const
export const documentSeal = (document: RawDocument) =>
  [document.kind, document.id, document.revision, document.body] as const

/** The log on disk: entries, and snapshots from which the documents can be made again. The documents themselves are derived. */
export function openLog(file: string, database: Database, limits: LogLimits) {
  const sql = {
    entries: database.prepare<[number], Sealed<EntryRow>>('SELECT * FROM entry WHERE seq > ? ORDER BY seq'),
    newest: database.prepare<[number, number], Sealed<EntryRow>>(
      'SELECT * FROM entry WHERE seq < ? ORDER BY seq DESC LIMIT ?',
    ),
    runId: database.prepare<[number], { run_id: string }>('SELECT run_id FROM entry WHERE seq = ?'),
    snapshotRunId: database.prepare<[number], { run_id: string }>('SELECT run_id FROM snapshot WHERE seq = ?'),
    range: database.prepare<[], { oldest: number | null; head: number | null }>(
      'SELECT min(seq) AS oldest, max(seq) AS head FROM entry',
    ),
    append: database.prepare<unknown[]>(
      'INSERT INTO entry (seq, term, at, run_id, source_id, actor, kind, id, op, body, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    trim: database.prepare<[number]>('DELETE FROM entry WHERE seq <= ?'),
    newestSnapshot: database.prepare<[], Sealed<{ seq: number; run_id: string; total: number }>>(
      'SELECT * FROM snapshot ORDER BY seq DESC LIMIT 1',
    ),
    snapshotDocuments: database.prepare<[number], Sealed<RawDocument>>(
      'SELECT kind, id, revision, body, seal FROM snapshot_document WHERE snapshot = ?',
    ),
    addSnapshot: database.prepare<[number, string, number, Buffer]>(
      'INSERT INTO snapshot (seq, run_id, total, seal) VALUES (?, ?, ?, ?)',
    ),
    // Copied within the database, seals included: ten thousand documents would hold up everything else for half a second otherwise.
    copyDocuments: database.prepare<[number]>(
      'INSERT INTO snapshot_document (snapshot, kind, id, revision, body, seal) SELECT ?, kind, id, revision, body, seal FROM document',
    ),
    trimSnapshots: database.prepare<[number]>(
      'DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?)',
    ),
  }

  function readEntry(row: Sealed<EntryRow>): JournalEntry {
    if (!sealHolds(row.seal, ...entrySeal(row))) throw damaged(file, `entry ${row.seq} does not match its seal`)
    const { seq, term, at, kind, id, op, actor } = row
    return {
      seq,
      term,
      at,
      runId: row.run_id,
      sourceId: row.source_id,
      actor,
      kind,
      id,
      op,
      body: JSON.parse(row.body) as JournalEntry['body'],
    }
  }

  /** The documents as the newest snapshot and the entries after it make them, and the head they stand at. Throws when any of it is damaged. */
  function replay(): { documents: Map<string, RawDocument>; head: number; snapshotSeq: number } {
    const documents = new Map<string, RawDocument>()
    const snapshot = sql.newestSnapshot.get()
    if (snapshot) {
      const rows = sql.snapshotDocuments.all(snapshot.seq)
      const isWhole =
        rows.length === snapshot.total && sealHolds(snapshot.seal, snapshot.seq, snapshot.run_id, snapshot.total)
      if (!isWhole || !rows.every((row) => sealHolds(row.seal, ...documentSeal(row))))
        throw damaged(file, `the snapshot at ${snapshot.seq} does not match its seal`)
      for (const { kind, id, revision, body } of rows) documents.set(`${kind} ${id}`, { kind, id, revision, body })
    }
    const snapshotSeq = snapshot?.seq ?? 0
    let head = sql.range.get()?.oldest ?? 1
    if (head > snapshotSeq + 1) throw damaged(file, `entries ${snapshotSeq + 1}..${head - 1} are missing`)
    head -= 1
    for (const row of sql.entries.all(0)) {
      const { seq, op, kind, id } = readEntry(row)
      if (seq !== head + 1) throw damaged(file, `entry ${head + 1} is missing`)
      head = seq
      if (seq <= snapshotSeq) continue
      if (op === 'delete') documents.delete(`${kind} ${id}`)
      else documents.set(`${kind} ${id}`, { kind, id, revision: seq, body: row.body })
    }
    if (head < snapshotSeq) throw damaged(file, `entries ${head + 1}..${snapshotSeq} are missing`)
    return { documents, head, snapshotSeq }
  }

  let snapshotSeq = sql.newestSnapshot.get()?.seq ?? 0
  return {
    replay,
    oldest: () => sql.range.get()?.oldest ?? 1,
    runIdAt: (seq: number) => (sql.runId.get(seq) ?? sql.snapshotRunId.get(seq))?.run_id ?? null,
    *after(seq: number): Generator<JournalEntry> {
      for (const row of sql.entries.iterate(seq)) yield readEntry(row)
    },
    before: (seq: number, limit: number) => sql.newest.all(seq, limit).map(readEntry),
    append(entry: Omit<JournalEntry, 'body'>, body: string) {
      const row: EntryRow = { ...entry, run_id: entry.runId, source_id: entry.sourceId, body }
      const parts = entrySeal(row)
      sql.append.run(...parts, seal(...parts))
    },
    /**
     * Once enough entries lie behind the newest snapshot: a new one of the table of documents, and what lies further back than the trailing entries
     * goes. In the caller's transaction. `verify` throws when the table is not fit to be copied, and gives its number of rows.
     */
    snapshotWhenDue(head: number, runId: string, verify: () => number): boolean {
      if (head - snapshotSeq < limits.snapshotEvery) return false
      const total = verify()
      sql.addSnapshot.run(head, runId, total, seal(head, runId, total))
      sql.copyDocuments.run(head)
      sql.trim.run(head - limits.trailing)
      sql.trimSnapshots.run(limits.snapshotsKept)
      return true
    },
    /** After the commit of a transaction in which a snapshot was made. */
    snapshotKept(head: number) {
      snapshotSeq = head
    },
  }
}
export type Log = ReturnType<typeof openLog>
