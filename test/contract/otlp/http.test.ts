import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { fromBinary } from '@bufbuild/protobuf'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startOtlpReceiver } from '../../../electron/outbox/otlp'
import { BODY_BYTES_MAX, BODY_DEADLINE_MS, COMPRESSED_BYTES_MAX } from '../../../electron/outbox/otlp/body'
import { encodePartialSuccess } from '../../../electron/outbox/otlp/encode'
import { ExportMetricsServiceResponseSchema } from '../../../electron/outbox/otlp/proto/metrics-service'
import { systemClock } from '../../../electron/platform/clock'
import { HoldfastError } from '../../../shared/model/failures'
import { manualClock } from '../../support/console-clock'
import { until } from '../../support/until'
import { bodiesOf, JSON_TYPE, logsJson, memoryOutbox, PROTOBUF_TYPE, receiver, send, silent } from './receiver'

let running: Awaited<ReturnType<typeof receiver>>
beforeEach(async () => void (running = await receiver()))
afterEach(() => running[Symbol.asyncDispose]())

const json = (body: Buffer) => JSON.parse(body.toString())
const GZIP = { 'Content-Encoding': 'gzip' }

describe('the receiver', () => {
  it('answers 200 and {} when everything is stored', async () => {
    const answer = await send(running, { body: logsJson(3) })
    expect([answer.status, answer.headers['content-type'], json(answer.body)]).toEqual([200, 'application/json', {}])
    expect(bodiesOf(running.outbox.entries).map(({ body }) => body)).toEqual(['line 0', 'line 1', 'line 2'])
    expect(running.counters()).toEqual({ requests: 1, accepted: 3, rejected: 0, refused: {} })
  })

  it('takes an empty protobuf request for what it is', async () => {
    const answer = await send(running, { headers: PROTOBUF_TYPE, body: new Uint8Array() })
    expect([answer.status, answer.body.length, running.outbox.calls]).toEqual([200, 0, []])
  })

  it('takes gzip', async () => {
    const answer = await send(running, { headers: { ...JSON_TYPE, ...GZIP }, body: gzipSync(logsJson(1_000)) })
    expect([answer.status, running.outbox.entries.length]).toEqual([200, 1_000])
  })

  it('accepts the neighbours of a record that is not valid, and says what was wrong', async () => {
    const body = logsJson(4, (index) =>
      index === 1 ? { timeUnixNano: 'noon' } : index === 2 ? { traceId: 'xyz' } : {},
    )
    const answer = await send(running, { body })
    const { partialSuccess } = json(answer.body)
    expect(answer.status).toBe(200)
    expect(partialSuccess.rejectedLogRecords).toBe('2')
    expect(partialSuccess.errorMessage).toContain('time_unix_nano')
    expect(bodiesOf(running.outbox.entries).map(({ body: text }) => text)).toEqual(['line 0', 'line 3'])
  })

  it('counts what the outbox refuses for good as rejected, in data points', async () => {
    const points = Array.from({ length: 250 }, (_, index) => ({ timeUnixNano: '1700000000000000000', asInt: index }))
    const metrics = [{ name: 'temperature', gauge: { dataPoints: points } }]
    running.outbox.refuse = async () => ({
      stored: 2,
      refused: [{ index: 2, code: 'too-large', message: 'The entry is too large.' }],
      switchedOff: 0,
    })
    const body = JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })
    const answer = await send(running, { path: '/v1/metrics', body })
    expect(json(answer.body)).toEqual({
      partialSuccess: { rejectedDataPoints: '50', errorMessage: 'The entry is too large.' },
    })
    expect(running.counters()).toMatchObject({ accepted: 200, rejected: 50 })
  })

  it('tells a protobuf sender in protobuf', () => {
    const answer = fromBinary(
      ExportMetricsServiceResponseSchema,
      encodePartialSuccess('metrics', 3, 'Three are wrong.'),
    )
    expect(answer.partialSuccess).toMatchObject({ rejectedDataPoints: 3n, errorMessage: 'Three are wrong.' })
  })
})

