import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, type TestContext } from 'vitest'
import type { ModuleDocument } from '../../../shared/model/documents'
import { quickSettings } from '../../support/simulators/device-documents'
import { DriverStand } from '../../support/simulators/driver-stand'
import type { SimulatorOptions } from '../../../electron/modules/demo/demo-simulators'
import { startSimulator } from '../../support/simulators/simulator'
import { until } from '../../support/until'

async function stood(test: TestContext, options: SimulatorOptions, settings: ModuleDocument['settings'] = {}) {
  const simulator = await startSimulator('pjlink', options)
  const stand = new DriverStand()
  test.onTestFinished(() => simulator.stop())
  test.onTestFinished(() => stand[Symbol.asyncDispose]())
  stand.grant()
  const seen = stand.start({ driver: 'pjlink', uri: simulator.uri, settings: { ...quickSettings.pjlink, ...settings } })
  return { simulator, stand, seen }
}

describe.concurrent('the PJLink driver', () => {
  it('proves the password once per connection and shows every variable', async (test) => {
    const { simulator, stand, seen } = await stood(
      test,
      { password: 'JBMIAProjectorLink', name: 'Hall' },
      { password: 'JBMIAProjectorLink' },
    )
    await stand.connected(seen)
    await simulator.change({ power: 'on', errors: '012000', lampHours: 4321 })
    await until('the lamp is read', () => seen.status.lampHours === 4321 || null)
    await until('all are read', () => seen.status.input !== null || null)
    await stand.shows(seen, {
      name: 'Hall',
      power: 'on',
      input: 'digital1',
      mute: 'none',
      errors: ['lamp warning', 'temperature error'],
      lampHours: 4321,
    })
    const log = await simulator.log()
    expect(log.filter(({ kind }) => kind === 'connect')).toHaveLength(1)
  })

  it.for([
    { what: 'a wrong password', settings: { password: 'wrong' }, fault: /refused the password/ },
    { what: 'no password', settings: {}, fault: /asks for a password/ },
    {
      what: 'a secret that is not known here',
      settings: { password: { secretRef: 'hall' } },
      fault: /secret hall is not known/,
    },
  ])('names $what as the fault, and no command reaches the projector', async ({ settings, fault }, test) => {
    const { simulator, stand, seen } = await stood(test, { password: 'right' }, settings)
    await stand.fault(seen, fault)
    expect(seen.connects).toBe(0)
    await expect(stand.execute('pjlink', 'power', { on: true })).rejects.toMatchObject({ code: 'unreachable' })
    expect((await simulator.log()).filter(({ what }) => what !== '' && what !== 'refused digest')).toEqual([])
    expect(stand.debug.join('\n')).not.toContain('wrong')
  })

  it('switches, chooses the input and mutes, and shows warming and cooling', async (test) => {
    const { simulator, stand, seen } = await stood(test, { warmMs: 500 })
    await stand.connected(seen)
    expect(await stand.execute('pjlink', 'power', { on: true })).toMatchObject({ power: 'warming' })
    await until('it is warm', () => seen.status.power === 'on' || null)
    expect(await stand.execute('pjlink', 'input', { input: 'rgb2' })).toMatchObject({ input: 'rgb2' })
    expect(await stand.execute('pjlink', 'mute', { what: 'video', on: true })).toMatchObject({ mute: 'video' })
    expect(await stand.execute('pjlink', 'mute', { on: true })).toMatchObject({ mute: 'both' })
    expect(await stand.execute('pjlink', 'power', { on: false })).toMatchObject({ power: 'cooling', input: null })
    expect(await simulator.writes()).toEqual(['POWR 1', 'INPT 12', 'AVMT 11', 'AVMT 31', 'POWR 0'])
  })

  it('passes a refusal of the projector on with its meaning, and stays connected', async (test) => {
    const { stand, seen } = await stood(test, {})
    await stand.connected(seen)
    await expect(stand.execute('pjlink', 'input', { input: 'rgb1' })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/cannot do that now.*INPT: ERR3/) as string,
      outcomeUnknown: false,
    })
    await stand.execute('pjlink', 'power', { on: true })
    await expect(stand.execute('pjlink', 'input', { input: 'network9' })).rejects.toThrow(/does not accept this value/)
    expect(seen.connects).toBe(1)
    expect(seen.faults).toEqual([])
  })

  it('gives up a device that talks without end instead of filling its memory', async (test) => {
    let flooded = 0
    const flood = (socket: Socket) => {
      flooded += 1
      socket.on('error', () => {})
      socket.write('x'.repeat(1_000_000))
    }
    const server = createServer(flood).listen(0, '127.0.0.1')
    await once(server, 'listening')
    test.onTestFinished(() => void server.close())
    const stand = new DriverStand()
    test.onTestFinished(() => stand[Symbol.asyncDispose]())
    stand.grant()
    const seen = stand.start({ driver: 'pjlink', uri: `pjlink://127.0.0.1:${(server.address() as AddressInfo).port}` })
    await stand.fault(seen, /line longer than 256 bytes/)
    expect(flooded).toBeGreaterThan(0)
  })
})
