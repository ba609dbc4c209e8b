import { chmod, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { HoldfastError } from '../../shared/model/failures'
import { makeFolder } from './folder'
import type { Secrets } from './ports'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

/** Begins a value that a cipher has sealed; no secret of ours begins like that. */
const SEALED = 'sealed:1:'

/** The key store of a desktop. */
export interface KeyStore {
  readonly backend: NonNullable<Secrets['backend']>
  /** Seals values by a key that does not lie beside them. Null: there is none worth the name, and values stay as they are. */
  readonly cipher: { seal(value: string): Promise<string>; open(sealed: string): Promise<string> } | null
}

/**
 * Secrets as files of `folder` (0700), one a name (0600). A key store seals values when they are set; those from before stay readable. A value is replaced whole or not at all, and survives a power cut once `set` has settled.
 * Rejects with `HoldfastError('storage')`.
 */
export function fileSecrets(folder: string, keyStore: KeyStore | null = null): Secrets {
  const cipher = keyStore?.cipher ?? null
  /** Changes run one after the other, so that the last `set` asked for is the one that stays. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const turn = last.then(change, change)
    last = turn.catch(() => {})
    return turn
  }
  return {
    ...(keyStore && { backend: keyStore.backend }),
    async get(name) {
      let text: string
      try {
        text = await readFile(fileOf(folder, name), 'utf8')
      } catch (error) {
        if (isMissing(error)) return null
        throw unusable(folder, 'read', error)
      }
      return text.startsWith(SEALED) ? unseal(text.slice(SEALED.length), keyStore) : text
    },
    set: (name, value) =>
      inTurn(async () => {
        const stored = cipher ? SEALED + (await cipher.seal(value)) : value
        await replace(folder, fileOf(folder, name), stored).catch((error: unknown) =>
          Promise.reject(unusable(folder, 'write', error)),
        )
      }),
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

async function unseal(sealed: string, keyStore: KeyStore | null): Promise<string> {
  try {
    if (keyStore?.cipher) return await keyStore.cipher.open(sealed)
  } catch (error) {
    throw new HoldfastError(
      'storage',
      `The key store of this desktop (${keyStore?.backend.name}) does not open a secret.`,
      {
        cause: error,
        hint: 'Log in as the user who stored it, and unlock the key store.',
      },
    )
  }
  throw new HoldfastError('storage', 'The secrets of this data directory are sealed by the key store of a desktop.', {
    hint: 'Start Holdfast with its window, as the user who did before, or set up another data directory: --data DIR',
  })
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
