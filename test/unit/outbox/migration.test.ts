import { crc32 } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Outbox } from '../../../electron/outbox/outbox'
import { entries, feedOf, identity, outboxIn, pending, slices, temporaryFolder } from '../../support/outbox'

/** As version 1 made it. */
const VERSION_1 = `
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
  CREATE TABLE salvage (file TEXT PRIMARY KEY, next_key INTEGER NOT NULL) STRICT;
  PRAGMA user_version = 1;`

const SPACE = 2 ** 40
const ALERTS = 500
const TELEMETRY = 1_000
const AT = 1_750_000_000_000
const body = (n: number) => `{"n":${n}}`

function makeVersion1(file: string): void {
  const database = new Sqlite(file)
  database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  database.exec(VERSION_1)
  const put = (table: string, ...values: unknown[]) =>
    database.prepare(`INSERT INTO ${table} VALUES (${values.map(() => '?').join(', ')})`).run(...values)
  put('feed', ALERTS, 'alerts-1', 'alerts', 1, 1, 1, '[]', 1, 'run-1', null, null)
  put('feed', TELEMETRY, 'feed-1', 'telemetry', 1, 16, 10, '[[13,14]]', 14, 'run-1', null, null)
  put('author', 1, 'run-1', 'edge-1', 'berlin', 'enrolment-1')
  for (const seq of [11, 12, 15, 16]) {
    const crc = crc32(body(seq), (1 + 8 + (AT % 2 ** 31) * 31) >>> 0)
    put('entry', TELEMETRY * SPACE + seq, 1, 1, AT, crc, 0, null, body(seq))
  }
  put('tally', TELEMETRY, 1, 4, 4 * (32 + body(11).length))
  put('lost', 0, 'bytes-cap', 7, 700, AT)
  const letter = [body(3).length + 32, 'feed-1', 3, 1, 1, AT, 0, null, 'invalid', 'no', AT, body(3)]
  put('dead_letter', 1, ...letter)
  database.close()
}

let folder: ReturnType<typeof temporaryFolder>
let outbox: Outbox
beforeEach(() => {
  folder = temporaryFolder()
  makeVersion1(`${folder.path}/outbox.db`)
  outbox = outboxIn(folder.path)
})
afterEach(async () => {
  await outbox[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

describe('an outbox of version 1', () => {
  test('holds what it held, under the same numbers, and goes on', async () => {
    expect(pending(outbox)).toMatchObject(
      [11, 12, 15, 16].map((seq) => ({ feedId: 'feed-1', seq, runId: 'run-1', category: 'logs', body: body(seq) })),
    )
    expect(slices(outbox, 'feed-1')[0]!.gaps).toEqual([{ from: 13, to: 14, reason: 'acknowledged' }])
    expect(feedOf(outbox, 'telemetry')).toMatchObject({ head: 16, throughSeq: 10, pendingEntries: 4 })
    expect(feedOf(outbox, 'alerts')).toMatchObject({ feedId: 'alerts-1', head: 1, throughSeq: 1 })
    const { losses, deadLetters } = outbox.status()
    expect({ losses, deadLetters }).toMatchObject({ losses: [{ reason: 'bytes-cap', entries: 7 }], deadLetters: 1 })
    expect(outbox.deadLetters({ limit: 10 })[0]).toMatchObject({ entry: { seq: 3, body: body(3) }, code: 'invalid' })
    await outbox.append(entries('logs', 1))
    expect(pending(outbox).map(({ seq }) => seq)).toEqual([11, 12, 15, 16, 17])
  })

  test('stores an entry of a name once', async () => {
    const [named] = entries('events', 1)
    expect([await outbox.appendOnce('a', named!), await outbox.appendOnce('a', named!)]).toEqual([true, false])
  })

  test('tells its master once more of what is acknowledged, and no more when that has answered for it', async () => {
    expect(outbox.feeds().map(({ isKnownThere }) => isKnownThere)).toEqual([false, false])
    expect(outbox.gaps('feed-1', 1, 10)).toEqual([{ from: 1, to: 10, reason: 'acknowledged' }])
    await outbox.acknowledge('feed-1', { throughSeq: 12, ranges: [] })
    // Ranges of an earlier time took it to 14, of which this answer says nothing.
    expect(feedOf(outbox, 'telemetry')).toMatchObject({ throughSeq: 14, isKnownThere: false })
    await outbox.acknowledge('feed-1', { throughSeq: 15, ranges: [] })
    expect(feedOf(outbox, 'telemetry')).toMatchObject({ throughSeq: 15, isKnownThere: true })
    await outbox[Symbol.asyncDispose]()
    outbox = outboxIn(folder.path)
    expect(feedOf(outbox, 'telemetry').isKnownThere).toBe(true)
  })
})

test('an answer of a master is nothing that the next one knows, and counts for the one it was pushed to', async () => {
  let enrolmentId = 'enrolment-1'
  await outbox[Symbol.asyncDispose]()
  outbox = outboxIn(folder.path, { identity: () => ({ ...identity, enrolmentId }) })
  const isKnown = () => feedOf(outbox, 'telemetry').isKnownThere
  await outbox.acknowledge('feed-1', { throughSeq: 15, ranges: [] })
  expect(isKnown()).toBe(true)
  enrolmentId = 'enrolment-2'
  expect(isKnown()).toBe(false)
  await outbox.acknowledge('feed-1', { throughSeq: 16, ranges: [], by: 'enrolment-1' })
  expect(isKnown()).toBe(false)
  await outbox.append(entries('logs', 4))
  await outbox.acknowledge('feed-1', { throughSeq: 0, ranges: [[18, 19]] })
  expect(isKnown()).toBe(false)
  await outbox.acknowledge('feed-1', { throughSeq: 20, ranges: [] })
  expect(isKnown()).toBe(true)
})
