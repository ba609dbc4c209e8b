import { existsSync } from 'node:fs'
import { chmod, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { HoldfastError } from '../../shared/model/failures'
import { makeFolder } from './folder'
import type { KeyStore, Secrets } from './ports'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

/** Begins a value that a cipher has sealed; no secret of ours begins like that. */
const SEALED = 'sealed:1:'

/** Where values lie: sealed by the key store of a desktop, or as they are in files that one user may read. */
export type SecretsPlace = 'system' | 'file'
/** In the folder of the secrets: a person wants them as files, although there is a key store. */
const KEEP_IN_FILES = 'keep-in-files'

export interface FileSecrets extends Secrets {
  /** Values that were found sealed and could not be opened, and have been neither opened nor replaced since. */
  readonly locked: readonly string[]
  /**
   * From now on values are kept there, and those that are elsewhere are moved; resolves with how many. Each is moved whole or not at all, and again after a
   * crash halfway. Rejects with `SecretsLocked` before anything is moved, and with `refused` where there is no key store.
   */
  keepIn(place: SecretsPlace): Promise<number>
}

/** A value is sealed by a key store that is not there or does not open it. */
export class SecretsLocked extends HoldfastError {
  constructor(message: string, more: { hint: string; cause?: unknown }) {
    super('storage', message, more)
  }
}

/**
 * Secrets as files of `folder` (0700), one a name (0600). A key store seals values when they are set, unless a person wants them as files; those from before stay
 * readable. A value is replaced whole or not at all, and survives a power cut once `set` has settled. Rejects with `HoldfastError('storage')`.
 */
export function fileSecrets(folder: string, keyStore: KeyStore | null = null): FileSecrets {
  const cipher = keyStore?.cipher ?? null
  /** Changes run one after the other, so that the last `set` asked for is the one that stays. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const turn = last.then(change, change)
    last = turn.catch(() => {})
    return turn
  }
  const locked = new Set<string>()
  const keepFile = path.join(folder, KEEP_IN_FILES)
  const write = async (file: string, value: string): Promise<void> => {
    const isSealed = cipher !== null && !keepsInFiles(folder)
    const stored = isSealed ? SEALED + (await cipher.seal(value)) : value
    await replace(folder, file, stored).catch((error: unknown) => Promise.reject(unusable(folder, 'write', error)))
  }
  return {
    ...(keyStore && { backend: keyStore.backend }),
    get locked() {
      return [...locked]
    },
    async get(name) {
      let text: string
      try {
        text = await readFile(fileOf(folder, name), 'utf8')
      } catch (error) {
        if (isMissing(error)) return null
        throw unusable(folder, 'read', error)
      }
      try {
        const value = await plain(text, keyStore)
        locked.delete(name)
        return value
      } catch (error) {
        if (error instanceof SecretsLocked) locked.add(name)
        throw error
      }
    },
    set: (name, value) =>
      inTurn(async () => {
        await write(fileOf(folder, name), value)
        locked.delete(name)
      }),
    keepIn: (place) =>
      inTurn(async () => {
        if (place === 'system' && cipher === null)
          throw new HoldfastError('refused', 'This controller has no key store: its secrets lie in files.', {
            hint: 'Start Holdfast with its window, in a session with a key store.',
          })
        const moving: { file: string; value: string }[] = []
        for (const file of await filesOf(folder)) {
          const text = await readFile(file, 'utf8')
          if (text.startsWith(SEALED) !== (place === 'system'))
            moving.push({ file, value: await plain(text, keyStore) })
        }
        if (place === 'system') await rm(keepFile, { force: true })
        else await replace(folder, keepFile, '')
        for (const { file, value } of moving) await write(file, value)
        return moving.length
      }),
    delete: (name) =>
      inTurn(async () => {
        try {
          locked.delete(name)
          await rm(fileOf(folder, name), { force: true })
          await syncFolder(folder)
        } catch (error) {
          if (!isMissing(error)) throw unusable(folder, 'delete in', error)
        }
      }),
  }
}

async function plain(text: string, keyStore: KeyStore | null): Promise<string> {
  if (!text.startsWith(SEALED)) return text
  try {
    if (keyStore?.cipher) return await keyStore.cipher.open(text.slice(SEALED.length))
  } catch (error) {
    throw new SecretsLocked(`The key store of this desktop (${keyStore?.backend.name}) does not open a secret.`, {
      cause: error,
      hint: 'Log in as the user who stored it, and unlock the key store.',
    })
  }
  throw new SecretsLocked('The secrets of this data directory are sealed by the key store of a desktop.', {
    hint: 'Stop this controller, start Holdfast with its window, as the user who did before, and use: holdfast secret unseal',
  })
}

/** Whether a person wants the secrets below as files. */
export const keepsInFiles = (folder: string): boolean => existsSync(path.join(folder, KEEP_IN_FILES))

async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw unusable(folder, 'read', error)
  })
  return names.filter((name) => name.endsWith('.secret')).map((name) => path.join(folder, name))
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
  try {
    await written(draft, value)
    await rename(draft, file)
  } catch (error) {
    // A disk that is full has room enough to forget it. Why it could not be kept is what counts.
    await rm(draft, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(folder)
}

async function written(draft: string, value: string): Promise<void> {
  const handle = await open(draft, 'wx', FILE_MODE)
  try {
    await handle.writeFile(value, 'utf8')
    await handle.sync()
  } finally {
    await handle.close()
  }
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
