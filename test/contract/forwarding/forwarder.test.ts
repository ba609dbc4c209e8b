import { create, toBinary } from '@bufbuild/protobuf'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ForwardStore } from '../../../electron/forwarding/forwarding'
import { otlpHttp, retryAfterOf } from '../../../electron/forwarding/otlp-http'
import { openForwarding } from '../../../electron/forwarding/sqlite'
import { Forwarder, type ForwarderOptions } from '../../../electron/master/forwarder'
import { exported } from '../../../electron/outbox/otlp/export'
import { partialSuccessOf } from '../../../electron/outbox/otlp/export-answer'
import { signalOf } from '../../../electron/outbox/otlp/signal'
import { ExportLogsServiceResponseSchema } from '../../../electron/outbox/otlp/proto/logs-service'
import { systemClock } from '../../../electron/platform/clock'
import type { Logger } from '../../../electron/platform/ports'
import { openTelemetryStores } from '../../../electron/telemetry/sqlite'
import type { ArrivedEntry, TelemetryStores } from '../../../electron/telemetry/telemetry'
import { forwarderDocument } from '../../../shared/model/documents'
import { HoldfastError } from '../../../shared/model/failures'
import type { TelemetryCategory } from '../../../shared/model/telemetry'
import { wallMs } from '../../../shared/model/time'
import { collectingLogger } from '../../support/journal'
import { startSink, type OtlpSink } from '../../support/otlp-sink'
import { temporaryFolder } from '../../support/outbox'
import { until } from '../../support/until'

const clock = systemClock()
let folder: ReturnType<typeof temporaryFolder>
let telemetry: TelemetryStores
let store: ForwardStore
let sink: OtlpSink
const running = new Set<Forwarder>()
const seqs = new Map<string, number>()

