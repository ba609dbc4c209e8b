// What a drop of 10 s costs a master's copy of an inventory: bytes on the wire and time from the dial to being caught up, over TLS with everything durable on
// both sides, with 1,000,000 rows against 1,000 in the same run. Both lose the same number of changes meanwhile.
//   --rows N      instead of 1,000,000
//   --drop S      seconds without a link, instead of 10
//   --rounds N    instead of 5
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as dial, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ResourceChange } from '../../electron/core/replication/inventory'
import { feedRules } from '../../electron/core/replication/feed'
import { openCopies } from '../../electron/inventory/copies'
import type { InventoryAsk, InventoryCopies, InventoryFeed } from '../../electron/inventory/inventory'
import { openInventory } from '../../electron/inventory/sqlite'
import type { LinkDialer, LinkSession } from '../../electron/link/link'
import { InventorySync } from '../../electron/master/inventory'
import { systemClock } from '../../electron/platform/clock'
import { systemRandom } from '../../electron/platform/random'
import type { Resource } from '../../shared/model/inventory'
import { EDGE_ID, connect, handlers, linkPlace, type LinkPlace } from '../support/link'

const TARGET = 1.2
const given = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? fallback : Number(process.argv[at + 1])
}
const LARGE = given('rows', 1_000_000)
const SMALL = 1_000
const DROP_S = given('drop', 10)
const ROUNDS = given('rounds', 5)
/** Ten a second are more than any site has for long. */
const MISSED_PER_S = 10
const CHUNK = 5_000

const clock = systemClock()
const random = systemRandom()
const quiet = { log: () => {}, child: () => quiet }

