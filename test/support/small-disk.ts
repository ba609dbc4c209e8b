import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Why a disk of one's own cannot be had here; null: it can. */
export function whyNoDisks(): string | null {
  if (process.platform !== 'linux') return 'tmpfs exists on Linux only'
  if (process.getuid?.() !== 0) return 'only root may mount a file system'
  try {
    using disk = smallDisk()
    disk.fill()
    return null
  } catch (error) {
    return `tmpfs cannot be mounted: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** A file system of a few MiB in memory, with a folder for data. */
export interface SmallDisk extends Disposable {
  readonly dir: string
  /** Takes the space that is left, to the last byte; again what has been given back since. */
  fill(): void
  /** Gives it back. */
  free(): void
}

const diskMiB = 12

/** `mib`: with less than 12 free the buffer of an edge finds no room for its reserve. */
export function smallDisk(mib = diskMiB): SmallDisk {
  const mount = mkdtempSync(path.join(tmpdir(), 'holdfast-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', mount])
  const ballast = path.join(mount, 'ballast')
  return {
    dir: path.join(mount, 'data'),
    fill() {
      const file = openSync(ballast, 'a')
      try {
        for (const bytes of [65_536, 4_096, 1]) writeUntilFull(file, Buffer.alloc(bytes, 7))
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(ballast, { force: true }),
    [Symbol.dispose]() {
      // Lazily: whoever still has a file open there keeps it for itself alone.
      execFileSync('umount', ['--lazy', mount])
      rmSync(mount, { recursive: true, force: true })
    },
  }
}

function writeUntilFull(file: number, piece: Buffer): void {
  try {
    for (;;) if (writeSync(file, piece) < piece.length) return
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}
