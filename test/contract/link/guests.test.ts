import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GUEST_CONNECTIONS_OF_ADDRESS_MAX, GUEST_REQUESTS_AT_ONCE_MAX } from '../../../electron/link/port-guest'
import type { PortGuest, PortPlace } from '../../../electron/platform/ports'
import { handlers, linkPlace, type LinkPlace } from '../../support/link'
import { until } from '../../support/until'

const GUESTS_MAX = GUEST_CONNECTIONS_OF_ADDRESS_MAX + 8
let place: LinkPlace
let seen: PortPlace | null
let held: ServerResponse[]
const stack: (() => unknown)[] = []

const guest: PortGuest = {
  owns: (path, isUpgrade) => (isUpgrade ? path === '/echo' : path.startsWith('/page')),
  request(request, response, at) {
    seen = at
    if (request.url === '/page/held') held.push(response)
    else response.end(`page ${request.url}`)
  },
  upgrade(request, socket, _head, at) {
    seen = at
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.pipe(socket)
  },
}

beforeEach(async () => {
  seen = null
  held = []
  place = await linkPlace({ listener: { guests: [guest], guestsMax: GUESTS_MAX } })
})
afterEach(async () => {
  for (const end of stack.splice(0)) end()
  await place[Symbol.asyncDispose]()
})

function ask(path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { port } = place.listener
    const ca = place.authority.caPem
    const sent = httpsRequest({ host: '127.0.0.1', port, path, ca, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode!, text }))
    })
    sent.on('error', reject).end()
  })
}

async function tls(localAddress = '127.0.0.1'): Promise<TLSSocket> {
  const { port } = place.listener
  const tcp = connectTcp({ host: '127.0.0.1', port, localAddress })
  const socket = connectTls({ socket: tcp, host: '127.0.0.1', ca: place.authority.caPem })
  socket.on('error', () => {})
  stack.push(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

const upgradeOf = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`

test('a guest gets the paths it owns over the certificate of the link, everything else is told that this is a link', async () => {
  expect(await ask('/page?x=1')).toEqual({ status: 200, text: 'page /page?x=1' })
  expect((await ask('/')).status).toBe(426)
  expect((await ask('/elsewhere')).status).toBe(426)
  const { edge, master } = await place.linked()
  edge.open(handlers({ request: (async () => ({ value: 1 })) as never }))
  master.open(handlers())
  const asked = { moduleId: 'm', method: 'x', args: {}, requestId: 'r' }
  expect(await master.request('module.execute', asked)).toEqual({ value: 1 })
})

test('the certificate tells a guest which host names are its own', async () => {
  await ask('/page')
  const { port } = place.listener
  for (const host of [`localhost:${port}`, 'LOCALHOST', `127.0.0.1:${port}`, `[::1]:${port}`, '127.0.0.1'])
    expect(seen!.bears(host), host).toBe(true)
  const strange = [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.2',
    '[::2]',
    '',
    'a b',
    ':1',
  ]
  for (const host of [...strange, 'localhost@evil.example', '127.0.0.1:x', '::1'])
    expect(seen!.bears(host), host).toBe(false)
  expect(seen!.port).toBe(port)
})

test('what a guest has taken outlives the time in which an edge must prove itself; what nobody took does not', async () => {
  await place[Symbol.asyncDispose]()
  place = await linkPlace({ listener: { authenticationDeadlineMs: 1_500, guests: [guest] } })
  const taken = await tls()
  taken.write(upgradeOf('/echo'))
  const [answer] = (await once(taken, 'data')) as [Buffer]
  expect(answer.toString()).toContain(' 101 ')
  const idle = await tls()
  await once(idle, 'close')
  taken.write('still here')
  expect(String(((await once(taken, 'data')) as [Buffer])[0])).toBe('still here')
})

test('a connection that began as a guest cannot become a link that has for ever to prove itself', async () => {
  const socket = await tls()
  socket.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.write(upgradeOf('/'))
  await once(socket, 'close')
})

test('one address has room for so many guests; more are told to come again, and edges are let in all the same', async () => {
  const held = await Promise.all(
    Array.from({ length: GUEST_CONNECTIONS_OF_ADDRESS_MAX }, async () => {
      const socket = await tls()
      socket.write(upgradeOf('/echo'))
      await once(socket, 'data')
      return socket
    }),
  )
  expect((await ask('/page')).status).toBe(503)
  const { edge } = await place.linked()
  edge.close('seen')
  held[0]!.destroy()
  await until('a place is free again', async () => (await ask('/page')).status === 200)
})

// Elsewhere the loopback has one address.
test.skipIf(process.platform !== 'linux')(
  'addresses that have taken all places of guests give way to another one, with what has become nothing yet',
  async () => {
    const open = async (localAddress: string, sent: string): Promise<TLSSocket> => {
      const socket = await tls(localAddress)
      socket.write(sent)
      await once(socket, 'data')
      return socket
    }
    const ask = (localAddress: string) => open(localAddress, 'GET /page HTTP/1.1\r\nHost: x\r\n\r\n')
    const consoles = await Promise.all(Array.from({ length: 8 }, () => open('127.0.0.2', upgradeOf('/echo'))))
    const [many, others] = [GUEST_CONNECTIONS_OF_ADDRESS_MAX - 8, 8]
    const idle = await Promise.all([
      ...Array.from({ length: many }, () => ask('127.0.0.2')),
      ...Array.from({ length: others }, () => ask('127.0.0.3')),
    ])
    await ask('127.0.0.1')
    await until('one has given way', () => idle.filter(({ closed }) => closed).length === 1)
    expect(consoles.some(({ closed }) => closed)).toBe(false)
  },
)

test('requests that are sent without waiting for answers are taken a few at a time, and more end the connection', async () => {
  const socket = await tls()
  const one = 'GET /page/held HTTP/1.1\r\nHost: x\r\n\r\n'
  socket.write(one.repeat(GUEST_REQUESTS_AT_ONCE_MAX + 1))
  await once(socket, 'close')
  expect(held).toHaveLength(GUEST_REQUESTS_AT_ONCE_MAX)
  const patient = await tls()
  let text = ''
  patient.on('data', (piece: Buffer) => (text += piece.toString()))
  for (let n = 1; n <= GUEST_REQUESTS_AT_ONCE_MAX + 4; n++) {
    patient.write(`GET /page/${n}. HTTP/1.1\r\nHost: x\r\n\r\n`)
    await until(`answer ${n}`, () => text.includes(`page /page/${n}.`))
  }
})

test('a guest is asked nothing any more while the port closes', async () => {
  const { edge, master } = await place.linked()
  edge.open(handlers())
  master.open(handlers())
  const socket = await tls()
  // Begun, so that the closing server does not take the connection for one without a request.
  socket.write('GET /page HTTP/1.1\r\n')
  await until('the request has begun', () => Promise.resolve(socket.bytesWritten > 0 && socket.writableLength === 0))
  const closing = place.listener[Symbol.asyncDispose]()
  socket.write('Host: x\r\n\r\n')
  await closing
  expect(seen).toBeNull()
})

test('guests are gone with the port', async () => {
  const socket = await tls()
  socket.write(upgradeOf('/echo'))
  await once(socket, 'data')
  const gone = once(socket, 'close')
  await place.listener[Symbol.asyncDispose]()
  await gone
})