/** Passes bytes on and counts them. */
async function counter() {
  const counted = { bytes: 0, target: 0, port: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = dial(counted.target, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('data', (chunk) => {
        counted.bytes += chunk.length
        to.write(chunk)
      })
      from.on('error', () => {})
      from.on('close', () => (sockets.delete(from), to.destroy()))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  counted.port = (server.address() as AddressInfo).port
  const end = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  }
  return { counted, end }
}

const row = (index: number, n: number): Resource => ({
  ...{
    kind: 'container',
    id: `docker:${String(index).padStart(8, '0')}`,
    name: `job ${n}`,
    state: 'running',
    asOf: clock.wall(),
  },
  attributes: { engine: 'docker', image: `registry/job:${n}`, createdAt: 1_750_000_000_000 },
})
const changeOf = (index: number, n: number): ResourceChange => {
  const fresh = row(index, n)
  return { type: 'container.changed', kind: fresh.kind, id: fresh.id, row: fresh }
}

interface Cost {
  readonly bytes: number
  readonly ms: number
}

/** One edge and its master. */
class Pair {
  readonly costs: Cost[] = []
  snapshotMs = 0
  readonly rows: number
  readonly #feed: InventoryFeed
  readonly #copies: InventoryCopies
  readonly #sync: InventorySync
  readonly #place: LinkPlace
  readonly #dialer: LinkDialer
  readonly #counted: { bytes: number }
  #edge: LinkSession | null = null
  #n = 0

  constructor(parts: {
    rows: number
    feed: InventoryFeed
    copies: InventoryCopies
    place: LinkPlace
    dialer: LinkDialer
    counted: { bytes: number }
  }) {
    this.rows = parts.rows
    this.#feed = parts.feed
    this.#copies = parts.copies
    this.#place = parts.place
    this.#dialer = parts.dialer
    this.#counted = parts.counted
    this.#sync = new InventorySync({ copies: parts.copies, clock, logger: quiet })
  }

  static async make(rows: number, stack: AsyncDisposableStack): Promise<Pair> {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-resume-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    const feed = stack.use(
      openInventory(path.join(folder, 'edge.db'), {
        ...{ sourceId: 'edge-1', runId: random.id(), clock, random, logger: quiet, rules: feedRules },
        // By number alone: a day of a million events would only make the file larger.
        limits: { historyMs: 0 },
      }),
    )
    const copies = stack.use(openCopies(path.join(folder, 'master.db'), { clock, logger: quiet, rules: feedRules }))
    const { counted, end } = await counter()
    stack.defer(async () => void (await end()))
    const place = stack.use(await linkPlace({ urlPort: () => counted.port }))
    counted.target = place.listener.port
    await place.join((await place.enrolments.invite({ id: EDGE_ID }, { actor: 'console:ada' })).code)
    const pair = new Pair({ rows, feed, copies, place, dialer: await place.dialer(), counted })
    stack.defer(() => pair.#sync.end())
    pair.#fill()
    return pair
  }

  #fill(): void {
    for (let from = 0; from < this.rows; from += CHUNK) {
      const changes = Array.from({ length: Math.min(CHUNK, this.rows - from) }, (_, index) => changeOf(from + index, 0))
      this.#feed.write(changes, clock.wall())
    }
    const began = performance.now()
    let next: InventoryAsk | null = this.#copies.next(EDGE_ID)
    while (next !== null) next = this.#copies.apply(EDGE_ID, this.#feed.read(next), clock.wall())
    this.snapshotMs = performance.now() - began
  }

  /** Dials, and waits until the copy has everything. */
  async resume(): Promise<Cost> {
    const bytes = this.#counted.bytes
    const began = performance.now()
    const { edge, master } = await connect(this.#dialer, this.#place.session())
    edge.open(
      handlers({ request: ((_: string, params: InventoryAsk) => Promise.resolve(this.#feed.read(params))) as never }),
    )
    master.open(handlers())
    this.#sync.linked(EDGE_ID, master, () => null)
    while (this.#sync.age(EDGE_ID).isStale) await new Promise((resolve) => setImmediate(resolve))
    const ms = performance.now() - began
    if (this.#copies.cursor(EDGE_ID)?.seq !== this.#feed.head) throw new Error('the copy is not caught up')
    this.#edge = edge
    return { bytes: this.#counted.bytes - bytes, ms }
  }
  drop(): void {
    this.#edge?.close('bench')
  }
  miss(): void {
    this.#feed.write([changeOf((this.#n * 7_919) % this.rows, ++this.#n)], clock.wall())
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const [small, large] = [await Pair.make(SMALL, stack), await Pair.make(LARGE, stack)]
  // The first link of a process compiles and warms what the others use.
  for (const pair of [small, large, small, large]) {
    await pair.resume()
    pair.drop()
  }
  for (let turn = 0; turn < ROUNDS; turn++) {
    for (let missed = 0; missed < DROP_S * MISSED_PER_S; missed++) {
      for (const pair of [small, large]) pair.miss()
      await sleep(1_000 / MISSED_PER_S)
    }
    // In turns, so that what else the machine does meets both alike.
    for (const pair of turn % 2 === 0 ? [small, large] : [large, small]) {
      pair.costs.push(await pair.resume())
      pair.drop()
    }
  }
  const of = ({ costs }: Pair) => ({
    bytes: Math.round(median(costs.map(({ bytes }) => bytes))),
    ms: round(median(costs.map(({ ms }) => ms))),
  })
  const [cheap, dear] = [of(small), of(large)]
  const ratios = { bytes: round(dear.bytes / cheap.bytes, 3), ms: round(dear.ms / cheap.ms, 3) }
  const ratio = Math.max(ratios.bytes, ratios.ms)
  const details = {
    ...{ rows: LARGE, baselineRows: SMALL, dropSeconds: DROP_S, missedEvents: DROP_S * MISSED_PER_S, rounds: ROUNDS },
    ...{ ratios, bytes: { figure: dear.bytes, baseline: cheap.bytes } },
    ...{
      snapshotRowsPerSecond: Math.round(LARGE / (large.snapshotMs / 1_000)),
      rssMiB: round(process.memoryUsage.rss() / 2 ** 20),
    },
  }
  if (!process.argv.includes('--json')) {
    console.log(
      `resume ${dear.ms} ms and ${dear.bytes} bytes with ${LARGE} rows, ${cheap.ms} ms and ${cheap.bytes} bytes with ${SMALL}: ratio ${ratio}`,
    )
    return
  }
  console.log(
    JSON.stringify({
      ...{
        bench: 'resume',
        figure: dear.ms,
        unit: 'ms',
        baseline: cheap.ms,
        ratio,
        target: TARGET,
        met: ratio <= TARGET,
      },
      details,
    }),
  )
}

await main()
