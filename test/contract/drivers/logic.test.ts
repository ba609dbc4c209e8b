import { describe, expect, it, type TestContext } from 'vitest'
import { quickSettings } from '../../support/simulators/device-documents'
import { DriverStand } from '../../support/simulators/driver-stand'
import { startSimulator } from '../../support/simulators/simulator'
import { until } from '../../support/until'

/** A switcher and a projector, and rules between them. */
async function room(test: TestContext, settings: { rules?: object[]; computed?: object }) {
  const [matrix, projector] = await Promise.all([startSimulator('tcp-line'), startSimulator('pjlink')])
  const stand = new DriverStand()
  test.onTestFinished(async () => void (await Promise.all([matrix.stop(), projector.stop()])))
  test.onTestFinished(() => stand[Symbol.asyncDispose]())
  stand.grant()
  const matrixSeen = stand.start({
    id: 'matrix',
    driver: 'tcp-line',
    uri: matrix.uri,
    settings: quickSettings['tcp-line'],
  })
  const projectorSeen = stand.start({
    id: 'projector',
    driver: 'pjlink',
    uri: projector.uri,
    settings: quickSettings.pjlink,
  })
  for (const one of [matrixSeen, projectorSeen]) await stand.connected(one)
  // What a rule sees first is what later changes are measured against: the tests begin after that.
  const seen = {
    sawPower: { copy: { module: 'projector', variable: 'power' } },
    sawRoute: { copy: { module: 'matrix', variable: 'route1' } },
  }
  const whole = { ...settings, computed: { ...settings.computed, ...seen } }
  const logic = stand.start({ id: 'logic', driver: 'logic', role: 'logic', settings: whole as never })
  await stand.connected(logic)
  await until(
    'the rules have seen the devices',
    () => (logic.status.sawPower === 'off' && logic.status.sawRoute === 1) || null,
  )
  return { matrix, projector, stand, logic, devices: { matrix: matrixSeen, projector: projectorSeen } }
}

const route = (output: number, input: number) => ({ module: 'matrix', method: 'route', args: { output, input } })
const projectorOn = { module: 'projector', variable: 'power', value: 'on' }

