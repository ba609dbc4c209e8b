import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import type { Signal } from '../../../electron/outbox/otlp/convert'
import { openRequest, type Chunk, type Encoding } from '../../../electron/outbox/otlp/decode'
import { ExportLogsServiceRequestSchema } from '../../../electron/outbox/otlp/proto/logs-service'
import type { LogRecordSchema } from '../../../electron/outbox/otlp/proto/logs'
import { ExportMetricsServiceRequestSchema } from '../../../electron/outbox/otlp/proto/metrics-service'
import type { MetricSchema } from '../../../electron/outbox/otlp/proto/metrics'
import type { SpanSchema } from '../../../electron/outbox/otlp/proto/trace'
import { ExportTraceServiceRequestSchema } from '../../../electron/outbox/otlp/proto/trace-service'
import { logBody, metricBody, METRIC_POINTS_MAX, spanBody } from '../../../shared/model/otlp'
import { wallMs } from '../../../shared/model/time'

const receivedAt = wallMs(1_800_000_000_000)
const ns = 1_700_000_000_123_456_789n
const traceId = new Uint8Array(16).fill(0xab)
const spanId = new Uint8Array(8).fill(0xcd)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

// Bodies were checked by their schemas; what is asserted about them is their data, not their types.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Loose = any
type Log = MessageInitShape<typeof LogRecordSchema>
type Metric = MessageInitShape<typeof MetricSchema>
type Span = MessageInitShape<typeof SpanSchema>

function opened(signal: Signal, encoding: Encoding, bytes: Uint8Array): Chunk[] {
  const chunks: Chunk[] = []
  const request = openRequest({ signal, encoding, bytes, receivedAt })
  for (let next = request.next(); next.done !== true; next = request.next()) chunks.push(next.value)
  return chunks
}

const schemas = { logs: logBody, traces: spanBody, metrics: metricBody }

/** Bodies, checked by their schema, with everything that was refused. */
function read(signal: Signal, encoding: Encoding, bytes: Uint8Array) {
  const chunks = opened(signal, encoding, bytes)
  const entries = chunks.flatMap((chunk) => chunk.entries)
  return {
    chunks,
    entries,
    bodies: entries.map((entry) => schemas[signal].parse(JSON.parse('json' in entry ? entry.json : '')) as Loose),
    refused: chunks.reduce((sum, { refused }) => sum + refused, 0),
    message: chunks.find(({ message }) => message !== null)?.message ?? null,
  }
}

const logs = (...logRecords: Log[]) =>
  read(
    'logs',
    'protobuf',
    toBinary(
      ExportLogsServiceRequestSchema,
      create(ExportLogsServiceRequestSchema, { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }),
    ),
  )
const metrics = (...list: Metric[]) =>
  read(
    'metrics',
    'protobuf',
    toBinary(
      ExportMetricsServiceRequestSchema,
      create(ExportMetricsServiceRequestSchema, { resourceMetrics: [{ scopeMetrics: [{ metrics: list }] }] }),
    ),
  )
const traces = (...spans: Span[]) =>
  read(
    'traces',
    'protobuf',
    toBinary(
      ExportTraceServiceRequestSchema,
      create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] }),
    ),
  )
