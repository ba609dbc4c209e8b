import { hostname } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forwardingLogger } from '../../../electron/platform/collectors/forwarding-logger'
import { HostMetrics, type TelemetrySink } from '../../../electron/platform/collectors/host-metrics'
import type { Logger } from '../../../electron/platform/ports'
import { logBody, metricBody, type LogBody, type MetricBody } from '../../../shared/model/otlp'
import type { OutboxEntry } from '../../../shared/model/telemetry'
import { AT } from '../../support/inventory'
import { SettlingClock } from '../../support/settling-clock'
import { until } from '../../support/until'

let clock: SettlingClock
let entries: OutboxEntry[]
let batches: number
let refuses: boolean
const sink: TelemetrySink = {
  append: async (given) => {
    batches++
    if (refuses) throw new Error('full')
    entries.push(...given)
  },
}
beforeEach(() => ([clock, entries, batches, refuses] = [new SettlingClock(AT), [], 0, false]))
afterEach(() => expect(clock.timers).toBe(0))

const silent: Logger = { log: () => {}, child: () => silent }
const bodies = <T>() => entries.map((entry) => ('body' in entry ? entry.body : null) as T)

describe('metrics of the host', () => {
  const metrics = (mounts = ['/']) =>
    new HostMetrics({
      ...{ sink, clock, random: { fraction: () => 0 }, logger: silent, instanceId: 'node-1', version: '0.2.0' },
      mounts: () => mounts,
    })

  test('are entries that the outbox takes, by the names of OpenTelemetry', async () => {
    await metrics().measure()
    expect(entries.every(({ category, at }) => category === 'metrics' && at === AT)).toBe(true)
    for (const body of bodies<MetricBody>()) expect(metricBody.parse(body)).toEqual(body)
    const named = new Map(bodies<MetricBody>().map((body) => [body.name, body]))
    for (const name of [
      'system.cpu.utilization',
      'system.memory.usage',
      'process.memory.usage',
      'system.filesystem.usage',
    ])
      expect(named.has(name), name).toBe(true)
    const [point] = named.get('system.memory.utilization')?.points ?? []
    expect(point).toMatchObject({ value: expect.toSatisfy((value: number) => value > 0 && value < 1) as number })
    expect(named.get('system.cpu.utilization')?.resource.attributes).toEqual({
      ...{ 'service.name': 'holdfast', 'service.instance.id': 'node-1', 'host.name': hostname() },
    })
  })
  test('leave out what does not exist', async () => {
    await metrics(['/nowhere/at/all']).measure()
    expect(bodies<MetricBody>().some(({ name }) => name.startsWith('system.filesystem'))).toBe(false)
    expect(entries.length).toBeGreaterThan(2)
  })
  test('come every half minute, also after the sink has refused, until they are ended', async () => {
    const own = metrics([])
    own.start()
    await clock.pass(29_000)
    expect(batches).toBe(0)
    refuses = true
    await clock.pass(1_000)
    // The figures are read from the machine, which takes its own time.
    await until('the first round was refused', () => batches === 1 && clock.timers === 1)
    refuses = false
    await clock.pass(30_000)
    await until('the second round was taken', () => batches === 2 && entries.length > 0)
    await own.end()
    await clock.pass(90_000)
    expect(batches).toBe(2)
  })
})

describe('logs of the controller', () => {
  const written: string[] = []
  const inner: Logger = { log: (level, message) => void written.push(`${level} ${message}`), child: () => inner }
  const forwarding = () => forwardingLogger(inner, { clock, instanceId: 'node-1', version: '0.2.0' })

  test('are written as ever, and warnings and errors are sent in batches with their scope', async () => {
    const own = forwarding()
    await using _ = own.connect(sink)
    own.logger.log('info', 'Controller started')
    own.logger.child('edge').child('link').log('warn', 'The link was lost', { reason: 'timeout' })
    own.logger.log('error', 'It broke')
    await clock.pass(1_000)
    expect(written.slice(-3)).toEqual(['info Controller started', 'warn The link was lost', 'error It broke'])
    expect(batches).toBe(1)
    for (const body of bodies<LogBody>()) expect(logBody.parse(body)).toEqual(body)
    expect(
      bodies<LogBody>().map(({ scope, severity, body, attributes }) => [scope.name, severity, body, attributes]),
    ).toEqual([
      ['holdfast.edge.link', 13, 'The link was lost', { reason: 'timeout' }],
      ['holdfast', 17, 'It broke', {}],
    ])
  })
  test('hold no secret', async () => {
    const own = forwarding()
    await using _ = own.connect(sink)
    own.logger.log('warn', 'Refused', { secretId: 'a', token: 'hunter2', inner: { clientProof: 'hunter2' } })
    await clock.pass(1_000)
    expect(entries).toHaveLength(1)
    expect(JSON.stringify(entries)).not.toContain('hunter2')
  })
  test('from before the sink was there are sent too, those beyond a limit are counted', async () => {
    const own = forwarding()
    for (let index = 0; index < 510; index++) own.logger.log('warn', `line ${index}`)
    await clock.pass(5_000)
    await using _ = own.connect(sink)
    await clock.pass(1_000)
    expect(entries).toHaveLength(500)
    own.logger.log('warn', 'later')
    await clock.pass(1_000)
    expect(bodies<LogBody>().at(-1)?.attributes).toEqual({ droppedLines: 10 })
  })
  test('that the sink refuses are counted and make no further lines', async () => {
    const own = forwarding()
    await using _ = own.connect(sink)
    refuses = true
    own.logger.log('warn', 'lost')
    own.logger.child('outbox').log('error', 'The disk is full')
    await clock.pass(60_000)
    expect(batches).toBe(1)
    refuses = false
    own.logger.log('warn', 'kept')
    await clock.pass(1_000)
    expect(bodies<LogBody>()).toMatchObject([{ body: 'kept', attributes: { droppedLines: 1 } }])
  })
  test('that wait at the end are sent', async () => {
    const own = forwarding()
    const connected = own.connect(sink)
    own.logger.log('error', 'last words')
    await connected[Symbol.asyncDispose]()
    expect(bodies<LogBody>().map(({ body }) => body)).toEqual(['last words'])
  })
})
