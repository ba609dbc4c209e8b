import { describe, expect, it } from 'vitest'
import { admin, EDGE, ScenarioSite } from '../support/scenario-site'

const timeoutMs = 10_000

describe('a link that comes and goes', () => {
  it('leaves a new edge at the epoch it began with, and restarts nothing when the link breaks for a moment', async () => {
    await using site = new ScenarioSite()
    await site.startMaster()
    site.apply({ timeoutMs })
    await site.startEdge()
    await site.pass(3_000)
    expect(site.transcript).toEqual([
      '0.0 s: edge decides T6 edge@1',
      '0.0 s: master decides T6 edge@1',
      '0.1 s: edge@1 drives',
    ])
    site.mark()
    const loosen = async () => {
      site.edge.control.session?.close('a loose cable')
      await site.pass(6_000)
    }
    await loosen()
    expect(site.transcript).toEqual(['3.1 s: edge decides T1 edge@1', '3.1 s: master decides T1 edge@1'])
    await loosen()
    expect(site.transcript).toHaveLength(2)
    expect(site.masterView()).toMatchObject({ link: { state: 'connected' }, control: { holder: 'edge', epoch: 1 } })
    expect(site.edgeLife().runtimes.made.get(EDGE)).toMatchObject({ starts: 1, stops: 0 })
    expect(site.gates()).toEqual({ edge: 1, master: null })
  })

  it('takes over after the timeout, keeps control when the edge is back, and gives it back when asked', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killEdge()
    await site.pass(12_000)
    await site.startEdge()
    await site.pass(3_000)
    expect(site.edgeView().control).toMatchObject({ holder: 'master', epoch: 2, rule: 'T8' })
    const restored = await site.answer(site.masterDo()['edges.restore']({ edge: 'Berlin' }, admin))
    expect(restored).toMatchObject({ holder: 'edge', epoch: 3, outcome: 'done' })
    await site.pass(1_000)
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "10.0 s: master decides take-over master@2",
        "10.0 s: master@2 drives",
        "12.0 s: edge decides T8 master@2",
        "12.0 s: master decides T8 master@2",
        "12.0 s: edge decides take-over master@2",
        "15.1 s: nobody drives",
        "15.1 s: master decides restore none@3 open",
        "15.1 s: edge decides restore edge@3",
        "15.1 s: master decides restore edge@3",
        "15.1 s: edge@3 drives",
      ]
    `)
    for (const side of ['edge', 'master'] as const)
      expect(site.decisions(side).find(({ id }) => id === restored.decisionId)).toMatchObject({
        rule: 'restore',
        actor: 'console:ada',
        outcome: 'done',
      })
    expect(site.overlapMs).toBe(0)
  })

  it('gives control back by itself when the window opens, not before the link is stable, and once', async () => {
    // The scenario begins at 08:00 UTC.
    await using site = await ScenarioSite.linked({
      timeoutMs,
      windowStart: '2 8 * * *',
      windowLengthS: 600,
      windowTimeZone: 'UTC',
      stableForMs: 20_000,
    })
    await site.killEdge()
    await site.pass(12_000)
    await site.startEdge()
    await site.pass(60_000)
    expect(site.gates()).toEqual({ edge: null, master: 2 })
    expect(site.masterView()).toMatchObject({
      control: { holder: 'master', rule: 'take-over' },
      window: { open: false },
    })
    const drill = site.masterDo()['edges.preview']({ edge: 'Berlin', assume: { window: 'in' } }, admin)
    expect(await drill).toMatchObject({ rule: 'T3', winner: 'edge' })
    await site.until('the window has opened', () => site.masterView().window.open, 300_000)
    await site.pass(2_000)
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "10.0 s: master decides take-over master@2",
        "10.0 s: master@2 drives",
        "12.0 s: edge decides T5 master@2",
        "12.0 s: master decides T5 master@2",
        "12.0 s: edge decides take-over master@2",
        "117.0 s: master decides T3 none@2 open",
        "117.0 s: nobody drives",
        "117.1 s: master decides T3 none@3 open",
        "117.1 s: edge decides T3 edge@3",
        "117.1 s: master decides T3 edge@3",
        "117.1 s: edge@3 drives",
      ]
    `)
  })

  it('drives by the 3 s rule when the master is gone, and is left to it when the master is back', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killMaster()
    await site.killEdge()
    await site.pass(1_000)
    await site.startEdge()
    await site.pass(8_000)
    expect(site.edgeView()).toMatchObject({ link: { state: 'lost' }, control: { holder: 'edge', epoch: 1 } })
    await site.startMaster()
    await site.pass(10_000)
    expect(site.masterView()).toMatchObject({ link: { state: 'connected' }, control: { holder: 'edge', epoch: 1 } })
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "4.2 s: edge@1 drives",
        "10.4 s: edge decides T1 edge@1",
        "10.4 s: master decides T1 edge@1",
      ]
    `)
  })

  it('lets both drive while a partition lasts longer than the timeout, and only the edge after it', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.pull()
    await site.pass(20_000)
    expect(site.gates()).toEqual({ edge: 1, master: 2 })
    site.plug()
    await site.pass(6_000)
    expect(site.gates().master).toBeNull()
    const contested = site.decisions('edge').find((decision) => decision.contested !== null)
    expect(contested).toMatchObject({ rule: 'T2', winner: 'edge' })
    expect(site.decisions('master').find(({ id }) => id === contested?.id)?.contested).not.toBeNull()
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "13.0 s: master decides take-over master@2",
        "13.0 s: edge@1 and master@2 drives",
        "20.1 s: edge decides T2 edge@3 contested",
        "20.1 s: master decides T2 edge@3 contested",
        "20.1 s: edge decides take-over master@2",
        "20.1 s: edge@3 drives",
      ]
    `)
  })
})

