import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it, type TestContext } from 'vitest'
import { quickSettings } from '../../support/simulators/device-documents'
import { DriverStand } from '../../support/simulators/driver-stand'
import type { SimulatorOptions } from '../../../electron/modules/demo/demo-simulators'
import { startSimulator } from '../../support/simulators/simulator'
import { until } from '../../support/until'

const driver = 'tcp-line'

function stood(test: TestContext, uri: string, settings: object = {}) {
  const stand = new DriverStand()
  test.onTestFinished(() => stand[Symbol.asyncDispose]())
  stand.grant()
  return { stand, seen: stand.start({ driver, uri, settings: { ...quickSettings[driver], ...settings } }) }
}

async function switcher(test: TestContext, options: SimulatorOptions = {}) {
  const started = await startSimulator(driver, options)
  test.onTestFinished(() => started.stop())
  return started
}

/** A device whose answers the test gives. */
async function device(test: TestContext, answer: (line: string, socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => answer(bytes.toString().trim(), socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.onTestFinished(() => void server.close())
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.concurrent('the line driver', () => {
  it('shows what polls, answers and unasked lines say, with their types', async (test) => {
    const matrix = await switcher(test)
    const { stand, seen } = stood(test, matrix.uri)
    await stand.connected(seen)
    await stand.shows(seen, { temperature: 41, fan: true, route1: 1 })
    await stand.execute(driver, 'route', { output: 3, input: 2 })
    await until('the answer is shown', () => seen.status.route3 === 2 || null)
    await matrix.change({ 'route.4': 1 })
    await until('the unasked line is shown', () => seen.status.route4 === 1 || null)
  })

  it('logs in before it asks anything, and keeps the password out of its debug lines', async (test) => {
    const matrix = await switcher(test, { password: 'tangerine' })
    const opening = [{ send: 'LOGIN {password}', match: '^OK LOGIN$' }]
    const { stand, seen } = stood(test, matrix.uri, { opening, password: 'tangerine' })
    await stand.connected(seen)
    expect((await matrix.log())[1]?.what).toBe('LOGIN')
    await until('it was debugged', () => stand.debug.some((line) => line.includes('OK LOGIN')) || null)
    expect(stand.debug.join('\n')).not.toContain('tangerine')
  })

  it('names a refused password as the fault and goes no further', async (test) => {
    const matrix = await switcher(test, { password: 'tangerine' })
    const opening = [{ send: 'LOGIN {password}', match: '^OK LOGIN$' }]
    const { stand, seen } = stood(test, matrix.uri, { opening, password: 'lemon' })
    await stand.fault(seen, /refused the password/)
    expect(seen.connects).toBe(0)
    expect(new Set((await matrix.log()).map(({ what }) => what))).toEqual(new Set(['', 'LOGIN']))
  })

  it('puts answers together that come in pieces, and takes two lines in one piece apart', async (test) => {
    const uri = await device(test, (line, socket) => {
      if (line !== 'STATUS?') return void socket.write('ROUTE 1 4\r\n')
      socket.write('!ROUTE 2 3\r\nSTATUS TE')
      setImmediate(() => socket.write('MP=12 FAN=OFF\r'))
      setTimeout(() => socket.write('\n'), 20)
    })
    const { stand, seen } = stood(test, uri)
    await stand.connected(seen)
    await stand.shows(seen, { route2: 3, temperature: 12, fan: false, route1: 4 })
  })

  it('interrupts a pattern that backtracks without end, and names it', async (test) => {
    const uri = await device(test, (_, socket) => void socket.write(`${'a'.repeat(60)}!\r\n`))
    const { stand, seen } = stood(test, uri, { polls: [{ send: 'X', match: '^(a+)+$' }] })
    const began = performance.now()
    expect(await stand.fault(seen, /took longer than 50 ms/)).toContain('^(a+)+$')
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it('gives up a device whose line never ends', async (test) => {
    const uri = await device(test, (_, socket) => void socket.write('y'.repeat(100_000)))
    const { stand, seen } = stood(test, uri, { lineBytesMax: 1_000 })
    await stand.fault(seen, /line longer than 1000 bytes/)
  })

  it('refuses a text parameter that would smuggle a second command in', async (test) => {
    const matrix = await switcher(test)
    const commands = { label: { send: 'LABEL {text}', params: { text: { type: 'string', lengthMax: 20 } } } }
    const { stand, seen } = stood(test, matrix.uri, { commands })
    await stand.connected(seen)
    await expect(stand.execute(driver, 'label', { text: 'a\r\nROUTE 1 4' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(stand.execute(driver, 'label', { text: 'x'.repeat(21) })).rejects.toThrow(/20/)
    expect(await matrix.writes()).toEqual([])
    expect(await stand.execute(driver, 'label', { text: 'Stage left' })).toEqual({ sent: 'LABEL Stage left' })
    await until('it arrived', async () => (await matrix.writes()).includes('LABEL Stage left') || null)
  })

  it('refuses more work than fits in its queue', async (test) => {
    const matrix = await switcher(test)
    const { stand, seen } = stood(test, matrix.uri, { timeoutMs: 5_000 })
    await stand.connected(seen)
    await matrix.behave('slow', { delayMs: 60_000 })
    const calls = Array.from({ length: 130 }, () =>
      stand.execute(driver, 'route', { output: 1, input: 1 }).then(
        () => 'done',
        (error: { code: string }) => error.code,
      ),
    )
    expect(await Promise.all(calls.slice(-10))).toEqual(Array.from({ length: 10 }, () => 'busy'))
  })
})
