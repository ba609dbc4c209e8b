import { describe, expect, it } from 'vitest'
import { holdfast } from '../support/controller'
import { machineMs } from '../support/judge'
import { passed, Site, timeoutMs } from '../support/site'
import { smallDisk, whyNoDisks } from '../support/small-disk'

const lossMs = 3_000
const why = whyNoDisks()
if (why !== null) console.log(`skipped: full disks: ${why}`)

describe.skipIf(why !== null).concurrent('a full disk', () => {
  it.each(['edge', 'master', 'standalone'])(
    'at the start of a controller (%s) ends it with one line and a hint',
    async (role) => {
      using disk = smallDisk()
      disk.fill()
      const ports = ['--console-port', '0', '--link-port', '0']
      const run = await holdfast(['start', '--headless', '--role', role, '--data', disk.dir, ...ports])
      expect(run.code, run.err).toBe(1)
      expect(run.out).toBe('')
      expect(run.err).toMatch(/^error \[storage\]: .*full.*\nhint: .*space.*\n$/)
    },
  )

  it('at a driving edge changes nothing for the devices; it says degraded, takes control all the same, and writes it down when there is space', async () => {
    using disk = smallDisk()
    await using site = await Site.driven({ data: { edge: disk.dir } })
    await site.master.ask('edge', 'failover', 'Berlin')
    await site.drivenBy('master')
    disk.fill()
    await site.master.kill()
    const killedAt = machineMs()
    await site.judge.drivenBy('edge', killedAt, 15_000)
    await site.drivenBy('edge')
    const { control, needs } = await site.edge.status()
    expect(control, await site.story()).toMatchObject({ holder: 'edge', epoch: 3, degraded: true })
    expect(needs).not.toEqual([])
    await passed(2_000)
    disk.free()
    await site.until('the record is written', async () => !(await site.edge.status()).control.degraded, 15_000)
    expect((await site.edge.status()).control).toMatchObject({ holder: 'edge', epoch: 3 })
    await site.edge.kill()
    await site.startEdge()
    await site.drivenBy('edge')
    expect((await site.edge.status()).control).toMatchObject({ holder: 'edge', epoch: 3 })
  })

  it('at a master refuses documents, and never lets it drive on a number that is not written; it goes on by itself when there is space', async () => {
    using disk = smallDisk()
    await using site = await Site.driven({ data: { master: disk.dir } })
    disk.fill()
    const text = `described on a full disk ${'x'.repeat(400)}`
    // A few may fit into space that the database has already.
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        site.master.run('edge', 'set', 'Berlin', `description=${index} ${text}`),
      ),
    )
    const refused = runs.filter(({ code }) => code !== 0)
    expect(refused.length).toBeGreaterThan(0)
    for (const run of refused) {
      expect(run.code).toBe(1)
      expect(run.failure()).toMatchObject({ code: 'storage', hint: expect.any(String) })
    }
    await site.edge.kill()
    const killedAt = machineMs()
    await passed(lossMs + timeoutMs + 4_000)
    expect(site.judge.requests('master', killedAt).length, await site.story()).toBe(0)
    disk.free()
    await site.judge.drivenBy('master', killedAt, 20_000)
    await site.drivenBy('master')
    expect((await site.master.edge()).control).toMatchObject({ holder: 'master', epoch: 2, degraded: false })
    expect((await site.master.run('edge', 'set', 'Berlin', 'description=again')).code).toBe(0)
  })
})