describe('an edge that was alone for a moment', () => {
  it('is left its site when a device answered it right before the line was back', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 60_000 })
    await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    site.edgeLife().runtimes.faults.connectMs = 150
    site.pull()
    for (let waited = 0; waited < 20_000 && !site.edge.control.drives; waited += 10) await site.pass(10)
    expect(site.edge.control.drives).toBe(true)
    // Its modules tell of their changes at most every 100 ms: this one is told after the line is back.
    await site.pass(160)
    site.plug()
    await site.pass(3_000)
    expect(site.edgeView().control).toMatchObject({ holder: 'edge', epoch: 3 })
  })
})

describe('a master that starts again', () => {
  it('goes on driving at once what no edge has been linked to since it took over', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killEdge()
    await site.pass(12_000)
    await site.killMaster()
    await site.pass(2_000)
    await site.startMaster()
    expect(site.masterView().link.state).toBe('unknown')
    expect(() => site.masterDo()['edges.list']({}, admin)).toThrow(expect.objectContaining({ code: 'loading' }))
    await site.pass(7_000)
    expect(site.masterView()).toMatchObject({ link: { state: 'lost' }, control: { holder: 'master', epoch: 2 } })
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "10.0 s: master decides take-over master@2",
        "10.0 s: master@2 drives",
        "12.1 s: nobody drives",
        "20.0 s: master@2 drives",
      ]
    `)
  })

  it('waits for the timeout where the edge stood by, and leaves the site to the edge that drives meanwhile', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    await site.pass(5_000)
    site.mark()
    await site.killMaster()
    await site.pass(15_000)
    expect(site.gates().edge).toBe(3)
    await site.startMaster()
    await site.pass(10_000)
    expect(site.gates()).toEqual({ edge: 3, master: null })
    // Both tell by what the edge drives, not by what the master drove before.
    const told = { holder: 'edge', epoch: 3, rule: 'autonomy' }
    expect([site.edgeView().control, site.masterView().control]).toMatchObject([told, told])
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "3.0 s: edge decides autonomy edge@3",
        "3.0 s: edge@3 drives",
        "15.7 s: edge decides T2 edge@3",
        "15.7 s: master decides T2 edge@3",
        "15.7 s: master decides autonomy edge@3",
      ]
    `)
  })
})

