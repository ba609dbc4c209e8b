import { request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { create, toBinary } from '@bufbuild/protobuf'
import { ExportLogsServiceRequestSchema } from '../../../electron/outbox/otlp/proto/logs-service'
import { bodiesOf, JSON_TYPE, logsJson, PROTOBUF_TYPE, receiver, send, workerBundle } from './receiver'

const MIB = 1024 * 1024
const SEED = 20_261_121

let running: Awaited<ReturnType<typeof receiver>>
beforeAll(async () => void (running = await receiver({ workerPath: await workerBundle() })))
afterAll(() => running[Symbol.asyncDispose]())

const GZIP = { 'Content-Encoding': 'gzip' }

/** The most memory of the process while `work` runs, in MiB over what it was before. */
async function growth(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss
  let most = before
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20)
  try {
    await work()
  } finally {
    clearInterval(watch)
  }
  return (Math.max(most, process.memoryUsage().rss) - before) / MIB
}

/** Sends pieces until they are all gone or the receiver has answered. */
function stream(headers: Record<string, string>, pieces: Iterable<Buffer>): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: running.port, method: 'POST', path: '/v1/logs', headers })
    let status = 0
    request.on('response', (response) => {
      status = response.statusCode ?? 0
      response.resume()
      response.on('end', () => resolve(status))
    })
    // After the answer the receiver closes, whatever is still being sent.
    request.on('error', (error) => (status === 0 ? reject(error) : resolve(status)))
    Readable.from(pieces).pipe(request)
  })
}

function* repeated(piece: Buffer, times: number): Generator<Buffer> {
  for (let index = 0; index < times; index += 1) yield piece
}

const stillWell = async () => {
  const before = running.outbox.entries.length
  expect((await send(running, { body: logsJson(2) })).status).toBe(200)
  expect(running.outbox.entries.length - before).toBe(2)
}

describe('memory stays flat', () => {
  it.each([
    ['announced', { 'Content-Length': String(1024 * MIB) }],
    ['in chunks', { 'Transfer-Encoding': 'chunked' }],
  ])('under a body of 1 GiB, %s', async (_, length) => {
    const piece = Buffer.alloc(MIB, 0x20)
    let status = 0
    const grown = await growth(async () => (status = await stream({ ...JSON_TYPE, ...length }, repeated(piece, 1024))))
    expect(status).toBe(413)
    expect(grown).toBeLessThan(64)
    await stillWell()
  })

  it('under gzip bombs of 1 GiB each', async () => {
    const body = Buffer.concat(Array<Buffer>(16).fill(gzipSync(Buffer.alloc(64 * MIB))))
    const statuses: number[] = []
    const grown = await growth(async () => {
      for (let index = 0; index < 5; index += 1)
        statuses.push((await send(running, { headers: { ...PROTOBUF_TYPE, ...GZIP }, body })).status)
    })
    expect(statuses).toEqual(Array(5).fill(413))
    expect(grown).toBeLessThan(96)
    await stillWell()
  })

  it('when many senders bring large bodies at once: some are asked to wait', async () => {
    const body = gzipSync(logsJson(1).padEnd(15 * MIB, ' '))
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => send(running, { headers: { ...JSON_TYPE, ...GZIP }, body })),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([])
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(1)
    await stillWell()
  })
})

