import { describe, expect, it } from 'vitest'
import { admin, EDGE, ScenarioSite } from '../../support/scenario-site'

/** What a drill says just before both sides negotiate must be what they decide. */
async function drillAndNegotiate(site: ScenarioSite) {
  const drill = await site.masterDo()['edges.preview']({ edge: EDGE, assume: {} }, admin)
  site.edge.control.session?.close('a new negotiation')
  await site.until('they are linked again', () => site.masterView().link.state === 'lost')
  await site.until('they are linked again', () => site.masterView().link.state === 'connected')
  await site.pass(200)
  const { link } = site.master.site(EDGE).control.state
  if (link.kind !== 'linked') throw new Error('not linked')
  return { drill, decided: link.result.verdict }
}

describe('a drill', () => {
  it('says what the next negotiation decides, while the edge drives and while the master does', async () => {
    await using site = await ScenarioSite.linked({ timeoutMs: 30_000 })
    const whileEdge = await drillAndNegotiate(site)
    expect(whileEdge.drill).toMatchObject({ rule: 'T1', winner: 'edge' })
    expect(whileEdge.decided).toMatchObject({ rule: whileEdge.drill.rule, winner: whileEdge.drill.winner })
    await site.answer(site.masterDo()['edges.failover']({ edge: EDGE }, admin))
    await site.pass(2_000)
    const drill = await site.masterDo()['edges.preview']({ edge: EDGE, assume: {} }, admin)
    expect(drill).toMatchObject({ rule: 'T8', winner: 'master', reason: expect.stringMatching(/restores by hand/) })
  })

  it('follows what is assumed, at the edge as at the master, and refuses what cannot be assumed', async () => {
    await using site = await ScenarioSite.linked()
    for (const operations of [site.masterDo(), site.edgeDo()]) {
      const preview = (assume: object) => site.answer(operations['edges.preview']({ assume }, admin))
      expect(await preview({ devices: 'down', holder: 'master', window: 'in', stable: true })).toMatchObject({
        rule: 'T3',
      })
      expect(await preview({ devices: 'down', holder: 'master', window: 'out' })).toMatchObject({ rule: 'T5' })
      expect(await preview({ devices: 'down', holder: 'master', failover: false })).toMatchObject({ rule: 'T7' })
      expect(await preview({ devices: 'down', loading: true })).toMatchObject({ rule: 'T4' })
      expect(await preview({ holder: 'master' })).toMatchObject({ rule: 'T2' })
    }
    const session = site.edge.control.session
    const nonsense = session?.request('edge.preview', { assume: { window: 'ajar' } })
    await expect(site.answer(nonsense)).rejects.toMatchObject({ code: 'invalid' })
  })
})