describe('control moved by hand', () => {
  it('moves at the master and at the edge, and both tell who asked', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const over = await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    expect(over).toMatchObject({ holder: 'master', epoch: 2, outcome: 'done' })
    await site.pass(2_000)
    const back = await site.answer(site.edgeDo()['edges.restore']({}, { actor: 'cli:grace', role: 'operator' }))
    expect(back).toMatchObject({ holder: 'edge', epoch: 3, outcome: 'done' })
    await site.pass(2_000)
    const again = await site.answer(site.edgeDo()['edges.failover']({}, { actor: 'cli:grace', role: 'operator' }))
    expect(again).toMatchObject({ holder: 'master', epoch: 4, outcome: 'done' })
    await site.pass(1_000)
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "0.1 s: edge decides fail-over none@2 open",
        "0.1 s: master decides fail-over master@2",
        "0.1 s: edge decides fail-over master@2",
        "0.1 s: edge decides T8 master@2",
        "0.1 s: master decides T8 master@2",
        "0.1 s: master@2 drives",
        "2.1 s: nobody drives",
        "2.2 s: master decides restore none@3 open",
        "2.2 s: edge decides restore edge@3",
        "2.2 s: master decides restore edge@3",
        "2.2 s: edge@3 drives",
        "4.3 s: nobody drives",
        "4.3 s: edge decides fail-over none@4 open",
        "4.3 s: master decides fail-over master@4",
        "4.3 s: edge decides fail-over master@4",
        "4.3 s: edge decides T8 master@4",
        "4.3 s: master decides T8 master@4",
        "4.3 s: master@4 drives",
      ]
    `)
    for (const side of ['edge', 'master'] as const)
      expect(site.decisions(side).find(({ id }) => id === back.decisionId)?.actor).toBe(`edge:${EDGE}/cli:grace`)
    expect(site.overlapMs).toBe(0)
  })

  it('refuses what cannot be, with the reason', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const { masterDo, edgeDo } = { masterDo: site.masterDo(), edgeDo: site.edgeDo() }
    const refusal = (asked: unknown) => expect(site.answer(asked)).rejects
    await refusal(masterDo['edges.restore']({ edge: EDGE }, admin)).toMatchObject({ code: 'refused' })
    await refusal(edgeDo['edges.restore']({}, admin)).toMatchObject({ code: 'refused' })
    await refusal(masterDo['edges.failover']({ edge: EDGE, expectedEpoch: 7 }, admin)).toMatchObject({
      code: 'stale-epoch',
    })
    await refusal(masterDo['edges.force']({ edge: EDGE, confirm: 'Berlin' }, admin)).toMatchObject({ code: 'refused' })
    site.edgeLife().runtimes.faults.stopMs = 2_000
    const running = Promise.resolve(masterDo['edges.failover']({ edge: EDGE }, admin))
    await site.pass(500)
    await refusal(masterDo['edges.restore']({ edge: EDGE }, admin)).toMatchObject({ code: 'refused' })
    await refusal(edgeDo['edges.restore']({}, admin)).toMatchObject({ code: 'busy' })
    const joined = await site.answer(edgeDo['edges.failover']({}, admin))
    expect(joined).toEqual(await site.answer(running))
    site.pull()
    await site.pass(6_000)
    await refusal(masterDo['edges.restore']({ edge: EDGE }, admin)).toMatchObject({ code: 'link-lost' })
  })

  it('can be asked again and again after refusals, because none of them leaves anything behind', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const restore = site.masterDo()['edges.restore']
    for (let times = 0; times < 1_100; times++)
      await expect(Promise.resolve(restore({ edge: EDGE }, admin))).rejects.toMatchObject({ code: 'refused' })
    const over = await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    expect(over).toMatchObject({ outcome: 'done' })
  })

  it('is forced only while the edge is away and its name is typed, and the edge takes the site back when it is there again', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 3_600_000 })
    site.pull()
    await site.pass(8_000)
    const force = site.masterDo()['edges.force']
    expect(() => force({ edge: EDGE, confirm: 'berlin' }, admin)).toThrow('Berlin')
    expect(await site.answer(force({ edge: EDGE, confirm: 'Berlin' }, admin))).toMatchObject({ epoch: 2 })
    await site.pass(2_000)
    expect(site.gates()).toEqual({ edge: 1, master: 2 })
    site.plug()
    await site.pass(6_000)
    expect(site.gates().master).toBeNull()
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "8.0 s: master decides force master@2",
        "8.1 s: edge@1 and master@2 drives",
        "10.1 s: edge decides T2 edge@3 contested",
        "10.1 s: master decides T2 edge@3 contested",
        "10.1 s: edge decides force master@2",
        "10.1 s: edge@3 drives",
      ]
    `)
  })

  it('tells the side that asked when the other could not stop its modules', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.edgeLife().runtimes.faults.stopMs = 30_000
    const asked = await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    expect(asked).toMatchObject({ outcome: 'failed', holder: 'edge' })
    expect(site.decisions('master').map(({ id }) => id)).toContain(asked.decisionId)
    await site.pass(30_000)
    expect(site.gates()).toEqual({ edge: 1, master: null })
  })
})

