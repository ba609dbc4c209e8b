import { describe, expect, it, type TestContext } from 'vitest'
import type { Json } from '../../../electron/modules/contract'
import type { SimulatorKind } from '../../../electron/modules/demo/simulator-kinds'
import { quickSettings } from '../../support/simulators/device-documents'
import { DriverStand, type Seen } from '../../support/simulators/driver-stand'
import { startSimulator, type Simulator } from '../../support/simulators/simulator'
import { until } from '../../support/until'

/**
 * What every device driver owes, whatever its protocol.
 *  shows     a variable and its value while all is well
 *  command   a write, as called, and as the simulator records it
 *  bad       arguments outside the range, and what the refusal must name
 *  garbage   what the fault says when the device talks nonsense
 */
interface Row {
  readonly kind: SimulatorKind
  readonly shows: readonly [name: string, value: Json]
  readonly command: { readonly method: string; readonly args: Record<string, Json>; readonly seen: string }
  readonly bad: { readonly args: Record<string, Json>; readonly named: readonly RegExp[] }
  readonly garbage: RegExp
}

const rows: readonly Row[] = [
  {
    kind: 'pjlink',
    shows: ['power', 'off'],
    command: { method: 'power', args: { on: true }, seen: 'POWR 1' },
    bad: { args: { on: 'yes' }, named: [/on/, /boolean/] },
    garbage: /does not speak PJLink/,
  },
  {
    kind: 'modbus-tcp',
    shows: ['temperature', 21.8],
    command: { method: 'write', args: { name: 'setPoint', value: 23.5 }, seen: 'fc6 0 00eb' },
    bad: { args: { name: 'setPoint', value: 31 }, named: [/value/, /30/] },
    garbage: /Modbus|did not answer/,
  },
  {
    kind: 'http-json',
    shows: ['temperature', 21.5],
    command: {
      method: 'display',
      args: { brightness: 10, text: 'Hi' },
      seen: 'PUT /api/display {"brightness":10,"text":"Hi"}',
    },
    bad: { args: { brightness: 101, text: '' }, named: [/brightness/, /100/] },
    garbage: /does not speak HTTP/,
  },
  {
    kind: 'tcp-line',
    shows: ['temperature', 41],
    command: { method: 'route', args: { output: 2, input: 4 }, seen: 'ROUTE 2 4' },
    bad: { args: { output: 5, input: 1 }, named: [/output/, /4/] },
    garbage: /did not answer.*DEAD/,
  },
]