describe('a request that is refused', () => {
  const cases: [string, Parameters<typeof send>[1], number][] = [
    ['another path', { path: '/v1/profiles' }, 404],
    ['another method', { method: 'GET' }, 405],
    ['a preflight of a browser', { method: 'OPTIONS', headers: { 'Access-Control-Request-Method': 'POST' } }, 405],
    ['a page of another origin', { headers: { ...JSON_TYPE, Origin: 'http://evil.example' } }, 403],
    ['a page of this machine', { headers: { ...JSON_TYPE, Origin: 'http://localhost:4318' } }, 403],
    ['a name made to point here', { headers: { ...JSON_TYPE, Host: 'evil.example:4318' } }, 403],
    ['no content type', { headers: {} }, 415],
    ['text', { headers: { 'Content-Type': 'text/plain' }, body: '{}' }, 415],
    ['another compression', { headers: { ...JSON_TYPE, 'Content-Encoding': 'br' }, body: '{}' }, 415],
    ['JSON cut off', { body: logsJson(2).slice(0, -5) }, 400],
    ['JSON that is no object', { body: '[1]' }, 400],
    ['JSON with a list that is none', { body: '{"resourceLogs":{}}' }, 400],
    ['JSON that is not UTF-8', { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) }, 400],
    ['nothing where JSON is announced', { body: '' }, 400],
    ['protobuf cut off', { headers: PROTOBUF_TYPE, body: Buffer.from([0x0a, 0x7f, 0x0a]) }, 400],
    ['gzip that is none', { headers: { ...JSON_TYPE, ...GZIP }, body: logsJson(1) }, 400],
    ['gzip cut off', { headers: { ...JSON_TYPE, ...GZIP }, body: gzipSync(logsJson(100)).subarray(0, -20) }, 400],
    ['a body over the limit', { body: Buffer.alloc(BODY_BYTES_MAX + 1, 0x20) }, 413],
    [
      'a compressed body over its limit',
      { headers: { ...JSON_TYPE, ...GZIP }, body: Buffer.alloc(COMPRESSED_BYTES_MAX + 1) },
      413,
    ],
    ['a gzip bomb', { headers: { ...JSON_TYPE, ...GZIP }, body: gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)) }, 413],
  ]
  it.each(cases)('for %s stores nothing and says why', async (_, sending, status) => {
    const answer = await send(running, sending)
    expect(answer.status).toBe(status)
    if (answer.headers['content-type'] === 'application/json') expect(json(answer.body).message).toMatch(/\.$|: /)
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
    expect(running.outbox.calls).toEqual([])
    expect(running.counters().refused).toEqual({ [status]: 1 })
    expect((await send(running, { body: logsJson(1) })).status).toBe(200)
  })

  it('names the method, and the compressions, that would do', async () => {
    expect((await send(running, { method: 'PUT' })).headers.allow).toBe('POST')
    const packed = { ...JSON_TYPE, 'Content-Encoding': 'zstd' }
    expect((await send(running, { headers: packed, body: '{}' })).headers['accept-encoding']).toContain('gzip')
  })

  it('is answered in protobuf where protobuf was sent', async () => {
    const answer = await send(running, { headers: PROTOBUF_TYPE, body: Buffer.from([0xff]) })
    const reader = new BinaryReader(answer.body)
    expect([answer.status, answer.headers['content-type'], reader.tag()[0]]).toEqual([400, 'application/x-protobuf', 2])
    expect(reader.string()).toContain('cannot be decoded')
  })

  it.each([
    ['busy', 429],
    ['storage', 503],
  ] as const)('by the outbox with "%s" is to be repeated: %d with Retry-After', async (code, status) => {
    running.outbox.refuse = () => Promise.reject(new HoldfastError(code, 'Not now.', { retryAfterMs: 2_500 }))
    const answer = await send(running, { body: logsJson(1) })
    expect([answer.status, answer.headers['retry-after'], json(answer.body).message]).toEqual([status, '3', 'Not now.'])
    expect(running.outbox.calls[0]?.options).toEqual({ repeats: true })
  })

  it('because something broke is to be repeated, and tells no detail', async () => {
    running.outbox.refuse = () => Promise.reject(new TypeError('secret detail'))
    const answer = await send(running, { body: logsJson(1) })
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
    expect(answer.body.toString()).not.toContain('secret')
  })
})

