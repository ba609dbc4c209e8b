import { describe, expect, it } from 'vitest'
import { lossReport, type Loss } from '../../shared/model/telemetry'
import { holdfast } from '../support/controller'
import { machineMs } from '../support/judge'
import { keptEntries } from '../support/kept-entries'
import { otlpUrl, postLogs } from '../support/otlp-sender'
import { passed, Site, timeoutMs } from '../support/site'
import { smallDisk, whyNoDisks } from '../support/small-disk'

const lossMs = 3_000
const logsAtOnce = 150
const paddedLog = (n: number) => ({ severityNumber: 9, body: { stringValue: `log ${n} ${'x'.repeat(4_000)}` } })
const sumOf = (losses: readonly { readonly entries: number }[]): number =>
  losses.reduce((sum, { entries }) => sum + entries, 0)
const lossesIn = (text: string): readonly Loss[] => {
  const report = text.includes('telemetry.lost') ? lossReport.safeParse(JSON.parse(text)) : null
  return report?.success === true ? report.data.losses : []
}
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

  it('at an edge that buffers keeps the newest alerts, counts exactly what it loses, drives on, and goes on by itself when there is space', async () => {
    using disk = smallDisk(64)
    await using site = await Site.driven({ data: { edge: disk.dir } })
    const { edge } = site
    const url = await otlpUrl(edge)
    await site.master.ask('edge', 'failover', 'Berlin')
    await site.drivenBy('master')
    const accepted: number[] = []
    let refused = 0
    let rejected = 0
    let next = 1
    const post = async () => {
      const numbers = Array.from({ length: logsAtOnce }, () => next++)
      const { status, answer } = await postLogs(url, numbers.map(paddedLog))
      const { partialSuccess } = answer as { partialSuccess?: { rejectedLogRecords?: string | number } }
      rejected += Number(partialSuccess?.rejectedLogRecords ?? 0)
      if (status === 200) return void accepted.push(...numbers)
      expect(status).toBe(503)
      refused++
    }
    // Too few for a batch: they wait for their interval.
    for (let request = 0; request < 4; request++) await post()
    disk.fill()
    while (refused < 3) await post()
    // Somebody takes what the buffer had reserved for its counters and alerts, too.
    disk.fill()
    await site.master.kill()
    const killedAt = machineMs()
    // The record of this cannot be written, of which an alert is raised.
    await site.judge.drivenBy('edge', killedAt, 15_000)
    await site.drivenBy('edge')
    expect((await edge.status()).control).toMatchObject({ holder: 'edge', degraded: true })
    const buffer = async () => (await edge.look('sync.status', {})).buffer!
    await site.until('an alert is kept', async () => (await buffer()).byCategory.alerts.entries > 0)
    await site.until(
      'something was lost',
      async () => (await buffer()).droppedBecause['disk-full'] !== undefined,
      20_000,
    )
    expect((await buffer()).state).toBe('full')
    await post()
    expect(refused).toBe(4)

    disk.free()
    await site.until('it goes on', async () => (await buffer()).state === 'open', 20_000)
    await post()
    expect(refused).toBe(4)
    await site.startMaster()
    await site.linked(30_000)
    const told = async () => sumOf(await site.master.look('telemetry.losses', { edge: 'Berlin' }))
    const counted = async () => sumOf((await edge.look('sync.status', {})).status?.losses ?? [])
    await site.until(
      'all is pushed, and every loss is told',
      async () => {
        await site.push()
        return (await told()) === (await counted()) && (await counted()) > 0
      },
      30_000,
    )
    const shown = (await edge.text('sync', 'status')).replaceAll(',', '')
    expect(shown).toMatch(new RegExp(`lost +${await counted()}\\n`))
    expect(edge.isAlive).toBe(true)
    const lostAtEdge = await counted()
    await edge.end()
    await site.master.end()

    const kept = await keptEntries(site.masterData)
    const ids = kept.map(({ feedId, seq }) => `${feedId}/${seq}`)
    expect(new Set(ids).size).toBe(ids.length)
    expect(kept.some(({ category, text }) => category === 'alerts' && text.includes('not-persisted'))).toBe(true)
    const losses = kept.flatMap(({ text }) => lossesIn(text))
    expect(losses.reduce((sum, { count }) => sum + count, 0)).toBe(lostAtEdge)
    expect(losses.every(({ countIsExact }) => countIsExact)).toBe(true)
    // Each number that was given out is either here or among those that were told.
    const { feedId } = kept.find(({ category }) => category === 'logs')!
    const here = new Set(kept.filter((entry) => entry.feedId === feedId).map(({ seq }) => seq))
    const gone = losses.filter((loss) => loss.feedId === feedId).flatMap(({ ranges }) => ranges)
    for (let seq = 1; seq <= Math.max(...here); seq++)
      expect(here.has(seq) !== gone.some(([from, to]) => from <= seq && seq <= to), `number ${seq}`).toBe(true)
    const arrived = kept.flatMap(({ text }) => [...text.matchAll(/"body":"log (\d+) /g)].map(([, n]) => Number(n)))
    const dropped = losses.filter(({ category, ranges }) => category === 'logs' && ranges.length > 0)
    const lostLogs = dropped.reduce((sum, { count }) => sum + count, 0)
    expect(new Set(arrived).size).toBe(arrived.length)
    expect(accepted.length - arrived.length).toBeGreaterThanOrEqual(0)
    expect(accepted.length - arrived.length).toBeLessThanOrEqual(lostLogs + rejected)
    expect(arrived).toContain(next - 1)
    console.log(`${accepted.length} records accepted, ${arrived.length} arrived; ${lostAtEdge} entries lost, all told`)
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
