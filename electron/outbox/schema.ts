import { crc32 } from 'node:zlib'
import type { TelemetryCategory, TelemetryLane } from '../../shared/model/telemetry'
import type { Migration } from '../platform/sqlite'

/**
 * feed: a stream and how far it is acknowledged; `acked`: ranges beyond `through`; `known_by`: the
 * enrolment whose master has answered for all up to `through`; `origin_*`: the feed it was before `renew`, and the last number of that time.
 * author: the run and the names under which entries were written.
 * entry: `key` = feed number x 2^40 + seq; `body` is TEXT (JSON) or BLOB; no index besides: the oldest of a category are found by a cursor (`oldest`).
 * tally: what is pending, changed in the transaction that adds or deletes entries.
 * lost: totals since the store was made. untold: losses that no report has told yet. mark: the heads at a moment, by which age is judged.
 * salvage: files set aside whose rows are still to be read, and how far.
 */
export const outboxMigrations: readonly Migration[] = [
  {
    history: 'feeds, authors, entries, tallies, losses, marks, dead letters, salvage',
    sql: `
      CREATE TABLE feed (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, lane TEXT NOT NULL, is_current INTEGER NOT NULL, head INTEGER NOT NULL,
        through INTEGER NOT NULL, acked TEXT NOT NULL, last_acked_seq INTEGER, last_acked_run TEXT, origin_id TEXT, origin_head INTEGER) STRICT;
      CREATE TABLE author (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, source_id TEXT NOT NULL, edge_id TEXT, enrolment_id TEXT) STRICT;
      CREATE TABLE entry (key INTEGER PRIMARY KEY, category INTEGER NOT NULL, author INTEGER NOT NULL, at INTEGER NOT NULL, crc INTEGER NOT NULL,
        flags INTEGER NOT NULL, origin TEXT, body ANY NOT NULL) STRICT;
      CREATE TABLE tally (feed INTEGER NOT NULL, category INTEGER NOT NULL, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (feed, category)) STRICT, WITHOUT ROWID;
      CREATE TABLE oldest (category INTEGER PRIMARY KEY, key INTEGER NOT NULL) STRICT;
      CREATE TABLE lost (category INTEGER NOT NULL, reason TEXT NOT NULL, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, last_at INTEGER NOT NULL,
        PRIMARY KEY (category, reason)) STRICT, WITHOUT ROWID;
      CREATE TABLE untold (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
      CREATE TABLE report (key INTEGER PRIMARY KEY) STRICT;
      CREATE TABLE mark (aged_ms INTEGER PRIMARY KEY, at INTEGER NOT NULL, alerts_key INTEGER NOT NULL, telemetry_key INTEGER NOT NULL) STRICT;
      CREATE TABLE dead_letter (id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, feed_id TEXT NOT NULL, seq INTEGER NOT NULL, category INTEGER NOT NULL,
        author INTEGER NOT NULL, at INTEGER NOT NULL, flags INTEGER NOT NULL, origin TEXT, code TEXT NOT NULL, message TEXT NOT NULL, rejected_at INTEGER NOT NULL, body ANY NOT NULL) STRICT;
      CREATE TABLE salvage (file TEXT PRIMARY KEY, next_key INTEGER NOT NULL) STRICT;`,
  },
  {
    history: 'names of entries that are stored once',
    sql: `CREATE TABLE once (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;`,
  },
  {
    history: 'under which enrolment a feed was acknowledged',
    // Of what was acknowledged before this, nobody is taken to know: it is told once more as gaps.
    sql: `ALTER TABLE feed ADD COLUMN known_by TEXT;`,
  },
]

/** As stored: the position in this list. Only ever appended to. */
export const categoryCodes = ['metrics', 'logs', 'traces', 'events', 'alerts'] as const
export const codeOf = (category: TelemetryCategory) => categoryCodes.indexOf(category)
export const categoryOf = (code: number): TelemetryCategory => categoryCodes[code] ?? 'events'

/** Numbers of one feed: about a million million. */
const FEED_STEP = 2 ** 40
/**
 * Feeds have numbers so that their entries lie in one table: the current ones highest of their lane, older ones below, telemetry above alerts. What is appended most
 * comes at the end of the table, where SQLite is fastest.
 */
export const currentFeed: Readonly<Record<TelemetryLane, number>> = { alerts: 500, telemetry: 1_000 }
export const lowestFeed: Readonly<Record<TelemetryLane, number>> = { alerts: 1, telemetry: 501 }

export const keyOf = (feed: number, seq: number) => feed * FEED_STEP + seq
export const feedOf = (key: number) => Math.floor(key / FEED_STEP)
export const seqOf = (key: number) => key % FEED_STEP
export const lastKeyOf = (feed: number) => keyOf(feed, FEED_STEP - 1)

export const FLAG_DO_NOT_PROPAGATE = 1
/** The body tells losses; when it is itself dropped they are told again. */
export const FLAG_LOSS_REPORT = 2

/** What a row takes besides its body, as the caps count it. */
export const ROW_BYTES = 32

export interface EntryRow {
  readonly key: number
  readonly category: number
  readonly author: number
  readonly at: number
  readonly crc: number
  readonly flags: number
  readonly origin: string | null
  readonly body: string | Buffer
}

/** SQLite has no checksums of its own: flipped bits inside a body or a time go unnoticed without one. */
export function checksum(category: number, author: number, at: number, body: string | Uint8Array): number {
  return crc32(body, (category + author * 8 + (at % 2 ** 31) * 31) >>> 0)
}
export const isWhole = (row: EntryRow) => row.crc === checksum(row.category, row.author, row.at, row.body)
