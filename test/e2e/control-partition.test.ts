import { describe, expect, it } from 'vitest'
import type { Decision } from '../../shared/model/control'
import { machineMs, type Deed, type Judge } from '../support/judge'
import type { Direction } from '../support/proxy'
import { passed, Site, timeoutMs } from '../support/site'

/** So long after the line is whole again, exactly one may drive: the attempt that lost bytes runs out (3 s), and the next begins 0.3 s later at most. */
const healMs = 6_000
/** A lease, or a permit, and what a stopping host and a busy machine need on top. */
const leaseMs = 3_000
const slackMs = 700

describe.concurrent('a partition', () => {
  it.each<[string, Direction | undefined]>([
    ['both ways', undefined],
    ['towards the master', 'toServer'],
    ['towards the edge', 'toClient'],
  ])(
    '%s and longer than the timeout lets both drive; healed, only the edge does, and both tell of the overlap',
    async (_how, direction) => {
      await using site = await Site.driven({ proxied: true })
      const cutAt = machineMs()
      site.proxy?.set('swallow', direction)
      const taken = await site.judge.drivenBy('master', cutAt, 20_000)
      expect(taken.atMono - cutAt).toBeGreaterThan(timeoutMs)
      await passed(1_500)
      expect(site.judge.requests('edge', taken.atMono).length).toBeGreaterThan(5)
      await oneDriver(site, 'edge', healed(site))
      expect(longestPause(site.judge, 'edge')).toBeLessThan(1_000)
      await site.linked()
      for (const decisions of [await site.master.decisions(), await site.edge.decisions()])
        overlaps(contestedOf(decisions), taken.atWall, site.judge.lastBy('master')?.atWall ?? 0)
      expect((await site.edge.status()).control.epoch % 2).toBe(1)
      expect((await site.edge.status()).control.epoch).toBe((await site.master.edge()).control.epoch)
    },
  )

  it('shorter than the timeout changes nothing', async () => {
    await using site = await Site.driven({ proxied: true })
    await site.master.ask('edge', 'set', 'Berlin', 'timeoutMs=6000')
    const cutAt = machineMs()
    site.proxy?.set('swallow')
    await site.until('the master sees it', async () => (await site.master.edge()).link.state !== 'connected')
    site.proxy?.set('pass')
    await site.linked()
    expect((await site.edge.status()).control).toMatchObject({ holder: 'edge', epoch: 1 })
    await passed(2_000)
    expect(site.judge.requests('master', cutAt)).toEqual([])
    expect(site.judge.connections('edge', cutAt)).toEqual([])
  })

  it.each<[string, Direction | undefined]>([
    ['both ways', undefined],
    ['towards the master', 'toServer'],
    ['towards the edge', 'toClient'],
  ])(
    '%s while the master drives ends its writing within the lease, before the edge begins',
    async (_how, direction) => {
      await using site = await Site.driven({ proxied: true })
      // Long enough that the master does not take over again before the edge drives.
      await site.master.ask('edge', 'set', 'Berlin', 'timeoutMs=60000')
      await site.master.ask('edge', 'failover', 'Berlin')
      await site.drivenBy('master')
      const cutAt = machineMs()
      site.proxy?.set('swallow', direction)
      const first = await site.judge.drivenBy('edge', cutAt, 20_000)
      const last = site.judge.lastBy('master')
      expect((last?.atMono ?? Infinity) - cutAt).toBeLessThan(leaseMs + slackMs)
      expect(first.atMono).toBeGreaterThan(last?.atMono ?? Infinity)
      // The last ping came through up to one beat before the cut.
      expect(first.atMono - cutAt).toBeGreaterThan(leaseMs - 1_100)
      // An edge that is heard before one of its devices answers is down, and the master drives again (T8).
      await answeredTo(site, first)
      await oneDriver(site, 'edge', healed(site))
    },
  )

  it('by a closed socket while the master drives keeps the edge still for 3 s after the last ping', async () => {
    await using site = await Site.driven({ proxied: true })
    await site.master.ask('edge', 'failover', 'Berlin')
    await site.drivenBy('master')
    await site.master.kill()
    const killedAt = machineMs()
    const first = await site.judge.drivenBy('edge', killedAt, 20_000)
    expect(first.atMono - killedAt).toBeGreaterThan(leaseMs - 1_100)
    expect(site.judge.lastBy('master')?.atMono ?? 0).toBeLessThan(first.atMono)
  })
})