describe('a host that stands ready', () => {
  const spares = (site: ScenarioSite) => ({
    edge: site.edgeLife().runtimes.made.get(EDGE)?.hasSpare ?? false,
    master: site.masterLife.runtimes.made.get(EDGE)?.hasSpare ?? false,
  })

  it('is kept at nobody who has no reason to drive soon', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.pass(60_000)
    expect(spares(site)).toEqual({ edge: false, master: false })
    expect(site.masterLife.runtimes.made.has(EDGE)).toBe(false)
  })

  it.each([
    ['master', (site: ScenarioSite) => site.masterDo()['edges.failover']({ edge: 'Berlin' }, admin)],
    ['edge', (site: ScenarioSite) => site.edgeDo()['edges.failover']({}, admin)],
  ])('is there before the edge lets go, whoever asks for it: the %s', async (_who, failOver) => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const taken: boolean[] = []
    site.edgeLife().runtimes.made.get(EDGE)!.onStop = () => taken.push(spares(site).master)
    expect(await site.answer(failOver(site))).toMatchObject({ holder: 'master', outcome: 'done' })
    expect(taken).toEqual([true])
    await site.pass(1_000)
    expect(spares(site)).toEqual({ edge: true, master: false })
    await site.answer(site.masterDo()['edges.restore']({ edge: 'Berlin' }, admin))
    await site.pass(10_000)
    expect(spares(site)).toEqual({ edge: false, master: false })
  })

  it('is given up again where the fail-over comes to nothing', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const stale = site.masterDo()['edges.failover']({ edge: 'Berlin', expectedEpoch: 7 }, admin)
    await expect(site.answer(stale)).rejects.toMatchObject({ code: 'stale-epoch' })
    await site.pass(6_000)
    expect(spares(site)).toEqual({ edge: false, master: false })
  })

  it('is made 2 s before a take-over, and given up when the edge comes back in time', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killEdge()
    await site.pass(7_500)
    const made = () => site.masterLife.runtimes.made.get(EDGE)?.hasSpare ?? false
    expect(made()).toBe(false)
    await site.pass(1_000)
    expect(made()).toBe(true)
    await site.startEdge()
    await site.pass(3_000)
    expect(made()).toBe(false)
    expect(site.masterView().control.holder).toBe('edge')
    await site.killEdge()
    await site.until('the master drives', () => site.gates().master !== null)
    expect(made()).toBe(false)
  })

  it('waits until the hosts of a predecessor are gone', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.answer(site.masterDo()['edges.failover']({ edge: 'Berlin' }, admin))
    await site.pass(1_000)
    await site.killEdge()
    await site.startEdge('machine-1', ({ runtimes }) => (runtimes.faults.failPredecessors = 1))
    await site.pass(3_000)
    expect(spares(site).edge).toBe(false)
    expect(site.logged.join()).toContain('No spare module host')
  })
})
