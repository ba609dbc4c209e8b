// Round trips per second over a proven link, against a bare `ws` echo over the same TLS in the same run: one connection, a fixed number of requests
// under way, both ends in this process. What the link adds is JSON, the schemas, ids, timeouts and flow control.
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { handlers, linkPlace, type LinkPlace } from '../support/link'

const UNDER_WAY = 64
const WARM_UP_MS = 500
const ROUND_MS = 2_000
/** Taken in turns, so that what else the machine does meets both alike. */
const ROUNDS = 3

const params = {
  moduleId: 'projector-1',
  method: 'power',
  args: { on: true, input: 'hdmi-1' },
  requestId: '01935b7e-0000-7000-8000-000000000000',
}

interface Seen {
  perSecond: number
  /** Processor time of both ends; hardly moved by what else the machine does. */
  cpuUsPerTrip: number
}

/** Calls `trip` from `underWay` loops until the time is over. */
async function measure(trip: () => Promise<unknown>, underWay: number, forMs: number): Promise<Seen> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  let trips = 0
  const loop = async () => {
    while (performance.now() - started < forMs) {
      await trip()
      trips++
    }
  }
  await Promise.all(Array.from({ length: underWay }, loop))
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: trips / ((performance.now() - started) / 1_000), cpuUsPerTrip: (user + system) / trips }
}

/** A bare echo over TLS: the message goes there and back as it is; answers come in the order of the questions. */
async function bareEcho(place: LinkPlace) {
  const { chainPem, keyPem } = place.authority.identity()
  const server = createServer({ cert: chainPem, key: keyPem, minVersion: 'TLSv1.3' })
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data, { binary: false })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = new WebSocket(`wss://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    ca: place.authority.caPem,
    perMessageDeflate: false,
  })
  await once(client, 'open')
  const waiting: (() => void)[] = []
  client.on('message', () => waiting.shift()!())
  const text = JSON.stringify({ kind: 'request', id: 1, name: 'module.execute', params })
  const trip = () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve)
      client.send(text)
    })
  const end = async () => {
    client.terminate()
    await new Promise((resolve) => server.close(resolve))
  }
  return { trip, end }
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

async function main(): Promise<void> {
  await using place = await linkPlace()
  const { edge, master } = await place.linked()
  edge.open(handlers({ request: (async () => ({ value: true })) as never }))
  master.open(handlers())
  const bare = await bareEcho(place)
  const trips = { link: () => master.request('module.execute', params), bare: bare.trip }
  const seen = { link: [] as Seen[], bare: [] as Seen[], linkOneByOne: [] as Seen[], bareOneByOne: [] as Seen[] }
  for (const kind of ['link', 'bare'] as const) await measure(trips[kind], UNDER_WAY, WARM_UP_MS)
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['bare', 'link'] as const) {
      seen[kind].push(await measure(trips[kind], UNDER_WAY, ROUND_MS))
      seen[`${kind}OneByOne`].push(await measure(trips[kind], 1, ROUND_MS / 2))
    }
  }
  await bare.end()
  const perSecond = (values: Seen[]) => Math.round(median(values.map((value) => value.perSecond)))
  const share = (part: number, whole: number) => Math.round((part / whole) * 1_000) / 1_000
  const figure = perSecond(seen.link)
  const baseline = perSecond(seen.bare)
  const ratio = share(figure, baseline)
  const cpuUsPerTrip = Object.fromEntries(
    Object.entries(seen).map(([kind, values]) => [
      kind,
      Math.round(median(values.map((value) => value.cpuUsPerTrip)) * 10) / 10,
    ]),
  )
  const oneByOne = {
    link: perSecond(seen.linkOneByOne),
    bare: perSecond(seen.bareOneByOne),
    ratio: share(perSecond(seen.linkOneByOne), perSecond(seen.bareOneByOne)),
  }
  const details = { baselineIs: 'ws echo over TLS', underWay: UNDER_WAY, cpuUsPerTrip, oneByOne }
  if (!process.argv.includes('--json')) {
    console.log(`link ${figure} round trips/s, bare ws over TLS ${baseline}/s: ratio ${ratio}`)
    return
  }
  console.log(
    JSON.stringify({
      bench: 'link',
      figure,
      unit: 'round trips/s',
      baseline,
      ratio,
      // The specification sets none for this bench.
      target: null,
      met: null,
      details,
    }),
  )
}

await main()
