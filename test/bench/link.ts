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
const TARGET = 0.25

const params = {
  moduleId: 'projector-1',
  method: 'power',
  args: { on: true, input: 'hdmi-1' },
  requestId: '01935b7e-0000-7000-8000-000000000000',
}

/** Calls `trip` from `UNDER_WAY` loops until the time is over; returns trips per second. */
async function rate(trip: () => Promise<unknown>, forMs: number): Promise<number> {
  const started = performance.now()
  let trips = 0
  const loop = async () => {
    while (performance.now() - started < forMs) {
      await trip()
      trips++
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, loop))
  return trips / ((performance.now() - started) / 1_000)
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
  const seen = { link: [] as number[], bare: [] as number[] }
  for (const kind of ['link', 'bare'] as const) await rate(trips[kind], WARM_UP_MS)
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['bare', 'link'] as const) seen[kind].push(await rate(trips[kind], ROUND_MS))
  }
  await bare.end()
  const figure = Math.round(median(seen.link))
  const baseline = Math.round(median(seen.bare))
  const ratio = Math.round((figure / baseline) * 1_000) / 1_000
  const details = {
    underWay: UNDER_WAY,
    rounds: { link: seen.link.map(Math.round), bare: seen.bare.map(Math.round) },
    baselineIs: 'ws echo over TLS',
  }
  if (!process.argv.includes('--json')) {
    console.log(`link ${figure} round trips/s, bare ws over TLS ${baseline}/s: ratio ${ratio} (target ${TARGET})`)
    return
  }
  console.log(
    JSON.stringify({
      bench: 'link',
      figure,
      unit: 'round trips/s',
      baseline,
      ratio,
      target: TARGET,
      met: ratio >= TARGET,
      details,
    }),
  )
}

await main()
