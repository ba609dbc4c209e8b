import { existsSync, renameSync } from 'node:fs'
import type { WallMs } from '../../shared/model/time'

/**
 * Renames a damaged database file with its companions, so that the next start makes a new one. Only ever on explicit request, with nobody having
 * the file open: nothing is deleted. Returns the new name.
 */
export function setAside(file: string, at: WallMs): string {
  const stamp = new Date(at).toISOString().replaceAll(':', '-')
  const target = `${file}.damaged-${stamp}`
  for (const companion of ['-wal', '-shm']) {
    if (existsSync(`${file}${companion}`)) renameSync(`${file}${companion}`, `${target}${companion}`)
  }
  renameSync(file, target)
  return target
}
