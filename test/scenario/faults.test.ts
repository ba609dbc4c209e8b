import { describe, expect, it } from 'vitest'
import { isHostWait } from '../../shared/console/host-waits'
import { admin, EDGE, ScenarioSite } from '../support/scenario-site'

const timeoutMs = 10_000

describe('a store that cannot be written', () => {
  it('keeps the edge driving, says so, and is forgotten when it can be written again', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    await site.pass(5_000)
    site.breakStore('edge', true)
    site.mark()
    await site.killMaster()
    await site.pass(12_000)
    expect(site.edgeView().control).toMatchObject({ holder: 'edge', epoch: 3, rule: 'autonomy', degraded: true })
    expect(site.decisions('edge').map(({ rule }) => rule)).not.toContain('autonomy')
    expect(site.edgeView().needs.map(({ code }) => code)).toContain('not-persisted')
    site.breakStore('edge', false)
    await site.pass(6_000)
    expect(site.edgeView().control.degraded).toBe(false)
    expect(site.edgeView().needs.map(({ code }) => code)).not.toContain('not-persisted')
    expect(site.edgeLife().records.load(EDGE)?.record).toMatchObject({ holder: 'edge', epoch: 3 })
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "3.0 s: edge@3 drives",
        "13.1 s: edge decides autonomy edge@3",
      ]
    `)
    // Decided while nothing could be written, and there all the same.
    const decided = site.decisions('edge').find(({ rule }) => rule === 'autonomy')
    expect(decided).toMatchObject({ winner: 'edge', epoch: 3, outcome: 'done' })
    expect(decided?.id).toBe(site.edgeLife().records.load(EDGE)?.record.decisionId)
  })

  it('keeps the master from taking over, until it can be written again', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.breakStore('master', true)
    await site.killEdge()
    await site.pass(30_000)
    expect(site.gates()).toEqual({ edge: null, master: null })
    expect(site.masterView().needs.map(({ code }) => code)).toContain('not-persisted')
    site.breakStore('master', false)
    await site.pass(15_000)
    expect(site.gates()).toEqual({ edge: null, master: 2 })
    expect(site.masterView().needs.map(({ code }) => code)).not.toContain('not-persisted')
  })

  it('refuses a grant it cannot keep, and the giver drives on', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.breakStore('master', true)
    const asked = await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    expect(asked).toMatchObject({ outcome: 'refused', holder: 'edge' })
    site.breakStore('master', false)
    await site.pass(10_000)
    expect(site.gates()).toEqual({ edge: asked.epoch, master: null })
  })

  it('counts a decision as written although a listener throws', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.master.onDecision(() => {
      throw new Error('a console that is gone')
    })
    const over = await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    expect(over).toMatchObject({ outcome: 'done', epoch: 2 })
    await site.pass(1_000)
    expect(site.gates()).toEqual({ edge: null, master: 2 })
    expect(site.masterView().control.degraded).toBe(false)
  })
})

describe('modules that do not obey', () => {
  it('are started again when the first start failed', async () => {
    await using site = new ScenarioSite()
    await site.startMaster()
    site.apply({ timeoutMs })
    await site.startEdge('machine-1', ({ runtimes }) => {
      runtimes.faults.failStarts = 2
      runtimes.faults.failPredecessors = 1
    })
    await site.pass(2_000)
    expect(site.gates().edge).toBeNull()
    await site.pass(10_000)
    expect(site.gates().edge).toBe(1)
  })

  it('are stopped again when the first stop failed, and control waits for it', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.edgeLife().runtimes.faults.failStops = 1
    const asked = site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    await expect(asked).resolves.toMatchObject({ outcome: 'done', holder: 'master' })
    await site.pass(1_000)
    expect(site.gates()).toEqual({ edge: null, master: 2 })
  })

  it('that have no room for their host are told of by whoever is to drive, while it is so', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const waits = (side: 'edge' | 'master') =>
      (side === 'edge' ? site.edgeView() : site.masterView()).needs.filter(({ code }) => isHostWait(code))
    const edges = site.edgeLife().runtimes.made.get(EDGE)!
    const since = site.edgeLife().clock.mono()
    edges.waits({ why: 'turn', since })
    expect(waits('edge')).toMatchObject([
      { id: `${EDGE}:host-waits-turn`, severity: 'warning', code: 'host-waits-turn', edgeId: EDGE },
    ])
    edges.waits(null)
    expect(waits('edge')).toEqual([])

    await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    expect(waits('master')).toEqual([])
    const { runtimes, clock } = site.masterLife
    const changes = site.masterChanges
    runtimes.made.get(EDGE)!.waits({ why: 'memory', since: clock.mono() })
    const begunAt = clock.wall()
    await site.pass(3_000)
    expect(waits('master')).toMatchObject([{ severity: 'critical', code: 'host-waits-memory', since: begunAt }])
    expect(waits('master')[0]!.text).toMatch(/^Berlin: Devices are not driven: .* memory/)
    expect(site.masterChanges).toBeGreaterThan(changes)
    runtimes.made.get(EDGE)!.waits({ why: 'load', since: clock.mono() })
    expect(waits('master').map(({ code }) => code)).toEqual(['host-waits-load'])
    runtimes.made.get(EDGE)!.waits(null)
    expect(waits('master')).toEqual([])
  })

  it('raise an alert after a minute without any device, and nothing flips', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.edgeLife().runtimes.faults.devicesAway = true
    await site.answer(site.edgeDo()['systems.stop']({ system: 'room' }, admin))
    await site.answer(site.edgeDo()['systems.start']({ system: 'room' }, admin))
    await site.pass(65_000)
    expect(site.edgeView().needs.map(({ code }) => code)).toContain('no-device')
    expect(site.gates()).toEqual({ edge: 1, master: null })
    // The next process knows what it has to end, and does when a device answers.
    expect(site.edgeLife().records.standingAlerts(EDGE)).toEqual(['no-device'])
    await site.killEdge()
    await site.startEdge()
    await site.until('its end is written', () => site.edgeLife().records.standingAlerts(EDGE).length === 0)
    expect(site.edgeView().needs.map(({ code }) => code)).not.toContain('no-device')
  })
})

describe('requests through the master to the edge', () => {
  it('carry out a method once per request id, and not under an epoch that has passed', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const call = { module: 'switcher', method: 'route', args: { output: 1 }, requestId: 'r-1' }
    const first = await site.answer(site.masterDo()['modules.execute'](call, admin))
    expect(await site.answer(site.masterDo()['modules.execute'](call, admin))).toEqual(first)
    expect(site.edgeLife().runtimes.made.get(EDGE)?.calls).toEqual([
      { moduleId: 'switcher', method: 'route', epoch: 1 },
    ])
    const session = site.master.site(EDGE).control.session
    const stale = session?.request('module.execute', {
      ...{ moduleId: 'switcher', method: 'route', args: {}, requestId: 'r-2', epoch: 0 },
    })
    await expect(site.answer(stale)).rejects.toMatchObject({ code: 'stale-epoch' })
    await site.pass(1_000)
    expect(site.masterView().modules.find(({ id }) => id === 'switcher')?.status).toEqual({ output: 1 })
  })

  it('follow control with debug lines, and leave nothing behind at either side', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const lines: string[] = []
    const stop = site.master.site(EDGE).debug('lamp', (some) => lines.push(...some.map(({ text }) => text)))
    await site.pass(500)
    const edges = site.edgeLife().runtimes.made.get(EDGE)!
    edges.say('lamp', 'from the edge')
    await site.pass(500)
    await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    await site.pass(500)
    const masters = site.masterLife.runtimes.made.get(EDGE)!
    masters.say('lamp', 'from the master')
    await site.answer(site.masterDo()['edges.restore']({ edge: EDGE }, admin))
    await site.pass(500)
    edges.say('lamp', 'from the edge again')
    await site.pass(500)
    expect(lines.filter((line) => line.startsWith('from'))).toEqual([
      'from the edge',
      'from the master',
      'from the edge again',
    ])
    stop()
    await site.pass(500)
    expect([edges.debugged, masters.debugged]).toEqual([[], []])
  })

  it('refuse debug lines of a module that is none of this edge, and open no stream for it', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const started = site.master.site(EDGE).control.session?.request('debug.start', { moduleId: 'nothing' })
    await expect(site.answer(started)).rejects.toMatchObject({ code: 'not-found', message: /nothing/ })
    const said: string[] = []
    site.master.site(EDGE).debug('nothing', (some) => said.push(...some.map(({ text }) => text)))
    await site.pass(500)
    expect(said).toEqual(['There is no module "nothing" at this edge.'])
    expect(site.edgeLife().runtimes.made.get(EDGE)?.debugged).toEqual([])
  })

  it('show nothing as known that this link has not told', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 60_000 })
    expect(site.masterView().modules.map(({ state }) => state)).toEqual(['running', 'running'])
    await site.killEdge()
    await site.pass(5_000)
    const told = site.masterView().modules
    expect(told.map(({ state, connected }) => [state, connected])).toEqual([
      ['unknown', false],
      ['unknown', false],
    ])
    expect(Math.max(...told.map(({ asOf }) => asOf))).toBeLessThanOrEqual(site.clock.wall - 5_000)
    expect(site.masterView().link).toMatchObject({ state: 'lost' })
    expect(site.masterView().link.lastHeardAt).toBeLessThanOrEqual(site.clock.wall - 5_000)
  })
})

describe('a controller that stops', () => {
  it('leaves no timer behind and answers whoever waits', async () => {
    const site = await ScenarioSite.linked({ timeoutMs })
    site.edgeLife().runtimes.faults.stopMs = 2_000
    const asked = Promise.resolve(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    const answer = expect(asked).rejects.toMatchObject({ code: 'link-lost' })
    await site.pass(500)
    const clocks = [site.masterLife.clock, site.edgeLife().clock]
    await site[Symbol.asyncDispose]()
    await answer
    expect(clocks.map(({ armed }) => armed)).toEqual([0, 0])
  })

  it('starts all its waits again when nobody was watching', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killEdge()
    await site.pass(8_000)
    site.master.timeGap()
    await site.pass(8_000)
    expect(site.gates().master).toBeNull()
    await site.pass(3_000)
    expect(site.gates().master).toBe(2)
  })
})

describe('a second machine', () => {
  it('is refused while the first is linked, and counted as one incident however often it comes', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.startEdge('machine-2')
    await site.pass(30_000)
    const needs = site.masterView().needs.filter(({ code }) => code === 'duplicate-edge')
    expect(needs).toHaveLength(1)
    expect(needs[0]?.since).toBeLessThan(site.clock.wall - 25_000)
    expect(site.masterView().link.state).toBe('connected')
    expect(site.master.site(EDGE).control.session?.peer.instanceId).toBe('machine-1')
  })

  it('takes the place of the first when it is let in, whose session ends first', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.answer(site.master.replaced(EDGE))
    await site.killEdge()
    await site.startEdge('machine-2', ({ records, clock }) =>
      records.save(EDGE, {
        record: { holder: 'none', epoch: 0, agreedEpoch: 0, decisionId: null, intent: null },
        ...{ floor: 1, since: clock.wall(), manualAt: null, edgeStoodBy: false, spentOpeningAt: null },
      }),
    )
    await site.pass(4_000)
    expect(site.master.site(EDGE).control.session?.peer.instanceId).toBe('machine-2')
    expect(site.gates()).toEqual({ edge: 3, master: null })
  })
})
