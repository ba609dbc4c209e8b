import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { HoldfastError } from '../../shared/model/failures'
import type { Random } from '../platform/ports'

/** What a running controller leaves in its data directory for its consoles: where it listens, and the key that opens it. Both 0600. */
export const CONTROLLER_FILE = 'controller.json'
export const KEY_FILE = 'console.key'

export const controllerFile = z.object({
  pid: z.int().positive(),
  /** Epoch ms. */
  startedAt: z.number(),
  consolePort: z.int().min(1).max(65_535),
  role: z.enum(['edge', 'master', 'standalone']),
})
export type ControllerFile = z.infer<typeof controllerFile>

async function writePrivate(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.new`
  try {
    await writeFile(draft, text, { mode: 0o600 })
    // The mode above is masked and does not change a file that was left behind.
    await chmod(draft, 0o600)
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw new HoldfastError('storage', `${file} cannot be written: ${(error as Error).message}`, {
      hint: 'Check the permissions of the data directory and the free space on its disk.',
      cause: error,
    })
  }
}

/** Makes a fresh key at each start and returns it. */
export async function writeKeyFile(dataDir: string, random: Random): Promise<string> {
  const key = Buffer.from(random.bytes(32)).toString('base64url')
  await writePrivate(path.join(dataDir, KEY_FILE), `${key}\n`)
  return key
}

export async function writeControllerFile(dataDir: string, controller: ControllerFile): Promise<void> {
  await writePrivate(path.join(dataDir, CONTROLLER_FILE), `${JSON.stringify(controllerFile.parse(controller))}\n`)
}

/** After the console has stopped. */
export async function removeControllerFiles(dataDir: string): Promise<void> {
  await Promise.all([CONTROLLER_FILE, KEY_FILE].map((name) => rm(path.join(dataDir, name), { force: true })))
}

/** What the files say; null when there are none or they are not readable as such. */
export async function readControllerFiles(
  dataDir: string,
): Promise<{ controller: ControllerFile; key: string } | null> {
  try {
    const [text, key] = await Promise.all(
      [CONTROLLER_FILE, KEY_FILE].map((name) => readFile(path.join(dataDir, name), 'utf8')),
    )
    const controller = controllerFile.safeParse(JSON.parse(text!))
    return controller.success ? { controller: controller.data, key: key!.trim() } : null
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') || error instanceof SyntaxError)
      return null
    throw error
  }
}
