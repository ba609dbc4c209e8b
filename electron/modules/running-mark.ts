import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** File descriptor of the mark in a host. */
export const MARK_FD = 5
const BYTES = 4
/** Files there live in memory and cost no disk. */
const MEMORY_FOLDER = '/dev/shm'

/**
 * Four bytes that outlive a host: the slot whose code ran when it ended, however it ended (out of memory leaves no time for last words). A file
 * without a name, open in the controller and in the host.
 */
export class RunningMark {
  /** Null: could not be made; hosts then end unnamed more often. */
  readonly fd: number | null

  constructor() {
    this.fd = process.platform === 'win32' ? null : openNameless()
  }

  /** 0: the host's own code, or nobody knows. */
  read(): number {
    if (this.fd === null) return 0
    const bytes = Buffer.alloc(BYTES)
    return readSync(this.fd, bytes, 0, BYTES, 0) === BYTES ? bytes.readUInt32LE() : 0
  }

  close(): void {
    if (this.fd !== null) closeSync(this.fd)
  }
}

function openNameless(): number | null {
  try {
    const folder = mkdtempSync(path.join(existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir(), 'holdfast-'))
    const fd = openSync(path.join(folder, 'running'), 'w+', 0o600)
    rmSync(folder, { recursive: true })
    return fd
  } catch {
    return null
  }
}

/** The host's side: writes the mark. */
export function markWriter(): (slot: number) => void {
  const bytes = Buffer.alloc(BYTES)
  let isUsable = true
  return (slot) => {
    if (!isUsable) return
    bytes.writeUInt32LE(slot)
    try {
      writeSync(MARK_FD, bytes, 0, BYTES, 0)
    } catch {
      isUsable = false
    }
  }
}
