import { describe, expect, it } from 'vitest'
import { admin, EDGE, ScenarioSite } from '../support/scenario-site'

const timeoutMs = 10_000
const operator = { actor: 'cli:grace', role: 'operator' } as const

describe('a pause', () => {
  it('keeps the take-over away until it expires, and then the timer runs in full', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.answer(site.masterDo()['edges.pause']({ edge: EDGE, reason: 'new switch', forMs: 30_000 }, admin))
    await site.killEdge()
    await site.pass(25_000)
    expect(site.masterView()).toMatchObject({ takeOverAt: null, paused: { reason: 'new switch' } })
    await site.pass(7_000)
    expect(site.masterView().paused).toBeNull()
    expect(site.masterView().takeOverAt).toBeGreaterThan(site.clock.wall + 7_000)
    await site.pass(10_000)
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.1 s: nobody drives",
        "40.0 s: master decides take-over master@2",
        "40.0 s: master@2 drives",
      ]
    `)
  })

  it('keeps a hand-back away while it lasts, also on a live link, and can be asked for at the edge', async () => {
    await using site = await ScenarioSite.linked({
      timeoutMs,
      ...{ windowStart: '1 8 * * *', windowLengthS: 3_600, windowTimeZone: 'UTC' },
    })
    await site.killEdge()
    await site.pass(12_000)
    await site.startEdge()
    await site.pass(3_000)
    await site.answer(site.edgeDo()['edges.pause']({ reason: 'tests', forMs: null }, operator))
    await site.pass(120_000)
    expect(site.masterView()).toMatchObject({ window: { open: true }, paused: { until: null, reason: 'tests' } })
    expect(site.gates()).toEqual({ edge: null, master: 2 })
    expect(site.journal.entries({ limit: 1 })[0]?.actor).toBe(`edge:${EDGE}/cli:grace`)
    await site.answer(site.edgeDo()['edges.resume']({}, operator))
    await site.pass(40_000)
    expect(site.gates()).toEqual({ edge: 3, master: null })
  })
})

describe('failover switched off', () => {
  it('gives control back at once when the master drives a linked edge', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    await site.pass(5_000)
    site.mark()
    const set = { edge: 'Berlin', values: { failover: false }, create: false, dryRun: false }
    await site.answer(site.masterDo()['edges.set'](set, admin))
    await site.pass(5_000)
    expect(site.gates()).toEqual({ edge: 3, master: null })
    expect(site.transcript).toMatchInlineSnapshot(`
      [
        "0.0 s: master decides T7 none@2 open",
        "0.1 s: nobody drives",
        "0.1 s: master decides T7 none@3 open",
        "0.1 s: edge decides T7 edge@3",
        "0.1 s: master decides T7 edge@3",
        "0.1 s: edge@3 drives",
      ]
    `)
    await expect(site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))).rejects.toMatchObject({
      code: 'refused',
      hint: 'Set failover=true first.',
    })
  })

  it('is refused while the master drives an edge that is away, and an edge without it is never taken over', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killEdge()
    await site.pass(12_000)
    const off = { edge: 'Berlin', values: { failover: false }, create: false, dryRun: false }
    await expect(
      site.answer(Promise.resolve().then(() => site.masterDo()['edges.set'](off, admin))),
    ).rejects.toMatchObject({
      code: 'busy',
    })
    await site.startEdge()
    await site.pass(3_000)
    await site.answer(site.masterDo()['edges.set'](off, admin))
    await site.pass(5_000)
    await site.killEdge()
    site.mark()
    await site.pass(60_000)
    expect(site.transcript).toEqual(['0.1 s: nobody drives'])
    expect(site.masterView()).toMatchObject({ takeOverAt: null, control: { holder: 'edge' } })
  })
})

describe('documents', () => {
  it('change what the master drives, and reach the edge before it gets control back', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killEdge()
    await site.pass(12_000)
    const runtime = site.masterLife.runtimes.made.get(EDGE)
    const set = (body: Record<string, unknown>, kind: 'module' | 'system') =>
      site.journal.change([{ op: 'put', kind, body: body as never }], { actor: 'test' })
    set({ id: 'horn', name: 'horn', driver: 'tcp-line', uri: 'tcp://127.0.0.1:2' }, 'module')
    set({ id: 'room', name: 'Room', edgeId: EDGE, modules: ['switcher', 'horn'] }, 'system')
    await site.pass(500)
    expect(runtime?.views().map(({ id }) => id)).toEqual(['switcher', 'horn'])
    await site.startEdge()
    await site.pass(3_000)
    await site.answer(site.masterDo()['edges.restore']({ edge: EDGE }, admin))
    await site.pass(1_000)
    expect(site.edgeView().modules.map(({ id, connected }) => [id, connected])).toEqual([
      ['switcher', true],
      ['horn', true],
    ])
    expect(site.masterView().modules.map(({ id }) => id)).toEqual(['switcher', 'horn'])
  })

  it('rename an edge without a break, remove fields that are set to null, and never change an id', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs, description: 'by the river' })
    const set = (values: Record<string, unknown>) =>
      Promise.resolve().then(() =>
        site.masterDo()['edges.set']({ edge: EDGE, values: values as never, create: false, dryRun: false }, admin),
      )
    await site.answer(set({ name: 'Hamburg', timeoutMs: null }))
    await site.pass(2_000)
    expect(site.edge.name).toBe('Hamburg')
    expect(site.master.site('Hamburg').document).toMatchObject({ id: EDGE, timeoutMs: 20_000 })
    expect(site.transcript).toEqual([])
    await expect(set({ id: 'other' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(set({ windowStart: 'now and then', windowLengthS: 60 })).rejects.toMatchObject({ code: 'invalid' })
    expect([...site.master.sites.keys()]).toEqual([EDGE])
  })

  it('move no module away from, or to, an edge that is not linked, and say what to do', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const change = (changes: unknown[]) =>
      site.answer(
        Promise.resolve().then(() =>
          site.masterDo()['documents.apply']({ changes: changes as never, dryRun: false }, admin),
        ),
      )
    const put = (kind: string, body: object) => ({ op: 'put', kind, body })
    await change([put('edge', { id: 'oslo', name: 'Oslo' })])
    const moved = [
      put('system', { id: 'room', name: 'Room', edgeId: EDGE, modules: ['switcher'] }),
      put('system', { id: 'hall', name: 'Hall', edgeId: 'oslo', modules: ['lamp'] }),
    ]
    await expect(change(moved)).rejects.toMatchObject({
      code: 'busy',
      message: 'The module "lamp" would come to "Oslo", which is not linked: nobody would drive it.',
      hint: expect.stringContaining('holdfast invite --edge "Oslo"'),
    })
    await site.killEdge()
    await site.pass(12_000)
    await expect(change(moved)).rejects.toMatchObject({
      code: 'busy',
      message: 'The module "lamp" would leave "Berlin", which is not linked and may go on driving it.',
      hint: expect.stringContaining('gone for good'),
    })
    // As the hint says.
    await change([{ op: 'delete', kind: 'system', id: 'room' }])
    await change(moved.slice(1))
    expect(site.journal.get('system', 'hall')?.body.edgeId).toBe('oslo')
  })

  it('are not told to strangers with their passwords, and a bad schedule is refused by field', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const settings = { password: 'projector-word', nested: { apiKey: 'k', port: 1 }, list: ['a'] }
    const uri = 'tcp://user:door@127.0.0.1:1'
    site.journal.change(
      [{ op: 'put', kind: 'module', body: { id: 'lamp', name: 'lamp', driver: 'tcp-line', uri, settings } }],
      {
        actor: 'test',
      },
    )
    await site.pass(1_000)
    for (const operations of [site.masterDo(), site.edgeDo()]) {
      const seen = JSON.stringify(
        await operations['documents.export']({ kinds: ['module'] }, { actor: 'b', role: 'viewer' }),
      )
      expect(seen).not.toMatch(/projector-word|door|"k"/)
      expect(seen).toContain('"port":1')
      const whole = JSON.stringify(await operations['documents.export']({ kinds: ['module'] }, admin))
      expect(whole).toContain('projector-word')
      const preview = (windowStart: string, windowLengthS: number) =>
        Promise.resolve().then(() => operations['windows.preview']({ windowStart, windowLengthS }, admin))
      await expect(preview('61 * * * *', 600)).rejects.toMatchObject({
        code: 'invalid',
        details: { problems: [{ field: 'windowStart' }] },
      })
      await expect(preview('0 2 * * *', 5)).rejects.toMatchObject({
        details: { problems: [{ field: 'windowLengthS' }] },
      })
      expect((await preview('0 2 * * *', 600)).openings).toHaveLength(5)
    }
  })
})

describe('an edge that is removed', () => {
  it('is closed out within a second and goes on driving; the same id made again lets it in only when it has joined again', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    site.journal.change(
      [
        { op: 'delete', kind: 'system', id: 'room' },
        { op: 'delete', kind: 'edge', id: EDGE },
      ],
      { actor: 'test' },
    )
    await site.pass(1_000)
    expect(site.master.sites.size).toBe(0)
    expect(site.edgeView()).toMatchObject({ link: { state: 'refused' }, control: { holder: 'edge' } })
    await site.pass(10_000)
    expect(site.gates()).toEqual({ edge: 1, master: null })
    expect(site.edgeView().link.reason).toMatch(/^removed: /)
    expect(site.edgeView().needs).toMatchObject([
      { code: 'removed', severity: 'critical', text: expect.stringContaining('holdfast join CODE') as string },
    ])
    site.apply({ timeoutMs })
    await site.pass(60_000)
    expect(site.edgeView()).toMatchObject({ link: { state: 'refused' }, control: { holder: 'edge' } })
    expect(site.masterView()).toMatchObject({ enrolled: false, takeOverAt: null })
    expect(site.gates()).toEqual({ edge: 1, master: null })
    site.desk.join(EDGE)
    await site.pass(6_000)
    expect(site.masterView()).toMatchObject({ link: { state: 'connected' }, control: { holder: 'edge' } })
  })

  it('cannot be removed while the master drives it', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.killEdge()
    await site.pass(12_000)
    const changes = [
      { op: 'delete', kind: 'system', id: 'room' },
      { op: 'delete', kind: 'edge', id: EDGE },
    ] as const
    const apply = () => site.masterDo()['documents.apply']({ changes: [...changes], dryRun: false }, admin)
    expect(apply).toThrow(expect.objectContaining({ code: 'busy' }))
    expect(site.gates().master).toBe(2)
  })
})

describe('an edge that is revoked', () => {
  it('is closed out at once, goes on driving, and is not taken over until it is joined again', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    await site.answer(site.masterDo()['edges.revoke']({ edge: EDGE, reason: 'x'.repeat(500) }, admin))
    await site.pass(1_000)
    expect(site.edgeView()).toMatchObject({ link: { state: 'refused' }, control: { holder: 'edge' } })
    expect(site.masterView()).toMatchObject({ revoked: true, paused: { until: null }, takeOverAt: null })
    expect(site.masterView().paused?.reason).toMatch(/^revoked: x+$/)
    const codes = site.masterView().needs.map(({ code }) => code)
    expect(codes).toContain('revoked')
    expect(codes).not.toContain('edge-lost')
    const resume = () => site.masterDo()['edges.resume']({ edge: EDGE }, operator)
    expect(resume).toThrow(expect.objectContaining({ code: 'conflict' }))
    await site.killEdge()
    site.mark()
    await site.pass(60_000)
    expect(site.transcript).toEqual(['0.1 s: nobody drives'])
  })

  it('is revoked also when the journal cannot be written', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs })
    const { change } = site.journal
    site.journal.change = () => {
      throw new Error('disk full')
    }
    await site.answer(site.masterDo()['edges.revoke']({ edge: EDGE, reason: '' }, admin))
    site.journal.change = change
    await site.pass(30_000)
    expect(site.masterView()).toMatchObject({ revoked: true, paused: { reason: 'revoked' }, takeOverAt: null })
    expect(site.gates()).toEqual({ edge: 1, master: null })
  })
})
