import { describe, expect, it } from 'vitest'
import type { OperationInput } from '../../shared/console/contract'
import type { LogView, SpanView } from '../../shared/console/data-views'
import { otlpUrl, postLogs, sendLogs } from '../support/otlp-sender'
import { Site } from '../support/site'

/** Figures of the machine and values of devices are told every half minute. */
const toldMs = 60_000
const arriveMs = 30_000
/** The severity number of a warning. */
const warn = 13

async function drivenSite(): Promise<Site> {
  const site = await Site.start()
  try {
    await site.startEdge()
    await site.linked()
    await site.drivenBy('edge')
    return site
  } catch (error) {
    await site[Symbol.asyncDispose]()
    throw error
  }
}

/** Asks the master again and again until `look` finds something; the edge need not wait for its turn to push. */
async function seen<T>(site: Site, what: string, look: () => Promise<T | null | undefined>, deadlineMs: number) {
  return site.until(
    what,
    async () => {
      await site.push()
      return look()
    },
    deadlineMs,
  )
}
const lines = (site: Site, asked: Omit<OperationInput<'telemetry.logs'>, 'edge'>) =>
  site.master.look('telemetry.logs', { edge: 'Berlin', ...asked })

describe.concurrent('what a controller tells of itself', () => {
  it('is at the master: figures of its machine, its own warnings, how its devices are, and the requests it served', async () => {
    await using site = await drivenSite()
    const { master, edge } = site

    // A command from the master, one at the site, and one that is refused.
    await master.ask('module', 'exec', 'switcher', 'route', 'output=1', 'input=3')
    await edge.ask('module', 'exec', 'switcher', 'route', 'output=2', 'input=4')
    expect((await master.run('module', 'exec', 'switcher', 'route', 'output=9', 'input=3')).code).toBe(1)
    const commands = await seen(
      site,
      'three traces are there',
      async () => {
        const traces = await master.look('telemetry.traces', { edge: 'Berlin' })
        const found = traces.filter(({ name }) => name === 'module.execute').sort((a, b) => a.at - b.at)
        return found.length === 3 && found.every(({ spans }) => spans === 2) ? found : null
      },
      arriveMs,
    )
    expect(commands.map(({ service, errors }) => [service, errors])).toEqual([
      ['holdfast', 0],
      ['holdfast', 0],
      ['holdfast', 2],
    ])
    const spans = await master.ask<SpanView[]>('data', 'traces', 'Berlin', commands[0]!.traceId)
    const [served, device] = [spans.find(({ kind }) => kind === 'server'), spans.find(({ kind }) => kind === 'client')]
    expect([served?.parentSpanId, device?.parentSpanId]).toEqual([null, served?.spanId])
    expect(device).toMatchObject({ name: 'device route', status: 'unset' })

    // A device that goes, and a warning of the program itself.
    await site.projector.stop()
    await fetch(`${await otlpUrl(edge)}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '',
    })
    const gone = await seen(
      site,
      'the device is told of',
      async () => (await lines(site, { text: 'projector does not answer', severityMin: warn }))[0],
      arriveMs,
    )
    expect(gone).toMatchObject({
      service: 'holdfast',
      attributes: { 'device.name': 'projector', 'device.answers': false },
    })
    await seen(
      site,
      'the warning is there',
      async () => (await lines(site, { text: 'telemetry request is refused', severityMin: warn }))[0],
      arriveMs,
    )
    const values = await seen(
      site,
      'values of a device are there',
      async () => (await lines(site, { text: 'switcher temperature' }))[0],
      toldMs,
    )
    expect(values.text).toMatch(/^switcher: .*temperature \d+/)
    const names = await seen(
      site,
      'figures of the machine are there',
      async () => {
        const all = await master.look('telemetry.series', { edge: 'Berlin' })
        return all.length > 0 ? all.map(({ name }) => name) : null
      },
      toldMs,
    )
    expect(names).toEqual(
      expect.arrayContaining(['system.cpu.utilization', 'system.memory.usage', 'process.memory.usage']),
    )
  }, 240_000)
})

describe.concurrent('the limits of the buffer', () => {
  it('leave out what is switched off, and what is over the cap is counted to the last entry at both ends', async () => {
    await using site = await drivenSite()
    const { edge } = site
    const url = await otlpUrl(edge)
    const sync = () => edge.look('sync.status', {})

    await edge.ask('settings', 'set', 'collectLogs', 'off')
    await sendLogs(url, 1, 500)
    await edge.ask('settings', 'reset', 'collectLogs')
    await sendLogs(url, 501, 10)
    const some = await seen(
      site,
      'what was sent later is there',
      async () => {
        const found = await lines(site, { text: 'receipt till', limit: 1_000 })
        return found.length > 0 ? found : null
      },
      arriveMs,
    )
    expect(some.map(({ attributes }) => attributes['n']).reverse()).toEqual(
      Array.from({ length: 10 }, (_, at) => 501 + at),
    )
    expect((await sync()).status).toMatchObject({ dropped: 0 })

    await site.master.end()
    await edge.ask('settings', 'set', 'outboxBytesMax', '16MiB')
    const count = 30_000
    for (let from = 0; from < count; from += 500) {
      const records = Array.from({ length: 500 }, (_, at) => ({
        body: { stringValue: `over the cap ${'x'.repeat(900)}` },
        attributes: [{ key: 'n', value: { intValue: String(from + at) } }],
      }))
      expect((await postLogs(url, records)).status).toBe(200)
    }
    const full = await site.until('it is within the cap', async () => {
      const { status, buffer } = await sync()
      return status !== null && status.pendingBytes <= 16 * 1024 * 1024 && buffer
    })
    expect(full.dropped.logs?.entries).toBeGreaterThan(count / 4)
    expect([full.droppedBecause['bytes-cap'], full.dropped.alerts?.entries]).toEqual([expect.any(Number), 0])

    await site.startMaster()
    await site.linked(30_000)
    const isSettled = async () => {
      const { status } = await sync()
      const there = await site.master.look('telemetry.status', { edge: 'Berlin' })
      const isSame = status !== null && status.dropped > 0 && there.gaps.lost === status.dropped
      return isSame && status.state === 'up to date' && there.notIndexed === 0 && status
    }
    const settled = await seen(site, 'both ends count the same', isSettled, 60_000)
    const all = ['data', 'logs', 'Berlin', '--text', 'over the cap', '--limit', String(count)]
    const arrived = (await site.master.ask<LogView[]>(...all)).map(({ attributes }) => Number(attributes['n']))
    // The oldest went, and nothing between.
    const first = count - arrived.length
    expect(arrived.sort((a, b) => a - b)).toEqual(Array.from({ length: arrived.length }, (_, at) => first + at))
    const told = await seen(
      site,
      'all losses are told as entries',
      async () => {
        const losses = await site.master.look('telemetry.losses', { edge: 'Berlin' })
        return losses.reduce((sum, { entries }) => sum + entries, 0) === settled.dropped ? losses : null
      },
      arriveMs,
    )
    expect(told.every(({ reason, isExact }) => reason === 'bytes-cap' && isExact)).toBe(true)
    const logs = told.filter(({ category }) => category === 'logs').reduce((sum, { entries }) => sum + entries, 0)
    // Lines of the controller itself are among them.
    expect(logs).toBeGreaterThanOrEqual(first)
    expect(logs - first).toBeLessThan(50)
  }, 240_000)
})
