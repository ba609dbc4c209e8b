import { open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { HoldfastError } from '../../shared/model/failures'
import {
  environmentName,
  identity,
  settings,
  type Identity,
  type SettingName,
  type Settings,
} from '../../shared/settings/settings'
import { makeFolder } from './folder'
import type { Random } from './ports'

export const SETTINGS_FILE = 'settings.json'

/** What the data directory knows about its controller. */
export interface StoredSettings {
  readonly settings: Settings
  readonly identity: Identity
  /** Everything in the file, as it is now. */
  readonly raw: Readonly<Record<string, unknown>>
  /** Names in the file that mean nothing to this version. They stay there. */
  readonly ignored: readonly string[]
}

/** How far the first run has come (platform/setup.ts). */
const setupStage = z.object({ setup: z.string().max(20), setAside: z.boolean() })
const stored = z.object({ ...settings.partial().shape, ...identity.partial().shape, ...setupStage.partial().shape })

/** Makes the directory when it is missing. Throws `HoldfastError('storage')` with a hint when that cannot be done. */
export async function ensureDirectory(directory: string): Promise<void> {
  try {
    await makeFolder(directory)
  } catch (error) {
    throw new HoldfastError('storage', `The data directory ${directory} cannot be made: ${(error as Error).message}`, {
      hint: 'Choose another one: --data DIR',
      cause: error,
    })
  }
}

/**
 * Reads the settings, lets `overrides` (flags, environment) win, and writes them back when they are new: identity and role are kept from the first start on.
 * Throws `conflict` when another role is asked for, `invalid` for values out of range, `storage` when the file cannot be read or written.
 */
export async function loadSettings(
  directory: string,
  overrides: Record<string, unknown>,
  random: Random,
): Promise<StoredSettings> {
  const file = path.join(directory, SETTINGS_FILE)
  const { known, raw } = await readStored(file)
  if (known.role !== undefined && overrides['role'] !== undefined && overrides['role'] !== known.role) {
    throw new HoldfastError('conflict', `This data directory belongs to a controller of role "${known.role}".`, {
      hint: `Start it without --role, or choose another directory: --data DIR`,
    })
  }
  const read = settings.safeParse({ ...known, ...overrides })
  if (!read.success) throw invalidSetting(read.error, SETTINGS_FILE)
  const self = { nodeId: known.nodeId ?? random.id(), planeId: known.planeId ?? random.id() }
  const next = {
    ...raw,
    role: read.data.role,
    ...(read.data.name === undefined ? {} : { name: read.data.name }),
    ...self,
  }
  if (JSON.stringify(next) !== JSON.stringify(raw)) await writeStored(file, next)
  const ignored = Object.keys(raw).filter((name) => !Object.hasOwn(stored.shape, name))
  return { settings: read.data, identity: self, raw: next, ignored }
}

/** Which setting, what is wrong with it, and the places it may come from. */
export function invalidSetting(error: z.ZodError, file: string): HoldfastError {
  const [issue] = error.issues
  const name = String(issue?.path[0] ?? '')
  const places = Object.hasOwn(settings.shape, name)
    ? `${environmentName(name as SettingName)} or ${name} in ${file}`
    : file
  return new HoldfastError('invalid', `Setting ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`, {
    hint: `It comes from a flag, ${places}.`,
  })
}

/** `raw`: everything in the file, also what this version does not know. */
export async function readStored(
  file: string,
): Promise<{ known: z.infer<typeof stored>; raw: Readonly<Record<string, unknown>> }> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { known: {}, raw: {} }
    throw new HoldfastError('storage', `${file} cannot be read: ${(error as Error).message}`, {
      hint: 'Check the permissions of the data directory.',
      cause: error,
    })
  }
  const raw = parsed(text)
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new HoldfastError('storage', `${file} is not a settings file.`, { hint: 'Correct it, or move it aside.' })
  const read = stored.safeParse(raw)
  if (!read.success) throw invalidSetting(read.error, file)
  return { known: read.data, raw: raw as Record<string, unknown> }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Whole or not at all, also when the power goes. */
export async function writeStored(file: string, content: unknown): Promise<void> {
  const draft = `${file}.new`
  try {
    const handle = await open(draft, 'w', 0o600)
    try {
      await handle.writeFile(`${JSON.stringify(content, null, 2)}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    throw new HoldfastError('storage', `${file} cannot be written: ${(error as Error).message}`, {
      hint: 'Check the permissions of the data directory and the free space on its disk.',
      cause: error,
    })
  }
}
