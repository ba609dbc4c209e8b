import { readStoredDocument } from '../../shared/model/document-reading'
import { damaged, seal, sealHolds } from '../platform/sqlite'
import type { Database } from '../platform/sqlite'
import type { StoredDocument } from './journal'
import { documentSeal } from './log'
import type { RawDocument } from './log'

/** The table of documents: derived in the journal's file, the only state in an edge's copy. */
export const documentTable = `CREATE TABLE IF NOT EXISTS document (kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL,
  seal BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID`

export function openDocumentTable(file: string, database: Database) {
  const sql = {
    all: database.prepare<[], RawDocument & { seal: unknown }>('SELECT kind, id, revision, body, seal FROM document'),
    put: database.prepare<unknown[]>(
      'INSERT OR REPLACE INTO document (kind, id, revision, body, seal) VALUES (?, ?, ?, ?, ?)',
    ),
    remove: database.prepare<[string, string]>('DELETE FROM document WHERE kind = ? AND id = ?'),
    clear: database.prepare<[]>('DELETE FROM document'),
  }
  return {
    /** Every row, in no order. Throws when one does not match its seal. */
    all: (hint?: string): RawDocument[] =>
      sql.all.all().map(({ seal: stored, ...document }) => {
        if (!sealHolds(stored, ...documentSeal(document)))
          throw damaged(file, `the ${document.kind} ${document.id} does not match its seal`, hint)
        return document
      }),
    put: (document: RawDocument) => void sql.put.run(...documentSeal(document), seal(...documentSeal(document))),
    remove: (kind: string, id: string) => void sql.remove.run(kind, id),
    clear: () => void sql.clear.run(),
  }
}

/** A raw document as this version understands it; null: written by a version whose documents of this kind it cannot read. */
export function understood({ kind, id, revision, body }: RawDocument): StoredDocument | null {
  const read = readStoredDocument(kind, JSON.parse(body))
  return read === null ? null : { kind, id, revision, body: read }
}