// At the same time: they wait for their devices nearly all along.
describe.concurrent.each(rows)('$kind', ({ kind, shows, command, bad, garbage }) => {
  async function started({ onTestFinished }: TestContext, options = {}): Promise<Simulator> {
    const simulator = await startSimulator(kind, options)
    onTestFinished(() => simulator.stop())
    return simulator
  }
  async function connected(test: TestContext): Promise<{ simulator: Simulator; stand: DriverStand; seen: Seen }> {
    const simulator = await started(test)
    const stand = new DriverStand()
    test.onTestFinished(() => stand[Symbol.asyncDispose]())
    stand.grant()
    const seen = stand.start({ driver: kind, uri: simulator.uri, settings: quickSettings[kind] })
    await stand.connected(seen)
    return { simulator, stand, seen }
  }
  const call = (stand: DriverStand) => stand.execute(kind, command.method, command.args)
  const shown = (seen: Seen) => until(`${shows[0]} is shown`, () => seen.status[shows[0]] === shows[1] || null)
  /** What the call did, refusals as values. */
  const outcome = (work: Promise<Json>) =>
    work.then(
      (value) => ({ value }),
      (error: Error) => error,
    )

  it('reads its device and carries a command out', async (test) => {
    const { simulator, stand, seen } = await connected(test)
    await shown(seen)
    expect(seen.fault).toBeNull()
    await call(stand)
    expect(await simulator.writes()).toEqual([command.seen])
  })

  it.for([
    { mode: 'silent', fault: /did not answer/ },
    { mode: 'half', fault: /did not answer/ },
    { mode: 'slow', fault: /did not answer/ },
    { mode: 'garbage', fault: garbage },
    { mode: 'refuse', fault: /refused|answered|cannot do that|reports a failure/ },
    { mode: 'closed', fault: /ECONNREFUSED|closed|broke|ECONNRESET/ },
  ] as const)('says what is wrong with a device that is $mode, and finds it again', async ({ mode, fault }, test) => {
    const { simulator, stand, seen } = await connected(test)
    await simulator.behave(mode)
    await stand.fault(seen, fault)
    await until('it counts as not connected', () => !seen.connected || null)
    await simulator.behave('ok')
    await stand.connected(seen)
    await until('the fault is gone', () => seen.fault === null || null)
    await shown(seen)
  })

  it('finds a device again that was gone and came back at the same address', async (test) => {
    const { simulator, stand, seen } = await connected(test)
    await simulator.stop()
    await until('it counts as not connected', () => !seen.connected || null)
    await stand.fault(seen, /closed|broke|ECONNREFUSED/)
    await started(test, { port: simulator.port })
    await stand.connected(seen)
  })

  it('writes nothing while the gate is closed, and has no connection open', async (test) => {
    const { simulator, stand, seen } = await connected(test)
    stand.revoke()
    await until('it counts as not connected', () => !seen.connected || null)
    expect(await outcome(call(stand))).toMatchObject({
      code: expect.stringMatching(/unreachable|not-in-control/) as string,
    })
    await until('the connection is closed', async () => (await simulator.state()).connections === 0 || null)
    const after = (await simulator.log()).length
    // Far longer than its poll interval; nothing may arrive, which no condition can be waited for.
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(await simulator.log()).toHaveLength(after)
    expect(await simulator.writes()).toEqual([])
    stand.grant()
    await stand.connected(seen)
    await call(stand)
    expect(await simulator.writes()).toEqual([command.seen])
  })

  it('sends nothing more from the moment the permit ends, before anybody tells the driver', async (test) => {
    const { simulator, stand } = await connected(test)
    const calls = Array.from({ length: 5 }, () => outcome(call(stand)))
    stand.revoke(false)
    const before = (await simulator.writes()).length
    const outcomes = await Promise.all(calls)
    // Calls are accepted in one tick: what was written in it is out, what queued behind it must not be.
    expect(outcomes.filter((one) => 'code' in one && one.code === 'not-in-control').length).toBeGreaterThanOrEqual(1)
    expect((await simulator.writes()).length - before).toBeLessThanOrEqual(1)
  })

  it('refuses a command that was accepted under an earlier epoch', async (test) => {
    const { simulator, stand } = await connected(test)
    stand.grant(3)
    await expect(stand.execute(kind, command.method, command.args, 1)).rejects.toMatchObject({ code: 'stale-epoch' })
    expect(await simulator.writes()).toEqual([])
  })

  it('refuses a command that waited behind another one while control changed hands', async (test) => {
    const { simulator, stand } = await connected(test)
    await simulator.behave('slow', { delayMs: 300 })
    const [first, second] = [outcome(call(stand)), outcome(call(stand))]
    stand.grant(3)
    expect(await second).toMatchObject({ code: 'stale-epoch' })
    await first
    expect((await simulator.writes()).length).toBeLessThanOrEqual(1)
  })

  it('says that the outcome is unknown when a command is not answered, and sends it once', async (test) => {
    const { simulator, stand } = await connected(test)
    await simulator.behave('silent')
    const failed = await outcome(call(stand))
    const reached = await simulator.writes()
    // A poll may have met the silence first: then the command was never sent, and the refusal says so.
    if (reached.length === 0) expect(failed).toMatchObject({ outcomeUnknown: false })
    else expect([reached, failed]).toMatchObject([[command.seen], { outcomeUnknown: true }])
  })

  it('refuses arguments outside their range before anything is sent, naming field and range', async (test) => {
    const { simulator, stand } = await connected(test)
    const refused = await outcome(stand.execute(kind, command.method, bad.args))
    expect(refused).toMatchObject({ code: 'invalid' })
    for (const named of bad.named) expect((refused as Error).message).toMatch(named)
    expect(await simulator.writes()).toEqual([])
  })
})
