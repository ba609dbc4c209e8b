import { describe, expect, it } from 'vitest'
import { admin, EDGE, ScenarioSite } from '../support/scenario-site'

const timeoutMs = 8_000
const operator = { actor: 'console:ada', role: 'operator' } as const
/** Open for the whole day of the scenario. */
const always = { windowStart: '0 0 * * *', windowLengthS: 86_400, windowTimeZone: 'UTC' }

const fleetOf = (site: ScenarioSite) => ({
  node: () =>
    site.fleetDo()['fleet.getNode']({ nodeId: 'Berlin' }, operator) as { status: string } & Record<string, unknown>,
  drain: (reason = '') =>
    site.answer(site.fleetDo()['fleet.drainNode']({ nodeId: 'Berlin', draining: true, reason }, operator)),
  undrain: () =>
    site.answer(site.fleetDo()['fleet.drainNode']({ nodeId: 'Berlin', draining: false, reason: '' }, operator)),
})
const refused = async (asked: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(asked)
    .then(
      () => 'done',
      (error: unknown) => (error as { code: string }).code,
    )

describe('a node that is drained', () => {
  it('gives its site to the master by a planned switch, and gets it back when it is undrained', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    const { node, drain, undrain } = fleetOf(site)
    expect(node()).toMatchObject({ status: 'online', role: 'slave', hostname: 'berlin-box', cpu: 0.25, drain: null })
    expect(await drain('new disk')).toMatchObject({ moved: true, detail: null })
    expect(site.gates()).toEqual({ edge: null, master: 2 })
    expect(node()).toMatchObject({
      status: 'draining',
      drain: { by: 'console:ada', reason: 'new disk', state: 'moved', detail: null },
    })
    expect(site.masterView()).toMatchObject({ draining: true, control: { holder: 'master' } })
    expect(await undrain()).toMatchObject({ moved: true, detail: null, node: { status: 'online', drain: null } })
    expect(site.gates()).toEqual({ edge: 3, master: null })
    expect(site.overlapMs).toBe(0)
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "0.1 s: edge decides fail-over none@2 open",
        "0.1 s: master decides fail-over master@2",
        "0.1 s: edge decides fail-over master@2",
        "0.1 s: edge decides T8 master@2",
        "0.1 s: master decides T8 master@2",
        "0.1 s: master@2 drives",
        "0.1 s: nobody drives",
        "0.2 s: master decides restore none@3 open",
        "0.2 s: edge decides restore edge@3",
        "0.2 s: master decides restore edge@3",
        "0.2 s: edge@3 drives",
      ]
    `)
  })

  it('stays with the master through heartbeats, an open window and a restart of the edge', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs, ...always }, { hasFleet: true })
    const { node, drain, undrain } = fleetOf(site)
    await drain()
    await site.pass(60_000)
    expect([node().status, site.gates()]).toEqual(['draining', { edge: null, master: 2 }])
    await site.killEdge()
    await site.pass(200_000)
    // Out of reach for longer than the threshold: both are told.
    expect(node()).toMatchObject({ status: 'draining', reach: 'offline' })
    await site.startEdge()
    await site.pass(60_000)
    expect(node()).toMatchObject({ status: 'draining', reach: 'online', drain: { state: 'moved' } })
    expect(site.gates()).toEqual({ edge: null, master: expect.any(Number) as number })
    expect(site.overlapMs).toBe(0)
    expect(await undrain()).toMatchObject({ moved: true })
    expect(site.gates().master).toBe(null)
  })

  it('is not given back by hand, at the master or at the edge', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    await fleetOf(site).drain()
    await expect(site.answer(site.masterDo()['edges.restore']({ edge: EDGE }, admin))).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('draining') as string,
      hint: 'holdfast fleet undrain berlin',
    })
    await expect(site.answer(site.edgeDo()['edges.restore']({ edge: EDGE }, admin))).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('draining') as string,
    })
    expect(site.gates()).toEqual({ edge: null, master: 2 })
  })

  it('drives alone while it is cut off, and is moved again when its link has been stable', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 600_000 }, { hasFleet: true })
    const { node, drain } = fleetOf(site)
    await drain()
    site.pull()
    await site.until('the edge drives', () => site.gates().edge !== null)
    site.plug()
    await site.until('the master drives', () => site.gates().master !== null && site.gates().edge === null)
    await site.pass(20_000)
    expect(site.gates().edge).toBe(null)
    expect(node()).toMatchObject({ status: 'draining', drain: { state: 'moved' } })
  })

  it('is still draining after a restart of the master, and its site comes back to the master', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 600_000 }, { hasFleet: true })
    const { drain } = fleetOf(site)
    await drain('new disk')
    await site.killMaster()
    await site.until('the edge drives by itself', () => site.gates().edge !== null)
    await site.startMaster()
    expect(fleetOf(site).node()).toMatchObject({ status: 'draining', drain: { reason: 'new disk' } })
    await site.until('the master drives', () => site.gates().master !== null && site.gates().edge === null)
    expect(fleetOf(site).node()).toMatchObject({ status: 'draining', drain: { state: 'moved' } })
    expect(await fleetOf(site).undrain()).toMatchObject({ moved: true })
    expect(site.gates().edge).not.toBe(null)
  })

  it('is still draining when the master ends before its site was given back', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 600_000 }, { hasFleet: true })
    await fleetOf(site).drain()
    const asked = Promise.resolve(
      site.fleetDo()['fleet.drainNode']({ nodeId: 'Berlin', draining: false, reason: '' }, operator),
    ).catch(() => null)
    await site.killMaster()
    await asked
    await site.startMaster()
    expect(fleetOf(site).node()).toMatchObject({ status: 'draining' })
    await site.until('the master drives', () => site.gates().master !== null && site.gates().edge === null)
    expect(fleetOf(site).node()).toMatchObject({ status: 'draining', drain: { state: 'moved' } })
    expect(await fleetOf(site).undrain()).toMatchObject({ moved: true, node: { drain: null } })
  })

  it('waits for an edge that is away, and moves it when it is back and drives', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 600_000 }, { hasFleet: true })
    const { drain } = fleetOf(site)
    site.pull()
    await site.pass(10_000)
    const asked = await drain()
    expect(asked).toMatchObject({ moved: false, detail: 'the edge cannot be reached' })
    expect(asked.node.drain).toMatchObject({ state: 'waiting' })
    site.plug()
    await site.until('the master drives', () => site.gates().master !== null && site.gates().edge === null)
  })

  it('takes no new work, and keeps what it has', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    const { drain, undrain } = fleetOf(site)
    await drain()
    const apply = (...bodies: [string, Record<string, unknown>][]) =>
      refused(() =>
        site
          .masterDo()
          ['documents.apply'](
            { changes: bodies.map(([kind, body]) => ({ op: 'put', kind, body })) as never, dryRun: false },
            admin,
          ),
      )
    const horn: [string, Record<string, unknown>] = [
      'module',
      { id: 'horn', name: 'horn', driver: 'tcp-line', uri: 'tcp://127.0.0.1:2' },
    ]
    const hall: [string, Record<string, unknown>] = [
      'system',
      { id: 'hall', name: 'Hall', edgeId: EDGE, modules: ['horn'] },
    ]
    const room = { id: 'room', name: 'Room', edgeId: EDGE }
    expect(await apply(horn, hall)).toBe('refused')
    expect(await apply(horn, ['system', { ...room, modules: ['switcher', 'lamp', 'horn'] }])).toBe('refused')
    expect(await apply(['edge', { id: EDGE, name: 'Berlin', failover: false, timeoutMs, stableForMs: 1_000 }])).toBe(
      'refused',
    )
    expect(await refused(() => site.masterDo()['systems.start']({ system: 'room' }, admin))).toBe('refused')
    expect(await apply(horn, ['system', { ...room, name: 'The room', modules: ['switcher'] }])).toBe('done')
    expect(await refused(() => site.masterDo()['systems.stop']({ system: 'room' }, admin))).toBe('done')
    expect(await undrain()).toMatchObject({ moved: true })
    expect(await apply(['system', { ...room, modules: ['switcher', 'horn'] }])).toBe('done')
  })

  it('is not drained at all where the master may never drive, and told where it may no longer', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs, failover: false }, { hasFleet: true })
    const { drain, node } = fleetOf(site)
    await expect(drain()).rejects.toMatchObject({ code: 'refused', hint: 'Set failover=true first.' })
    expect(node()).toMatchObject({ status: 'online', drain: null })
  })
})

describe('whoever drains a node', () => {
  it('of an edge with admins of its own is one of them, or an administrator', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    const user = (id: string) => ({
      op: 'put' as const,
      kind: 'user' as const,
      body: { id, name: id, role: 'viewer' } as never,
    })
    const put = site.journal.change([user('kim'), user('lee')], { actor: 'test' })
    expect(put).toMatchObject({ ok: true })
    site.apply({ timeoutMs, admins: ['kim'] })
    const as = (caller: object, draining: boolean) =>
      refused(() =>
        site.answer(
          site.fleetDo()['fleet.drainNode'](
            { nodeId: 'berlin', draining, reason: '' },
            {
              ...operator,
              ...caller,
            },
          ),
        ),
      )
    const kim = { edgeAdminAs: 'kim' }
    expect(await as({}, true)).toBe('forbidden')
    expect(await as({ edgeAdminAs: 'lee' }, true)).toBe('forbidden')
    expect(site.gates()).toEqual({ edge: 1, master: null })
    expect(await as(kim, true)).toBe('done')
    expect(site.gates()).toEqual({ edge: null, master: 2 })
    expect(await as({}, false)).toBe('forbidden')
    const fleet = site.fleetDo()
    expect(await refused(() => fleet['fleet.removeNode']({ nodeId: 'berlin' }, operator))).toBe('forbidden')
    expect(await refused(() => fleet['fleet.setRole']({ nodeId: 'berlin', role: 'master' }, operator))).toBe(
      'forbidden',
    )
    expect(
      await refused(() => fleet['fleet.setRole']({ nodeId: 'berlin', role: 'master' }, { ...operator, ...kim })),
    ).toBe('done')
    const here = { address: '192.0.2.5', port: 7421 }
    expect(
      await refused(() => fleet['fleet.registerNode']({ ...here, ofEdge: 'berlin' }, { ...operator, ...kim })),
    ).toBe('done')
    expect(await refused(() => fleet['fleet.registerNode']({ ...here, hostname: 'mine' }, operator))).toBe('forbidden')
    expect(await as({ role: 'admin' }, false)).toBe('done')
    expect(site.gates()).toEqual({ edge: 3, master: null })
  })

  it('cannot drain the master itself, remove a node that is draining, or change what is always there', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    await site.pass(3_000)
    const fleet = site.fleetDo()
    const asks = [
      () => fleet['fleet.drainNode']({ nodeId: 'local', draining: true, reason: '' }, operator),
      () => fleet['fleet.setRole']({ nodeId: 'plane-1', role: 'slave' }, operator),
      () => fleet['fleet.removeNode']({ nodeId: 'local' }, operator),
    ]
    for (const ask of asks) expect(await refused(ask)).toBe('refused')
    expect(fleet['fleet.getNode']({ nodeId: 'local' }, operator)).toMatchObject({ isLocal: true, role: 'master' })
    await fleetOf(site).drain()
    expect(await refused(() => fleet['fleet.removeNode']({ nodeId: 'berlin' }, operator))).toBe('conflict')
  })

  it('may undrain it while it is away: the master drives on until control is restored', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    const { drain, undrain, node } = fleetOf(site)
    await drain()
    await site.killEdge()
    await site.pass(15_000)
    const done = await undrain()
    expect(done).toMatchObject({ moved: false, node: { drain: null } })
    expect(done.detail).toContain('until control is restored')
    await site.startEdge()
    await site.pass(10_000)
    expect(site.gates().edge).toBe(null)
    await site.answer(site.masterDo()['edges.restore']({ edge: EDGE }, admin))
    expect(site.gates().master).toBe(null)
    expect(node().status).toBe('online')
  })
})

describe('a node of the fleet', () => {
  it('is offline by time alone, 90 s after its last heartbeat, and online with the next', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    const { node } = fleetOf(site)
    await site.pass(4_000)
    await site.killEdge()
    const lastSeen = node()['lastSeen'] as number
    await site.pass(8_000)
    expect(node().status).toBe('online')
    await site.pass(4_000)
    expect(node()).toMatchObject({
      ...{ status: 'degraded', cause: 'its heartbeats are late', said: { key: 'late', params: {} } },
    })
    await site.pass(74_000)
    expect(node().status).toBe('degraded')
    await site.pass(6_000)
    expect(node()).toMatchObject({ status: 'offline', statusSince: lastSeen + 90_000, lastSeen })
    expect(site.fleetDo()['fleet.getSummary']({}, operator)).toMatchObject({
      worst: 'offline',
      byStatus: [
        { status: 'offline', nodes: 1 },
        { status: 'online', nodes: 1 },
      ],
      leader: { id: 'plane-1' },
      attention: [{ edgeName: 'Berlin', status: 'offline' }],
    })
    await site.startEdge()
    await site.pass(5_000)
    expect(node().status).toBe('online')
  })

  it('tells how it is every two seconds, with its answer to every other ping', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    const { node } = fleetOf(site)
    const seen = new Set<unknown>()
    for (let n = 0; n < 200; n++) {
      await site.pass(100)
      seen.add(node().lastSeen)
    }
    // By itself, without the pings, it would wait half a second for each of them.
    expect([10, 11]).toContain(seen.size)
  })

  it('is told live, a page at a time, to whoever listens and to nobody else', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    const page = { statuses: ['draining' as const], offset: 0, limit: 1, sort: 'status' as const, isDescending: false }
    const heard: string[] = []
    const stop = site.masterLife.fleet!.members.subscribe(
      page,
      ({ nodes, total, summary }) =>
        void heard.push(
          [...nodes.map(({ status, drain }) => `${status} ${drain?.state}`), total, summary.worst].join(' '),
        ),
    )
    expect(heard).toEqual(['0 online'])
    await fleetOf(site).drain()
    await site.pass(3_000)
    expect(heard.at(-1)).toBe('draining moved 1 draining')
    // A heartbeat each two seconds is told no more often than once a second.
    expect(heard.length).toBeLessThan(6)
    stop()
    const before = heard.length
    await fleetOf(site).undrain()
    await site.pass(5_000)
    expect(heard).toHaveLength(before)
  })

  it('that was removed does not come back by its heartbeats, and comes back when it joins again', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs }, { hasFleet: true })
    await site.pass(3_000)
    await site.fleetDo()['fleet.removeNode']({ nodeId: 'berlin' }, operator)
    await site.pass(10_000)
    const page = { offset: 0, limit: 50, sort: 'name', isDescending: false } as const
    expect(site.fleetDo()['fleet.listNodes'](page, operator)).toMatchObject({ nodes: [], total: 0 })
    site.masterLife.fleet?.members.joined(EDGE)
    await site.pass(3_000)
    expect(site.fleetDo()['fleet.listNodes'](page, operator)).toMatchObject({ total: 2 })
  })
})
