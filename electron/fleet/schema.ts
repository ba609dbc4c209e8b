import type { Migration } from '../platform/sqlite'

/**
 * | column                | meaning                                                                    |
 * | --------------------- | -------------------------------------------------------------------------- |
 * | node.name_key         | the name in lower case                                                     |
 * | node.search           | what a person may look for, in lower case                                  |
 * | node.tags             | each between line breaks                                                   |
 * | node.held_until       | until when the last look holds; null: nobody looked                        |
 * | node.body             | what people say of it, as JSON; no secrets                                 |
 * | node.host_key         | the pinned key as JSON; `offered` the one that is shown instead            |
 * | node.certificate      | of its health endpoint, like `host_key`; so `offered_certificate`          |
 * | node_check.seq        | counts the checks of a node; so does `node_span.seq` its spans             |
 * | node_span.state       | as `ObservedState`                                                         |
 * | node_span.said        | what `cause` says, by key, as JSON; null: `cause` is all there is          |
 * | setting.body          | the check configuration                                                    |
 * | fleet_node.port       | null: an edge that registered itself by joining; nothing listens there     |
 * | fleet_node.told       | what it told with its last heartbeat that was written, as JSON             |
 * | fleet_node.drain_*    | null: it is not draining                                                   |
 * | fleet_left.edge_id    | an edge that somebody removed from the fleet: it does not come back alone  |
 */
export const fleetMigrations: readonly Migration[] = [
  {
    history: 'nodes, checks and spans',
    sql: `
      CREATE TABLE node (id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, host TEXT NOT NULL, search TEXT NOT NULL,
        tags TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL, host_key TEXT, offered TEXT, status TEXT NOT NULL,
        status_since INTEGER NOT NULL, held_until INTEGER, last_seen_at INTEGER, last_check_at INTEGER, last_check TEXT,
        failures INTEGER NOT NULL) STRICT;
      CREATE TABLE node_check (node_id TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (node_id, seq)) STRICT, WITHOUT ROWID;
      CREATE TABLE node_span (node_id TEXT NOT NULL, seq INTEGER NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, state TEXT NOT NULL,
        checks INTEGER NOT NULL, cause TEXT, PRIMARY KEY (node_id, seq)) STRICT, WITHOUT ROWID;
      CREATE TABLE setting (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;`,
  },
  {
    history: 'the fleet: controllers that tell how they are',
    sql: `
      CREATE TABLE fleet_node (id TEXT PRIMARY KEY, edge_id TEXT UNIQUE, address TEXT NOT NULL, port INTEGER, hostname TEXT NOT NULL,
        role TEXT NOT NULL, offline_after_ms INTEGER, registered_at INTEGER NOT NULL, registered_by TEXT NOT NULL, drain_since INTEGER,
        drain_by TEXT, drain_reason TEXT, last_seen_at INTEGER, told TEXT, UNIQUE (address, port)) STRICT;
      CREATE TABLE fleet_left (edge_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`,
  },
  {
    history: 'certificates of health endpoints',
    sql: `ALTER TABLE node ADD COLUMN certificate TEXT; ALTER TABLE node ADD COLUMN offered_certificate TEXT;`,
  },
  {
    history: 'what checks found wrong, by key: for every language',
    sql: `ALTER TABLE node_span ADD COLUMN said TEXT;`,
  },
]
