import { describe, expect, it } from 'vitest'
import { machineMs } from '../support/judge'
import { healMs, oneDriver } from '../support/one-driver'
import { passed, Site, timeoutMs } from '../support/site'

/** Longer than silence and take-over timeout together. */
const longMs = timeoutMs + 5_000
/** Within a hand-over's wait for the answer. */
const shortMs = 1_500
/** From going on until both sides have spoken to each other, and the one that loses has closed its gate. */
const meetMs = 4_500

type Side = 'edge' | 'master'

// A driving side that is stopped is tried with the whole life of a site (test/e2e).
describe.concurrent('a controller that is stopped (SIGSTOP) and goes on', () => {
  it('at the edge while it stands by leaves the master driving', async () => {
    await using site = await Site.driven()
    await site.master.ask('edge', 'failover', 'Berlin')
    await site.drivenBy('master')
    const stoppedAt = machineMs()
    site.edge.freeze()
    await passed(longMs)
    site.edge.thaw()
    const thawedAt = machineMs()
    await passed(healMs)
    await oneDriver(site, null, thawedAt + healMs)
    expect(turns(site, stoppedAt).length, await site.story()).toBeLessThanOrEqual(2)
  })

  it('at the master while the edge drives leaves the edge driving, without a pause', async () => {
    await using site = await Site.driven()
    const stoppedAt = machineMs()
    site.master.freeze()
    await passed(longMs)
    site.master.thaw()
    const thawedAt = machineMs()
    await passed(healMs)
    await oneDriver(site, 'edge', thawedAt + healMs)
    expect(turns(site, stoppedAt)).toEqual(['edge'])
    expect(site.judge.connections('edge', stoppedAt)).toEqual([])
  })

  it.each<[Side, 'failover' | 'restore', 'shortly' | 'for long']>([
    ['edge', 'failover', 'shortly'],
    ['edge', 'failover', 'for long'],
    ['edge', 'restore', 'shortly'],
    ['edge', 'restore', 'for long'],
    ['master', 'failover', 'shortly'],
    ['master', 'failover', 'for long'],
  ])(
    'at the %s during a %s, %s: one drives in the end, and never two that hear each other',
    async (side, action, howLong) => {
      await using site = await Site.driven()
      const from: Side = action === 'failover' ? 'edge' : 'master'
      if (action === 'restore') {
        await site.master.ask('edge', 'failover', 'Berlin')
        await site.drivenBy('master')
      }
      const askedAt = machineMs()
      // A frozen master takes no requests: it is asked first, and the edge works the longer at its part.
      const asked = side === 'master' ? site.edge.run('edge', action) : null
      if (asked !== null) await passed(250)
      site[side].freeze()
      const run = asked ?? site.master.run('edge', action, 'Berlin')
      await passed(howLong === 'shortly' ? shortMs : longMs)
      site[side].thaw()
      const thawedAt = machineMs()
      await run
      await passed(healMs)
      await oneDriver(site, null, thawedAt + healMs)
      const before = turns(site, askedAt, thawedAt)
      // A master that has taken control before it stops loses it to the edge again.
      const turnsMax = side === 'master' && howLong === 'for long' ? 3 : 2
      expect(before.length, `${before.join()}\n${await site.story()}`).toBeLessThanOrEqual(turnsMax)
      expect(before[0]).toBe(from)
      // Without a link for the timeout both may think they hold control, until they hear of each other.
      const after = turns(site, thawedAt + meetMs)
      expect(after.length, `${after.join()}\n${await site.story()}`).toBeLessThanOrEqual(howLong === 'shortly' ? 2 : 1)
    },
  )
})

/** Who drove, in order: two that drive at once would take turns with every request. */
function turns(site: Site, from: number, to = Infinity): string[] {
  const by = site.judge.requests(undefined, from, to).map((deed) => deed.by ?? '?')
  return by.filter((who, index) => who !== by[index - 1])
}
