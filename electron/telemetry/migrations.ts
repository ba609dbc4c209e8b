import type { Migration } from '../platform/sqlite'
import { packRows } from './packing'

/**
 * The id of an entry is `feed.key * 2^40 + seq`. A chunk holds entries that follow each other, packed as they came; its id is that of the first. The numbers
 * of two chunks never overlap: what a feed's position covers is not stored again.
 * `batch.key` is the order of arrival. What search and charts read (`series` and below) is made from the chunks and can be made again.
 *
 * | column                | meaning                                                                                                |
 * | --------------------- | ------------------------------------------------------------------------------------------------------ |
 * | feed.through, ranges  | numbers that are done: stored, rejected or told as gaps                                                |
 * | run.low, high         | numbers each run of the writer has used; two runs that overlap are a fork                              |
 * | batch.indexed         | the last number of the batch that search and charts know                                               |
 * | chunk.writers         | run and names under which the entries were written; their heads name places in this list               |
 * | chunk.body            | gzip of the heads of the entries and their bodies, as on the wire (`shared/wire/push`)                 |
 * | rollup.width          | 1 hour, 2 day                                                                                          |
 */
export const migrations: readonly Migration[] = [
  {
    history: 'feeds, entries, series, logs, spans, alerts',
    sql: `
      CREATE TABLE feed (key INTEGER PRIMARY KEY, feed_id TEXT NOT NULL UNIQUE, lane TEXT NOT NULL, through INTEGER NOT NULL, ranges TEXT NOT NULL) STRICT;
      CREATE TABLE run (feed INTEGER NOT NULL, run_id TEXT NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, PRIMARY KEY (feed, run_id)) STRICT, WITHOUT ROWID;
      CREATE TABLE writer (key INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE) STRICT;
      CREATE TABLE batch (key INTEGER PRIMARY KEY AUTOINCREMENT, feed INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        received_at INTEGER NOT NULL, sent_at INTEGER NOT NULL, historical INTEGER NOT NULL, stored INTEGER NOT NULL, indexed INTEGER NOT NULL) STRICT;
      CREATE INDEX batch_to_index ON batch (key) WHERE indexed < last_seq;
      CREATE TABLE entry (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, at INTEGER NOT NULL, category INTEGER NOT NULL, writer INTEGER NOT NULL,
        flags INTEGER NOT NULL, origin TEXT, body TEXT NOT NULL) STRICT;
      CREATE TABLE rejected (id INTEGER PRIMARY KEY, code TEXT NOT NULL, message TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
      CREATE TABLE gap (feed INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
      CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;

      CREATE TABLE series (key INTEGER PRIMARY KEY, name TEXT NOT NULL, unit TEXT, kind TEXT NOT NULL, attributes TEXT NOT NULL, identity TEXT NOT NULL UNIQUE,
        last_at INTEGER NOT NULL, last_value REAL NOT NULL) STRICT;
      CREATE INDEX series_by_name ON series (name);
      CREATE TABLE point (series INTEGER NOT NULL, at INTEGER NOT NULL, entry INTEGER NOT NULL, place INTEGER NOT NULL, value REAL NOT NULL,
        PRIMARY KEY (series, at, entry, place)) STRICT, WITHOUT ROWID;
      CREATE TABLE rollup (series INTEGER NOT NULL, width INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, sum REAL NOT NULL, min REAL NOT NULL,
        max REAL NOT NULL, last REAL NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (series, width, at)) STRICT, WITHOUT ROWID;
      CREATE TABLE log (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, severity INTEGER NOT NULL, text TEXT NOT NULL, attributes TEXT NOT NULL, service TEXT,
        trace_id TEXT, historical INTEGER NOT NULL) STRICT;
      CREATE INDEX log_by_time ON log (at);
      CREATE INDEX log_by_trace ON log (trace_id) WHERE trace_id IS NOT NULL;
      CREATE VIRTUAL TABLE log_text USING fts5 (text, attributes, content = 'log', content_rowid = 'id');
      CREATE TABLE span (id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT, name TEXT NOT NULL, service TEXT,
        kind TEXT NOT NULL, status TEXT NOT NULL, at INTEGER NOT NULL, duration_ms REAL NOT NULL) STRICT;
      CREATE INDEX span_by_trace ON span (trace_id);
      CREATE INDEX span_by_time ON span (at);
      CREATE TABLE alert (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, received_at INTEGER NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL,
        text TEXT NOT NULL, historical INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
      CREATE INDEX alert_by_time ON alert (at);`,
  },
  {
    history: 'what edges told of their losses',
    sql: `
      CREATE TABLE loss (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, received_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
      CREATE INDEX loss_by_time ON loss (at);`,
  },
  {
    history: 'entries packed in chunks, no longer a row each',
    sql: `
      CREATE TABLE IF NOT EXISTS chunk (id INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, batch INTEGER NOT NULL, writers TEXT NOT NULL, body BLOB NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS chunk_by_batch ON chunk (batch);`,
    piece: packRows,
  },
]
