import { createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { machineMs } from '../support/judge'
import { isAlive } from '../support/processes'
import { passed, Site, timeoutMs } from '../support/site'
import { until } from '../support/until'

/** What starting processes may cost on a busy machine of two cores, on top of the protocol's own waits. */
const startsMs = 3_000

// Alone, because it is timed from its first second: starting five sites at once is another matter.
describe('the walk through the life of a site', () => {
  it('goes from the edge to the master and back by hand: epochs 1, 2, 3, one decision id on both sides', async () => {
    await using site = await Site.start()
    const edge = await site.startEdge()
    await site.drivenBy('edge')
    const { at, startedAt } = await edge.status()
    expect(at - startedAt).toBeLessThan(6_000)
    await site.linked()
    await site.hurry()
    expect((await edge.status()).control.epoch).toBe(1)
    const hosts = edge.hosts()
    expect(hosts).toHaveLength(1)

    await edge.kill()
    const killedAt = machineMs()
    const first = await site.judge.drivenBy('master', killedAt, 15_000)
    expect(first.atMono - killedAt).toBeGreaterThan(timeoutMs)
    expect(first.atMono - killedAt).toBeLessThan(timeoutMs + startsMs)
    expect(hosts.filter(isAlive)).toEqual([])
    expect((site.judge.lastBy('edge')?.atMono ?? 0) - killedAt).toBeLessThan(1_000)
    await site.drivenBy('master')
    expect(await site.master.edge()).toMatchObject({ control: { holder: 'master', epoch: 2, rule: 'take-over' } })

    const back = await site.startEdge()
    await site.linked()
    expect((await back.status()).control).toMatchObject({ holder: 'master', epoch: 2 })
    // At the most the one that stands ready, without a permit and without modules.
    expect(back.hosts().length).toBeLessThanOrEqual(1)

    const restored = await site.master.run('edge', 'restore', 'Berlin')
    expect([restored.code, restored.err]).toEqual([0, ''])
    const { decisionId, ...result } = restored.json()
    expect(result).toMatchObject({ outcome: 'done', holder: 'edge', epoch: 3 })
    await site.drivenBy('edge')
    const next = await site.judge.drivenBy('edge', killedAt + timeoutMs)
    expect(next.atMono).toBeGreaterThan(site.judge.lastBy('master')?.atMono ?? Infinity)
    expect((await back.status()).control).toMatchObject({ holder: 'edge', epoch: 3 })
    const atMaster = await site.master.decisions()
    const ends = { rule: 'restore', winner: 'edge', epoch: 3, outcome: 'done', contested: null }
    for (const decisions of [atMaster, await back.decisions()])
      expect(decisions.find(({ id }) => id === decisionId)).toMatchObject(ends)
    expect(atMaster.map(({ epoch, rule }) => `${epoch} ${rule}`)).toContain('2 take-over')
  })
})

describe.concurrent('the life of a site', () => {
  it('goes on at the edge while the master is killed and comes back: nothing restarts', async () => {
    await using site = await Site.driven()
    const before = await site.edge.status()
    const hosts = site.edge.hosts()
    await site.master.kill()
    const killedAt = Date.now()
    const lost = await until('the edge says so', async () => {
      const status = await site.edge.status()
      return status.link.state === 'connected' ? null : status
    })
    expect(lost.link.state).toBe('lost')
    expect(lost.link.since).toBeGreaterThan(killedAt - 500)
    expect(lost.link.lastHeardAt).toBeLessThanOrEqual(lost.link.since)
    expect(lost.needs.map(({ code }) => code)).not.toEqual([])
    const human = await site.edge.text('status')
    expect(human).toMatch(/lost since \d+ s/)
    // Longer than any rule of either side waits.
    await passed(timeoutMs + 4_000)
    await site.startMaster()
    await site.linked()
    const after = await site.edge.status()
    expect(after.control).toEqual(before.control)
    expect(after.modules.map(({ restarts, since }) => [restarts, since])).toEqual(
      before.modules.map(({ restarts, since }) => [restarts, since]),
    )
    expect(site.edge.hosts()).toEqual(hosts)
    expect(site.judge.connections('edge').map(({ kind }) => kind)).toEqual(['connect'])
    expect(site.judge.requests('master')).toEqual([])
    expect(longestPause(site.judge.requests('edge'))).toBeLessThan(1_000)
  })

  it('starts at the edge with no master anywhere, again and again, within the 3 s rule', async () => {
    await using site = await Site.driven()
    await site.master.kill()
    expect(await site.edge.end('SIGTERM')).toBe(0)
    await site.edge.hostsGone()
    const waits: number[] = []
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      const from = machineMs()
      const edge = await site.startEdge()
      const { startedAt } = await edge.status()
      const first = await site.judge.drivenBy('edge', from)
      waits.push(first.atWall - startedAt)
      expect((await edge.status()).control).toMatchObject({ holder: 'edge', epoch: 1 })
      await edge.end(signal)
      // Its hosts notice that by themselves, and until then what they do counts as done by an edge.
      await edge.hostsGone()
    }
    // It gives the master the whole 3 s; what comes on top is starting a host and connecting the device, the best of them on a machine that is free.
    expect(Math.min(...waits)).toBeGreaterThan(3_000)
    expect(Math.min(...waits), waits.map(Math.round).join(' ')).toBeLessThan(3_500 + startsMs / 2)
    expect(Math.max(...waits), waits.map(Math.round).join(' ')).toBeLessThan(3_500 + startsMs)
  })

  it('starts at the edge although something on the way swallows everything, within 9.5 s', async () => {
    await using site = await Site.driven()
    await site.master.kill()
    await site.edge.kill()
    await site.edge.hostsGone()
    const swallowed = new Set<Socket>()
    const hole = createServer((socket) => void swallowed.add(socket.on('error', () => {}).resume()))
    await new Promise<void>((resolve) => hole.listen(site.linkPort, '127.0.0.1', resolve))
    site.use({
      [Symbol.dispose]() {
        hole.close()
        for (const socket of swallowed) socket.destroy()
      },
    })
    const from = machineMs()
    const edge = await site.startEdge()
    const { startedAt } = await edge.status()
    const first = await site.judge.drivenBy('edge', from, 20_000)
    expect(swallowed.size).toBeGreaterThan(0)
    expect(first.atWall - startedAt).toBeLessThan(9_500 + startsMs)
    await passed(2_000)
    expect((await edge.status()).control).toMatchObject({ holder: 'edge', epoch: 1 })
  })

  it('comes back by itself when the restore window opens on a live link, not while paused, and not in a spent opening', async () => {
    await using site = await Site.driven()
    await site.edge.kill()
    await site.drivenBy('master')
    const edge = await site.startEdge()
    await site.linked()
    await site.master.ask('edge', 'pause', 'Berlin', '--reason', 'painting the room')
    const opensAt = await opensIn(site, 3_000)
    await passed(opensAt + 2_500 - Date.now())
    expect(await site.master.edge()).toMatchObject({
      control: { holder: 'master', epoch: 2 },
      window: { open: true, timeZone: 'Asia/Tokyo' },
      paused: { reason: 'painting the room' },
    })
    await edge.ask('edge', 'resume')
    await site.drivenBy('edge')
    await site.until('the master says so', async () => (await site.master.edge()).control.holder === 'edge')
    expect((await site.master.edge()).control).toMatchObject({ holder: 'edge', epoch: 3, rule: 'T3' })

    await site.master.ask('edge', 'failover', 'Berlin')
    await site.drivenBy('master')
    // The opening that is open now was before the fail-over by hand.
    await passed(2_500)
    expect((await site.master.edge()).control).toMatchObject({ holder: 'master', epoch: 4, rule: 'fail-over' })
    const nextAt = await opensIn(site, 4_000)
    await site.drivenBy('edge')
    const [decision] = await edge.decisions(1)
    expect(decision).toMatchObject({ rule: 'T3', winner: 'edge', epoch: 5, outcome: 'done' })
    expect(decision?.startedAt).toBeGreaterThanOrEqual(nextAt)
    expect(decision?.startedAt).toBeLessThan(nextAt + 1_000)
    await site.until('both tell of it', async () => (await site.master.decisions(1))[0]?.id === decision?.id)
  })

  it('is never taken over with failover off, by timer or by hand', async () => {
    await using site = await Site.driven({ edge: { failover: false } })
    const refused = await site.master.run('edge', 'failover', 'Berlin')
    expect(refused.code).toBe(1)
    expect(refused.failure()).toMatchObject({ code: 'refused', message: expect.stringMatching(/failover/i) })
    await site.edge.kill()
    const killedAt = machineMs()
    await until('the master sees it', async () => (await site.master.edge()).link.state === 'lost')
    expect((await site.master.edge()).takeOverAt).toBeNull()
    await passed(timeoutMs + startsMs)
    expect((await site.master.edge()).control).toMatchObject({ holder: 'edge', epoch: 1 })
    expect(site.judge.requests('master', killedAt)).toEqual([])
    expect((await site.master.run('edge', 'failover', 'Berlin')).code).toBe(1)
  })

  it('is not taken over while paused; after the pause the timer starts in full', async () => {
    await using site = await Site.driven()
    await site.edge.ask('edge', 'pause', '--reason', 'new switch')
    await site.edge.kill()
    const killedAt = machineMs()
    await passed(timeoutMs + 2_000)
    expect(await site.master.edge()).toMatchObject({ control: { holder: 'edge' }, takeOverAt: null })
    expect(site.judge.requests('master', killedAt)).toEqual([])
    const resumedAt = machineMs()
    await site.master.ask('edge', 'resume', 'Berlin')
    const first = await site.judge.drivenBy('master', resumedAt, 15_000)
    expect(first.atMono - resumedAt).toBeGreaterThan(timeoutMs)
    expect(first.atMono - resumedAt).toBeLessThan(timeoutMs + startsMs)
  })
})

/** Lets the restore window open once a day, for a minute, from about so many ms on; gives the instant. The schedule is in the zone of Tokyo. */
async function opensIn(site: Site, ms: number): Promise<number> {
  const at = new Date(Math.ceil((Date.now() + ms) / 1_000) * 1_000)
  const cron = `${at.getUTCSeconds()} ${at.getUTCMinutes()} ${(at.getUTCHours() + 9) % 24} * * *`
  const values = [`windowStart=${cron}`, 'windowLengthS=60', 'windowTimeZone=Asia/Tokyo']
  await site.master.ask('edge', 'set', 'Berlin', ...values)
  return at.getTime()
}

function longestPause(deeds: readonly { atMono: number }[]): number {
  return Math.max(...deeds.slice(1).map(({ atMono }, index) => atMono - (deeds[index]?.atMono ?? 0)))
}
