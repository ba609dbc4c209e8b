// A controller that was killed with 2 GiB waiting in its outbox starts again: time until it takes entries and gives what waits to push, and growth of memory. The
// starting process is a fresh one; the file is in the page cache.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const GIB = 2 ** 30
const BACKLOG_BYTES = 2 * GIB
const READY_MS_MAX = 3_000
const RSS_MIB_MAX = 30
const STARTS = 3

interface Started {
  readonly openedMs: number
  readonly appendedMs: number
  readonly readyMs: number
  readonly firstSlice: number
  readonly rssGrowthMiB: number
  readonly pendingEntries: number
  readonly pendingBytes: number
  readonly fileBytes: number
}

const run = (name: string, ...args: string[]) =>
  fork(path.join(import.meta.dirname, `restart-backlog.${name}.js`), args, {
    // As controllers are started.
    execArgv: ['--expose-gc', '--max-semi-space-size=1'],
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  })

async function main(): Promise<void> {
  const { bavail, bsize } = statfsSync(tmpdir())
  if (bavail * bsize < BACKLOG_BYTES * 1.5)
    throw new Error(`${tmpdir()} has less than ${BACKLOG_BYTES * 1.5} bytes free`)
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-backlog-'))
  try {
    const file = path.join(folder, 'outbox.db')
    await once(run('fill', file, String(BACKLOG_BYTES)), 'exit')
    const starts: Started[] = []
    for (let n = 0; n < STARTS; n++) {
      const child = run('start', file)
      starts.push(((await once(child, 'message')) as [Started])[0])
      await once(child, 'exit')
    }
    const worst = (of: (start: Started) => number) => Math.max(...starts.map(of))
    const readyMs = Math.round(worst((start) => start.readyMs))
    const rssMiB = Math.round(worst((start) => start.rssGrowthMiB) * 10) / 10
    const isWhole = starts.every(({ pendingBytes, firstSlice }) => pendingBytes >= BACKLOG_BYTES && firstSlice > 0)
    const line = {
      ...{ bench: 'restart-backlog', figure: readyMs, unit: 'ms to ready', baseline: null, ratio: null },
      ...{ target: READY_MS_MAX, met: isWhole && readyMs < READY_MS_MAX && rssMiB <= RSS_MIB_MAX },
      details: { rssGrowthMiB: rssMiB, rssMiBMax: RSS_MIB_MAX, isWhole, starts },
    }
    if (process.argv.includes('--json')) console.log(JSON.stringify(line))
    else console.log(`restart-backlog: ready after ${readyMs} ms, memory +${rssMiB} MiB`, line.details)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
