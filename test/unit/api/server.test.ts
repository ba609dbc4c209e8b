import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, it } from 'vitest'
import {
  CLIENT_CONNECTIONS_MAX,
  listenForClients,
  needsTls,
  REQUESTS_PER_CONNECTION_MAX,
} from '../../../electron/api/server'
import { openAuthority } from '../../../electron/platform/authority'
import { systemClock } from '../../../electron/platform/clock'
import type { PortGuest } from '../../../electron/platform/ports'
import { systemRandom } from '../../../electron/platform/random'
import { fileSecrets } from '../../../electron/platform/secrets'
import { capturedLog } from '../../support/link'

const stack: AsyncDisposableStack[] = []
afterEach(async () => {
  for (const one of stack.splice(0)) await one.disposeAsync()
})

const guest = (bears: (host: string) => void): PortGuest => ({
  owns: (asked) => asked.startsWith('/api'),
  request: (request, response, place) => {
    bears(`${request.headers.host}: ${place.bears(request.headers.host ?? '')}`)
    response.end('{}')
  },
  upgrade: (_request, socket) => void socket.destroy(),
})

/** Beside the API, each with its own paths. */
const health: PortGuest = {
  owns: (asked, isUpgrade) => !isUpgrade && asked === '/health',
  request: (_request, response) => response.writeHead(503).end(),
  upgrade: (_request, socket) => void socket.destroy(),
}

it('takes TLS wherever the network is in between, never tokens in the clear', async () => {
  expect(['127.0.0.1', '::1', 'localhost'].map(needsTls)).toEqual([false, false, false])
  expect(['0.0.0.0', '::', '192.0.2.1', 'panel.example'].map(needsTls)).toEqual([true, true, true, true])
  const { logger: log } = capturedLog()
  const options = { host: '0.0.0.0', port: 0, identity: null, names: [], guests: [guest(() => {})], log }
  await expect(listenForClients(options)).rejects.toThrow('TLS')
})

it('is trusted by the authority of its controller, and answers to the names that its certificate bears', async () => {
  const own = new AsyncDisposableStack()
  stack.push(own)
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-api-'))
  own.defer(() => rm(folder, { recursive: true, force: true }))
  const { logger: log } = capturedLog()
  const names = ['panel.example', '192.0.2.1']
  const common = { secrets: fileSecrets(folder), clock: systemClock(), random: systemRandom(), logger: log }
  const authority = own.use(await openAuthority({ ...common, names }))
  const heard: string[] = []
  const server = own.use(
    await listenForClients({
      ...{ host: '0.0.0.0', port: 0, identity: authority, names, log },
      guests: [guest((line) => heard.push(line)), health],
    }),
  )
  const ask = (host: string, at = '/api/systems') =>
    new Promise<number>((resolve, reject) => {
      const tls = { ca: authority.caPem, servername: 'panel.example' }
      const options = { ...tls, host: '127.0.0.1', port: server.port, path: at, agent: false }
      get({ ...options, headers: { host } }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      }).on('error', reject)
    })
  for (const host of [
    `panel.example:${server.port}`,
    '192.0.2.1',
    'PANEL.example.',
    'rebound.example',
    '[::1]:7422',
    'a@panel.example',
  ])
    expect(await ask(host)).toBe(200)
  expect(heard.map((line) => line.split(': ')[1])).toEqual(['true', 'true', 'true', 'false', 'true', 'false'])
  expect(await ask('panel.example', '/health')).toBe(503)
  expect(await ask('panel.example', '/')).toBe(404)
  expect(await ask('panel.example', '/console')).toBe(404)
})

it('takes so many requests of a connection, however they come, and the next on another one', async () => {
  const own = new AsyncDisposableStack()
  stack.push(own)
  const { logger: log } = capturedLog()
  let heard = 0
  const options = { host: '127.0.0.1', port: 0, identity: null, names: [], log, guests: [guest(() => void heard++)] }
  const { port } = own.use(await listenForClients(options))
  const send = async (times: number): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    socket.resume().on('error', () => {})
    socket.write('GET /api/systems HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(times))
    if (times < REQUESTS_PER_CONNECTION_MAX) socket.end()
    await once(socket, 'close')
  }
  await send(REQUESTS_PER_CONNECTION_MAX + 50)
  expect(heard).toBe(REQUESTS_PER_CONNECTION_MAX)
  await send(1)
  expect(heard).toBe(REQUESTS_PER_CONNECTION_MAX + 1)
})

// Elsewhere the loopback has one address.
it.skipIf(process.platform !== 'linux')('is open to others however many connections one address holds', async () => {
  const own = new AsyncDisposableStack()
  stack.push(own)
  const { logger: log } = capturedLog()
  const options = { host: '127.0.0.1', port: 0, identity: null, names: [], guests: [guest(() => {})], log }
  const { port, ...server } = await listenForClients(options)
  own.use(server)
  const silent = Array.from({ length: CLIENT_CONNECTIONS_MAX }, () =>
    connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' }).on('error', () => {}),
  )
  own.defer(() => silent.forEach((socket) => socket.destroy()))
  await Promise.all(silent.map((socket) => once(socket, 'connect')))
  const answer = await fetch(`http://127.0.0.1:${port}/api/systems`)
  expect(answer.status).toBe(200)
})

it('says which port it could not have', async () => {
  const own = new AsyncDisposableStack()
  stack.push(own)
  const { logger: log } = capturedLog()
  const options = { host: '127.0.0.1', identity: null, names: [], guests: [guest(() => {})], log }
  const first = own.use(await listenForClients({ ...options, port: 0 }))
  await expect(listenForClients({ ...options, port: first.port })).rejects.toMatchObject({
    ...{ code: 'conflict', hint: expect.stringContaining('apiPort') },
  })
})
