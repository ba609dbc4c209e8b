import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { launchSimulator } from '../../../electron/modules/demo/demo-simulators'
import { simulatorScript } from '../../support/simulators/bundle'
import { startSimulator, type Simulator } from '../../support/simulators/simulator'
import { until } from '../../support/until'

const open: AsyncDisposable[] = []
const started = async (...args: Parameters<typeof startSimulator>) => {
  const simulator = await startSimulator(...args)
  open.push(simulator)
  return simulator
}
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

/** Sends `line` to the switcher on a fresh connection and returns the first answer. */
async function ask(simulator: Simulator, line: string): Promise<string> {
  const socket = connect(simulator.port, '127.0.0.1')
  socket.write(`${line}\r\n`)
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return bytes.toString()
}

const monoNow = () => Number(process.hrtime.bigint()) / 1e6

describe('a simulated device', () => {
  it('records each connection and write in order, with both clocks and the port of the sender', async () => {
    const simulator = await started('tcp-line')
    const before = monoNow()
    expect(await ask(simulator, 'ROUTE 1 3')).toBe('OK ROUTE 1 3\r\n')
    const log = await until('the end of the connection is recorded', async () => {
      const seen = await simulator.log()
      return seen.length === 3 && seen
    })
    expect(log.map(({ kind, what }) => [kind, what])).toEqual([
      ['connect', ''],
      ['write', 'ROUTE 1 3'],
      ['disconnect', ''],
    ])
    for (const sighting of log) {
      // The monotonic clock is the machine's, so that sightings of one process can be compared with deeds of another.
      expect(sighting.atMono).toBeGreaterThan(before)
      expect(sighting.atMono).toBeLessThan(monoNow())
      expect(Math.abs(sighting.atWall - Date.now())).toBeLessThan(10_000)
      expect(sighting.remotePort).toBe(log[0]?.remotePort)
    }
    expect(log[0]?.remotePort).toBeGreaterThan(0)
  })

  it('performs a write it does not answer, and does not perform one it refuses or answers with garbage', async () => {
    const simulator = await started('tcp-line')
    await simulator.behave('refuse')
    expect(await ask(simulator, 'ROUTE 1 4')).toBe('ERR 3\r\n')
    await simulator.behave('garbage')
    await ask(simulator, 'ROUTE 1 4')
    expect(await simulator.state()).toMatchObject({ routes: [1, 2, 3, 4] })
    await simulator.behave('half')
    expect(await ask(simulator, 'ROUTE 2 4')).toBe('OK ROUT')
    expect(await simulator.state()).toMatchObject({ routes: [1, 4, 3, 4] })
  })

  it('refuses connections while its cable is out and takes them on the same port afterwards', async () => {
    const simulator = await started('tcp-line')
    await simulator.behave('closed')
    await expect(ask(simulator, 'ROUTE? 1')).rejects.toThrow('ECONNREFUSED')
    await simulator.behave('ok')
    expect(await ask(simulator, 'ROUTE? 1')).toBe('ROUTE 1 1\r\n')
  })

  it('holds many devices in one process, each with its own port, state and part of the record', async () => {
    const simulator = await started('tcp-line', { count: 50 })
    expect(new Set(simulator.uris).size).toBe(50)
    await simulator.change({ 'route.1': 2 }, 49)
    expect(await simulator.state(49)).toMatchObject({ routes: [2, 2, 3, 4] })
    expect(await simulator.state(0)).toMatchObject({ routes: [1, 2, 3, 4] })
    await ask(simulator, 'MUTE 1 ON')
    expect(await simulator.writes(0)).toEqual(['MUTE 1 ON'])
    expect(await simulator.writes(49)).toEqual([])
  })

  it('answers its control channel to nobody but programs on this machine', async () => {
    const simulator = await started('tcp-line')
    const post = (headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${simulator.controlPort}/cut`, { method: 'POST', body: '{}', headers })
    expect((await post({})).status).toBe(200)
    expect((await post({ origin: 'http://evil.example' })).status).toBe(403)
  })

  it('ends when whoever started it is gone', async () => {
    const child = spawn(process.execPath, [await simulatorScript(), '--kind', 'pjlink'])
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    expect(JSON.parse(line.toString())).toMatchObject({ kind: 'pjlink', pid: child.pid })
    child.stdin.end()
    child.stdout.resume()
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('says in one line why it could not start', async () => {
    const taken = await started('pjlink')
    const launch = { execPath: process.execPath, script: await simulatorScript() }
    await expect(launchSimulator(launch, 'pjlink', { port: taken.port })).rejects.toThrow('EADDRINUSE')
  })
})
