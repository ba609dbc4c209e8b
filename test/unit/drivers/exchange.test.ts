import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it, type TestContext } from 'vitest'
import type { Turn } from '../../../electron/modules/contract'
import { Exchange, lines } from '../../../electron/modules/drivers/exchange'
import { HoldfastError } from '../../../shared/model/failures'
import { until } from '../../support/until'

/** Both ends of a real connection, and an exchange of lines on one of them. `told` is what happened, in order. */
async function pair(test: TestContext) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = createConnection((server.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await once(server, 'connection')) as [Socket]
  test.onTestFinished(() => void [near, far].map((socket) => socket.destroy()))
  test.onTestFinished(() => void server.close())
  const told: string[] = []
  const exchange = new Exchange(near, lines('\n', 'utf8', 100), {
    unsolicited: (line) => {
      told.push(`heard ${line}`)
      return line.startsWith('!')
    },
    ended: (error) => told.push(`ended: ${error.code}`),
  })
  return { exchange, far, near, told }
}

const open: Turn = { gate: { epoch: 1, write: (send) => send() }, signal: new AbortController().signal }
const closed: Turn = {
  ...open,
  gate: {
    epoch: null,
    write: () => {
      throw new HoldfastError('not-in-control', 'closed')
    },
  },
}
const question = (text: string, more: object = {}) => ({
  bytes: Buffer.from(`${text}\n`),
  turn: open,
  answeredBy: (line: string) => line.startsWith(text),
  timeoutMs: 2_000,
  changesDevice: true,
  ...more,
})

describe('an exchange', () => {
  it('sends the next question only after the answer to the one before it', async (test) => {
    const { exchange, far, told } = await pair(test)
    const received: string[] = []
    far.on('data', (bytes) => received.push(bytes.toString()))
    const answers = [exchange.ask(question('A')), exchange.ask(question('B'))]
    await until('A arrives', () => received.length === 1 || null)
    far.write('!news\nA done\n')
    expect(await answers[0]).toBe('A done')
    await until('B arrives', () => received.length === 2 || null)
    far.write('B done\n')
    expect(await answers[1]).toBe('B done')
    expect([received, told]).toEqual([['A\n', 'B\n'], ['heard !news']])
  })

  it('ends when an answer does not come, tells the caller first, and says what came instead', async (test) => {
    const { exchange, far, told } = await pair(test)
    far.on('data', () => far.write('what?\n'))
    const [late, queued] = [question('A', { timeoutMs: 100 }), question('B')].map((one) =>
      exchange.ask(one).catch((error: HoldfastError) => {
        told.push(`${error.code} ${error.outcomeUnknown}`)
        return error.message
      }),
    )
    expect(await late).toBe('the device did not answer within 100 ms; it said "what?"')
    await queued
    await until('the end is told', () => told.includes('ended: timeout') || null)
    expect(told).toEqual(['heard what?', 'timeout true', 'timeout false', 'ended: timeout'])
    await expect(exchange.ask(question('C'))).rejects.toMatchObject({ code: 'timeout' })
  })

  it('lets what the gate refuses hold nobody else up', async (test) => {
    const { exchange, far } = await pair(test)
    far.on('data', (bytes) => far.write(bytes))
    const refused = exchange.ask(question('A', { turn: closed }))
    const answered = exchange.ask(question('B'))
    await expect(refused).rejects.toMatchObject({ code: 'not-in-control', outcomeUnknown: false })
    expect(await answered).toBe('B')
  })

  it('tells nobody of an end that was asked for', async (test) => {
    const { exchange, near, told } = await pair(test)
    exchange.end()
    await once(near, 'close')
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toEqual([])
  })

  it('keeps no more than a hundred questions waiting', async (test) => {
    const { exchange, far } = await pair(test)
    far.resume()
    const asked = Array.from({ length: 102 }, () =>
      exchange.ask(question('A')).catch((error: HoldfastError) => error.code),
    )
    expect(await asked[101]).toBe('busy')
    far.destroy()
    expect(new Set(await Promise.all(asked.slice(0, 101)))).toEqual(new Set(['unreachable']))
  })
})
