import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { ModbusTCPServer } from 'jsmodbus'
import { describe, expect, it, type TestContext } from 'vitest'
import { quickSettings } from '../../support/simulators/device-documents'
import { DriverStand } from '../../support/simulators/driver-stand'
import { startSimulator } from '../../support/simulators/simulator'
import { until } from '../../support/until'

const driver = 'modbus-tcp'

function stood(test: TestContext, uri: string, settings: object = {}) {
  const stand = new DriverStand()
  test.onTestFinished(() => stand[Symbol.asyncDispose]())
  stand.grant()
  return { stand, seen: stand.start({ driver, uri, settings: { ...quickSettings[driver], ...settings } }) }
}

async function simulator(test: TestContext) {
  const started = await startSimulator(driver)
  test.onTestFinished(() => started.stop())
  return started
}

describe.concurrent('the Modbus driver', () => {
  it('decodes every kind and type, scaled', async (test) => {
    const plc = await simulator(test)
    const { stand, seen } = stood(test, plc.uri)
    await stand.connected(seen)
    await stand.shows(seen, {
      light: true,
      door: true,
      setPoint: 21,
      dimmer: 80,
      temperature: 21.8,
      energy: 100_000,
      volts: 230.5,
    })
    await plc.change({ 'input.0': -55, 'coils.0': false })
    await until(
      'it freezes in the dark',
      () => (seen.status.temperature === -5.5 && seen.status.light === false) || null,
    )
  })

  it('reads neighbours in one request and nothing between', async (test) => {
    const plc = await simulator(test)
    const { stand, seen } = stood(test, plc.uri)
    await stand.connected(seen)
    const reads = (await plc.log()).slice(1, 6).map(({ what }) => what)
    // Input registers 0, 2-3 and 4-5: the gap at 1 is not touched.
    expect(reads).toEqual(['fc1 0 0001', 'fc2 0 0001', 'fc3 0 0002', 'fc4 0 0001', 'fc4 2 0004'])
  })

  it('writes coils and registers and reads back what the device holds then', async (test) => {
    const plc = await simulator(test)
    const { stand, seen } = stood(test, plc.uri)
    await stand.connected(seen)
    expect(await stand.execute(driver, 'write', { name: 'light', value: false })).toEqual({
      name: 'light',
      value: false,
    })
    expect(await stand.execute(driver, 'write', { name: 'setPoint', value: 18.5 })).toEqual({
      name: 'setPoint',
      value: 18.5,
    })
    expect(await plc.writes()).toEqual(['fc5 0 0000', 'fc6 0 00b9'])
  })

  it.for([
    { name: 'setPoint', value: 4.9, named: /value[^]*5|5[^]*value/ },
    { name: 'dimmer', value: 101, named: /value[^]*100|100[^]*value/ },
    { name: 'light', value: 1, named: /boolean/ },
    { name: 'temperature', value: 20, named: /name[^]*|light/ },
  ])('refuses to write $value to $name and says what is allowed', async ({ name, value, named }, test) => {
    const plc = await simulator(test)
    const { stand, seen } = stood(test, plc.uri)
    await stand.connected(seen)
    await expect(stand.execute(driver, 'write', { name, value })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(named) as string,
    })
    expect(await plc.writes()).toEqual([])
  })

  it('names the register that a device does not have', async (test) => {
    const plc = await simulator(test)
    const registers = [{ name: 'far', kind: 'holding', address: 400 }]
    const { stand, seen } = stood(test, plc.uri, { registers })
    expect(await stand.fault(seen, /refused to read holding 400\+1/)).toContain('Code 2')
    expect(seen.connects).toBe(0)
  })

  it('answers many callers in their order over one connection', async (test) => {
    const plc = await simulator(test)
    const { stand, seen } = stood(test, plc.uri)
    await stand.connected(seen)
    const values = Array.from({ length: 40 }, (_, at) => at)
    await Promise.all(values.map((value) => stand.execute(driver, 'write', { name: 'dimmer', value })))
    expect((await plc.writes()).map((what) => Number.parseInt(what.split(' ')[2] ?? '', 16))).toEqual(values)
    expect(seen.connects).toBe(1)
  })

  it('understands a second implementation of the protocol', async (test) => {
    const net = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(net, 'listening')
    const holding = Buffer.alloc(64)
    const input = Buffer.alloc(64)
    const coils = Buffer.alloc(8)
    new ModbusTCPServer(net, { holding, input, coils, discrete: Buffer.alloc(8) })
    test.onTestFinished(() => void net.close())
    input.writeInt16BE(-123, 0)
    input.writeUInt32BE(0xfedc_ba98, 4)
    input.writeFloatBE(0.5, 8)
    holding.writeUInt16BE(42, 2)
    const registers = [
      ...(quickSettings[driver].registers as object[]),
      { name: 'counter', kind: 'holding', address: 10, type: 'u32', writable: true },
    ]
    const { stand, seen } = stood(test, `modbus://127.0.0.1:${(net.address() as AddressInfo).port}`, { registers })
    await stand.connected(seen)
    expect(seen.status).toMatchObject({
      temperature: -12.3,
      energy: 0xfedc_ba98,
      volts: 0.5,
      dimmer: 42,
      light: false,
      counter: 0,
    })
    await stand.execute(driver, 'write', { name: 'light', value: true })
    await stand.execute(driver, 'write', { name: 'counter', value: 0x0102_0304 })
    expect(coils[0]).toBe(1)
    expect(holding.readUInt32BE(20)).toBe(0x0102_0304)
    await until('both are shown', () => (seen.status.light === true && seen.status.counter === 0x0102_0304) || null)
  })
})