describe.concurrent('a controller that is stopped (SIGSTOP)', () => {
  it('at the edge: its hosts end writing within 3 s, the master takes over, and after SIGCONT one drives', async () => {
    await using site = await Site.driven()
    const stoppedAt = machineMs()
    site.edge.freeze()
    const taken = await site.judge.drivenBy('master', stoppedAt, 20_000)
    expect((site.judge.lastBy('edge')?.atMono ?? Infinity) - stoppedAt).toBeLessThan(leaseMs + slackMs)
    expect(taken.atMono).toBeGreaterThan(site.judge.lastBy('edge')?.atMono ?? Infinity)
    await passed(1_000)
    const thawedAt = machineMs()
    site.edge.thaw()
    await passed(healMs)
    await oneDriver(site, null, thawedAt + healMs)
  })

  it('at the master while it drives: its hosts end writing within 3 s, the edge drives, and after SIGCONT one does', async () => {
    await using site = await Site.driven()
    await site.master.ask('edge', 'failover', 'Berlin')
    await site.drivenBy('master')
    const stoppedAt = machineMs()
    site.master.freeze()
    const first = await site.judge.drivenBy('edge', stoppedAt, 20_000)
    const last = site.judge.lastBy('master')
    expect((last?.atMono ?? Infinity) - stoppedAt).toBeLessThan(leaseMs + slackMs)
    expect(first.atMono).toBeGreaterThan(last?.atMono ?? Infinity)
    await answeredTo(site, first)
    await passed(1_000)
    const thawedAt = machineMs()
    site.master.thaw()
    await passed(healMs)
    await oneDriver(site, 'edge', thawedAt + healMs)
  })
})

/** The edge, which began with that deed, has had answers: it asks on only after one. */
async function answeredTo(site: Site, first: Deed): Promise<void> {
  await site.until('its device answers the edge', () => site.judge.requests('edge', first.atMono).length > 4)
  await site.drivenBy('edge')
}

/** Lets bytes through again; gives the instant (machine ms) from which on only one may drive. */
function healed(site: Site): number {
  site.proxy?.set('pass')
  return machineMs() + healMs
}

/** From `from` on for a second: exactly one side's hosts talk to the device, and both controllers name that side. Null: whichever it is. */
async function oneDriver(site: Site, wanted: 'edge' | 'master' | null, from: number): Promise<void> {
  await passed(Math.max(0, from + 1_000 - machineMs()))
  const by = new Set(site.judge.requests(undefined, from).map((deed) => deed.by))
  const { holder } = (await site.master.edge()).control
  const isSo = by.size === 1 && by.has(holder) && (wanted === null || holder === wanted)
  const story = isSo ? '' : `${JSON.stringify(await site.master.decisions(5), null, 1)}\n${await site.story()}`
  expect([...by], story).toEqual([holder])
  expect((await site.edge.status()).control.holder, story).toBe(holder)
  if (wanted !== null) expect(holder, story).toBe(wanted)
}

function contestedOf(decisions: readonly Decision[]): { from: number; to: number } {
  const found = decisions.find(({ contested }) => contested !== null)
  expect(found, JSON.stringify(decisions, null, 1)).toBeDefined()
  expect(found).toMatchObject({ rule: 'T2', winner: 'edge' })
  return found?.contested ?? { from: 0, to: 0 }
}

/** The interval that was told covers what the device saw of the second driver, and not much more. */
function overlaps(told: { from: number; to: number }, from: number, to: number): void {
  expect(told.from).toBeLessThanOrEqual(from)
  expect(told.from).toBeGreaterThan(from - 3_000)
  expect(told.to).toBeGreaterThanOrEqual(to - 500)
  expect(told.to).toBeLessThan(to + 3_000)
}

function longestPause(judge: Judge, by: string): number {
  const deeds = judge.requests(by)
  return Math.max(...deeds.slice(1).map(({ atMono }, index) => atMono - (deeds[index]?.atMono ?? 0)))
}
