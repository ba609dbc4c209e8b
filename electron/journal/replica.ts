import type { FeedCursor, RequestResult } from '../../shared/wire/requests'
import { HoldfastError } from '../../shared/model/failures'
import type { EventsAnswer, FeedRules, SnapshotDocument, StagedSnapshot } from '../core/replication/feed'
import type { Logger } from '../platform/ports'
import { damaged, guarded, openDatabase, refuseDamage, seal, sealHolds } from '../platform/sqlite'
import type { Migration } from '../platform/sqlite'
import { documentTable, openDocumentTable, understood } from './document-table'
import type { DocumentsReplica, StoredDocument } from './journal'
import type { RawDocument } from './log'
import { ReadModel } from './read-model'
import type { ModelChange } from './read-model'

const migrations: readonly Migration[] = [
  {
    history: 'documents and the cursor they stand at',
    sql: `${documentTable};
      CREATE TABLE cursor (feed_id TEXT NOT NULL, seq INTEGER NOT NULL, run_id TEXT NOT NULL, seal BLOB NOT NULL) STRICT;`,
  },
]
/** A copy can be fetched again, unlike the journal itself. */
const HINT = 'Stop the controller and move the file aside: the documents are fetched from the master at the next link.'

export interface ReplicaOptions {
  readonly logger: Logger
  readonly feed: FeedRules
}

/** Opens an edge's copy of the documents. Throws `HoldfastError('storage')` when the file cannot be opened, read or written, or is damaged. */
export function openReplica(file: string, options: ReplicaOptions): DocumentsReplica {
  const database = openDatabase(file, migrations)
  try {
    return guarded(file, () => {
      refuseDamage(file, database, HINT)
      return replicaOver()
    })
  } catch (error) {
    database.close()
    throw error
  }

  function replicaOver(): DocumentsReplica {
    const table = openDocumentTable(file, database)
    const model = new ReadModel(options.logger)
    let cursor = readCursor()
    let staged: StagedSnapshot | null = null
    for (const document of table.all(HINT)) {
      const stored = understood(document)
      if (!stored) throw damaged(file, `the ${document.kind} ${document.id} cannot be read by this version`, HINT)
      model.set({ kind: document.kind, id: document.id, stored })
    }

    function readCursor(): FeedCursor | null {
      const row = database
        .prepare<[], { feed_id: string; seq: number; run_id: string; seal: unknown }>('SELECT * FROM cursor')
        .get()
      if (!row) return null
      if (!sealHolds(row.seal, row.feed_id, row.seq, row.run_id))
        throw damaged(file, 'the cursor does not match its seal', HINT)
      return { feedId: row.feed_id, seq: row.seq, runId: row.run_id }
    }
    function writeCursor({ feedId, seq, runId }: FeedCursor) {
      database.exec('DELETE FROM cursor')
      database
        .prepare('INSERT INTO cursor (feed_id, seq, run_id, seal) VALUES (?, ?, ?, ?)')
        .run(feedId, seq, runId, seal(feedId, seq, runId))
    }

    const commit = database.transaction((changes: readonly RawChange[], next: FeedCursor, isWhole: boolean) => {
      if (isWhole) table.clear()
      for (const { kind, id, raw } of changes) {
        if (raw === null) table.remove(kind, id)
        else table.put(raw)
      }
      writeCursor(next)
    })
    /** Disk first, then memory, then the listeners, who hear only of what is not as it was. `isWhole`: nothing else remains. */
    function perform(changes: readonly RawChange[], next: FeedCursor, isWhole: boolean) {
      guarded(file, () => commit.immediate(changes, next, isWhole))
      cursor = next
      const visible = changes.filter((change) => !isUnchanged(change))
      for (const change of visible) model.set(change)
      model.tell(next.seq, visible)
    }

    function applyEvents(answer: EventsAnswer) {
      const step = options.feed.acceptEvents(cursor, answer)
      if (step.kind === 'restart') return fromStart()
      // Only the last event of a document counts: all of them are committed together.
      const last = new Map<string, RawChange>()
      for (const { kind, id, op, seq, body } of step.entries) {
        last.set(
          `${kind} ${id}`,
          changeOf(kind, id, op === 'put' ? { kind, id, revision: seq, body: JSON.stringify(body) } : null),
        )
      }
      if (step.entries.length > 0) perform([...last.values()], step.cursor, false)
      return answer.more ? { cursor, snapshotAt: null, offset: 0 } : null
    }

    function applySnapshot(documents: readonly SnapshotDocument[], next: FeedCursor) {
      const changes: RawChange[] = []
      const kept = new Set<string>()
      for (const { kind, id, revision, body } of documents) {
        kept.add(`${kind} ${id}`)
        changes.push(changeOf(kind, id, { kind, id, revision, body: JSON.stringify(body) }))
      }
      for (const { kind, id } of model.all()) if (!kept.has(`${kind} ${id}`)) changes.push(changeOf(kind, id, null))
      perform(changes, next, true)
    }
    const isUnchanged = ({ kind, id, stored }: RawChange) =>
      JSON.stringify(model.get(kind, id)) === JSON.stringify(stored)

    function fromStart() {
      staged = null
      return { cursor: null, snapshotAt: cursor?.seq ?? null, offset: 0 }
    }

    function apply(answer: RequestResult<'documents.read'>) {
      if (answer.mode === 'events') {
        staged = null
        return applyEvents(answer)
      }
      const step = options.feed.acceptPiece(staged, answer)
      switch (step.kind) {
        case 'restart':
          return fromStart()
        case 'staged':
          staged = step.staged
          return { cursor, snapshotAt: answer.seq, offset: step.staged.documents.length }
        case 'complete':
          staged = null
          applySnapshot(step.documents, step.cursor)
          return { cursor, snapshotAt: null, offset: 0 }
      }
    }

    return {
      get: (kind, id) => model.get(kind, id),
      list: (kind) => model.list(kind),
      get head() {
        return cursor?.seq ?? 0
      },
      get feedId() {
        return cursor?.feedId ?? ''
      },
      get cursor() {
        return cursor
      },
      onChange: (listener) => model.onChange(listener),
      apply,
      async [Symbol.asyncDispose]() {
        if (database.open) guarded(file, () => database.close())
      },
    }
  }
}

interface RawChange extends ModelChange {
  readonly raw: RawDocument | null
}

/** What this version cannot read is not taken over at all: the edge goes on with the documents it has, rather than without some of its modules. */
function changeOf(kind: RawDocument['kind'], id: string, raw: RawDocument | null): RawChange {
  const stored: StoredDocument | null = raw && understood(raw)
  if (raw && (!stored || stored.body.id !== id)) {
    throw new HoldfastError('version-mismatch', `The ${kind} "${id}" from the master cannot be read by this version.`, {
      hint: 'Update this controller; until then it goes on with the documents it has.',
    })
  }
  return { kind, id, stored, raw }
}