const json = (signal: Signal, request: unknown) => read(signal, 'json', Buffer.from(JSON.stringify(request)))
const jsonLogs = (...logRecords: unknown[]) => json('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] })

describe('a value', () => {
  const body = (value: NonNullable<NonNullable<Log['body']>['value']>) => logs({ body: { value } }).bodies[0].body
  it.each([
    ['text', { case: 'stringValue', value: 'a' }, 'a'],
    ['a boolean', { case: 'boolValue', value: false }, false],
    ['an integer', { case: 'intValue', value: -3n }, -3],
    ['an integer JSON would round', { case: 'intValue', value: 2n ** 63n - 1n }, { $int: '9223372036854775807' }],
    ['a double', { case: 'doubleValue', value: 0.5 }, 0.5],
    ['a double without fraction', { case: 'doubleValue', value: 5 }, { $double: 5 }],
    ['not a number', { case: 'doubleValue', value: NaN }, { $double: 'NaN' }],
    ['minus infinity', { case: 'doubleValue', value: -Infinity }, { $double: '-Infinity' }],
    ['bytes', { case: 'bytesValue', value: new Uint8Array([1, 2]) }, { $bytes: 'AQI=' }],
    ['no value', { case: undefined }, null],
  ] as const)('that is %s keeps its kind', (_, value, expected) => {
    expect(body(value as never)).toEqual(expected)
  })

  it('of lists and maps keeps what is in it, whatever its keys are called', () => {
    const text = (value: string) => ({ value: { case: 'stringValue' as const, value } })
    const values = ['__proto__', '$int', 'plain'].map((key) => ({ key, value: text(key) }))
    const nested = { value: { case: 'kvlistValue' as const, value: { values } } }
    const list = { case: 'arrayValue' as const, value: { values: [nested, text('x')] } }
    const [entry] = logs({ body: { value: list } }).entries
    expect(entry).toMatchObject({
      json: expect.stringContaining('"body":[{"__proto__":"__proto__","$$int":"$int","plain":"plain"},"x"]'),
    })
  })
})

describe('a log record', () => {
  it('is found at its own time, else when it was observed, else when it came', () => {
    const { entries, bodies } = logs({ timeUnixNano: ns }, { observedTimeUnixNano: ns }, {})
    expect(entries.map(({ at }) => at)).toEqual([1_700_000_000_123, 1_700_000_000_123, receivedAt])
    expect(bodies.map(({ timeNs, observedNs }) => [timeNs, observedNs])).toEqual([
      [String(ns), undefined],
      [undefined, String(ns)],
      [undefined, undefined],
    ])
  })

  it('with an id of another length is refused alone', () => {
    const result = logs({ spanId: new Uint8Array(3).fill(1) }, { traceId, spanId })
    expect([result.refused, result.message]).toEqual([1, 'The span id of a log record must be 8 bytes, not all zero.'])
    expect(result.bodies).toMatchObject([{ traceId: hex(traceId), spanId: hex(spanId) }])
  })

  it('reads the same from JSON, with numbers as text or not and fields nobody knows', () => {
    const attributes = [{ key: 'n', value: { intValue: 5 }, later: true }]
    const { bodies } = jsonLogs(
      {
        timeUnixNano: String(ns),
        traceId: hex(traceId).toUpperCase(),
        spanId: hex(spanId),
        severityNumber: 17,
        attributes,
      },
      { timeUnixNano: Number(ns), severityNumber: 'SEVERITY_NUMBER_ERROR', unknown: { deep: [1] }, traceId: '' },
    )
    expect(bodies[0]).toMatchObject({ timeNs: String(ns), traceId: hex(traceId), severity: 17, attributes: { n: 5 } })
    expect(bodies[1]).toMatchObject({ time: 1_700_000_000_123, severity: 17 })
    expect(bodies[1]).not.toHaveProperty('traceId')
  })

  it.each([
    ['a number', 7],
    ['null', null],
    ['a list', []],
    ['a time beyond 64 bits', { timeUnixNano: '99999999999999999999' }],
    ['an attribute list that is none', { attributes: {} }],
    ['two values in one', { body: { stringValue: 'a', intValue: 1 } }],
    ['an id that is not hexadecimal', { traceId: 'zz' }],
    ['an id that is a number', { spanId: 7 }],
  ])('in JSON that is %s is refused alone', (_, record) => {
    const { refused, message, bodies } = jsonLogs(record, { body: { stringValue: 'fine' } })
    expect([refused, bodies.map(({ body }) => body)]).toEqual([1, ['fine']])
    expect(message).toBeTruthy()
  })

  it('nested deeper than the limit is refused alone in JSON, and with its request in protobuf', () => {
    let value: Loose = { stringValue: 'bottom' }
    for (let depth = 0; depth < 60; depth += 1) value = { arrayValue: { values: [value] } }
    expect(jsonLogs({ body: value }, {})).toMatchObject({ refused: 1, bodies: [{ body: null }] })
    const any = (depth: number): Loose =>
      depth === 0 ? {} : { value: { case: 'arrayValue', value: { values: [any(depth - 1)] } } }
    expect(() => logs({ body: any(60) })).toThrow(expect.objectContaining({ status: 400 }))
    expect(logs({ body: any(30) }).bodies).toHaveLength(1)
  })
})

describe('a span', () => {
  it.each([
    ['no trace id', { spanId }],
    ['a trace id of zeros', { traceId: new Uint8Array(16), spanId }],
    ['no id', { traceId }],
    ['a parent id too short', { traceId, spanId, parentSpanId: new Uint8Array(2).fill(1) }],
    ['a status nobody knows', { traceId, spanId, status: { code: 9 } }],
    ['a link without ids', { traceId, spanId, links: [{}] }],
  ])('with %s is refused alone', (_, span) => {
    expect(traces(span, { traceId, spanId, name: 'fine' })).toMatchObject({ refused: 1, bodies: [{ name: 'fine' }] })
  })

  it('keeps all it says', () => {
    const link = { traceId, spanId, traceState: 'a=b', flags: 1, droppedAttributesCount: 2 }
    const { bodies } = traces({
      traceId,
      spanId,
      parentSpanId: spanId,
      traceState: 'x=y',
      name: 'n',
      kind: 3,
      flags: 257,
      startTimeUnixNano: ns,
      endTimeUnixNano: ns + 1_500_000n,
      droppedEventsCount: 4,
      links: [link],
      status: { code: 1, message: 'm' },
    })
    expect(bodies[0]).toMatchObject({
      parentSpanId: hex(spanId),
      traceState: 'x=y',
      kind: 'client',
      flags: 257,
      startNs: String(ns),
      endNs: String(ns + 1_500_000n),
      durationMs: 1.5,
      droppedEvents: 4,
      links: [{ traceId: hex(traceId), traceState: 'a=b', flags: 1, dropped: 2 }],
      status: 'ok',
      statusMessage: 'm',
    })
  })
})

describe('a metric', () => {
  const point = (value: bigint, time = ns) => ({ timeUnixNano: time, value: { case: 'asInt' as const, value } })
  const gauge = (dataPoints: object[]): Metric => ({ name: 'g', data: { case: 'gauge', value: { dataPoints } } })

  it(`makes an entry of at most ${METRIC_POINTS_MAX} points, found at the newest of them`, () => {
    const points = Array.from({ length: 250 }, (_, index) => point(BigInt(index), ns + BigInt(index) * 1_000_000n))
    const { entries, bodies, chunks } = metrics(gauge(points))
    expect(bodies.map((body) => body.points.length)).toEqual([100, 100, 50])
    expect(chunks.flatMap(({ records }) => records)).toEqual([100, 100, 50])
    expect(entries.map(({ at }) => at - 1_700_000_000_123)).toEqual([99, 199, 249])
    expect(bodies.flatMap((body) => body.points.map(({ value }: Loose) => value))).toEqual(
      points.map((_, index) => index),
    )
  })

  it('tells integers, doubles and missing values apart', () => {
    const double = (value: number) => ({ value: { case: 'asDouble' as const, value } })
    const { bodies } = metrics(gauge([point(2n ** 60n), double(5), double(NaN), { flags: 1 }]))
    expect(bodies[0].points).toMatchObject([
      { value: String(2n ** 60n), isInt: true },
      { value: 5 },
      { value: 'NaN' },
      { value: null, flags: 1 },
    ])
    expect(bodies[0].points[1]).not.toHaveProperty('isInt')
  })

  it('refuses a point without value, and the points of a metric without name or data', () => {
    const nameless = { ...gauge([point(1n), point(2n)]), name: '' }
    const { refused, bodies } = metrics(gauge([{}, point(1n)]), nameless, { name: 'empty' })
    expect([refused, bodies.length, bodies[0].points.length]).toEqual([4, 1, 1])
  })

  it('counts the points of one that cannot be read from JSON', () => {
    const dataPoints = [{ asInt: 'x' }, { asInt: 1 }, { asInt: 2 }]
    const list = [
      { name: 'g', gauge: { dataPoints } },
      { name: 'h', sum: { dataPoints: [{ asDouble: 0.5 }] } },
    ]
    const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: list }] }] }
    expect(json('metrics', request)).toMatchObject({ refused: 3, bodies: [{ name: 'h', temporality: 'unspecified' }] })
  })

  it.each([
    ['as many counts as bounds', { explicitBounds: [1, 2], bucketCounts: [1n, 2n] }],
    ['bounds that fall', { explicitBounds: [2, 1], bucketCounts: [1n, 2n, 3n] }],
    ['a bound that is no number', { explicitBounds: [NaN], bucketCounts: [1n, 2n] }],
  ])('that is a histogram with %s is refused', (_, wrong) => {
    const histogram = (...dataPoints: object[]): Metric => ({
      name: 'h',
      data: { case: 'histogram', value: { dataPoints, aggregationTemporality: 1 } },
    })
    expect(metrics(histogram(wrong, { count: 3n }))).toMatchObject({
      refused: 1,
      bodies: [{ temporality: 'delta', points: [{ count: 3, bounds: [], counts: [] }] }],
    })
  })

  it('of the exponential and the summary kind keeps its numbers', () => {
    const exponential = {
      count: 3n,
      sum: 7.5,
      scale: -1,
      zeroCount: 1n,
      zeroThreshold: 0.1,
      positive: { offset: -2, bucketCounts: [1n, 0n, 1n] },
      exemplars: [{ timeUnixNano: ns, value: { case: 'asDouble' as const, value: 2 }, traceId, spanId }],
    }
    const summary = { count: 2n, sum: 3, quantileValues: [{ quantile: 0.5, value: 1.5 }] }
    const { bodies } = metrics(
      { name: 'e', data: { case: 'exponentialHistogram', value: { dataPoints: [exponential] } } },
      { name: 's', data: { case: 'summary', value: { dataPoints: [summary] } } },
    )
    expect(bodies[0]).toMatchObject({
      type: 'exponentialHistogram',
      points: [
        {
          scale: -1,
          zeroCount: 1,
          zeroThreshold: 0.1,
          positive: { offset: -2, counts: [1, 0, 1] },
          exemplars: [{ value: 2, traceId: hex(traceId), spanId: hex(spanId) }],
        },
      ],
    })
    expect(bodies[1]).toMatchObject({ type: 'summary', points: [{ quantiles: [{ quantile: 0.5, value: 1.5 }] }] })
  })
})

