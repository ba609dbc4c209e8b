// A master that comes back to a fleet that has dialled for half an hour: how evenly the edges come, and how long it takes until all are linked. The edges live through
// the outage on a clock that leaps (their own machines decide each of their some six hundred attempts), everything else is real: the master is killed and started
// again, the links are TLS. Then the same after an outage of seconds, which nobody's jitter has spread yet.
//   --edges N       so many instead of 1,000
//   --outage N      minutes without a master, instead of 30
//   --profile DIR   writes a profile of the master's processor time there
import { cpus, loadavg } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ControllerProcess, dataDirectory, freePort } from '../support/controller'
import { Fleet } from '../support/fleet/fleet'
import { MasterProbe } from '../support/fleet/master-probe'
import { peakToMean, spreadOf } from '../support/fleet/rates'

const TARGET_RATIO = 3
/** The rate is looked at in windows of this length. */
const WINDOW_MS = 250
const SETTLE_MS = 5_000
const LINK_DEADLINE_MS = 300_000

const given = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? fallback : Number(process.argv[at + 1])
}
const count = given('edges', 1_000)
const outageMinutes = given('outage', 30)
const profileAt = process.argv.indexOf('--profile')
const profileDir = profileAt === -1 ? null : path.resolve(process.argv[profileAt + 1] ?? '.')
const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits
const say = (text: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`)

interface Storm {
  /** Peak and mean of connections a second, as they were dialled while the master was back, and as they became links. */
  readonly dials: { peakPerS: number; meanPerS: number; ratio: number }
  readonly links: { peakPerS: number; meanPerS: number; ratio: number }
  readonly details: Record<string, unknown>
}

/** The master is up again; all that happens until every edge is linked. */
async function watch(fleet: Fleet, probe: MasterProbe, backAt: number, backFrom: number): Promise<Storm> {
  {
    using _ = progress(fleet)
    await fleet.allLinked(LINK_DEADLINE_MS)
  }
  const allLinkedMs = performance.now() - backAt
  const cost = probe.summary(backFrom, Date.now())
  const links = fleet.since(backAt, 'linked').map(({ at }) => at - backAt)
  // Of each edge the first: what follows a failure is the failure's.
  const first = new Map<string, number>()
  for (const { edgeId, at } of fleet.since(backAt, 'dial')) if (!first.has(edgeId)) first.set(edgeId, at - backAt)
  const attempts = fleet.since(backAt, 'dial').length
  const failed = Map.groupBy(fleet.since(backAt, 'failed'), ({ detail }) => detail)
  return {
    dials: peakToMean([...first.values()], WINDOW_MS),
    links: peakToMean(links, WINDOW_MS),
    details: {
      allLinkedS: round(allLinkedMs / 1_000),
      linkedAfterS: spreadOf(links.map((ms) => ms / 1_000)),
      attemptsPerEdge: round(attempts / fleet.edges.length, 2),
      failedAttempts: Object.fromEntries([...failed].map(([code, all]) => [code, all.length])),
      lostAgain: fleet.since(backAt, 'lost').length,
      masterDelayMaxMs: round(cost.delayMaxMs),
      masterCpuPercent: round(cost.cpuPercent),
      masterRssMiB: round(cost.rssMiB),
    },
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
  const { dir } = stack.use(dataDirectory('storm'))
  const linkPort = await freePort()
  const fleet = stack.use(new Fleet({ count, pushEveryMs: null }))
  const probeOf = () =>
    new MasterProbe(
      stack.use(dataDirectory('storm-probe')).dir,
      profileDir === null ? '' : `--cpu-prof --cpu-prof-dir=${profileDir}`,
    )
  const start = async (probe: MasterProbe): Promise<ControllerProcess> =>
    stack.use(await ControllerProcess.start({ role: 'master', data: dir, linkPort, env: probe.env }))

  let probe = probeOf()
  let master = await start(probe)
  await fleet.enrol(master)
  say(`${count} edges have joined`)
  {
    using _ = progress(fleet)
    await fleet.start()
    await fleet.allLinked(LINK_DEADLINE_MS)
  }
  await sleep(SETTLE_MS)

  await master.kill()
  await fleet.allLost()
  fleet.cutOff(true)
  const leapAt = performance.now()
  await fleet.clock.leap(outageMinutes * 60_000)
  say(`${outageMinutes} min without a master took ${round((performance.now() - leapAt) / 1_000)} s`)
  probe = probeOf()
  // Dials end at once until its port is open: what is measured is the coming of the fleet, not the start of the master.
  master = await start(probe)
  fleet.cutOff(false)
  const long = await watch(fleet, probe, performance.now(), Date.now())
  say(`all are back after ${String(long.details['allLinkedS'])} s`)
  await sleep(SETTLE_MS)

  await master.kill()
  const killedAt = performance.now()
  probe = probeOf()
  master = await start(probe)
  const masterAwayMs = performance.now() - killedAt
  const short = await watch(fleet, probe, performance.now(), Date.now())
  await fleet[Symbol.asyncDispose]()
  await master.end()

  const figure = long.dials.ratio
  const result = {
    bench: 'restart-storm',
    figure,
    unit: `peak / mean connection rate of ${count} edges after ${outageMinutes} min`,
    baseline: 1,
    ratio: figure,
    target: TARGET_RATIO,
    met: figure <= TARGET_RATIO,
    details: {
      ...{ baselineIs: 'all at one even rate', windowMs: WINDOW_MS, edges: count },
      afterLong: { dials: long.dials, links: long.links, ...long.details },
      afterShort: {
        masterAwayS: round(masterAwayMs / 1_000),
        dials: short.dials,
        links: short.links,
        ...short.details,
      },
      simulatorRssMiB: round(process.memoryUsage().rss / 2 ** 20),
      machine: { cores: cpus().length, load1m: round(loadavg()[0] ?? NaN) },
    },
  }
  if (process.argv.includes('--json')) return console.log(JSON.stringify(result))
  console.log(JSON.stringify(result.details, null, 2))
  const how = result.met ? 'met' : 'missed'
  console.log(
    `restart-storm: peak / mean ${figure}, target ${TARGET_RATIO}: ${how} (${round(figure / TARGET_RATIO, 2)} of it)`,
  )
}

await main()
