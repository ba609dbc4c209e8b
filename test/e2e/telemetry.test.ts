import { describe, expect, it } from 'vitest'
import { openConsole } from '../../electron/console/client'
import { systemClock } from '../../electron/platform/clock'
import type { LogView, SyncView } from '../../shared/console/data-views'
import type { ControllerProcess } from '../support/controller'
import { otlpUrl, sendLogs } from '../support/otlp-sender'
import { startSimulator } from '../support/simulators/simulator'
import { idOfEntry, keptEntries, waitingIds } from '../support/kept-entries'
import { Site, type SiteOptions } from '../support/site'
import { until } from '../support/until'

/** More of them take longer: 100,000 about a minute and a half. */
const records = Number(process.env['HOLDFAST_DRAIN_RECORDS'] ?? 20_000)
/** An alert about devices comes after a minute without any. */
const alertMs = 90_000
const drainMs = 60_000 + records
/** A line on which what is sent here takes some twelve seconds. */
const lineBitsPerSecond = records * 27
const freshAlertMs = 5_000

const freeReceiver = { env: { HOLDFAST_OTLP_PORT: '0' } }

async function drivenSite(options: SiteOptions = {}): Promise<Site> {
  const site = await Site.start(options)
  try {
    await site.startEdge(freeReceiver)
    await site.linked()
    await site.drivenBy('edge')
    return site
  } catch (error) {
    await site[Symbol.asyncDispose]()
    throw error
  }
}

const syncOf = (controller: ControllerProcess): Promise<SyncView> => controller.ask<SyncView>('sync', 'status')
const alertsAt = async (edge: ControllerProcess) =>
  (await edge.look('sync.status', {})).buffer?.byCategory.alerts?.entries

/** Ends a process while entries are on their way: `amount` at the most wait, and some still do. */
async function killAt(victim: ControllerProcess, edge: ControllerProcess, amount: number): Promise<number> {
  await using client = await openConsole({ dataDir: edge.data, user: 'test', clock: systemClock() })
  const pending = await until(
    `the backlog falls to ${amount}`,
    async () => {
      const { status } = await client.call('sync.status', {})
      return status !== null && status.pendingEntries <= amount ? status.pendingEntries : null
    },
    drainMs,
  )
  await victim.kill()
  expect(pending).toBeGreaterThan(0)
  return pending
}

/** Modules whose device was away wait longer and longer between their attempts: they begin anew. */
async function tryAgain(edge: ControllerProcess): Promise<void> {
  await edge.look('systems.stop', { system: 'Room' })
  await edge.look('systems.start', { system: 'Room' })
}

/** Waits until the edge has pushed everything and the master has made it searchable. */
async function arrived(site: Site): Promise<void> {
  await site.until(
    'the edge is up to date',
    async () => (await site.edge.look('sync.status', {})).status?.state === 'up to date',
    drainMs,
  )
  const isDone = async () => {
    const { pendingEntries = 1 } = (await site.edge.look('sync.status', {})).status ?? {}
    const { notIndexed } = await site.master.look('telemetry.status', { edge: 'Berlin' })
    // A few of its own entries wait for their interval at any time.
    return pendingEntries < 200 && notIndexed === 0
  }
  await site.until('everything is searchable at the master', isDone, drainMs)
}

/** The numbers of all records at the master, in rising order, with every repeat. */
async function numbersAt(master: ControllerProcess): Promise<number[]> {
  const lines = await master.ask<LogView[]>('data', 'logs', 'Berlin', '--limit', '100000')
  return lines
    .filter(({ service }) => service === 'till')
    .map(({ attributes }) => Number(attributes['n']))
    .sort((a, b) => a - b)
}