describe('a request', () => {
  it('gives each record its resource and scope', () => {
    const scopeLogs = (name: string) => ({ scope: { name, version: '1' }, schemaUrl: 's', logRecords: [{}] })
    const { bodies } = json('logs', {
      resourceLogs: ['a', 'b'].map((host) => ({
        resource: { attributes: [{ key: 'host', value: { stringValue: host } }] },
        scopeLogs: [scopeLogs('x'), scopeLogs('y')],
      })),
    })
    expect(bodies.map(({ resource, scope }) => [resource.attributes.host, scope.name, scope.schemaUrl])).toEqual([
      ['a', 'x', 's'],
      ['a', 'y', 's'],
      ['b', 'x', 's'],
      ['b', 'y', 's'],
    ])
  })

  it('cannot fill the outbox with a large resource and many small records', () => {
    const request = (characters: number, records: number) => ({
      resourceLogs: [
        {
          resource: { attributes: [{ key: 'k', value: { stringValue: 'x'.repeat(characters) } }] },
          scopeLogs: [{ logRecords: Array.from({ length: records }, () => ({})) }],
        },
      ],
    })
    expect(json('logs', request(33_000, 10))).toMatchObject({ refused: 10, bodies: [] })
    const { entries, refused, message } = json('logs', request(32_000, 3_000))
    expect(entries.length + refused).toBe(3_000)
    expect(entries.length * 32_000).toBeLessThan(68 * 1024 * 1024)
    expect(message).toContain('too large')
  })

  it('comes in pieces of bounded size', () => {
    const { chunks } = logs(...Array.from({ length: 5_000 }, () => ({})))
    expect(chunks.map(({ entries }) => entries.length)).toEqual([2_000, 2_000, 1_000])
    const text = 'x'.repeat(500_000)
    const large = logs(...Array.from({ length: 10 }, () => ({ severityText: text })))
    expect(large.chunks.map(({ entries }) => entries.length)).toEqual([5, 5])
  })

  it.each([
    ['resources', { resourceLogs: [7] }],
    ['a resource', { resourceLogs: [{ resource: { attributes: 7 } }] }],
    ['scopes', { resourceLogs: [{ scopeLogs: 'x' }] }],
    ['a scope', { resourceLogs: [{ scopeLogs: [{ scope: { name: 7 } }] }] }],
    ['records', { resourceLogs: [{ scopeLogs: [{ logRecords: {} }] }] }],
  ])('whose %s cannot be read is refused as a whole, before anything is handed out', (_, request) => {
    const good = { scopeLogs: [{ logRecords: [{}] }] }
    const bytes = Buffer.from(JSON.stringify({ resourceLogs: [good, ...request.resourceLogs] }))
    expect(() => openRequest({ signal: 'logs', encoding: 'json', bytes, receivedAt })).toThrow(
      expect.objectContaining({ status: 400 }),
    )
  })
})
