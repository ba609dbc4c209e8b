import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { guarded, openDatabase, seal } from '../../../electron/platform/sqlite'
import { openRecords } from '../../../electron/records/sqlite'
import type { Records } from '../../contract/records/records-contract'
import { control, decision } from '../../contract/records/records-contract'

let folder: string
let file: string
let records: Records
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-control-'))
  file = path.join(folder, 'control.db')
  records = openRecords(file)
})
afterEach(async () => {
  await records[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Another connection to the same file, as a careless operator would have. */
function tamper(sql: string) {
  const database = new Sqlite(file)
  try {
    database.exec(sql)
  } finally {
    database.close()
  }
}
const storage = (message: RegExp): unknown =>
  expect.objectContaining({
    code: 'storage',
    hint: expect.stringMatching(/\w+/) as string,
    message: expect.stringMatching(message) as string,
  })

test('a record changed behind its back is refused as damage, never believed', () => {
  records.save('berlin', control({ epoch: 7 }))
  tamper(`UPDATE control SET body = replace(body, '"epoch":7', '"epoch":1')`)
  expect(() => records.load('berlin')).toThrow(storage(/damaged.*seal/))
})

test('the database itself refuses to lower a floor', () => {
  records.save('berlin', control({ epoch: 7 }))
  tamper('UPDATE control SET floor = 99')
  expect(() => records.save('berlin', control({ epoch: 9 }))).toThrow(/cannot fall/)
})

test('a full disk is told as a storage error with a hint', () => {
  const database = openDatabase(path.join(folder, 'small.db'), [
    { history: 'one table', sql: 'CREATE TABLE t (text TEXT)' },
  ])
  try {
    database.pragma('max_page_count = 8')
    const insert = database.prepare('INSERT INTO t VALUES (?)')
    const fill = () => guarded('/data/small.db', () => insert.run('x'.repeat(50_000)))
    expect(fill).toThrow(storage(/^small\.db: the disk is full \(SQLITE_FULL\)$/))
  } finally {
    database.close()
  }
})

test('a read-only file is told as a storage error with a hint', () => {
  const readOnly = new Sqlite(file, { readonly: true })
  try {
    expect(() => guarded(file, () => readOnly.exec('DELETE FROM control'))).toThrow(storage(/read-only/))
  } finally {
    readOnly.close()
  }
})

test('what was committed is written with full synchronisation and a write-ahead log', () => {
  const database = openDatabase(path.join(folder, 'fresh.db'), [])
  try {
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(database.pragma('synchronous', { simple: true })).toBe(2)
  } finally {
    database.close()
  }
})

test('a migration that fails leaves the schema as it was', () => {
  const place = path.join(folder, 'steps.db')
  const first = { history: 'first', sql: 'CREATE TABLE a (x)' }
  openDatabase(place, [first]).close()
  expect(() =>
    openDatabase(place, [first, { history: 'broken', sql: 'CREATE TABLE b (x); CREATE TABLE a (x)' }]),
  ).toThrow(/already exists/)
  const again = openDatabase(place, [first, { history: 'second', sql: 'CREATE TABLE b (x)' }])
  expect(again.pragma('user_version', { simple: true })).toBe(2)
  again.close()
})

test('a file written by a newer version is refused with a hint', async () => {
  await records[Symbol.asyncDispose]()
  tamper('PRAGMA user_version = 99')
  expect(() => openRecords(file)).toThrow(storage(/newer version \(schema 99, known 3\)/))
  tamper('PRAGMA user_version = 3')
  records = openRecords(file)
})

/** As version 1 made it. */
const VERSION_1 = `
  CREATE TABLE control (edge_id TEXT PRIMARY KEY, floor INTEGER NOT NULL, body TEXT NOT NULL, seal BLOB NOT NULL) STRICT;
  CREATE TABLE decision (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, edge_id TEXT NOT NULL, started_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX decision_by_edge ON decision (edge_id, started_at DESC, position DESC);
  CREATE TABLE enrolment (edge_id TEXT PRIMARY KEY, body TEXT NOT NULL, seal BLOB NOT NULL) STRICT;
  CREATE TABLE join_code (token_id TEXT PRIMARY KEY, made_at INTEGER NOT NULL, body TEXT NOT NULL, seal BLOB NOT NULL) STRICT;
  PRAGMA user_version = 1;`

test('a file of version 1 holds what it held; its decisions were told, new ones are not yet', async () => {
  const place = path.join(folder, 'version-1.db')
  records.save('berlin', control({ epoch: 7 }))
  records.saveDecision(decision('old'))
  const enrolled = {
    edgeId: 'berlin',
    instanceId: 'i',
    secretId: 's',
    nextSecretId: null,
    enrolledAt: 5,
    revokedAt: null,
  }
  const old = new Sqlite(place)
  old.exec(VERSION_1)
  old.exec(`ATTACH '${file}' AS now;
    INSERT INTO control SELECT edge_id, floor, body, seal FROM now.control;
    INSERT INTO decision SELECT position, id, edge_id, started_at, body FROM now.decision`)
  const body = JSON.stringify(enrolled)
  old.prepare('INSERT INTO enrolment VALUES (?, ?, ?)').run('berlin', body, seal('berlin', body))
  old.close()
  await using opened = openRecords(place)
  expect(opened.load('berlin')).toEqual(records.load('berlin'))
  expect(opened.enrolment('berlin')).toEqual({ ...enrolled, removedAt: null })
  expect(opened.decisions('berlin', { limit: 10 }).map(({ id }) => id)).toEqual(['old'])
  expect(opened.untold('berlin', 10)).toEqual([])
  opened.saveDecision(decision('new'))
  expect(opened.untold('berlin', 10).map(({ id }) => id)).toEqual(['new'])
})

test('a file that is not a database is refused with a hint', async () => {
  const other = path.join(folder, 'other.db')
  await writeFile(other, 'not a database at all, but long enough to have a header of its own'.repeat(40))
  expect(() => openRecords(other)).toThrow(storage(/not a database/))
})

test('a folder that does not exist is refused with a hint', () => {
  expect(() => openRecords(path.join(folder, 'missing', 'control.db'))).toThrow(storage(/does not exist/))
})

test('closing twice is harmless', async () => {
  await records[Symbol.asyncDispose]()
  await records[Symbol.asyncDispose]()
})
