// What a fleet costs its master: thousands of edges, each with a link over TLS of its own, a ping every second and a batch of telemetry every 30 s, simulated in this
// process against one master, the built program. Then what one console and one change cost at that size. The baseline is a bare `ws` server over TLS with as many
// connections that are asked once a second, in the same run.
//   --edges N     so many instead of 5,000
//   --seconds N   measure for N s instead of 60
//   --no-bare     without the baseline
//   --profile DIR writes a profile of the master's processor time there
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { openConsole, type ConsoleClient } from '../../electron/console/client'
import { systemClock } from '../../electron/platform/clock'
import type { OperationInput } from '../../shared/console/contract'
import { ControllerProcess, dataDirectory, freePort } from '../support/controller'
import { Fleet } from '../support/fleet/fleet'
import { MasterProbe } from '../support/fleet/master-probe'
import { until } from '../support/until'

const TARGET_CPU_PERCENT = 50
const TARGET_KIB_PER_EDGE = 60
/** For lists at the server. */
const TARGET_LIST_MS = 200
const SETTLE_MS = 10_000
const PUSH_EVERY_MS = 30_000
const CONSOLE_MS = 15_000
const BARE_MS = 15_000
const LINK_DEADLINE_MS = 300_000
const CALL_TIMEOUT_MS = 120_000
/** Of `/proc/PID/stat`. */
const TICKS_PER_SECOND = 100

const given = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? fallback : Number(process.argv[at + 1])
}
const has = (name: string): boolean => process.argv.includes(`--${name}`)
const count = given('edges', 5_000)
const seconds = given('seconds', 60)
const profileAt = process.argv.indexOf('--profile')
const profileDir = profileAt === -1 ? null : path.resolve(process.argv[profileAt + 1] ?? '.')
const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits
const say = (text: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`)

/** Bare connections: what TLS and `ws` take of the same machine. */
async function bare(): Promise<{ cpuPercent: number; kibPerConnection: number }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'edges.bare.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { port, ca } = JSON.parse(line) as { port: number; ca: string }
  const rssKiB = () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])
  const cpuSeconds = () => {
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }
  const before = rssKiB()
  const sockets: WebSocket[] = []
  const answer = Buffer.alloc(8)
  const worker = async () => {
    while (sockets.length < count) {
      const socket = new WebSocket(`wss://127.0.0.1:${port}`, {
        ca,
        rejectUnauthorized: false,
        perMessageDeflate: false,
      })
      sockets.push(socket)
      socket.on('message', () => socket.send(answer))
      await once(socket, 'open')
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  await sleep(SETTLE_MS / 2)
  const cpuBefore = cpuSeconds()
  await sleep(BARE_MS)
  const cpuPercent = ((cpuSeconds() - cpuBefore) / (BARE_MS / 1_000)) * 100
  const kibPerConnection = (rssKiB() - before) / count
  for (const socket of sockets) socket.terminate()
  child.kill()
  await once(child, 'exit')
  return { cpuPercent: round(cpuPercent), kibPerConnection: round(kibPerConnection) }
}

/** Median of some calls of one operation, ms, and the bytes of its answer. */
async function timed(
  client: ConsoleClient,
  op: 'edges.list' | 'status.get' | 'health',
  params: OperationInput<'edges.list'> = {},
): Promise<{ ms: number; kib: number }> {
  const all: number[] = []
  let kib = 0
  for (let n = 0; n < 5; n++) {
    const beganAt = performance.now()
    const answer: unknown = await client.call(op, params, { timeoutMs: CALL_TIMEOUT_MS })
    all.push(performance.now() - beganAt)
    kib = JSON.stringify(answer).length / 1_024
  }
  return { ms: round(all.toSorted((a, b) => a - b)[2] ?? NaN), kib: round(kib) }
}

/** A console that shows the whole fleet: its first picture, what it is told while nothing happens, and how soon it is told of a change. */
async function watchedByConsole(master: ControllerProcess, probe: MasterProbe) {
  await using client = await openConsole({ dataDir: master.data, user: 'bench', clock: systemClock() })
  const edgesList = await timed(client, 'edges.list')
  const edgesPage = await timed(client, 'edges.list', { text: 'site', link: 'connected', limit: 50 })
  const statusGet = await timed(client, 'status.get')
  const health = await timed(client, 'health')
  const said = { updates: 0, paused: false }
  const beganAt = performance.now()
  const first = Promise.withResolvers<number>()
  client.subscribe(
    'status',
    {},
    {
      body: (status) => {
        first.resolve(performance.now() - beganAt)
        said.updates++
        said.paused = status.edges?.[0]?.paused !== null
      },
      ended: (failure) => first.reject(new Error(failure.message)),
    },
  )
  const snapshotMs = round(await first.promise)
  const from = Date.now()
  const updatesBefore = said.updates
  await sleep(CONSOLE_MS)
  const watching = probe.summary(from, Date.now())
  const updatesPerSecond = round((said.updates - updatesBefore) / (CONSOLE_MS / 1_000))
  const changedAt = performance.now()
  await client.call('edges.pause', { edge: 'edge-00001', reason: 'bench', forMs: null }, { timeoutMs: CALL_TIMEOUT_MS })
  const changeAnsweredMs = round(performance.now() - changedAt)
  await until('the console sees the change', () => said.paused || null, CALL_TIMEOUT_MS)
  const changeSeenMs = round(performance.now() - changedAt)
  return {
    ...{ edgesList, edgesPage, statusGet, health, snapshotMs, updatesPerSecond, changeAnsweredMs, changeSeenMs },
    cpuPercentWatched: round(watching.cpuPercent),
    delayMaxMsWatched: round(watching.delayMaxMs),
  }
}