describe('a large request', () => {
  it('is stored in order, decoded beside the main thread', async () => {
    const before = running.outbox.entries.length
    const calls = running.outbox.calls.length
    const answer = await send(running, { body: logsJson(20_000) })
    expect(answer.status).toBe(200)
    const bodies = bodiesOf(running.outbox.entries.slice(before)).map(({ body }) => body)
    expect(bodies).toEqual(Array.from({ length: 20_000 }, (_, index) => `line ${index}`))
    expect(running.outbox.calls.length - calls).toBe(10)
  })

  it('that is broken is refused, and the next one is read', async () => {
    expect((await send(running, { body: logsJson(20_000).slice(0, -1) })).status).toBe(400)
    await stillWell()
    const several = await Promise.all([1, 2, 3].map(() => send(running, { body: logsJson(5_000) })))
    expect(several.map(({ status }) => status)).toEqual([200, 200, 200])
  })

  it.each([
    ['JSON objects', { ...JSON_TYPE, ...GZIP }, `{"resourceLogs":[],"x":[${'{},'.repeat(5_300_000)}{}]}`],
    [
      'JSON records',
      { ...JSON_TYPE, ...GZIP },
      `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${'{},'.repeat(5_300_000)}{}]}]}]}`,
    ],
    ['protobuf messages', { ...PROTOBUF_TYPE, ...GZIP }, Buffer.alloc(16 * MIB).fill(Buffer.from([0x0a, 0x00]))],
  ])('made to take all memory when decoded is refused before: millions of %s', async (_, headers, text) => {
    const body = gzipSync(text)
    let status = 0
    const grown = await growth(async () => ({ status } = await send(running, { headers, body })))
    expect(status).toBe(413)
    expect(grown).toBeLessThan(128)
    expect((await send(running, { body: logsJson(20_000) })).status).toBe(200)
  })
})

describe('whatever is sent', () => {
  const runs = { numRuns: 150, seed: SEED }
  const paths = fc.constantFrom('/v1/logs', '/v1/traces', '/v1/metrics')
  const types = fc.constantFrom<Record<string, string>>(JSON_TYPE, PROTOBUF_TYPE)
  const packed = fc.constantFrom<Record<string, string>>({}, GZIP)

  const verdict = async (path: string, headers: Record<string, string>, body: Uint8Array) => {
    const { status } = await send(running, { path, headers, body })
    expect([200, 400]).toContain(status)
  }

  it('is answered with 200 or 400: random bytes', async () => {
    const property = fc.asyncProperty(
      paths,
      types,
      packed,
      fc.uint8Array({ maxLength: 2_000 }),
      (path, type, how, body) => verdict(path, { ...type, ...how }, body),
    )
    await fc.assert(property, runs)
    await stillWell()
  })

  it('is answered with 200 or 400: protobuf cut off or changed in places', async () => {
    const logRecords = Array.from({ length: 5 }, (_, index) => ({
      timeUnixNano: BigInt(index),
      body: { value: { case: 'stringValue' as const, value: 'grün' } },
      traceId: new Uint8Array(16).fill(1),
    }))
    const request = { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }
    const whole = toBinary(ExportLogsServiceRequestSchema, create(ExportLogsServiceRequestSchema, request))
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 })
    const property = fc.asyncProperty(paths, changes, fc.nat(whole.length), (path, changed, length) => {
      const bytes = whole.slice()
      for (const [at, value] of changed) bytes[at] = value
      return verdict(path, PROTOBUF_TYPE, bytes.slice(0, length))
    })
    await fc.assert(property, runs)
    await stillWell()
  })

  it('is answered with 200 or 400: JSON of any shape under the names of the protocol', async () => {
    const names =
      'resourceLogs scopeLogs logRecords resourceSpans scopeSpans spans resourceMetrics scopeMetrics metrics'
    const more = 'resource scope attributes key value gauge dataPoints timeUnixNano traceId body links exemplars'
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 9, withCrossShrink: true },
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names.split(' '), ...more.split(' ')), tie('tree'), { maxKeys: 4 }),
      ),
    }))
    const property = fc.asyncProperty(paths, tree, (path, value) =>
      verdict(path, JSON_TYPE, Buffer.from(JSON.stringify(value))),
    )
    await fc.assert(property, runs)
    await stillWell()
  })

  it.each([
    ['lists', '['.repeat(900_000), 400],
    ['lists without end', '['.repeat(8 * MIB), 413],
    ['closed lists', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
    ['objects nobody knows', `{"x":${'{"x":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, 200],
  ])('is read without running out of stack: JSON of deep %s', async (_, body, status) => {
    expect((await send(running, { headers: { ...JSON_TYPE, ...GZIP }, body: gzipSync(body) })).status).toBe(status)
    await stillWell()
  })
})
