import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Gate } from '../../../electron/modules/contract'
import { connectTcp, cutOff } from '../../../electron/modules/guarded-socket'
import { HoldfastError } from '../../../shared/model/failures'
import { until } from '../../support/until'

let server: Server
let accepted: Socket[]
let isOpen: boolean
const gate: Gate = {
  get epoch() {
    return isOpen ? 1 : null
  },
  write(send) {
    if (!isOpen) throw new HoldfastError('not-in-control', 'closed')
    return send()
  },
}

beforeEach(async () => {
  isOpen = true
  accepted = []
  // A device that does not read: what it is sent stays in buffers.
  server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {})
    accepted.push(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  for (const socket of accepted) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

const port = () => (server.address() as { port: number }).port
const connect = (signal = new AbortController().signal) =>
  connectTcp({ host: '127.0.0.1', port: port(), timeoutMs: 1_000 }, gate, signal, () => {})

describe('a guarded connection', () => {
  it('is not opened through a closed gate', async () => {
    isOpen = false
    await expect(connect()).rejects.toMatchObject({ code: 'not-in-control' })
    expect(accepted).toHaveLength(0)
  })

  it('refuses each chunk once the gate is closed', async () => {
    const socket = await connect()
    await until('accepted', () => accepted[0])
    const got: string[] = []
    accepted[0]?.setEncoding('utf8').on('data', (text: string) => got.push(text))
    accepted[0]?.resume()
    socket.write('one')
    await until('the first', () => got.join('') === 'one')
    isOpen = false
    const refused = await new Promise((resolve) => socket.write('two', (error) => resolve(error)))
    expect(refused).toMatchObject({ code: 'not-in-control' })
    expect(got.join('')).toBe('one')
  })

  it('cut off, keeps back what waited in buffers', async () => {
    const socket = await connect()
    await until('accepted', () => accepted[0])
    const chunk = Buffer.alloc(1024 * 1024)
    const sent = 64
    for (let index = 0; index < sent; index++) socket.write(chunk)
    await until('the device is full', () => socket.writableLength > chunk.length)
    isOpen = false
    cutOff(socket)
    let got = 0
    accepted[0]?.on('data', (bytes) => (got += bytes.length))
    const closed = new Promise((resolve) => accepted[0]?.once('close', resolve))
    accepted[0]?.resume()
    await closed
    expect(got).toBeLessThan(sent * chunk.length)
  })

  it('is given up when the gate closes while it connects, and says when nobody answers', async () => {
    const abort = new AbortController()
    const opening = connect(abort.signal)
    abort.abort()
    await expect(opening).rejects.toMatchObject({ code: 'not-in-control' })
    const away = port()
    await new Promise((resolve) => server.close(resolve))
    const refused = connectTcp({ host: '127.0.0.1', port: away }, gate, new AbortController().signal, () => {})
    await expect(refused).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })
})
