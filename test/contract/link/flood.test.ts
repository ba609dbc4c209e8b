import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { linkPlace, type LinkPlace } from '../../support/link'
import { until } from '../../support/until'

const PLACES = 20
const stack: AsyncDisposableStack[] = []
afterEach(async () => {
  for (const one of stack.splice(0)) await one.disposeAsync()
})

/** Connections of another address of this machine that say nothing, made again as soon as they are ended. */
function flood(place: LinkPlace, own: AsyncDisposableStack, count: number): { connected: () => number } {
  const sockets = new Set<Socket>()
  let isOver = false
  let connected = 0
  const again = (): void => {
    if (isOver) return
    const socket = connectTcp({ port: place.listener.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('connect', () => (connected += 1))
    socket.once('close', () => {
      sockets.delete(socket)
      setImmediate(again)
    })
  }
  for (let n = 0; n < count; n++) again()
  own.defer(async () => {
    isOver = true
    const closed = [...sockets].map((socket) => once(socket, 'close'))
    for (const socket of sockets) socket.destroy()
    await Promise.all(closed)
  })
  return { connected: () => connected }
}

it('an edge gets in while another address floods the port of the link with connections that say nothing', async () => {
  const own = new AsyncDisposableStack()
  stack.push(own)
  const place = own.use(await linkPlace({ listener: { unprovenMax: PLACES } }))
  const { connected } = flood(place, own, 4 * PLACES)
  await until('the places are full', () => connected() > 8 * PLACES)
  const { edge } = await place.linked()
  edge.close('done')
  await edge.closed
  // Joining and linking, several times over: it was no luck.
  for (let n = 0; n < 5; n++) {
    const session = place.session()
    const again = await (await place.dialer()).dial(AbortSignal.timeout(3_000))
    const master = await session
    expect(master.peer.address).toBe('127.0.0.1')
    again.close('done')
    await master.closed
  }
})
