import { existsSync, renameSync, statSync } from 'node:fs'
import { HoldfastError } from '../../shared/model/failures'
import type { Clock, Logger } from '../platform/ports'
import { openDatabase, refuseDamage, type Database, type Migration } from '../platform/sqlite'

/** Reading every page of a larger file would hold up the start; its damage shows when the page is read. */
const CHECKED_BYTES_MAX = 64 * 1024 * 1024

/** Damage, in the words of `platform/sqlite`; a full or read-only disk is none. */
const isDamage = (error: unknown): boolean =>
  error instanceof HoldfastError && error.code === 'storage' && / damaged|not a database/.test(error.message)

/**
 * Opens a store whose rows can all be had again: a damaged file is set aside, and a new one begins. `begin` reads what the store starts with.
 * Throws `HoldfastError('storage')` for everything that is no damage.
 */
export function openRebuilding<T>(
  file: string,
  migrations: readonly Migration[],
  parts: { readonly clock: Pick<Clock, 'wall'>; readonly logger: Logger },
  begin: (database: Database) => T,
): T {
  try {
    return opened(file, migrations, begin)
  } catch (error) {
    if (!isDamage(error)) throw error
    const aside = `${file}.damaged-${new Date(parts.clock.wall()).toISOString().replaceAll(':', '-')}`
    for (const companion of ['-wal', '-shm', '']) {
      if (existsSync(`${file}${companion}`)) renameSync(`${file}${companion}`, `${aside}${companion}`)
    }
    parts.logger.log('error', 'The inventory file was damaged: it is set aside and everything is read again', {
      aside,
      reason: (error as HoldfastError).message,
    })
    return opened(file, migrations, begin)
  }
}

function opened<T>(file: string, migrations: readonly Migration[], begin: (database: Database) => T): T {
  const database = openDatabase(file, migrations)
  try {
    if (statSync(file).size <= CHECKED_BYTES_MAX) refuseDamage(file, database)
    return begin(database)
  } catch (error) {
    database.close()
    throw error
  }
}
