import { execFile } from 'node:child_process'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { HoldfastError } from '../../shared/model/failures'

const GONE_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 20
const HOSTS_MAX = 10_000

const ledgerFile = z.object({
  hosts: z.array(z.object({ pid: z.int().min(2), startedAt: z.string().min(1) })).max(HOSTS_MAX),
})
type Recorded = z.infer<typeof ledgerFile>['hosts'][number]

/**
 * When a process started, in words that no later process of the same number can share; null: there is no such process, or nobody can say. On
 * Linux: boot id and the start time in clock ticks since boot; elsewhere what `ps` says.
 */
export async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
    if (stat === null) return null
    // The name may contain blanks and brackets: the fields are counted from the last bracket. Field 3 is the state, field 22 the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Dead, but its parent has not asked yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return null
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
    return `${boot.trim()} ${fields[19] ?? ''}`
  }
  if (process.platform === 'win32') return null
  const said = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null)
  return said?.stdout.trim() || null
}

/** Which hosts this controller has: a small file, so that its successor can end those that are left. */
export class HostLedger {
  readonly #file: string
  readonly #hosts = new Map<number, Recorded>()
  #writing: Promise<void> = Promise.resolve()
  #isDue = false

  constructor(file: string) {
    this.#file = file
  }

  /** Resolves when the host is on disk. Rejects when the file cannot be written. */
  async add(pid: number): Promise<void> {
    const startedAt = await startOf(pid)
    if (startedAt === null) return
    this.#hosts.set(pid, { pid, startedAt })
    await this.#write()
  }

  async remove(pid: number): Promise<void> {
    if (this.#hosts.delete(pid)) await this.#write()
  }

  /** Resolves when nothing waits to be written any more. */
  settled(): Promise<void> {
    return this.#writing.catch(() => {})
  }

  /** Ends what an earlier controller left and waits until it is gone. Call before any host of our own is forked. */
  async endPredecessors(): Promise<{ ended: number }> {
    const left = await this.#read()
    const alive: Recorded[] = []
    for (const host of left) if (await isSame(host)) alive.push(host)
    for (const { pid } of alive) endProcess(pid)
    const until = performance.now() + GONE_WITHIN_MS
    for (const host of alive)
      while (await isSame(host)) {
        if (performance.now() > until)
          throw new HoldfastError('internal', `Module host ${host.pid} of an earlier run does not end.`, {
            hint: `End process ${host.pid}, then start again.`,
          })
        await sleep(LOOK_EVERY_MS)
      }
    if (left.length > 0) await this.#write()
    return { ended: alive.length }
  }

  async #read(): Promise<readonly Recorded[]> {
    const text = await readFile(this.#file, 'utf8').catch(() => null)
    if (text === null) return []
    try {
      return ledgerFile.parse(JSON.parse(text)).hosts
    } catch {
      // Half a file of a crash: its hosts end by themselves when they lose their controller.
      return []
    }
  }

  /** Writes the present list; changes during a write share the next one. */
  #write(): Promise<void> {
    if (!this.#isDue) {
      this.#isDue = true
      const next = () => {
        this.#isDue = false
        return this.#writeNow()
      }
      this.#writing = this.#writing.then(next, next)
    }
    return this.#writing
  }

  async #writeNow(): Promise<void> {
    await mkdir(path.dirname(this.#file), { recursive: true })
    const fresh = `${this.#file}.new`
    await writeFile(fresh, `${JSON.stringify({ hosts: [...this.#hosts.values()] })}\n`, { mode: 0o600 })
    await rename(fresh, this.#file)
  }
}

async function isSame(host: Recorded): Promise<boolean> {
  return (await startOf(host.pid)) === host.startedAt
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone in the meantime.
  }
}
