import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { Random } from '../platform/ports'
import type { Database } from '../platform/sqlite'

/** The log is written back when it has this many pages (4 MiB), and cut down to this size when it starts anew. */
export const WAL_PAGES = 1_000
export const WAL_BYTES_KEPT = 4 * 1024 * 1024
/** Larger than the log gets, so that with it released the log can always be written back. */
export const RESERVE_BYTES = 8 * 1024 * 1024
/** Besides the reserve there is to be this much, or the disk would be full again at once. */
const MARGIN_BYTES = 4 * 1024 * 1024
const PIECE_BYTES = 64 * 1024
/** Pages given back in one step: a few milliseconds. */
const STEP_PAGES = 512
/** Free pages below this are kept for what comes next. */
const FREE_PAGES_KEPT = 256
const FREE_SHARE_KEPT = 0.08
/** While somebody deletes, free pages are not given back: unless they are most of the file. */
const FREE_SHARE_MUCH = 0.5

/** A file that keeps room on the disk for the moment when there is none. */
export function reserveBeside(file: string, random: Random, bytes = RESERVE_BYTES) {
  const place = `${file}.reserve`
  const isThere = () => (statSync(place, { throwIfNoEntry: false })?.size ?? 0) >= bytes
  return {
    get isThere() {
      return isThere()
    },
    release: () => rmSync(place, { force: true }),
    /** Written, not only claimed: a sparse file keeps no room. False: there is none. */
    restore(): boolean {
      if (isThere()) return true
      let handle: number | null = null
      try {
        const { bavail, bsize } = statfsSync(path.dirname(path.resolve(file)))
        if (bavail * bsize < bytes + Math.min(MARGIN_BYTES, bytes)) return false
        handle = openSync(place, 'w', 0o600)
        const piece = random.bytes(PIECE_BYTES)
        for (let left = bytes; left > 0; left -= PIECE_BYTES) writeSync(handle, piece, 0, Math.min(PIECE_BYTES, left))
        fsyncSync(handle)
        return true
      } catch {
        rmSync(place, { force: true })
        return false
      } finally {
        if (handle !== null) closeSync(handle)
      }
    },
  }
}
export type Reserve = ReturnType<typeof reserveBeside>

/** Gives pages and log back to the disk, in steps. */
export function openSpace(file: string, database: Database) {
  const pragma = (name: string) => database.pragma(name, { simple: true }) as number
  const pageSize = pragma('page_size')
  return {
    get fileBytes() {
      return pragma('page_count') * pageSize
    },
    get freeBytes() {
      return pragma('freelist_count') * pageSize
    },
    /** One step; true: there is more to give back. */
    giveBack(isBusyDeleting: boolean): boolean {
      const free = pragma('freelist_count')
      const share = free / Math.max(1, pragma('page_count'))
      if (free <= FREE_PAGES_KEPT || share <= FREE_SHARE_KEPT) return false
      if (isBusyDeleting && share < FREE_SHARE_MUCH) return false
      database.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`)
      return true
    },
    /** Writes the log back and empties its file; false: it is empty already, or somebody reads it. */
    emptyLog(): boolean {
      if (!existsSync(`${file}-wal`) || statSync(`${file}-wal`).size === 0) return false
      const [done] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
      return done?.busy === 0
    },
  }
}