/** Says every 10 s how far it is. */
function progress(fleet: Fleet): Disposable {
  const timer = setInterval(() => say(fleet.told()), 10_000)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

async function main(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('this bench reads /proc and runs on Linux only')
  await using stack = new AsyncDisposableStack()
  const { dir } = stack.use(dataDirectory('fleet'))
  const probeDir = stack.use(dataDirectory('fleet-probe')).dir
  const linkPort = await freePort()
  const fleet = stack.use(new Fleet({ count, pushEveryMs: PUSH_EVERY_MS }))
  {
    await using first = await ControllerProcess.start({ role: 'master', data: dir, linkPort })
    await fleet.enrol(first)
    say(`${count} edges have joined`)
    await first.end()
  }
  const probe = new MasterProbe(
    probeDir,
    profileDir === null ? '' : `--cpu-prof --cpu-prof-interval=2000 --cpu-prof-dir=${profileDir}`,
  )
  const master = stack.use(await ControllerProcess.start({ role: 'master', data: dir, linkPort, env: probe.env }))
  const startedMs = performance.now() - master.startedAt
  await sleep(SETTLE_MS)
  const unlinked = probe.summary(Date.now() - SETTLE_MS / 2, Date.now())
  say(`the master is up with ${count} documents: ${round(unlinked.rssMiB)} MiB`)
  const linkingAt = performance.now()
  const linkingFrom = Date.now()
  {
    using _ = progress(fleet)
    await fleet.start()
    await fleet.allLinked(LINK_DEADLINE_MS)
  }
  const linkingMs = performance.now() - linkingAt
  const linking = probe.summary(linkingFrom, Date.now())
  say(`all are linked after ${round(linkingMs / 1_000)} s`)
  await until('each edge has pushed once', () => fleet.since(0, 'pushed').length >= count || null, 3 * PUSH_EVERY_MS)
  await sleep(SETTLE_MS)
  const from = Date.now()
  const fromHere = performance.now()
  await sleep(seconds * 1_000)
  const steady = probe.summary(from, Date.now())
  const own = process.memoryUsage().rss / 2 ** 20
  const lost = fleet.since(fromHere, 'lost')
  const pushed = fleet.since(fromHere, 'pushed').length
  const pushFailed = fleet.since(fromHere, 'push-failed').length
  say(`${round(steady.cpuPercent)} % of a core`)
  const watched = await watchedByConsole(master, probe)
  if (profileDir !== null) await master.end('SIGTERM')
  await fleet[Symbol.asyncDispose]()
  await master.end()
  const baseline = has('no-bare') ? null : await bare()
  const kibPerEdge = round(((steady.rssMiB - unlinked.rssMiB) * 1_024) / count)
  const cpuPercent = round(steady.cpuPercent)
  const met = cpuPercent < TARGET_CPU_PERCENT && kibPerEdge < TARGET_KIB_PER_EDGE
  const result = {
    bench: 'edges',
    figure: cpuPercent,
    unit: `% of a core for ${count} edges`,
    baseline: baseline?.cpuPercent ?? null,
    ratio: baseline === null ? null : round(cpuPercent / baseline.cpuPercent, 2),
    target: TARGET_CPU_PERCENT,
    met,
    details: {
      baselineIs: 'bare ws over TLS, asked once a second',
      ...{ kibPerEdge, targetKibPerEdge: TARGET_KIB_PER_EDGE, bareKibPerEdge: baseline?.kibPerConnection ?? null },
      ...{ edges: count, seconds, lost: lost.length, pushed, pushFailed },
      lostBecause: Object.fromEntries(
        [...Map.groupBy(lost, ({ detail }) => detail || 'a gap in the time of the simulator')].map(([why, all]) => [
          why,
          all.length,
        ]),
      ),
      ...{ delayMaxMs: round(steady.delayMaxMs), rssMiB: round(steady.rssMiB), rssUnlinkedMiB: round(unlinked.rssMiB) },
      heapMiB: round(steady.heapMiB),
      documentsS: round(fleet.took.documentsMs / 1_000),
      joinsPerSecond: round(count / (fleet.took.joiningMs / 1_000)),
      masterStartS: round(startedMs / 1_000),
      linkingS: round(linkingMs / 1_000),
      linkingDelayMaxMs: round(linking.delayMaxMs),
      failedAttempts: Object.fromEntries(
        [...Map.groupBy(fleet.since(0, 'failed'), ({ detail }) => detail)].map(([code, all]) => [code, all.length]),
      ),
      console: watched,
      ...{ targetListMs: TARGET_LIST_MS, simulatorRssMiB: round(own) },
      machine: { cores: cpus().length, load1m: round(loadavg()[0] ?? NaN) },
    },
  }
  if (has('json')) return console.log(JSON.stringify(result))
  console.log(JSON.stringify(result.details, null, 2))
  const miss = (value: number, target: number): string =>
    value < target ? `met (${round(value / target, 2)} of it)` : `missed (${round(value / target, 2)} times as much)`
  console.log(`edges: ${cpuPercent} % of a core, target ${TARGET_CPU_PERCENT}: ${miss(cpuPercent, TARGET_CPU_PERCENT)}`)
  console.log(
    `edges: ${kibPerEdge} KiB an edge, target ${TARGET_KIB_PER_EDGE}: ${miss(kibPerEdge, TARGET_KIB_PER_EDGE)}`,
  )
}

await main()
