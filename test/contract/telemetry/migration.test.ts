import { rmSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openTelemetry } from '../../../electron/telemetry/edge-file'
import type { ArrivedBatch, ArrivedEntry, TelemetryStore } from '../../../electron/telemetry/telemetry'
import { wallMs } from '../../../shared/model/time'
import { temporaryFolder } from '../../support/outbox'

/** As version 1 made it. */
const VERSION_1 = `
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
  CREATE INDEX alert_by_time ON alert (at);
  PRAGMA user_version = 1;`

const NOW = 1_750_000_000_000
const SPACE = 2 ** 40
const FUTURE = NOW + 3_600_000
const forever = { ageMs: 1e14, bytes: 1e14, pointsAgeMs: 1e14, hourlyAgeMs: 1e14, dailyAgeMs: 1e14 }
const WRITERS = [
  ['run-1', 'edge-1', 'berlin', 'enrolment-1'],
  ['run-2', 'edge-1', null, null],
]
const CATEGORIES = ['metrics', 'logs', 'traces', 'events', 'alerts'] as const
const BYTES = Buffer.from([0, 10, 255]).toString('base64')
const LARGE = JSON.stringify({ body: 'long '.repeat(130_000) })
const loss = {
  ...{ category: 'metrics', reason: 'bytes-cap', count: 7, bytes: 700, firstAt: 1, lastAt: 2, lostAt: 3 },
  ...{ feedId: 'feed-1', ranges: [[1, 7]], rangesAreExact: true, countIsExact: true },
}
const report = (count: number) => JSON.stringify({ kind: 'telemetry.lost', losses: [{ ...loss, count }] })

interface Row {
  readonly feed: number
  readonly batch: number
  readonly seq: number
  readonly at: number
  readonly category: number
  readonly writer: number
  readonly flags: number
  readonly origin: string | null
  readonly body: string
}
const row = (batch: number, seq: number, body: string, more: Partial<Row> = {}): Row => ({
  ...{ feed: 1, batch, seq, at: NOW + seq, category: 1, writer: 1, flags: 0, origin: null, body },
  ...more,
})
const origin = JSON.stringify({ feedId: 'feed-0', seq: 3, runId: 'run-0' })
/** Batch 1: 1 to 5, of which 4 was refused; 2: 6 to 8; 3: 12 to 14, large; 4: 2 to 11, of which 9 to 11 were new and 10 a gap; 5: alerts; 6: waits for the index. */
const ROWS: readonly Row[] = [
  row(1, 1, '{"name":"load","type":"gauge","value":0.5}', { category: 0 }),
  row(1, 2, '{"body":"pump started"}'),
  row(1, 3, '{"traceId":"t1","spanId":"s1","name":"read","durationMs":4}', { category: 2 }),
  row(1, 5, report(7), { category: 3 }),
  row(2, 6, BYTES, { flags: 8 | 1, writer: 2 }),
  row(2, 7, '{"body":"kept inside"}', { flags: 4 | 1 }),
  row(2, 8, '{"body":"of another time"}', { flags: 1, origin }),
  row(3, 12, LARGE),
  row(3, 13, LARGE),
  row(3, 14, LARGE),
  row(4, 9, '{"body":"tomorrow"}', { at: FUTURE, flags: 2 }),
  row(4, 11, '{"body":"between"}'),
  row(5, 1, '{"name":"door","text":"door open","severity":"critical"}', { feed: 2, category: 4 }),
  row(6, 15, '{"body":"not searchable yet"}'),
  row(6, 16, report(9), { category: 3 }),
]
const BATCHES = [
  [1, 1, 5, 0, 4, 5],
  [1, 6, 8, 1, 3, 8],
  [1, 12, 14, 0, 3, 14],
  [1, 2, 11, 0, 2, 11],
  [2, 1, 1, 0, 1, 1],
  [1, 15, 16, 0, 2, 14],
]
const received = (batch: number) => NOW + 100 + batch

