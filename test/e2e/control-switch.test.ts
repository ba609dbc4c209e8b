import { describe, expect, it } from 'vitest'
import { Site } from '../support/site'

const switches = 6
/** Nobody drives for less than this, on top of what connecting the device takes. */
const unattendedMs = 200

describe('a planned switch', () => {
  it('leaves the device unattended for less than 200 ms plus its own connect time, and never to two', async () => {
    await using site = await Site.driven()
    const gaps: number[] = []
    for (let number = 0; number < switches; number++) {
      const [from, to] = number % 2 === 0 ? (['edge', 'master'] as const) : (['master', 'edge'] as const)
      const { epoch, outcome } = await site.master.ask('edge', to === 'master' ? 'failover' : 'restore', 'Berlin')
      expect([outcome, epoch]).toEqual(['done', number + 2])
      await site.drivenBy(to)
      await site.judge.look()
      // By the device alone: its gate cuts the connection of the old driver, then the new one dials.
      const cut = site.judge.connections(from).findLast(({ kind }) => kind === 'disconnect')
      const next = site.judge.connections(to).findLast(({ kind }) => kind === 'connect')
      expect(next?.atMono).toBeGreaterThan(cut?.atMono ?? Infinity)
      expect(next?.atMono).toBeGreaterThan(site.judge.lastBy(from)?.atMono ?? Infinity)
      gaps.push((next?.atMono ?? Infinity) - (cut?.atMono ?? 0))
    }
    // The best of them, because a busy machine may stop any one of them for longer than that.
    expect(Math.min(...gaps), gaps.map(Math.round).join(' ')).toBeLessThan(unattendedMs)
    // Every one: the protocol waits for nothing but answers.
    expect(Math.max(...gaps)).toBeLessThan(unattendedMs + 2_000)
    const owners = site.judge.requests().map(({ by }) => by)
    expect(owners.filter((by, index) => by !== owners[index - 1])).toHaveLength(switches + 1)
  })

  it('asked by several at once is one switch; who comes too late is refused by name', async () => {
    await using site = await Site.driven()
    const runs = await Promise.all([
      site.master.run('edge', 'failover', 'Berlin'),
      site.edge.run('edge', 'failover'),
      site.master.run('edge', 'failover', 'Berlin'),
    ])
    const done = runs.filter(({ code }) => code === 0).map((run) => run.json().decisionId as string)
    expect(done.length).toBeGreaterThan(0)
    expect(new Set(done).size).toBe(1)
    for (const run of runs.filter(({ code }) => code !== 0))
      expect(run.failure().code).toMatch(/^(stale-epoch|busy|refused|not-in-control)$/)
    await site.drivenBy('master')
    expect((await site.master.edge()).control.epoch).toBe(2)
  })
})
