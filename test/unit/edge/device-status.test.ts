import { expect, test } from 'vitest'
import { DeviceStatus } from '../../../electron/edge/device-status'
import type { ModuleView } from '../../../shared/model/modules'
import { logBody } from '../../../shared/model/otlp'
import type { OutboxEntry } from '../../../shared/model/telemetry'
import { wallMs } from '../../../shared/model/time'
import { collectingLogger } from '../../support/journal'
import { SettlingClock } from '../../support/settling-clock'

const outcome = { stored: 1, refused: [], switchedOff: 0 }

function place() {
  const clock = new SettlingClock(wallMs(1_750_000_000_000))
  const told: OutboxEntry[] = []
  const lines: string[] = []
  let isFull = false
  const status = new DeviceStatus({
    clock,
    logger: collectingLogger(lines),
    instanceId: 'node-1',
    sink: {
      append: (entries) => {
        if (isFull) return Promise.reject(new Error('no room'))
        told.push(...entries)
        return Promise.resolve(outcome)
      },
    },
  })
  return {
    ...{ clock, status, lines },
    fill: () => void (isFull = true),
    see: (...views: ModuleView[]) => status.modulesChanged(views, []),
    /** What was told since the last time: category, severity and words. */
    said: () =>
      told.splice(0).map((entry) => {
        const { severity, body } = logBody.parse('body' in entry ? entry.body : null)
        return `${entry.category} ${severity} ${body as string}`
      }),
  }
}

const view = (more: Partial<ModuleView> = {}): ModuleView => ({
  ...{ id: 'module-1', name: 'switcher', driver: 'tcp-line', role: 'device', state: 'running', connected: true },
  ...{ since: 0, asOf: 1_750_000_000_000, status: {}, fault: null, restarts: 0, retryAt: null },
  ...more,
})

test('that a device begins to answer and ceases to is told at once, as an event, and once', () => {
  const { see, said } = place()
  see(view({ state: 'starting', connected: false }))
  see(view({ connected: false }))
  expect(said()).toEqual([])
  see(view())
  see(view({ asOf: 1_750_000_000_100 }))
  expect(said()).toEqual(['events 9 switcher: answers'])
  see(view({ connected: false, fault: 'connection refused' }))
  see(view({ connected: false, fault: 'timed out' }))
  expect(said()).toEqual(['events 13 switcher: does not answer: connection refused'])
  see(view({ state: 'backing-off', connected: false, fault: 'timed out' }))
  see(view({ state: 'starting', connected: false }))
  see(view({ state: 'unknown', connected: false }))
  see(view())
  expect(said()).toEqual(['events 9 switcher: answers'])
})

test('a device that has never answered is told of with its fault', () => {
  const { see, said } = place()
  see(view({ connected: false }))
  see(view({ connected: false, fault: 'connection refused' }))
  expect(said()).toEqual(['events 13 switcher: does not answer: connection refused'])
})

test('a module that is stopped says nothing of its device, and what its next life finds is news', () => {
  const { see, said } = place()
  see(view())
  said()
  see(view({ state: 'stopped', connected: false }))
  see(view({ state: 'starting', connected: false }))
  see(view({ connected: false }))
  expect(said()).toEqual([])
  see(view())
  expect(said()).toEqual(['events 9 switcher: answers'])
})

test('values are told now and then, only those that are others than were told, with the last of each', async () => {
  const { see, said, clock } = place()
  see(view({ status: { temperature: 20, fan: true } }))
  said()
  for (let temperature = 21; temperature < 60; temperature++) see(view({ status: { temperature, fan: true } }))
  expect(said()).toEqual([])
  await clock.pass(30_000)
  expect(said()).toEqual(['logs 9 switcher: temperature 59, fan true'])
  see(view({ status: { temperature: 60, fan: true } }))
  see(view({ status: { temperature: 59, fan: true } }))
  await clock.pass(30_000)
  expect(said()).toEqual([])
  see(view({ status: { temperature: 59, fan: false } }))
  await clock.pass(30_000)
  expect(said()).toEqual(['logs 9 switcher: fan false'])
  await clock.pass(3_600_000)
  expect([said(), clock.timers]).toEqual([[], 0])
})

test('of very many variables each is told in its turn', async () => {
  const { see, said, clock } = place()
  const status = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`v${n}`, n]))
  see(view({ status }))
  said()
  await clock.pass(90_000)
  const names = said().flatMap((line) => [...line.matchAll(/v\d+/g)].map(String))
  expect(names).toEqual(Object.keys(status))
})

test('an end tells what waits; a module that is gone, nothing more', async () => {
  const { see, said, status, clock } = place()
  see(view({ status: { $x: { deep: 'y'.repeat(5_000) } } }), view({ id: 'module-2', status: { a: 1 } }))
  said()
  status.modulesChanged([], ['module-2'])
  await status.end()
  const [line = ''] = said()
  expect(line).toMatch(/^logs 9 switcher: \$x \{"deep":"y+$/)
  expect(line.length).toBeLessThan(600)
  expect(clock.timers).toBe(0)
})

test('an end tells all of very many variables, and leaves no timer behind', async () => {
  const { clock, status, see, said } = place()
  const values = (n: number) => Object.fromEntries(Array.from({ length: 120 }, (_, at) => [`v${at}`, n]))
  see(view({ status: values(1) }))
  await status.end()
  expect(said().filter((line) => line.startsWith('logs'))).toHaveLength(3)
  await clock.pass(120_000)
  expect(said()).toEqual([])
})

test('when it cannot be stored that is said, and nothing else happens', async () => {
  const { see, fill, status, lines } = place()
  fill()
  see(view())
  await status.end()
  expect(lines).toEqual(['warn The status of devices could not be told'])
})