beforeEach(async () => {
  folder = temporaryFolder()
  telemetry = openTelemetryStores(folder.path)
  store = openForwarding(path.join(folder.path, 'forwarding.db'))
  sink = await startSink()
  seqs.clear()
})
afterEach(async () => {
  for (const forwarder of running) await forwarder.end()
  running.clear()
  await sink[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await telemetry[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

function begin(fields: Record<string, unknown> = {}, more: Partial<ForwarderOptions> = {}): Forwarder {
  const document = forwarderDocument.parse({ id: 'main', name: 'Main', url: sink.url, ...fields })
  const forwarder = new Forwarder(document, {
    ...{ store, telemetry, clock, logger: collectingLogger(), edgeName: (id) => id },
    encoder: { signalOf, encode: exported },
    send: otlpHttp({ partialSuccess: partialSuccessOf, now: () => clock.wall() }),
    secret: (name) => (name === 'token' ? 'Bearer open-sesame' : null),
    // No chance: each wait is as short as it may be.
    random: { fraction: () => 0.001 },
    ...more,
  })
  running.add(forwarder)
  forwarder.start()
  return forwarder
}

const log = (text: string) => ({
  ...{ resource: { attributes: { 'service.name': 'till' } }, scope: { name: 'till' } },
  ...{ time: 1_750_000_000_000, timeNs: '1750000000000000123', severity: 9, body: text, attributes: { n: 1 } },
})
/** Stores entries of an edge as one batch, as ingest would. */
function arrive(
  entries: readonly (readonly [TelemetryCategory, unknown, Partial<ArrivedEntry>?])[],
  edgeId = 'berlin',
): void {
  const first = (seqs.get(edgeId) ?? 0) + 1
  const made = entries.map(([category, body, more], index): ArrivedEntry => ({
    ...{
      seq: first + index,
      runId: 'r',
      sourceId: 's',
      edgeId,
      enrolmentId: null,
      category,
      at: wallMs(1_750_000_000_000),
    },
    ...{ doNotPropagate: false, isBytes: false, text: JSON.stringify(body) },
    ...more,
  }))
  const lastSeq = first + entries.length - 1
  seqs.set(edgeId, lastSeq)
  telemetry.of(edgeId).receive(
    {
      feedId: 'f',
      lane: 'telemetry',
      firstSeq: first,
      lastSeq,
      entries: made,
      gaps: [],
      historical: false,
      sentAt: 0,
    },
    clock.wall(),
  )
}
const logs = (...texts: string[]) => arrive(texts.map((text) => ['logs', log(text)] as const))
const idle = (forwarder: Forwarder) => until('nothing is pending', () => forwarder.status().pendingEntries === 0)

describe('forwarding', () => {
  test('sends what edges pushed in their order, by its signal, read back with the official schemas', async () => {
    const forwarder = begin({ headers: { Authorization: { secretRef: 'token' }, 'X-Site': 'head' } })
    const metric = {
      ...log(''),
      name: 'cpu.load',
      type: 'gauge',
      unit: '1',
      points: [{ time: 5, attributes: {}, value: 0.5 }],
    }
    const { resource, scope } = log('')
    const span = {
      ...{
        resource,
        scope,
        time: 1,
        startNs: '1000000',
        endNs: '3000000',
        durationMs: 2,
        name: 'sell',
        kind: 'server',
      },
      ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), status: 'ok', attributes: {} },
    }
    arrive([
      ['logs', log('one')],
      ['metrics', { resource, scope, ...pick(metric, ['name', 'type', 'unit', 'points']) }],
      ['traces', span],
      ['events', { event: 'module.connected', module: 'plc' }],
      ['alerts', { name: 'no-device', text: 'No device.', severity: 'critical', state: 'firing' }],
      ['logs', log('two')],
    ])
    forwarder.arrived('berlin')
    await idle(forwarder)
    expect(sink.requests.map(({ path: at, records }) => [at, records])).toEqual([
      ['/v1/metrics', ['cpu.load=0.5']],
      ['/v1/traces', ['sell']],
      ['/v1/logs', ['one', 'two', 'kvlistValue', 'kvlistValue']],
    ])
    expect(sink.requests[2]?.edges).toEqual(['berlin', 'berlin'])
    expect(sink.requests[0]?.headers).toMatchObject({ authorization: 'Bearer open-sesame', 'x-site': 'head' })
    expect(forwarder.status()).toMatchObject({ state: 'up to date', sent: 6, setAside: 0, lost: 0, lastError: null })
  })

  test('begins with what comes after it was made, and goes on where it was after a restart', async () => {
    logs('before')
    const forwarder = begin()
    logs('one')
    forwarder.arrived('berlin')
    await idle(forwarder)
    await forwarder.end()
    logs('two')
    await idle(begin())
    expect(sink.taken).toEqual(['one', 'two'])
  })

  test('leaves inside what is not to be propagated, and categories nobody asked for', async () => {
    const forwarder = begin({ categories: ['logs'] })
    arrive([
      ['logs', log('inside'), { doNotPropagate: true }],
      ['events', { event: 'x' }],
      ['logs', log('outside')],
    ])
    forwarder.arrived('berlin')
    await idle(forwarder)
    expect(sink.taken).toEqual(['outside'])
    expect(forwarder.status()).toMatchObject({ sent: 1, skipped: 2 })
  })

  test('waits while the endpoint is away or busy, as long as it asks for, and loses nothing', async () => {
    const answers = [null, { status: 503 }, { status: 429, headers: { 'Retry-After': '1' } }, { status: 200 }]
    const at: number[] = []
    sink.answer(() => {
      at.push(performance.now())
      const answer = answers.shift()
      return answer === undefined ? { status: 200 } : answer
    })
    const forwarder = begin()
    logs('one', 'two')
    forwarder.arrived('berlin')
    await until('it has failed', () => forwarder.status().failedAttempts >= 1)
    expect(forwarder.status()).toMatchObject({ pendingEntries: 2, lastError: { code: expect.any(String) as string } })
    await idle(forwarder)
    expect(sink.taken).toEqual(['one', 'two'])
    expect(at[3]! - at[2]!).toBeGreaterThanOrEqual(1_000)
    expect(forwarder.status()).toMatchObject({ state: 'up to date', failedAttempts: 0, lastError: null })
  })

  const kinds = (n: number) =>
    [
      ['traces', span(`span ${n}`)],
      ['logs', log(`log ${n}`)],
      ['events', { event: `event ${n}` }],
    ] as const
  const span = (name: string) => ({
    ...pick(log(''), ['resource', 'scope']),
    ...{ time: 1, startNs: '1000000', endNs: '3000000', durationMs: 2, name, kind: 'server' },
    ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), status: 'ok', attributes: {} },
  })

  test('sends what waits for its endpoint by the settings there are then', async () => {
    sink.answer(() => ({ status: 503 }))
    const forwarder = begin({ categories: ['traces', 'logs'] })
    arrive(kinds(1))
    arrive(kinds(1), 'paris')
    forwarder.arrived('berlin')
    forwarder.arrived('paris')
    await until('it waits', () => forwarder.status().failedAttempts >= 2)
    sink.answer(() => ({ status: 200 }))
    forwarder.follow({ ...forwarder.document, categories: ['events'], edges: ['paris'] })
    await idle(forwarder)
    expect(sink.taken).toHaveLength(1)
    expect(sink.requests.at(-1)).toMatchObject({ path: '/v1/logs', edges: ['paris'] })
    expect(forwarder.status()).toMatchObject({ sent: 1, skipped: 2 })
    // Whose turn comes again is told from where it was.
    forwarder.follow({ ...forwarder.document, categories: ['traces'], edges: [] })
    await idle(forwarder)
    expect(sink.taken.slice(1)).toEqual(['span 1'])
  })

  test('looks anew at what is left of a piece when its settings change under way, and sends nothing of it twice', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    sink.answer(async () => {
      await held
      return { status: 200 }
    })
    const forwarder = begin({ categories: ['traces', 'logs'] })
    arrive(kinds(1))
    forwarder.arrived('berlin')
    await until('the first part is on its way', () => sink.requests.length === 1)
    forwarder.follow({ ...forwarder.document, categories: ['traces', 'events'] })
    release()
    await idle(forwarder)
    expect(sink.requests.map(({ path: at }) => at)).toEqual(['/v1/traces', '/v1/logs'])
    expect(sink.taken).toHaveLength(2)
    expect(sink.taken).not.toContain('log 1')
    expect(forwarder.status()).toMatchObject({ sent: 2, skipped: 1 })
  })

  test('that is switched off under way sends no more, and goes on where it was when it is switched on', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    sink.answer(async () => {
      await held
      return { status: 200 }
    })
    const forwarder = begin({ categories: ['traces', 'logs'] })
    arrive(kinds(1))
    forwarder.arrived('berlin')
    await until('the first part is on its way', () => sink.requests.length === 1)
    forwarder.follow({ ...forwarder.document, enabled: false })
    release()
    await until('it was taken', () => sink.taken.length === 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(sink.requests).toHaveLength(1)
    expect(forwarder.status()).toMatchObject({ state: 'off', pendingEntries: 3 })
    forwarder.follow({ ...forwarder.document, enabled: true })
    await idle(forwarder)
    expect(sink.taken).toEqual(['span 1', 'log 1'])
    expect(forwarder.status()).toMatchObject({ sent: 2, skipped: 1 })
  })

  test('sets aside the one record an endpoint will never take, with its reason; its neighbours go through', async () => {
    sink.answer(({ records }) =>
      records.includes('poison') ? { status: 400, body: Buffer.from('no such field') } : { status: 200 },
    )
    const forwarder = begin()
    logs('1', '2', '3', 'poison', '5', '6', '7')
    forwarder.arrived('berlin')
    await idle(forwarder)
    expect([...sink.taken].sort()).toEqual(['1', '2', '3', '5', '6', '7'])
    expect(forwarder.status()).toMatchObject({
      ...{ sent: 6, setAside: 1 },
      setAsideReasons: [{ edgeId: 'berlin', entries: 1, code: 'http-400', message: 'no such field' }],
    })
  })

  test('counts what an endpoint rejects of a request it takes', async () => {
    const partialSuccess = { rejectedLogRecords: 2n, errorMessage: 'too old' }
    const body = toBinary(ExportLogsServiceResponseSchema, create(ExportLogsServiceResponseSchema, { partialSuccess }))
    sink.answer(() => ({ status: 200, body }))
    const forwarder = begin()
    logs('1', '2', '3')
    forwarder.arrived('berlin')
    await idle(forwarder)
    expect(forwarder.status()).toMatchObject({ sent: 1, setAside: 2, setAsideReasons: [{ message: 'too old' }] })
  })

  test('that could not begin says so, tries again, and sends nothing from before', async () => {
    logs('long ago')
    let refusals = 2
    const refusing: ForwardStore = {
      ...store,
      begin: (id, positions) => {
        if (refusals-- > 0) throw new HoldfastError('storage', 'forwarding.db: the disk is full')
        store.begin(id, positions)
      },
    }
    const forwarder = begin({}, { store: refusing })
    expect(forwarder.status()).toMatchObject({ state: 'waiting', lastError: { code: 'storage' } })
    logs('still before it began')
    forwarder.arrived('berlin')
    await until('it has begun', () => refusals < 0)
    logs('now')
    forwarder.arrived('berlin')
    await idle(forwarder)
    expect(sink.taken).toEqual(['now'])
  })

  test('quotes no secret that cannot be sent', async () => {
    const secret = (name: string) => (name === 'token' ? 'Bearer of-two\nlines' : 'Bearer €uro-sign')
    const lines: string[] = []
    const logger: Logger = { log: (_, ...said) => void lines.push(JSON.stringify(said)), child: () => logger }
    const forwarder = begin({ headers: { Authorization: { secretRef: 'token' } } }, { secret, logger })
    logs('one')
    for (const secretRef of ['token', 'other']) {
      forwarder.follow({ ...forwarder.document, headers: { Authorization: { secretRef } } })
      forwarder.arrived('berlin')
      await until('it says so', () => forwarder.status().failedAttempts > (secretRef === 'token' ? 0 : 1))
      expect(forwarder.status()).toMatchObject({ state: 'misconfigured', lastError: { code: 'bad-header' } })
      expect(JSON.stringify([forwarder.status(), lines])).not.toMatch(/of-two|lines|uro-sign/)
    }
  })

  test('gives nothing up where the endpoint does not let it in, or a secret is missing', async () => {
    sink.answer(({ headers }) => (headers.authorization === 'Bearer open-sesame' ? { status: 200 } : { status: 401 }))
    const forwarder = begin({ headers: { Authorization: { secretRef: 'nothing' } } })
    logs('one')
    forwarder.arrived('berlin')
    await until('it says so', () => forwarder.status().state === 'misconfigured')
    expect(forwarder.status()).toMatchObject({ pendingEntries: 1, setAside: 0, lastError: { code: 'no-secret' } })
    forwarder.follow({ ...forwarder.document, headers: { 'X-Other': 'a' } })
    await until('it knocks', () => forwarder.status().lastError?.code === 'http-401')
    forwarder.follow({ ...forwarder.document, headers: { Authorization: { secretRef: 'token' } } })
    await idle(forwarder)
    expect(sink.taken).toEqual(['one'])
  })

  test('a test tells what the other side says for each signal, sends nothing that was pushed, and moves no position', async () => {
    sink.answer(({ headers, path: asked }) =>
      headers.authorization !== 'Bearer open-sesame'
        ? { status: 401 }
        : { status: asked.endsWith('traces') ? 404 : 200 },
    )
    const forwarder = begin({ enabled: false, categories: ['logs', 'events', 'traces'] })
    logs('one')
    const signalsOf = async () =>
      (await forwarder.test()).signals.map(({ signal, delivered, code }) => [signal, delivered, code])
    expect(await signalsOf()).toEqual([
      ['traces', false, 'http-401'],
      ['logs', false, 'http-401'],
    ])
    forwarder.follow({ ...forwarder.document, headers: { Authorization: { secretRef: 'nothing' } } })
    expect(await signalsOf()).toContainEqual(['logs', false, 'no-secret'])
    forwarder.follow({ ...forwarder.document, headers: { Authorization: { secretRef: 'token' } } })
    expect(await signalsOf()).toEqual([
      ['traces', false, 'http-404'],
      ['logs', true, 'ok'],
    ])
    expect(sink.taken).toEqual([])
    expect(forwarder.status()).toMatchObject({ pendingEntries: 1, sent: 0, setAside: 0, lastError: null, state: 'off' })
    await sink[Symbol.asyncDispose]()
    expect(await forwarder.test()).toMatchObject({ delivered: false, signals: [{ code: 'unreachable' }, {}] })
    await forwarder.test()
    await expect(forwarder.test()).rejects.toThrow('At most 5 tests')
  })

  test('sends again what was answered and not written down: at least once, and nothing else twice', async () => {
    logs('old')
    let isBroken = true
    const first = begin(
      {},
      {
        store: {
          ...store,
          move: (...step) => {
            if (isBroken) throw new HoldfastError('storage', 'the power is gone')
            store.move(...step)
          },
        },
      },
    )
    logs('one', 'two')
    first.arrived('berlin')
    await until('it was sent', () => sink.taken.length === 2)
    await until('it could not be written', () => first.status().lastError?.code === 'storage')
    // The process ends here, and another one begins.
    await first.end()
    isBroken = false
    logs('three')
    await idle(begin())
    expect(sink.taken).toEqual(['one', 'two', 'one', 'two', 'three'])
  })

  test('counts what retention deleted before it was sent', async () => {
    sink.answer(() => ({ status: 503 }))
    // A long wait after the refusal: no request is under way when it ends.
    const forwarder = begin({}, { random: { fraction: () => 1 } })
    logs('one', 'two', 'three')
    forwarder.arrived('berlin')
    await until('it waits', () => forwarder.status().retryAt !== null)
    await forwarder.end()
    const nothing = { ageMs: 0, bytes: 0, pointsAgeMs: 0, hourlyAgeMs: 0, dailyAgeMs: 0 }
    telemetry.of('berlin').retain(nothing, wallMs(clock.wall() + 1_000), 1_000)
    sink.answer(() => ({ status: 200 }))
    logs('four')
    const again = begin()
    await until('it counts', () => again.status().sent === 1)
    expect(again.status()).toMatchObject({ lost: 3, sent: 1, pendingEntries: 0 })
    expect(sink.taken).toEqual(['four'])
  })

  test('what OTLP has no form for is set aside and named', async () => {
    const forwarder = begin()
    arrive([
      ['metrics', { name: 'odd', value: 'many' }],
      ['logs', log('fine')],
    ])
    forwarder.arrived('berlin')
    await idle(forwarder)
    expect(forwarder.status()).toMatchObject({ sent: 1, setAside: 1, setAsideReasons: [{ code: 'no-otlp' }] })
  })

  test('counts what OTLP has no form for once, however often its neighbours are tried', async () => {
    const { resource, scope } = log('')
    const origin = { resource, scope }
    let secret: string | null = null
    let asked = 0
    const forwarder = begin(
      { headers: { Authorization: { secretRef: 'later' } } },
      { secret: () => (asked++, secret), random: { fraction: () => 1 } },
    )
    arrive([
      ['metrics', { name: 'odd', value: 'many' }],
      [
        'metrics',
        { ...origin, name: 'fine', type: 'gauge', unit: '1', points: [{ time: 5, attributes: {}, value: 1 }] },
      ],
    ])
    forwarder.arrived('berlin')
    for (let tries = 1; tries <= 3; tries++) {
      await until('it was tried', () => asked === tries && forwarder.status().retryAt !== null)
      if (tries === 3) secret = 'Bearer open-sesame'
      forwarder.retry()
    }
    await idle(forwarder)
    expect(forwarder.status()).toMatchObject({ sent: 1, setAside: 1, setAsideReasons: [{ code: 'no-otlp' }] })
  })

  test('looks at many edges that have nothing a few in a turn, and opens none of them to say how it stands', async () => {
    const ids = Array.from({ length: 70 }, (_, n) => `edge-${n}`)
    let inTurn = 0
    let most = 0
    let opened = 0
    const counting: TelemetryStores = {
      ...telemetry,
      edges: () => ids,
      extent: () => {
        most = Math.max(most, ++inTurn)
        setImmediate(() => (inTurn = 0))
        return { newest: 0, stored: 0, deleted: 0 }
      },
      of: (edgeId) => {
        opened++
        return telemetry.of(edgeId)
      },
    }
    store.begin('main', new Map())
    let looked = 0
    const position = store.position
    const forwarder = begin(
      {},
      { telemetry: counting, store: { ...store, position: (...of) => (looked++, position(...of)) } },
    )
    await until('all were looked at', () => looked >= ids.length)
    expect(most).toBeLessThan(ids.length)
    expect(forwarder.status().pendingEntries).toBe(0)
    expect(opened).toBe(0)
  })

  test('reads how long to wait as seconds or as an instant, and never waits for ever', () => {
    const now = Date.UTC(2026, 0, 1)
    expect(retryAfterOf('7', now)).toBe(7_000)
    expect(retryAfterOf('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000)
    expect([retryAfterOf('soon', now), retryAfterOf(null, now), retryAfterOf('99999999', now)]).toEqual([
      null,
      null,
      3_600_000,
    ])
  })
})

const pick = (from: object, names: readonly string[]) =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)))
