import { createHash, timingSafeEqual } from 'node:crypto'
import { existsSync, renameSync } from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { HoldfastError } from '../../shared/model/failures'
import type { WallMs } from '../../shared/model/time'

export type Database = Sqlite.Database

/** One step of a store's schema. `history` is one line for whoever reads the list; steps are only ever appended. */
export interface Migration {
  readonly history: string
  readonly sql: string
  /**
   * Does a piece of what takes long, in a transaction of its own, and returns whether more is left; the version is raised with the last piece. After an end
   * half-way it goes on where it was: `sql` runs again then, and must bear it.
   */
  readonly piece?: (database: Database) => boolean
}

/** How long a statement waits for another connection to the same file (a backup, a curious operator) before it gives up. */
const BUSY_TIMEOUT_MS = 5_000

const RESTORE_HINT = 'Stop the controller, move the file aside and restore it from a backup.'
const hints: readonly (readonly [prefix: string, what: string, hint: string])[] = [
  [
    'SQLITE_FULL',
    'the disk is full',
    'Free some space on the disk that holds the data directory; nothing was written.',
  ],
  ['SQLITE_READONLY', 'the file is read-only', 'Make the data directory and its files writable for this user.'],
  ['SQLITE_CANTOPEN', 'it cannot be opened', 'Check that the data directory exists and is writable for this user.'],
  ['SQLITE_PERM', 'access was refused', 'Make the data directory and its files writable for this user.'],
  ['SQLITE_CORRUPT', 'the file is damaged', RESTORE_HINT],
  [
    'SQLITE_NOTADB',
    'the file is not a database',
    'Stop the controller, move the file aside and restore it from a backup.',
  ],
  [
    'SQLITE_IOERR',
    'the disk reports an error',
    'Check the disk and the system log; the file may need to be restored from a backup.',
  ],
  [
    'SQLITE_BUSY',
    'another process holds it',
    'Close whatever has the file open; only one controller may use a data directory.',
  ],
  [
    'SQLITE_LOCKED',
    'another process holds it',
    'Close whatever has the file open; only one controller may use a data directory.',
  ],
]

/** What SQLite threw, as a typed refusal. Anything that did not come from SQLite passes unchanged. */
export function storageError(file: string, error: unknown): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error
  const [, what, hint] = hints.find(([prefix]) => error.code.startsWith(prefix)) ?? [
    '',
    error.message,
    'See the log for the statement that failed.',
  ]
  return new HoldfastError('storage', `${path.basename(file)}: ${what} (${error.code})`, { hint, cause: error })
}

/** For what SQLite cannot notice by itself: rows that were changed outside the program. */
export function damaged(file: string, what: string, hint: string = RESTORE_HINT): HoldfastError {
  return new HoldfastError('storage', `${path.basename(file)} is damaged: ${what}`, { hint })
}

/** Runs `work` and turns what SQLite throws into `HoldfastError('storage')`. */
export function guarded<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw storageError(file, error)
  }
}

/**
 * Opens or makes a database file: WAL, `synchronous=FULL` (what was committed survives loss of power), schema brought up to date.
 * Throws `HoldfastError('storage')`.
 */
export function openDatabase(file: string, migrations: readonly Migration[]): Database {
  const folder = path.dirname(path.resolve(file))
  if (!existsSync(folder)) {
    throw new HoldfastError('storage', `${path.basename(file)}: the directory ${folder} does not exist`, {
      hint: 'Create it, or start with --data and a directory that exists.',
    })
  }
  return guarded(file, () => {
    const database = new Sqlite(file, { timeout: BUSY_TIMEOUT_MS })
    try {
      database.pragma('journal_mode = WAL')
      database.pragma('synchronous = FULL')
      database.pragma('foreign_keys = ON')
      migrate(file, database, migrations)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

function migrate(file: string, database: Database, migrations: readonly Migration[]) {
  const version = database.pragma('user_version', { simple: true }) as number
  if (version > migrations.length) {
    throw new HoldfastError(
      'storage',
      `${path.basename(file)} was written by a newer version (schema ${version}, known ${migrations.length})`,
      {
        hint: 'Install the newer version again, or restore a backup made before the update.',
      },
    )
  }
  if (version === 0) return begin(database, migrations)
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue
    const { sql, piece } = migration
    let isMore = database.transaction(() => {
      database.exec(sql)
      if (piece) return true
      database.pragma(`user_version = ${index + 1}`)
      return false
    })()
    const next = database.transaction(() => {
      isMore = piece!(database)
      if (!isMore) database.pragma(`user_version = ${index + 1}`)
    })
    while (isMore) next.immediate()
  }
}

/** A new file waits for the disk once, however many steps led to its schema: there is nothing in it that could take long. */
function begin(database: Database, migrations: readonly Migration[]) {
  database
    .transaction(() => {
      for (const { sql, piece } of migrations) {
        database.exec(sql)
        while (piece?.(database)) continue
      }
      database.pragma(`user_version = ${migrations.length}`)
    })
    .immediate()
}

/** Reads every page once, for stores small enough to be checked at each start. */
export function refuseDamage(file: string, database: Database, hint?: string) {
  const found = database.pragma('quick_check(1)', { simple: true })
  if (found !== 'ok') throw damaged(file, String(found), hint)
}

/** Whether SQLite said that the file itself is damaged. */
export function isDamage(error: unknown): boolean {
  const cause = error instanceof HoldfastError ? error.cause : error
  return cause instanceof Sqlite.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(cause.code)
}

/** Renames a damaged file with its companions. Returns the new name. */
export function setAside(file: string, at: WallMs): string {
  const target = `${file}.damaged-${new Date(at).toISOString().replaceAll(':', '-')}`
  for (const companion of ['-wal', '-shm', ''])
    if (existsSync(`${file}${companion}`)) renameSync(`${file}${companion}`, `${target}${companion}`)
  return target
}

/** A seal over the parts of a row, in order; SQLite has no checksums of its own, so flipped bits inside a value go unnoticed without one. */
export function seal(...parts: readonly (string | number | null)[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${JSON.stringify(part)}\n`)
  return hash.digest().subarray(0, SEAL_BYTES)
}
const SEAL_BYTES = 16

export function sealHolds(stored: unknown, ...parts: readonly (string | number | null)[]): boolean {
  return Buffer.isBuffer(stored) && stored.length === SEAL_BYTES && timingSafeEqual(stored, seal(...parts))
}