describe.concurrent('the logic driver', () => {
  it('acts on a device when another one changes, once per change', async (test) => {
    const rules = [{ name: 'lecture', when: projectorOn, do: [route(1, 3), route(2, 3)] }]
    const { matrix, stand, logic, devices } = await room(test, { rules })
    await stand.execute('projector', 'power', { on: true })
    await until('both are routed', async () => (await matrix.writes()).length === 2 || null)
    expect(await matrix.writes()).toEqual(['ROUTE 1 3', 'ROUTE 2 3'])
    await stand.execute('projector', 'power', { on: false })
    await until('it is seen to be off', () => devices.projector.status.power === 'off' || null)
    await stand.execute('projector', 'power', { on: true })
    await until('it happens again', async () => (await matrix.writes()).length === 4 || null)
    expect(logic.status.lastRule).toMatchObject({ name: 'lecture' })
  })

  it('fires at the start only when a rule asks for it', async (test) => {
    const when = { module: 'matrix', variable: 'route1', value: 1 }
    const rules = [
      { name: 'eager', atStart: true, when, do: [route(3, 1)] },
      { name: 'calm', when, do: [route(4, 1)] },
    ]
    const { matrix, devices } = await room(test, { rules })
    await until('the eager one fired', async () => (await matrix.writes()).length > 0 || null)
    await matrix.change({ 'route.1': 2 })
    await until('the change is seen', () => devices.matrix.status.route1 === 2 || null)
    await matrix.change({ 'route.1': 1 })
    await until('the calm one fires at the change', async () => (await matrix.writes()).includes('ROUTE 4 1') || null)
    expect((await matrix.writes()).slice(0, 1)).toEqual(['ROUTE 3 1'])
  })

  it('waits until a condition has held for as long as it says', async (test) => {
    const rules = [{ name: 'later', when: { ...projectorOn, forMs: 700 }, do: [route(1, 4)] }]
    const { matrix, projector, stand } = await room(test, { rules })
    await stand.execute('projector', 'power', { on: true })
    const [fired] = await until('it fires', async () => {
      const seen = (await matrix.log()).filter(({ kind }) => kind === 'write')
      return seen.length > 0 && seen
    })
    const on = (await projector.log()).find(({ what }) => what === 'POWR 1')
    // Both simulators stamp with the same clock.
    expect((fired?.atMono ?? 0) - (on?.atMono ?? 0)).toBeGreaterThanOrEqual(700)
  })

  it('rests when rules answer each other, and says which one', async (test) => {
    const rules = [
      { name: 'to two', when: { module: 'matrix', variable: 'route1', value: 1 }, do: [route(1, 2)], firesMax: 3 },
      { name: 'to one', when: { module: 'matrix', variable: 'route1', value: 2 }, do: [route(1, 1)], firesMax: 3 },
    ]
    const { matrix, stand, logic } = await room(test, { rules })
    await stand.execute('matrix', 'route', { output: 1, input: 2 })
    await until('one rests', () => (logic.status.suspended as string[]).length > 0 || null)
    // The call itself, then three firings of each at most.
    expect((await matrix.writes()).length).toBeLessThanOrEqual(7)
    expect(stand.debug.join('\n')).toMatch(/fired 3 times/)
  })

  it('computes variables from other modules, and does not take old news for new', async (test) => {
    const computed = {
      ready: {
        all: [
          { module: 'projector', variable: '@connected', value: true },
          { module: 'matrix', variable: 'temperature', op: 'lt', value: 60 },
        ],
      },
      warmest: { of: 'max', from: [{ module: 'matrix', variable: 'temperature' }] },
      copy: { copy: { module: 'matrix', variable: 'route1' } },
    }
    const { matrix, logic } = await room(test, { computed })
    await until(
      'they are known',
      () => (logic.status.ready === true && logic.status.warmest === 41 && logic.status.copy === 1) || null,
    )
    await matrix.behave('closed')
    await until(
      'they are unknown',
      () => (logic.status.ready === null && logic.status.warmest === null && logic.status.copy === null) || null,
    )
  })

  it('does nothing without a permit', async (test) => {
    const rules = [
      {
        name: 'lecture',
        when: { module: 'matrix', variable: 'route1', value: 3 },
        do: [{ module: 'projector', method: 'power', args: { on: true } }],
      },
    ]
    const { matrix, projector, stand, logic } = await room(test, { rules })
    stand.revoke()
    await until('the logic stands still', () => !logic.connected || null)
    await matrix.change({ 'route.1': 3 })
    await expect(stand.execute('logic', 'run', { rule: 'lecture' })).rejects.toMatchObject({ code: 'unreachable' })
    expect(await projector.writes()).toEqual([])
  })

  it('says what went wrong when an action fails, and leaves the rest of the rule out', async (test) => {
    const rules = [{ name: 'broken', when: projectorOn, do: [{ module: 'matrix', method: 'nothing' }, route(1, 4)] }]
    const { matrix, stand, logic } = await room(test, { rules })
    await stand.execute('projector', 'power', { on: true })
    await until('the error is shown', () => logic.status.lastError)
    expect(logic.status.lastError).toMatchObject({
      rule: 'broken',
      text: expect.stringContaining('no method') as string,
    })
    expect(await matrix.writes()).toEqual([])
  })

  it('carries a rule out when asked, and knows no other', async (test) => {
    const { matrix, stand, logic } = await room(test, {
      rules: [{ name: 'lecture', when: projectorOn, do: [route(1, 3)] }],
    })
    expect(logic.methods).toEqual(['run'])
    await stand.execute('logic', 'run', { rule: 'lecture' })
    expect(await matrix.writes()).toEqual(['ROUTE 1 3'])
    await expect(stand.execute('logic', 'run', { rule: 'party' })).rejects.toMatchObject({ code: 'invalid' })
  })
})
