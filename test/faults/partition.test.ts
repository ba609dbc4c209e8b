import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { machineMs } from '../support/judge'
import { cuts, Network, whyNoNetworks } from '../support/network'
import { contestedOf, healMs, oneDriver } from '../support/one-driver'
import { applyDocuments, passed, Site, timeoutMs, type SiteDocument } from '../support/site'

const why = whyNoNetworks()
if (why !== null) console.log(`skipped: partitions of real networks: ${why}`)

describe.skipIf(why !== null).concurrent('on a line of its own', () => {
  // Before the others, because it takes the longest and not all of them run at once.
  it('that loses every tenth packet for a minute, the link stands', async () => {
    await using network = await Network.start()
    await using site = await Site.driven({ places: network })
    const before = await Promise.all([site.edge.status(), site.master.edge()])
    const beganAt = machineMs()
    await network.lose(0.1)
    await passed(60_000)
    const after = await Promise.all([site.edge.status(), site.master.edge()])
    for (const [index, { link }] of after.entries()) {
      expect(link.state).toBe('connected')
      // The instant is reckoned from the monotonic clock anew each time.
      expect(Math.abs(link.since - (before[index]?.link.since ?? 0))).toBeLessThan(100)
    }
    expect(after.map(({ control }) => control)).toEqual(before.map(({ control }) => control))
    expect(site.judge.requests('master')).toEqual([])
    expect(site.judge.connections('edge', beganAt)).toEqual([])
  })

  it.each(cuts)(
    'cut (%s) for longer than the timeout, both drive; healed, one does, and both tell of the overlap',
    async (cut) => {
      await using network = await Network.start()
      await using site = await Site.driven({ places: network })
      const cutAt = machineMs()
      await network.cut(cut)
      const taken = await site.judge.drivenBy('master', cutAt, 25_000)
      expect(taken.atMono - cutAt).toBeGreaterThan(timeoutMs)
      await passed(1_500)
      expect(site.judge.requests('edge', taken.atMono).length).toBeGreaterThan(5)
      await network.heal()
      const from = machineMs() + healMs
      await site.linked(healMs)
      await oneDriver(site, 'edge', from)
      const lastByMaster = site.judge.lastBy('master')
      for (const controller of [site.master, site.edge]) {
        const told = contestedOf(await controller.decisions())
        expect(told.from).toBeLessThanOrEqual(taken.atWall)
        expect(told.to).toBeGreaterThanOrEqual((lastByMaster?.atWall ?? Infinity) - 500)
      }
    },
  )

  it('cut for less than the timeout, in any way, the edge goes on alone', async () => {
    await using network = await Network.start()
    await using site = await Site.driven({ places: network })
    await site.master.ask('edge', 'set', 'Berlin', 'timeoutMs=12000')
    const beganAt = machineMs()
    for (const cut of cuts) {
      await network.cut(cut)
      // Longer than the silence that loses a link, shorter than silence and timeout together.
      await passed(5_000)
      await network.heal()
      await site.linked(healMs)
    }
    expect(site.judge.requests('master').length, await site.story()).toBe(0)
    expect(site.judge.connections('edge', beganAt)).toEqual([])
    for (const { control } of [await site.edge.status(), await site.master.edge()])
      expect(control).toMatchObject({ holder: 'edge', epoch: 1 })
  })

  it('of 1 Mbit/s that carries two thousand documents, the link stands', async () => {
    await using network = await Network.start()
    await using site = await Site.driven({ places: network })
    const before = (await site.edge.status()).link.since
    await network.limit(1)
    const names = Array.from({ length: 2_000 }, (_, index) => `spare-${index}`)
    await applyDocuments(site.master, [
      ...names.map((name) => spare(name)),
      { kind: 'system', name: 'Store', edge: 'Berlin', modules: names },
    ])
    await site.until(
      'the edge has every document',
      async () => (await site.edge.run('export')).out.includes('spare-1999'),
      60_000,
    )
    const { link, control } = await site.edge.status()
    expect(Math.abs(link.since - before)).toBeLessThan(100)
    expect(control).toMatchObject({ holder: 'edge', epoch: 1 })
    expect(site.judge.requests('master')).toEqual([])
  })
})

/** A module that nobody starts; a few hundred bytes of document. */
function spare(name: string): SiteDocument {
  const title = randomBytes(50).toString('hex')
  const settings = {
    polls: [{ send: 'STATUS?', match: '^STATUS (?<status>.*)$' }],
    commands: { on: { title, send: 'ON' } },
  }
  return { kind: 'module', name, driver: 'tcp-line', uri: 'tcp://10.77.9.1:9', enabled: false, settings }
}
