import { describe, expect, it } from 'vitest'
import type { AlertIncident, ForwardView } from '../../shared/console/alert-views'
import type { ControllerProcess } from '../support/controller'
import { startSink } from '../support/otlp-sink'
import { otlpUrl, sendLogs } from '../support/otlp-sender'
import { Site } from '../support/site'

const freeReceiver = { env: { HOLDFAST_OTLP_PORT: '0' } }
const arriveMs = 30_000

async function drivenSite(): Promise<Site> {
  const site = await Site.start()
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

async function sendTemperature(edge: ControllerProcess, value: number): Promise<void> {
  const point = {
    timeUnixNano: `${Date.now()}000000`,
    asDouble: value,
    attributes: [{ key: 'oven', value: { stringValue: '2' } }],
  }
  const metrics = [{ name: 'oven.temperature', unit: 'Cel', gauge: { dataPoints: [point] } }]
  const response = await fetch(`${await otlpUrl(edge)}/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceMetrics: [{ resource: {}, scopeMetrics: [{ scope: { name: 'oven' }, metrics }] }] }),
  })
  expect(response.status).toBe(200)
  // Metrics wait for their turn, up to 30 s; nobody has to.
  await edge.ask('sync', 'drain')
}

const ofRule = async (site: Site, state: AlertIncident['state']) => {
  const { alerts } = await site.master.look('alerts.list', { rule: 'ovens', states: [state] })
  return alerts.find((alert) => alert.state === state) ?? null
}

describe.concurrent('alerts of real processes', () => {
  it('fire at the master for what a device of the edge says, are taken by a person, outlive the master, and are over', async () => {
    await using site = await drivenSite()
    const rule = ['watch=metric', 'metric=oven.temperature', 'threshold=80', 'severity=critical', 'name=Oven too hot']
    await site.master.ask('alerts', 'rules', 'set', 'ovens', '--create', ...rule)
    await sendTemperature(site.edge, 71)
    await sendTemperature(site.edge, 95)
    const beganAt = performance.now()
    const fired = await site.until('the alert fires', () => ofRule(site, 'firing'), arriveMs)
    expect(performance.now() - beganAt).toBeLessThan(arriveMs)
    expect(fired).toMatchObject({
      ...{ severity: 'critical', edgeName: 'Berlin', ruleName: 'Oven too hot', value: 95 },
      text: 'oven.temperature {oven=2} is 95, above 80',
    })

    expect(await site.master.ask('alerts', 'ack', fired.id, '--note', 'the baker knows')).toEqual({ changed: 1 })
    await site.master.ask('alerts', 'silence', fired.id, '--for', '1h', '--reason', 'it is being repaired')
    expect(await ofRule(site, 'firing')).toMatchObject({
      acknowledged: { note: 'the baker knows' },
      silenced: { reason: 'it is being repaired' },
    })

    await site.master.kill()
    await site.startMaster()
    await site.linked(30_000)
    const left = await site.until(
      'it is still there',
      async () => (await ofRule(site, 'unknown')) ?? ofRule(site, 'firing'),
    )
    expect(left).toMatchObject({
      id: fired.id,
      acknowledged: { note: 'the baker knows' },
      silenced: { reason: 'it is being repaired' },
    })
    await sendTemperature(site.edge, 60)
    const over = await site.until('it is over', () => ofRule(site, 'resolved'), arriveMs)
    expect(over).toMatchObject({ id: fired.id, resolvedBecause: 'cleared' })
    expect(await site.master.text('alerts', 'list', '--rule', 'ovens')).toBe('No alert.\n')
    const seen = await site.master.ask<{ fired: number }>('alerts', 'rules', 'test', 'ovens')
    expect(seen.fired).toBe(1)
    const refused = await site.edge.run('alerts', 'list')
    expect([refused.code, refused.failure()]).toMatchObject([1, { code: 'refused' }])
  }, 180_000)
})

describe.concurrent('forwarding of real processes', () => {
  it('brings everything outside at least once although the master is killed between sending and writing down', async () => {
    await using site = await drivenSite()
    await using sink = await startSink()
    await site.master.ask('forward', 'set', 'outside', '--create', `url=${sink.url}`, 'categories=["logs"]')
    let kills = 0
    sink.answer(async ({ records }) => {
      const isTills = records.some((text) => text.startsWith('receipt '))
      // It has been sent, and the answer never comes to who sent it.
      if (isTills && kills === 0) {
        kills++
        await site.master.kill()
      }
      return { status: 200 }
    })
    const accepted = await sendLogs(await otlpUrl(site.edge), 1, 2_000)
    await site.edge.ask('sync', 'drain').catch(() => {})
    await site.until('the master was killed', () => kills === 1 && !site.master.isAlive, arriveMs)
    await site.startMaster()
    await site.linked(30_000)
    const numbers = () => sink.taken.flatMap((text) => /^receipt (\d+) /.exec(text)?.[1] ?? []).map(Number)
    await site.until('everything is outside', () => new Set(numbers()).size === accepted.length, arriveMs)
    expect([...new Set(numbers())].sort((a, b) => a - b)).toEqual(accepted)
    // What was under way is there twice, and this is all.
    expect(numbers().length).toBeLessThanOrEqual(accepted.length + 1_000 * 4)
    const idle = async () => {
      const [view] = await site.master.ask<ForwardView[]>('forward', 'status')
      return view?.state === 'up to date' ? view : null
    }
    expect(await site.until('nothing is left', idle, arriveMs)).toMatchObject({
      id: 'outside',
      setAside: 0,
      lost: 0,
      lastError: null,
    })
  }, 180_000)
})