function makeVersion1(file: string): void {
  const database = new Sqlite(file)
  database.pragma('journal_mode = WAL')
  database.exec(VERSION_1)
  const put = (table: string, ...values: unknown[]) =>
    database.prepare(`INSERT INTO ${table} VALUES (${values.map(() => '?').join(', ')})`).run(...values)
  put('feed', 1, 'feed-1', 'telemetry', 16, '[[20,25]]')
  put('feed', 2, 'alerts-1', 'alerts', 1, '[]')
  put('run', 1, 'run-1', 1, 16)
  put('run', 2, 'run-1', 1, 1)
  for (const [key, names] of WRITERS.entries()) put('writer', key + 1, JSON.stringify(names))
  for (const [at, [feed, first, last, historical, stored, indexed]] of BATCHES.entries())
    put('batch', at + 1, feed, first, last, received(at + 1), NOW, historical, stored, indexed)
  for (const { feed, batch, seq, at, category, writer, flags, origin, body } of ROWS)
    put('entry', feed * SPACE + seq, batch, at, category, writer, flags, origin, body)
  put('rejected', SPACE + 4, 'invalid', 'not JSON', NOW)
  put('gap', 1, 10, 10, 'lost', NOW)
  put('gap', 1, 20, 25, 'lost', NOW)
  put('tally', 'entries', ROWS.length)
  put('tally', 'rejected', 1)
  put('tally', 'future', 1)
  put('series', 1, 'load', null, 'gauge', '{}', '["load",null,"gauge","{}"]', NOW + 1, 0.5)
  put('point', 1, NOW + 1, SPACE + 1, 0, 0.5)
  put('rollup', 1, 1, NOW - (NOW % 3_600_000), 1, 0.5, 0.5, 0.5, 0.5, NOW + 1)
  for (const { feed, seq, at, batch, flags, category, body } of ROWS) {
    if ((category !== 1 && category !== 3) || batch === 6 || flags & 8) continue
    const text = ((JSON.parse(body) as { body?: string }).body ?? 'telemetry.lost').slice(0, 100)
    put('log', feed * SPACE + seq, at, 0, text, '{}', null, null, flags & 1)
    database
      .prepare('INSERT INTO log_text (rowid, text, attributes) VALUES (?, ?, ?)')
      .run(feed * SPACE + seq, text, '{}')
  }
  put('span', SPACE + 3, 't1', 's1', null, 'read', null, 'unspecified', 'unset', NOW + 3, 4)
  put('alert', 2 * SPACE + 1, NOW + 1, received(5), 'critical', 'firing', 'door open', 0, ROWS[12]!.body)
  database.close()
}

const kept = ({ feed, batch, seq, at, category, writer, flags, origin, body }: Row) => {
  const [runId, sourceId, edgeId, enrolmentId] = WRITERS[writer - 1]!
  return {
    ...{ feedId: feed === 1 ? 'feed-1' : 'alerts-1', seq, at, runId, sourceId, edgeId, enrolmentId },
    ...{ category: CATEGORIES[category], doNotPropagate: (flags & 4) !== 0, isBytes: (flags & 8) !== 0, text: body },
    ...{ receivedAt: received(batch), historical: (flags & 1) !== 0, fromFuture: (flags & 2) !== 0 },
    ...(origin === null ? {} : { origin: JSON.parse(origin) as unknown }),
  }
}
const inOrder = (rows: readonly Row[]) => [...rows].sort((a, b) => a.seq - b.seq).map(kept)

let folder: ReturnType<typeof temporaryFolder>
let store: TelemetryStore
const file = () => `${folder.path}/telemetry.db`
beforeEach(() => {
  folder = temporaryFolder()
  makeVersion1(file())
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  rmSync(file(), { force: true })
  folder[Symbol.dispose]()
})

function expectEverything(): void {
  const ofFeed = (feed: number) => inOrder(ROWS.filter((each) => each.feed === feed))
  expect(store.entries({ feedId: 'feed-1', limit: 1_000 })).toEqual(ofFeed(1))
  expect(store.entries({ feedId: 'feed-1', after: 6, limit: 3 })).toEqual(ofFeed(1).slice(5, 8))
  expect(store.entries({ feedId: 'alerts-1', limit: 1_000 })).toEqual(ofFeed(2))
  expect(store.arrivals(0, 100)).toEqual(
    BATCHES.map((_, at) => ({
      arrival: at + 1,
      entries: inOrder(ROWS.filter(({ batch }) => batch === at + 1)),
    })),
  )
  expect(store.position('feed-1')).toEqual({ throughSeq: 16, ranges: [[20, 25]] })
  expect(store.position('alerts-1')).toEqual({ throughSeq: 1, ranges: [] })
  expect(store.status()).toMatchObject({
    ...{ entries: ROWS.length, rejected: 1, fromFuture: 1, lastReceivedAt: received(6), notIndexed: 2 },
    gaps: { lost: 7 },
  })
  expect(store.extent()).toEqual({ newest: 6, stored: ROWS.length, deleted: 0 })
  expect(store.logs({ text: 'pump', limit: 10 }).map(({ text }) => text)).toEqual(['pump started'])
  expect(store.logs({ limit: 100 })).toHaveLength(9)
  expect(store.points(1, { limit: 10 })).toEqual([{ at: NOW + 1, value: 0.5, historical: false }])
  expect(store.spans('t1', 10)).toHaveLength(1)
  expect(store.alerts({ limit: 10 }).map(({ text }) => text)).toEqual(['door open'])
  expect(store.losses({ limit: 10 }).map(({ loss, receivedAt }) => [loss.count, receivedAt])).toEqual([
    [7, received(1)],
  ])
}

