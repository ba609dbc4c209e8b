// A backlog of a million entries after an outage: cost per entry at the beginning and at the end, growth of memory on either side, and how long a fresh alert takes
// all along. Two processes over TLS.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const ENTRIES = Number(process.env['BENCH_ENTRIES'] ?? 1_000_000)
/** As controllers are started. */
const AS_CONTROLLERS = {
  execArgv: ['--expose-gc', '--max-semi-space-size=1'],
  env: { ...process.env, MALLOC_ARENA_MAX: '1' },
}
const RSS_MIB_MAX = 64
const ALERT_MS_MAX = 5_000
/** Time for the last quarter of the backlog over time for the first one. */
const LINEAR_MAX = 1.5

interface Done {
  seconds: number
  quarters: number[]
  cpuQuartersMs: number[]
  alertMs: number[]
  rssGrowthMiB: number
}
interface There {
  status: { entries: number; notIndexed: number }
  memory: NodeJS.MemoryUsage
}

const start = (name: string, ...args: string[]) =>
  fork(path.join(import.meta.dirname, `drain.${name}.js`), args, AS_CONTROLLERS)
const said = async <T>(child: ChildProcess): Promise<T> => ((await once(child, 'message')) as [T])[0]
const ended = async (child: ChildProcess) => {
  child.disconnect()
  if (child.exitCode === null) await once(child, 'exit')
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-drain-'))
  try {
    const master = start('master', folder)
    const { ready } = await said<{ ready: { code: string } }>(master)
    const edge = start('edge', folder, ready.code, String(ENTRIES))
    await said(edge)
    master.send('status')
    const before = await said<There>(master)
    let highest = before.memory
    const watch = setInterval(() => master.send('status'), 500)
    master.on('message', ({ memory }: There) => {
      if (memory.rss > highest.rss) highest = memory
    })
    edge.send('go')
    const { done } = await said<{ done: Done }>(edge)
    clearInterval(watch)
    master.send('status')
    const after = await said<There>(master)
    await ended(edge)
    await ended(master)
    const missing = ENTRIES + done.alertMs.length - after.status.entries
    const grownMiB = (part: keyof NodeJS.MemoryUsage) => Math.round((highest[part] - before.memory[part]) / 2 ** 20)
    const masterMiB = (highest.rss - before.memory.rss) / 2 ** 20
    const linear = done.quarters.at(-1)! / done.quarters[0]!
    const slowest = Math.max(...done.alertMs)
    const growth = Math.max(done.rssGrowthMiB, masterMiB)
    const figure = Math.round(growth * 10) / 10
    const met = missing === 0 && growth <= RSS_MIB_MAX && slowest < ALERT_MS_MAX && linear <= LINEAR_MAX
    const details = {
      ...{ entries: ENTRIES, missing, perS: Math.round(ENTRIES / done.seconds), seconds: done.seconds },
      ...{ quarters: done.quarters, lastOverFirstQuarter: Math.round(linear * 100) / 100, linearMax: LINEAR_MAX },
      // Hardly moved by what else the machine does.
      cpuQuartersMs: { edge: done.cpuQuartersMs },
      rssGrowthMiB: { edge: done.rssGrowthMiB, master: masterMiB },
      // What of it is JavaScript; the rest is pages of the stores, what is being unpacked, code.
      masterOfIt: { heap: grownMiB('heapTotal'), heapUsed: grownMiB('heapUsed'), buffers: grownMiB('external') },
      alertMs: { slowest, of: done.alertMs.length, max: ALERT_MS_MAX },
      notIndexedAtTheEnd: after.status.notIndexed,
    }
    const line = {
      bench: 'drain',
      figure,
      unit: 'MiB of growth',
      baseline: null,
      ratio: null,
      target: RSS_MIB_MAX,
      met,
    }
    if (process.argv.includes('--json')) console.log(JSON.stringify({ ...line, details }))
    else {
      console.log(
        `drain ${ENTRIES} entries in ${done.seconds.toFixed(1)} s, memory +${figure} MiB, slowest alert ${slowest} ms`,
      )
      console.log(JSON.stringify(details))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
