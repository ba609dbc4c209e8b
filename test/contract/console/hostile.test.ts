import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ConsoleDouble } from '../../support/console-double'
import { ask, bearer, useConsole } from '../../support/console-raw'
import { until } from '../../support/until'

const { start, open } = useConsole()

/** Sends the bytes on a TCP connection of its own and waits until the server has closed it or the bytes are out. */
async function throwAt(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.resume().end(bytes)
  await once(socket, 'close')
}

async function isWell(double: ConsoleDouble): Promise<void> {
  expect((await ask(double.server.port)).status).toBe(200)
}

test('random bytes on the port disturb nobody', async () => {
  const double = await start()
  const other = await open(double)
  await Promise.all(Array.from({ length: 50 }, (_, index) => throwAt(double.server.port, randomBytes(1 + index * 200))))
  other.send({ type: 'call', id: 1, op: 'health', params: {} })
  expect(await other.next((message) => message.id === 1)).toMatchObject({ result: { ok: true } })
})

test('a frame that announces 100 MB, or more than can be counted, is refused before it is read', async () => {
  const double = await start()
  const { port } = double.server
  for (const length of [100n * 1024n * 1024n, 2n ** 62n, 2n ** 64n - 1n]) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    const key = randomBytes(16).toString('base64')
    socket.write(
      `GET /console HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nAuthorization: ${bearer(double).Authorization}\r\n\r\n`,
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    expect(answer.toString('latin1')).toContain(`Sec-WebSocket-Accept: ${accept}`)
    const frame = Buffer.alloc(14)
    frame.writeUInt8(0x81, 0)
    frame.writeUInt8(0xff, 1)
    frame.writeBigUInt64BE(length, 2)
    socket.write(frame)
    socket.resume()
    await once(socket, 'close')
  }
  await isWell(double)
})

test('whatever JSON a console sends, it gets a typed answer or a refusal, and the next call is served', async () => {
  const double = await start()
  const shape = fc.record(
    {
      type: fc.constantFrom('call', 'subscribe', 'unsubscribe', 'beat', 'hello', '__proto__'),
      id: fc.oneof(fc.nat(50), fc.jsonValue()),
      op: fc.oneof(fc.constantFrom('health', 'edges.set', 'constructor'), fc.jsonValue()),
      topic: fc.oneof(fc.constantFrom('status', 'debug', 'toString'), fc.jsonValue()),
      params: fc.jsonValue(),
      sub: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  let raw = await open(double)
  let id = 1_000
  await fc.assert(
    fc.asyncProperty(fc.oneof(shape, fc.jsonValue()), async (message) => {
      // Too many unreadable messages end the connection, as they should.
      if (raw.closeCode !== null || raw.socket.readyState !== raw.socket.OPEN) raw = await open(double)
      raw.send(JSON.stringify(message))
      raw.send({ type: 'call', id: (id += 1), op: 'health', params: {} })
      const answered = await raw.next((answer) => answer.id === id).catch(() => null)
      if (answered) expect(answered).toMatchObject({ result: { ok: true } })
      else expect(raw.closeCode).toBe(4400)
    }),
    { numRuns: 300 },
  )
  expect(double.logged.join()).not.toContain('unexpectedly')
  await isWell(double)
})

test('a login held open without an end is let go with the server', async () => {
  const double = await start()
  const socket = connect(double.server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`POST /login HTTP/1.1\r\nHost: 127.0.0.1:${double.server.port}\r\nContent-Length: 100\r\n\r\n{`)
  await once(socket, 'connect')
  await isWell(double)
  await double.server[Symbol.asyncDispose]()
  socket.resume()
  if (!socket.destroyed) await once(socket, 'close')
})

test('a login that its client cuts off is the client’s doing, and no error of the controller', async () => {
  const double = await start()
  const socket = connect(double.server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.end(`POST /login HTTP/1.1\r\nHost: 127.0.0.1:${double.server.port}\r\nContent-Length: 100\r\n\r\n{`)
  await until('the log says so', () => double.logged.some((line) => line.includes('cut off')))
  expect(double.logged.join()).not.toContain('console request failed')
  await isWell(double)
})

test('a login that is too long is answered as such, however its length is told', async () => {
  const double = await start()
  const socket = connect(double.server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`POST /login HTTP/1.1\r\nHost: 127.0.0.1:${double.server.port}\r\nTransfer-Encoding: chunked\r\n\r\n`)
  socket.write(`2000\r\n${'x'.repeat(0x2000)}\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString('latin1')).toContain('413')
  socket.resume()
  await once(socket, 'close')
})
