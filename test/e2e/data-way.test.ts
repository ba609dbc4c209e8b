import { rm } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openConsole, type ConsoleClient } from '../../electron/console/client'
import { systemClock } from '../../electron/platform/clock'
import type { LogTail, LossView, PointTail, SyncView } from '../../shared/console/data-views'
import type { SettingView } from '../../shared/console/setting-operations'
import type { StatusView } from '../../shared/console/views'
import type { ControllerProcess } from '../support/controller'
import { otlpUrl, sendLogs } from '../support/otlp-sender'
import { Site } from '../support/site'
import { until } from '../support/until'

const consoleOf = ({ data }: ControllerProcess) => openConsole({ dataDir: data, user: 'test', clock: systemClock() })
const statusOf = (controller: ControllerProcess) => controller.ask<StatusView>('status')

/** A log record over the size of an entry. */
async function sendLarge(url: string): Promise<void> {
  const record = { timeUnixNano: `${Date.now()}000000`, body: { stringValue: 'x'.repeat(1_100_000) } }
  const answer = await fetch(`${url}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords: [record] }] }] }),
  })
  expect(answer.status).toBe(200)
}

const into = <T>(heard: T[]) => ({ body: (body: T) => void heard.push(body), ended: () => {} })

/** A series that is there by and by, and its values without asking again; pushing need not wait for its turn. */
async function figuresCome(site: Site, client: ConsoleClient): Promise<void> {
  const points: PointTail[] = []
  const series = await until(
    'a series of the host is there',
    async () => {
      await site.push()
      const all = await client.call('telemetry.series', { edge: 'Berlin', limit: 50 })
      return all.length > 0 ? all.map(({ id }) => id) : null
    },
    60_000,
  )
  client.subscribe('points', { edge: 'Berlin', series }, into(points))
  await until(
    'points come by themselves',
    async () => {
      if (points.length === 0) await site.push()
      return points.length > 0
    },
    60_000,
  )
}

/** Told at both ends. */
async function losesWhatIsTooLarge(site: Site, url: string): Promise<void> {
  const { edge, master } = site
  await sendLarge(url)
  await edge.run('sync', 'drain')
  for (const controller of [edge, master]) {
    const loss = async () => (await controller.look('sync.status', { edge: 'Berlin' })).status?.losses[0]
    expect(await until('the loss is told', loss, 20_000)).toMatchObject({
      ...{ category: 'logs', reason: 'too-large', entries: 1 },
    })
  }
  const told = await until(
    'the report of the loss arrives',
    async () => {
      await site.push()
      return (await master.look('telemetry.losses', { edge: 'Berlin' }))[0]
    },
    60_000,
  )
  expect(told).toMatchObject({ category: 'logs', reason: 'too-large', entries: 1, isExact: true })
  const brief = (await statusOf(master)).edges?.[0]?.sync
  expect(brief).toMatchObject({ isReachable: true, dropped: 1 })
  expect((await statusOf(edge)).sync).toMatchObject({ isReachable: true, dropped: 1 })
  expect((await master.ask<LossView[]>('sync', 'losses', '--edge', 'Berlin')).length).toBeGreaterThan(0)
}

/** At once; what a variable sets is refused. */
async function followsSettings(edge: ControllerProcess): Promise<void> {
  const [setting] = await edge.ask<SettingView[]>('settings', 'set', 'outboxBytesMax', '32MiB')
  expect(setting).toMatchObject({ value: 32 * 1024 * 1024, source: 'file', isPending: false })
  await edge.ask('settings', 'set', 'collect-logs', 'off')
  expect((await edge.ask<SyncView>('sync', 'status')).buffer?.switchedOff).toEqual(['logs'])
  const refused = await edge.run('settings', 'set', 'otlpPort', '4319')
  expect([refused.code, refused.failure()]).toEqual([1, expect.objectContaining({ code: 'refused' })])
  await edge.ask('settings', 'reset', 'collectLogs')
  expect((await edge.ask<SyncView>('sync', 'status')).buffer?.switchedOff).toEqual([])
}

describe('the way of data', () => {
  it('is seen from both ends, live, with its losses, follows settings at once, and a master that lost its store says so', async () => {
    await using site = await Site.start()
    await site.startEdge({ env: { HOLDFAST_OTLP_PORT: '0' } })
    await site.linked()
    const { edge } = site
    const url = await otlpUrl(edge)

    {
      // Live at the master, without asking again.
      await using client = await consoleOf(site.master)
      const [lines, syncs]: [LogTail[], SyncView[]] = [[], []]
      client.subscribe('logs', { edge: 'Berlin', text: 'Receipt till' }, into(lines))
      client.subscribe('sync', { edge: 'Berlin' }, into(syncs))
      await sendLogs(url, 1, 1_200)
      await until('log lines come by themselves', () => lines.flatMap((body) => body.lines).length > 0, 20_000)
      expect(syncs[0]).toMatchObject({ name: 'Berlin' })
      await until('the way of telemetry is told by itself', () => (syncs.at(-1)?.status?.lastAckAt ?? 0) > 0, 20_000)

      const losesAndFollows = async () => {
        await losesWhatIsTooLarge(site, url)
        await followsSettings(edge)
      }
      // Figures are measured every half minute: the rest need not wait for that.
      await Promise.all([figuresCome(site, client), losesAndFollows()])
    }

    // The master's store is lost while it is away.
    await site.master.end()
    await rm(path.join(site.master.data, 'master', 'telemetry'), { recursive: true })
    await site.startMaster()
    await site.linked(30_000)
    await sendLogs(url, 2, 1_200)
    const isTold = async (controller: ControllerProcess) =>
      (await controller.status()).needs.some(({ code }) => code === 'telemetry-lost')
    for (const controller of [edge, site.master])
      await site.until('the loss at the master is a need', () => isTold(controller), 30_000)
    const alerts = await site.master.ask<{ text: string }[]>('data', 'alerts', 'Berlin')
    expect(alerts.some(({ text }) => /entries/.test(text))).toBe(true)
  }, 240_000)
})