describe.concurrent('telemetry of a site', () => {
  it('waits while the master is away, and is there exactly once when it is back: records and alerts', async () => {
    await using site = await drivenSite()
    const url = await otlpUrl(site.edge)
    await site.master.end()
    const { switcher, projector } = site
    await Promise.all([switcher.stop(), projector.stop()])
    const accepted = await sendLogs(url, 1, records)
    expect(accepted).toHaveLength(records)
    const away = await syncOf(site.edge)
    expect(away.status).toMatchObject({ state: 'buffering (master unreachable)', dropped: 0 })
    expect(away.status?.pendingEntries).toBeGreaterThanOrEqual(records)
    await site.until('the alert waits', async () => (await alertsAt(site.edge)) === 1, alertMs)
    site.use(await startSimulator('tcp-line', { port: switcher.port }))
    await tryAgain(site.edge)
    await site.until('its end waits', async () => (await alertsAt(site.edge)) === 2, alertMs)
    const drain = await site.edge.run('sync', 'drain')
    expect([drain.code, drain.failure()]).toEqual([1, expect.objectContaining({ code: 'link-lost' })])

    await site.startMaster()
    await site.linked(30_000)
    await arrived(site)
    expect(await numbersAt(site.master)).toEqual(accepted)
    const alerts = await site.master.ask<{ text: string; state: string }[]>('data', 'alerts', 'Berlin')
    expect(alerts.map(({ state }) => state)).toEqual(['resolved', 'firing'])
    expect((await syncOf(site.edge)).status).toMatchObject({ state: 'up to date', dropped: 0, deadLetters: 0 })
    const asked = await site.master.ask<SyncView>('sync', 'status', 'Berlin')
    expect(asked).toMatchObject({ isReachable: true, status: { state: 'up to date' }, buffer: null })
  }, 240_000)

  it(
    'has alerts first when the master is back, and a fresh one at once although the rest is still on its way',
    async () => {
      await using site = await drivenSite({ proxied: true })
      const { edge, switcher, projector } = site
      await site.master.end()
      await Promise.all([switcher.stop(), projector.stop()])
      const accepted = await sendLogs(await otlpUrl(edge), 1, records)
      await site.until('the alert waits', async () => (await alertsAt(edge)) === 1, alertMs)
      const waiting = waitingIds(edge.data)
      expect(waiting.length).toBeGreaterThan(records)

      site.proxy?.limit(lineBitsPerSecond)
      const backAt = Date.now()
      await site.startMaster()
      await using client = await openConsole({ dataDir: edge.data, user: 'test', clock: systemClock() })
      const backlog = async () => (await client.call('sync.status', {})).status?.pendingEntries ?? 0
      await site.until('the drain has begun', async () => (await backlog()) < records - 500, drainMs)
      site.use(await startSimulator('tcp-line', { port: switcher.port }))
      await tryAgain(edge)
      const alertsThere = () => site.master.look('telemetry.alerts', { edge: 'Berlin' })
      const [fresh] = await site.until('the end of the alert is at the master', async () => {
        const alerts = await alertsThere()
        return alerts[0]?.state === 'resolved' ? alerts : null
      })
      const left = await backlog()
      expect(left).toBeGreaterThan(0)
      expect(fresh).toMatchObject({ historical: false })
      const tookMs = fresh!.receivedAt - fresh!.at
      console.log(`a fresh alert took ${tookMs} ms; ${left} of ${records} entries were still to come`)
      expect(tookMs).toBeLessThan(freshAlertMs)

      site.proxy?.limit(null)
      await arrived(site)
      await edge.end()
      await site.master.end()
      const kept = await keptEntries(site.masterData)
      const late = kept.filter(({ receivedAt }) => receivedAt >= backAt)
      expect(late[0]).toMatchObject({ category: 'alerts' })
      expect(JSON.parse(late[0]!.text)).toMatchObject({ name: 'no-device', state: 'firing' })
      const ids = kept.map(idOfEntry)
      expect(new Set(ids).size).toBe(ids.length)
      const there = new Set(ids)
      expect(waiting.filter((id) => !there.has(id))).toEqual([])
      const numbers = kept.flatMap(({ text }) => {
        const receipt = /"body":"receipt (\d+) printed/.exec(text)
        return receipt ? [Number(receipt[1])] : []
      })
      expect(numbers.sort((a, b) => a - b)).toEqual(accepted)
    },
    240_000 + 2 * drainMs,
  )

  it('is there exactly once although each side is killed in the middle of the drain', async () => {
    await using site = await drivenSite()
    await site.master.end()
    const accepted = await sendLogs(await otlpUrl(site.edge), 1, records)

    await site.startMaster()
    await killAt(site.edge, site.edge, records - 1_000)
    await site.startEdge(freeReceiver)
    await killAt(site.master, site.edge, records / 2)
    const away = await syncOf(site.edge)
    expect(away.status?.pendingEntries).toBeGreaterThan(0)
    await site.startMaster()
    await site.linked(30_000)
    await arrived(site)
    expect(await numbersAt(site.master)).toEqual(accepted)
    expect((await syncOf(site.edge)).status).toMatchObject({ state: 'up to date', dropped: 0, deadLetters: 0 })
  }, 180_000)
})
