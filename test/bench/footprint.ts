// What a headless controller costs while nothing happens: memory, and processor time over ten minutes. An edge linked to its master with two modules
// on simulated devices, that master, and a controller that is both; their module hosts beside them. The baseline is a bare Node in the same run.
//   --seconds N   measure for N s instead of 600
//   --settle N    begin N s after the start instead of 30
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ControllerProcess, dataDirectory } from '../support/controller'
import { childrenOf } from '../support/processes'
import { Site } from '../support/site'
import { until } from '../support/until'

const TARGET_MIB = 90
const TARGET_CPU_PERCENT = 0.5
/** What site documents are usually given. */
const ASKED_EVERY_MS = 5_000
/** Of `/proc/PID/stat`, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

const given = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? fallback : Number(process.argv[at + 1])
}
const seconds = given('seconds', 600)
const settleSeconds = given('settle', 30)

interface Cost {
  readonly rssMiB: number
  readonly anonMiB: number
  readonly cpuPercent: number
}

const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits

function memoryOf(pid: number): { rssMiB: number; anonMiB: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024
  return { rssMiB: round(mib('VmRSS')), anonMiB: round(mib('RssAnon')) }
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Processor share over the time, memory at its end: what grows meanwhile counts. */
async function measure(pids: Record<string, number>): Promise<Record<string, Cost>> {
  await sleep(settleSeconds * 1_000)
  const beganAt = performance.now()
  const before = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSecondsOf(pid)]))
  await sleep(seconds * 1_000)
  const tookSeconds = (performance.now() - beganAt) / 1_000
  return Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => {
      const share = (cpuSecondsOf(pid) - (before[name] ?? 0)) / tookSeconds
      return [name, { ...memoryOf(pid), cpuPercent: round(share * 100, 3) }]
    }),
  )
}

/** The host of a controller's modules. The devices of the demo are its children too, and no part of the product's cost. */
function hostOf(pid: number): Promise<number> {
  const isHost = (child: number) => readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith('holdfast-modules')
  return until('the controller has a module host', () => childrenOf(pid).find(isHost) ?? null)
}

async function main(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('this bench reads /proc and runs on Linux only')
  await using stack = new AsyncDisposableStack()
  const site = stack.use(
    await Site.driven({ byCommand: true, askedEveryMs: ASKED_EVERY_MS, edge: { timeoutMs: 20_000 } }),
  )
  const data = stack.use(dataDirectory('standalone')).dir
  const standalone = stack.use(await ControllerProcess.start({ role: 'standalone', data, byCommand: true }))
  const bare = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], { stdio: 'ignore' })
  stack.defer(() => void bare.kill())
  const costs = await measure({
    bare: bare.pid ?? 0,
    edge: site.edge.pid,
    edgeHost: await hostOf(site.edge.pid),
    master: site.master.pid,
    standalone: standalone.pid,
    standaloneHost: await hostOf(standalone.pid),
  })
  // The figure is the worst of the two controllers of the target: an edge, and its master.
  const controllers = [costs['edge']!, costs['master']!]
  const figure = Math.max(...controllers.map(({ rssMiB }) => rssMiB))
  const cpuPercent = Math.max(...controllers.map(({ cpuPercent: percent }) => percent))
  const baseline = costs['bare']!.rssMiB
  const result = {
    bench: 'footprint',
    figure,
    unit: 'MiB resident',
    baseline,
    ratio: round(figure / baseline, 3),
    target: TARGET_MIB,
    met: figure < TARGET_MIB && cpuPercent < TARGET_CPU_PERCENT,
    details: { baselineIs: 'bare Node with a timer', seconds, cpuPercent, cpuTargetPercent: TARGET_CPU_PERCENT, costs },
  }
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify(result))
    return
  }
  console.table(costs)
  console.log(`footprint ${figure} MiB and ${cpuPercent} % of a core; bare Node ${baseline} MiB: ratio ${result.ratio}`)
}

await main()
