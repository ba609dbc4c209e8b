import { chmod, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { HoldfastError } from '../../shared/model/failures'
import { makeFolder } from './folder'
import type { Secrets } from './ports'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

/**
 * Secrets as files of `folder` (0700), one a name (0600). A value is replaced whole or not at all, and survives a power cut once `set` has settled.
 * Rejects with `HoldfastError('storage')`.
 */
export function fileSecrets(folder: string): Secrets {
  /** Changes run one after the other, so that the last `set` asked for is the one that stays. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const turn = last.then(change, change)
    last = turn.catch(() => {})
    return turn
  }
  return {
    async get(name) {
      try {
        return await readFile(fileOf(folder, name), 'utf8')
      } catch (error) {
        if (isMissing(error)) return null
        throw unusable(folder, 'read', error)
      }
    },
    set: (name, value) =>
      inTurn(() =>
        replace(folder, fileOf(folder, name), value).catch((error: unknown) =>
          Promise.reject(unusable(folder, 'write', error)),
        ),
      ),
    delete: (name) =>
      inTurn(async () => {
        try {
          await rm(fileOf(folder, name), { force: true })
          await syncFolder(folder)
        } catch (error) {
          if (!isMissing(error)) throw unusable(folder, 'delete in', error)
        }
      }),
  }
}

/** Names may hold `/` and the like; file names may not, on any system. */
function fileOf(folder: string, name: string): string {
  return path.join(
    folder,
    encodeURIComponent(name).replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`) +
      '.secret',
  )
}

async function replace(folder: string, file: string, value: string): Promise<void> {
  await makeFolder(folder)
  await chmod(folder, FOLDER_MODE)
  const draft = `${file}.new`
  await rm(draft, { force: true })
  const handle = await open(draft, 'wx', FILE_MODE)
  try {
    await handle.writeFile(value, 'utf8')
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
  await syncFolder(folder)
}

/** Makes a rename survive a power cut. Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'

function unusable(folder: string, verb: string, cause: unknown): HoldfastError {
  const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
  return new HoldfastError('storage', `Cannot ${verb} the secrets folder ${folder}: ${why}`, {
    cause,
    hint: 'Check that the folder is writable for this user and the disk is not full.',
  })
}