describe('a file of version 1, in which each entry was a row', () => {
  test('is packed when it is opened, and holds all that it held', async () => {
    store = openTelemetry(file())
    expectEverything()
    await store[Symbol.asyncDispose]()
    const database = new Sqlite(file(), { readonly: true })
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE name IN ('entry', 'writer')`).all()
    const version = database.pragma('user_version', { simple: true })
    database.close()
    expect({ tables, version }).toEqual({ tables: [], version: 3 })
    store = openTelemetry(file())
    expectEverything()
  })

  test('goes on where it was when packing ended half-way, wherever that was', async () => {
    for (const { feed, seq } of ROWS) {
      const other = `${folder.path}/ended-${feed}-${seq}.db`
      makeVersion1(other)
      const database = new Sqlite(other)
      const at = feed * SPACE + seq
      database.exec(
        `CREATE TRIGGER stop BEFORE DELETE ON entry WHEN OLD.id = ${at} BEGIN SELECT RAISE(ABORT, 'ended'); END`,
      )
      expect(() => openTelemetry(other)).toThrow(/ended/)
      expect(database.pragma('user_version', { simple: true })).toBe(2)
      database.exec('DROP TRIGGER stop')
      database.close()
      store = openTelemetry(other)
      expectEverything()
      await store[Symbol.asyncDispose]()
    }
  })

  test('answers what its edge pushes again as before, and takes only what is new', () => {
    store = openTelemetry(file())
    const entry = ({ seq, body, writer }: Row): ArrivedEntry => ({
      ...{ seq, runId: WRITERS[writer - 1]![0]!, sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: 'enrolment-1' },
      ...{ category: 'logs', at: wallMs(NOW), doNotPropagate: false, isBytes: false, text: body },
    })
    const batch = (firstSeq: number, lastSeq: number, rows: readonly Row[]): ArrivedBatch => ({
      ...{ feedId: 'feed-1', lane: 'telemetry', firstSeq, lastSeq, entries: rows.map(entry), gaps: [] },
      ...{ historical: false, sentAt: NOW },
    })
    const again = Array.from({ length: 5 }, (_, n) => row(1, n + 1, '{}'))
    expect(store.receive(batch(1, 5, again), wallMs(NOW + 500))).toEqual({
      ...{ throughSeq: 16, ranges: [[20, 25]], stored: 0, arrival: null },
      rejected: [{ seq: 4, code: 'invalid', message: 'not JSON' }],
    })
    const next = Array.from({ length: 4 }, (_, n) => row(7, n + 15, `{"body":"new ${n + 15}"}`))
    expect(store.receive(batch(15, 18, next), wallMs(NOW + 500))).toMatchObject({
      ...{ throughSeq: 18, stored: 2, arrival: 7 },
    })
    expect(store.entries({ feedId: 'feed-1', after: 14, limit: 10 }).map(({ text }) => text)).toEqual([
      ...ROWS.slice(13).map(({ body }) => body),
      '{"body":"new 17"}',
      '{"body":"new 18"}',
    ])
  })

  test('makes searchable what was not yet, each once, and deletes what is too old with all that was made of it', () => {
    store = openTelemetry(file())
    while (store.index(1) > 0);
    expect(store.logs({ text: 'searchable', limit: 10 })).toHaveLength(1)
    expect(store.logs({ limit: 100 })).toHaveLength(11)
    expect(store.losses({ limit: 10 }).map(({ loss }) => loss.count)).toEqual([9, 7])
    while (store.retain({ ...forever, ageMs: 0 }, wallMs(FUTURE), 1));
    expect(store.extent()).toEqual({ newest: 6, stored: ROWS.length, deleted: ROWS.length })
    expect(store.logs({ limit: 100 })).toEqual([])
    expect(store.entries({ feedId: 'feed-1', limit: 10 })).toEqual([])
    expect(store.position('feed-1')).toEqual({ throughSeq: 16, ranges: [[20, 25]] })
  })
})
