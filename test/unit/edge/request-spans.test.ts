import { expect, test } from 'vitest'
import { RequestSpans } from '../../../electron/edge/request-spans'
import { systemRandom } from '../../../electron/platform/random'
import { HoldfastError } from '../../../shared/model/failures'
import { spanBody, type SpanBody } from '../../../shared/model/otlp'
import type { OutboxEntry } from '../../../shared/model/telemetry'
import { wallMs } from '../../../shared/model/time'
import { SettlingClock } from '../../support/settling-clock'

const command = { moduleId: 'module-1', method: 'route', requestId: 'request-1', from: 'master' } as const

function place({ isKept = true, isFull = false } = {}) {
  const clock = new SettlingClock(wallMs(1_750_000_000_000))
  const told: OutboxEntry[] = []
  const append = (entries: readonly OutboxEntry[]) => {
    told.push(...entries)
    return isFull ? Promise.reject(new Error('no room')) : Promise.resolve({ stored: 1, refused: [], switchedOff: 0 })
  }
  const sink = isKept ? { append } : null
  const spans = new RequestSpans({ sink, clock, random: systemRandom(), instanceId: 'node-1' })
  return {
    clock,
    spans,
    told: (): SpanBody[] => told.map((entry) => spanBody.parse('body' in entry ? entry.body : null)),
  }
}

test('a command is one trace: what was asked, and within it the turn of the device', async () => {
  const { clock, spans, told } = place()
  const answered = spans.execute(command, async (device) => {
    await clock.pass(3)
    return device(async () => {
      await clock.pass(40)
      return 'done'
    })
  })
  expect(await answered).toBe('done')
  const [device, served] = told()
  expect(served).toMatchObject({
    ...{ name: 'module.execute', kind: 'server', status: 'unset', durationMs: 43 },
    ...{ time: 1_750_000_000_000, startNs: '1750000000000000000', endNs: '1750000000043000000' },
    attributes: { 'device.module': 'module-1', 'rpc.method': 'route', 'holdfast.from': 'master' },
  })
  expect(served?.parentSpanId).toBeUndefined()
  expect(device).toMatchObject({ name: 'device route', kind: 'client', durationMs: 40, time: 1_750_000_000_003 })
  expect(device).toMatchObject({ traceId: served?.traceId, parentSpanId: served?.spanId })
})

test('a refusal before the device is a trace without it, and says why', async () => {
  const { spans, told } = place()
  const answered = spans.execute(command, () => {
    throw new HoldfastError('stale-epoch', 'Control has moved.')
  })
  await expect(answered).rejects.toMatchObject({ code: 'stale-epoch' })
  expect(told()).toEqual([
    expect.objectContaining({ status: 'error', statusMessage: 'stale-epoch: Control has moved.' }),
  ])
})

test('a device that fails is an error of both', async () => {
  const { spans, told } = place()
  const answered = spans.execute(command, (device) =>
    device(() => Promise.reject(new HoldfastError('timeout', 'Late'))),
  )
  await expect(answered).rejects.toMatchObject({ code: 'timeout' })
  expect(told().map(({ kind, status }) => [kind, status])).toEqual([
    ['client', 'error'],
    ['server', 'error'],
  ])
})

test('each request has a trace of its own', async () => {
  const { spans, told } = place()
  const runtime = { startModules: () => Promise.resolve(), stopModules: () => Promise.resolve() }
  expect(await spans.system({ systemId: 'room', start: true, from: 'console' }, runtime, ['a', 'b'])).toBe(2)
  await spans.system({ systemId: 'room', start: false, from: 'console' }, runtime, ['a', 'b'])
  expect(told().map(({ name }) => name)).toEqual(['system.start', 'system.stop'])
  expect(new Set(told().map(({ traceId }) => traceId)).size).toBe(2)
})

test.each([
  ['keeps none', { isKept: false }],
  ['has no room', { isFull: true }],
])('commands are carried out all the same where the site %s', async (_, how) => {
  const { spans } = place(how)
  expect(await spans.execute(command, (device) => device(() => Promise.resolve(7)))).toBe(7)
})
