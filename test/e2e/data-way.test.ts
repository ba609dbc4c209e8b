import { rm } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openConsole } from '../../electron/console/client'
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

describe('the way of data', () => {
  it('is seen from both ends, live, with its losses, follows settings at once, and a master that lost its store says so', async () => {
    await using site = await Site.start()
    await site.startEdge({ env: { HOLDFAST_OTLP_PORT: '0' } })
    await site.linked()
    const { edge } = site
    const url = await otlpUrl(edge)

    // Live at the master, without asking again.
    {
      await using client = await consoleOf(site.master)
      const [lines, points, syncs]: [LogTail[], PointTail[], SyncView[]] = [[], [], []]
      const handlers = <T>(heard: T[]) => ({ body: (body: T) => void heard.push(body), ended: () => {} })
      client.subscribe('logs', { edge: 'Berlin', text: 'Receipt till' }, handlers(lines))
      client.subscribe('sync', { edge: 'Berlin' }, handlers(syncs))
      await sendLogs(url, 1, 1_200)
      await until('log lines come by themselves', () => lines.flatMap((body) => body.lines).length > 0, 20_000)
      expect(syncs[0]).toMatchObject({ name: 'Berlin' })
      await until('the way of telemetry is told by itself', () => (syncs.at(-1)?.status?.lastAckAt ?? 0) > 0, 20_000)
      const series = await until(
        'a series of the host is there',
        async () => {
          await client.call('sync.drain', { edge: 'Berlin' })
          const all = await client.call('telemetry.series', { edge: 'Berlin', limit: 50 })
          return all.length > 0 ? all.map(({ id }) => id) : null
        },
        60_000,
      )
      client.subscribe('points', { edge: 'Berlin', series }, handlers(points))
      // They are measured every half minute; pushing need not wait for its turn.
      await until(
        'points come by themselves',
        async () => {
          if (points.length === 0) await client.call('sync.drain', { edge: 'Berlin' })
          return points.length > 0
        },
        60_000,
      )
    }

    // Losses, told at both ends.
    await sendLarge(url)
    await edge.run('sync', 'drain')
    const lossAt = async (controller: ControllerProcess) =>
      (await controller.ask<SyncView>('sync', 'status', '--edge', 'Berlin')).status?.losses[0]
    for (const controller of [edge, site.master])
      expect(await until('the loss is told', () => lossAt(controller), 20_000)).toMatchObject({
        ...{ category: 'logs', reason: 'too-large', entries: 1 },
      })
    const told = await until(
      'the report of the loss arrives',
      async () => {
        await edge.run('sync', 'drain')
        return (await site.master.ask<LossView[]>('sync', 'losses', '--edge', 'Berlin'))[0]
      },
      60_000,
    )
    expect(told).toMatchObject({ category: 'logs', reason: 'too-large', entries: 1, isExact: true })
    const brief = (await statusOf(site.master)).edges?.[0]?.sync
    expect(brief).toMatchObject({ isReachable: true, dropped: 1 })
    expect((await statusOf(edge)).sync).toMatchObject({ isReachable: true, dropped: 1 })

    // Settings count at once; what a variable sets is refused.
    const [setting] = await edge.ask<SettingView[]>('settings', 'set', 'outboxBytesMax', '32MiB')
    expect(setting).toMatchObject({ value: 32 * 1024 * 1024, source: 'file', isPending: false })
    await edge.ask('settings', 'set', 'collect-logs', 'off')
    expect((await edge.ask<SyncView>('sync', 'status')).buffer?.switchedOff).toEqual(['logs'])
    const refused = await edge.run('settings', 'set', 'otlpPort', '4319')
    expect([refused.code, refused.failure()]).toEqual([1, expect.objectContaining({ code: 'refused' })])
    await edge.ask('settings', 'reset', 'collectLogs')
    expect((await edge.ask<SyncView>('sync', 'status')).buffer?.switchedOff).toEqual([])

    // The master's store is lost while it is away.
    await site.master.end()
    await rm(path.join(site.master.data, 'master', 'telemetry'), { recursive: true })
    await site.startMaster()
    await site.linked(30_000)
    await sendLogs(url, 2, 1_200)
    const isTold = async (controller: ControllerProcess) =>
      (await statusOf(controller)).needs.some(({ code }) => code === 'telemetry-lost')
    for (const controller of [edge, site.master])
      await site.until('the loss at the master is a need', () => isTold(controller), 30_000)
    const alerts = await site.master.ask<{ text: string }[]>('data', 'alerts', 'Berlin')
    expect(alerts.some(({ text }) => /entries/.test(text))).toBe(true)
  }, 240_000)
})