describe('a request of which a part is stored already', () => {
  it('is never refused: the rest is tried again, then rejected once and for all', async () => {
    const clock = manualClock()
    const slow = await receiver({ clock })
    try {
      slow.outbox.refuse = () =>
        slow.outbox.calls.length === 1 ? null : Promise.reject(new HoldfastError('storage', 'The disk is full.'))
      const answered = send(slow, { body: logsJson(3_000) })
      for (let attempt = 1; attempt < 5; attempt += 1) {
        await until('the pause', () => slow.outbox.calls.length === attempt + 1 && clock.armed === 1)
        clock.advance(1_000)
      }
      const answer = await answered
      expect(answer.status).toBe(200)
      expect(json(answer.body).partialSuccess).toEqual({
        rejectedLogRecords: '1000',
        errorMessage: 'The disk is full.',
      })
      expect(slow.outbox.entries).toHaveLength(2_000)
      expect(slow.outbox.calls.map(({ options }) => options?.repeats)).toEqual([true, true, true, true, true, false])
    } finally {
      await slow[Symbol.asyncDispose]()
    }
  })
})

describe('a request that breaks half-way', () => {
  it('is answered so that its sender does not repeat what is stored', async () => {
    running.outbox.refuse = () => (running.outbox.calls.length === 1 ? null : Promise.reject(new TypeError('broken')))
    const answer = await send(running, { body: logsJson(3_000) })
    expect([answer.status, answer.headers['retry-after']]).toEqual([500, undefined])
    expect(running.outbox.entries).toHaveLength(2_000)
  })
})

describe('a slow sender', () => {
  it('is refused at the deadline', async () => {
    const clock = manualClock()
    const slow = await receiver({ clock })
    try {
      const socket = connect(slow.port, '127.0.0.1')
      let answer = ''
      socket.on('data', (piece: Buffer) => (answer += piece.toString()))
      const closed = new Promise((resolve) => socket.on('close', resolve))
      socket.write(
        'POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
      )
      await until('the deadline is armed', () => clock.armed === 1)
      clock.advance(BODY_DEADLINE_MS - 1)
      socket.write(' ')
      expect(answer).toBe('')
      clock.advance(1)
      await until('the answer', () => answer.startsWith('HTTP/1.1 408'))
      await until('the lingering', () => clock.armed === 1)
      clock.advance(1_000)
      await closed
      expect(answer.toLowerCase()).toContain('connection: close')
      expect([slow.outbox.calls, clock.armed]).toEqual([[], 0])
    } finally {
      await slow[Symbol.asyncDispose]()
    }
  })

  it('that leaves in the middle leaves nothing behind', async () => {
    const clock = manualClock()
    const slow = await receiver({ clock })
    try {
      const socket = connect(slow.port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(
        'POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      )
      await until('the deadline is armed', () => clock.armed === 1)
      socket.resetAndDestroy()
      await until('nothing is armed', () => clock.armed === 0)
      expect(slow.outbox.calls).toEqual([])
    } finally {
      await slow[Symbol.asyncDispose]()
    }
  })

  it('is asked to wait when too many are at it', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    running.outbox.refuse = (entries) => gate.then(() => ({ stored: entries.length, refused: [], switchedOff: 0 }))
    const waiting = Array.from({ length: 32 }, () => send(running, { body: logsJson(1) }))
    await until('all are being stored', () => running.outbox.calls.length === 32)
    const answer = await send(running, { body: logsJson(1) })
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '1'])
    open()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(32).fill(200))
  })
})

describe('the port', () => {
  it('that is taken is told as a conflict', async () => {
    const parts = { outbox: memoryOutbox(), clock: systemClock(), log: silent, workerPath: null }
    await expect(startOtlpReceiver({ ...parts, port: running.port })).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is free after the end, and what was being stored is answered', async () => {
    const other = await receiver()
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    other.outbox.refuse = (entries) => gate.then(() => ({ stored: entries.length, refused: [], switchedOff: 0 }))
    const answered = send(other, { body: logsJson(1) })
    await until('it is being stored', () => other.outbox.calls.length === 1)
    const ended = other[Symbol.asyncDispose]()
    open()
    expect((await answered).status).toBe(200)
    await ended
    await expect(send(other)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
