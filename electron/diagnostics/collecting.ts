import { access, chmod, constants, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import type { DirectoryFacts } from './judge-data'

/** Facts of this machine and of a data directory. Nothing here changes anything, but for a probe that is gone again. */

const isPosix = process.platform !== 'win32'
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message

export async function directoryFacts(dir: string): Promise<DirectoryFacts> {
  try {
    const there = await stat(dir)
    if (!there.isDirectory()) return { kind: 'not-one', dir }
    // Permissions, read-only mounts and full disks show only when something is written.
    const probe = await mkdtemp(path.join(dir, '.doctor-'))
    await rm(probe, { recursive: true })
    return { kind: 'writable', dir, mode: isPosix ? there.mode : null }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { kind: 'missing', dir }
    return { kind: 'refused', dir, reason: codeOf(error) }
  }
}

/** Of the disk that holds `dir`, or would hold it. */
export async function spaceFacts(dir: string): Promise<{ free: number; total: number }> {
  let place = path.resolve(dir)
  for (;;) {
    try {
      const { bavail, blocks, bsize } = await statfs(place)
      return { free: bavail * bsize, total: blocks * bsize }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || path.dirname(place) === place) throw error
      place = path.dirname(place)
    }
  }
}

/** Why the port cannot be bound; null: it can. */
export function portRefusal(port: number, host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(codeOf(error)))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

export async function fileBytes(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}

/** Files below `dir` with that ending, relative to it; none when it is not there. Folders nested deeper than `depth` are not looked into. */
export async function filesBelow(
  dir: string,
  ending: string,
  depth = 3,
): Promise<{ file: string; bytes: number; mode: number }[]> {
  const items = await readdir(dir, { withFileTypes: true }).catch(() => [])
  const found = await Promise.all(
    items.map(async (item) => {
      const full = path.join(dir, item.name)
      if (item.isDirectory() && depth > 0)
        return (await filesBelow(full, ending, depth - 1)).map((one) => ({
          ...one,
          file: path.join(item.name, one.file),
        }))
      if (!item.isFile() || !item.name.endsWith(ending)) return []
      const { size, mode } = await stat(full)
      return [{ file: item.name, bytes: size, mode }]
    }),
  )
  return found.flat()
}

export async function secretFacts(dir: string): Promise<{ count: number; open: number }> {
  const files = await filesBelow(dir, '.secret', 0)
  const isOpen = ({ mode }: { mode: number }): boolean => isPosix && (mode & 0o077) !== 0
  return { count: files.length, open: files.filter(isOpen).length }
}

export async function closeSecrets(dir: string): Promise<void> {
  await chmod(dir, 0o700)
  for (const { file } of await filesBelow(dir, '.secret', 0)) await chmod(path.join(dir, file), 0o600)
}

export async function closeDirectory(dir: string): Promise<void> {
  await access(dir, constants.W_OK)
  await chmod(dir, 0o700)
}

export function isKnownZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
