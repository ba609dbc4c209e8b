import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase, type Migration } from '../../../electron/platform/sqlite'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-sqlite-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const place = () => path.join(folder, 'one.db')
const first: Migration = { history: 'a', sql: 'CREATE TABLE a (n INTEGER)' }
const broken: Migration = { history: 'b', sql: 'CREATE TABLE b (n INTEGER); CREATE TABLE a (n INTEGER)' }
const tables = () => {
  const database = new Sqlite(place(), { readonly: true })
  const names = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).pluck().all()
  const version = database.pragma('user_version', { simple: true })
  database.close()
  return { names, version }
}

describe('the schema of a new file', () => {
  it('is there whole or not at all, however many steps led to it', () => {
    expect(() => openDatabase(place(), [first, broken])).toThrow()
    expect(tables()).toEqual({ names: [], version: 0 })
    openDatabase(place(), [first]).close()
    expect(tables()).toEqual({ names: ['a'], version: 1 })
  })

  it('has what the pieces of long steps do as well', () => {
    const inPieces: Migration = {
      history: 'c, row by row',
      sql: 'CREATE TABLE IF NOT EXISTS c (n INTEGER)',
      piece: (database) => database.prepare('INSERT INTO c SELECT count(*) FROM c').run().lastInsertRowid < 3,
    }
    const database = openDatabase(place(), [first, inPieces])
    expect(database.prepare('SELECT n FROM c').pluck().all()).toEqual([0, 1, 2])
    database.close()
    expect(tables()).toEqual({ names: ['a', 'c'], version: 2 })
  })
})
