import type { Migration } from '../platform/sqlite'

/**
 * `entry.id` is `feed.key * 2^40 + seq`, so that entries of a feed lie together in order and a repeat cannot be stored twice whatever the code believes.
 * `batch.key` is the order of arrival. What search and charts read (`series` and below) is made from `entry` and can be made again.
 *
 * | column                | meaning                                                                                                |
 * | --------------------- | ------------------------------------------------------------------------------------------------------ |
 * | feed.through, ranges  | numbers that are done: stored, rejected or told as gaps                                                |
 * | run.low, high         | numbers each run of the writer has used; two runs that overlap are a fork                              |
 * | batch.indexed         | the last number of the batch that search and charts know                                               |
 * | entry.flags           | 1 historical, 2 from the future, 4 doNotPropagate, 8 the body is base64 of bytes                       |
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
]

export const FLAG_HISTORICAL = 1
export const FLAG_FUTURE = 2
export const FLAG_KEEP_INSIDE = 4
export const FLAG_BYTES = 8
/** Numbers of one feed. At a million entries a second this lasts for twelve days, at a thousand for 34 years. */
export const SEQ_SPACE = 2 ** 40
/** Feeds of one edge: `id` stays an exact number. */
export const FEEDS_MAX = 4_096
export const idOf = (feed: number, seq: number): number => feed * SEQ_SPACE + seq
export const seqOf = (id: number): number => id % SEQ_SPACE
