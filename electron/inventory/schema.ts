import type { Migration } from '../platform/sqlite'

/** The edge's own inventory. */
export const inventoryMigrations: readonly Migration[] = [
  {
    history: 'rows, events, the feed they belong to',
    sql: `
      CREATE TABLE row (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
      CREATE TABLE event (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, run_id TEXT NOT NULL, body TEXT NOT NULL) STRICT;
      CREATE TABLE feed (feed_id TEXT NOT NULL, head INTEGER NOT NULL, run_id TEXT NOT NULL, seal BLOB NOT NULL) STRICT;`,
  },
]

/** The master's copies. A set of rows counts only while a copy names its generation; a snapshot on its way fills the next one. */
export const copiesMigrations: readonly Migration[] = [
  {
    history: 'copies of the inventories of edges, each a generation of rows and the cursor it stands at',
    sql: `
      CREATE TABLE copy (edge_id TEXT PRIMARY KEY, generation INTEGER NOT NULL, feed_id TEXT NOT NULL, seq INTEGER NOT NULL, run_id TEXT NOT NULL,
        as_of INTEGER NOT NULL, confirmed TEXT NOT NULL, seal BLOB NOT NULL) STRICT;
      CREATE TABLE generation (number INTEGER PRIMARY KEY AUTOINCREMENT, edge_id TEXT NOT NULL) STRICT;
      CREATE TABLE row (generation INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (generation, kind, id)) STRICT, WITHOUT ROWID;`,
  },
]
