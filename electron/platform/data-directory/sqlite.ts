import Sqlite from 'better-sqlite3'
import { HoldfastError } from '../../../shared/model/failures'

/** Another controller has the directory; its console may be reached by the files there. */
export class DirectoryTaken extends HoldfastError {
  constructor(cause: unknown) {
    super('conflict', 'Another controller uses this data directory.', {
      hint: 'Stop it first (holdfast status says who it is), or choose another one: --data DIR',
      cause,
    })
  }
}

/**
 * Owns a data directory for as long as this process lives: an exclusive lock that the system gives back by itself when the process ends, however it ends.
 * Throws `DirectoryTaken` when another controller has it, `storage` when the directory cannot be written.
 */
export function lockDataDirectory(file: string): Disposable {
  let database: Sqlite.Database | null = null
  try {
    database = new Sqlite(file, { timeout: 0 })
    // In WAL mode an exclusive transaction would leave readers in; this file has none and needs no journal of its own.
    database.pragma('journal_mode = DELETE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    const code = (error as { code?: string }).code ?? ''
    if (code.startsWith('SQLITE_BUSY')) throw new DirectoryTaken(error)
    throw new HoldfastError('storage', `The data directory cannot be written: ${(error as Error).message}`, {
      hint: 'Check its permissions and the free space on its disk.',
      cause: error,
    })
  }
  const owned = database
  return { [Symbol.dispose]: () => void owned.close() }
}
