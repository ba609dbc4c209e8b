import { SeverityNumber, SpanKind, SpanStatusCode, type Attributes, trace, ROOT_CONTEXT } from '@opentelemetry/api'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { logBody, metricBody, spanBody, type LogBody, type MetricBody, type SpanBody } from '../../../shared/model/otlp'
import { HoldfastError } from '../../../shared/model/failures'
import { bodiesOf, receiver } from './receiver'

const busy = () => new HoldfastError('busy', 'Too much is waiting.', { retryAfterMs: 10 })
const storage = () => new HoldfastError('storage', 'The disk is full.', { retryAfterMs: 10 })

const resource = resourceFromAttributes({ 'service.name': 'filler', 'host.name': 'plant-7' })
const attributes: Attributes = { text: 'Grüße', count: 7, share: 0.25, isOn: true, list: ['a', 'b'] }

const exporters = {
  json: { Logs: JsonLogs, Traces: JsonTraces, Metrics: JsonMetrics },
  protobuf: { Logs: ProtobufLogs, Traces: ProtobufTraces, Metrics: ProtobufMetrics },
}
const cases = (['json', 'protobuf'] as const).flatMap((encoding) =>
  (['none', 'gzip'] as const).map((compression) => ({ encoding, compression, ...exporters[encoding] })),
)

let running: Awaited<ReturnType<typeof receiver>>
beforeEach(async () => void (running = await receiver()))
afterEach(() => running[Symbol.asyncDispose]())

describe.each(cases)('the exporters of OpenTelemetry ($encoding, $compression)', (by) => {
  // The exporters' enum for this is not exported by the packages that take it.
  const config = (signal: string) => ({
    url: `${running.url}/v1/${signal}`,
    compression: by.compression as never,
  })

  it('deliver log records with severity, body, attributes and the span they belong to', async () => {
    const processor = new BatchLogRecordProcessor({ exporter: new by.Logs(config('logs')) })
    const provider = new LoggerProvider({ resource, processors: [processor] })
    const span = trace.wrapSpanContext({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
    })
    provider.getLogger('line', '1.2.3').emit({
      severityNumber: SeverityNumber.WARN,
      severityText: 'WARN',
      body: { message: 'valve stuck', tries: 3 },
      attributes,
      timestamp: 1_700_000_000_123,
      context: trace.setSpan(ROOT_CONTEXT, span),
    })
    await provider.shutdown()

    expect(running.outbox.entries.map(({ category, at }) => [category, at])).toEqual([['logs', 1_700_000_000_123]])
    const body = logBody.parse(bodiesOf(running.outbox.entries)[0]) satisfies LogBody
    expect(body).toMatchObject({
      resource: { attributes: { 'service.name': 'filler', 'host.name': 'plant-7' } },
      scope: { name: 'line', version: '1.2.3' },
      time: 1_700_000_000_123,
      timeNs: '1700000000123000000',
      severity: 13,
      severityText: 'WARN',
      body: { message: 'valve stuck', tries: 3 },
      attributes: { text: 'Grüße', count: 7, share: 0.25, isOn: true, list: ['a', 'b'] },
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      flags: 1,
    })
  })

  it('deliver spans with the ids they have on the other side', async () => {
    const processor = new BatchSpanProcessor({ exporter: new by.Traces(config('traces')) })
    const provider = new TracerProvider({ resource, spanProcessors: [processor] })
    const tracer = provider.getTracer('recipes', '2.0.0')
    const parent = tracer.startSpan('fill', { kind: SpanKind.SERVER, attributes, startTime: 1_700_000_000_000 })
    const child = tracer.startSpan(
      'open valve',
      { startTime: 1_700_000_000_100, links: [{ context: parent.spanContext(), attributes: { why: 'same batch' } }] },
      trace.setSpan(ROOT_CONTEXT, parent),
    )
    child.addEvent('stuck', { tries: 3 }, 1_700_000_000_150)
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'no answer' })
    child.end(1_700_000_000_200)
    parent.end(1_700_000_000_250)
    await provider.shutdown()

    const bodies = bodiesOf(running.outbox.entries).map((body) => spanBody.parse(body) satisfies SpanBody)
    const [first, second] = bodies
    expect(running.outbox.entries.map(({ category, at }) => [category, at])).toEqual([
      ['traces', 1_700_000_000_100],
      ['traces', 1_700_000_000_000],
    ])
    expect(first).toMatchObject({
      traceId: child.spanContext().traceId,
      spanId: child.spanContext().spanId,
      parentSpanId: parent.spanContext().spanId,
      name: 'open valve',
      kind: 'internal',
      status: 'error',
      statusMessage: 'no answer',
      durationMs: 100,
      events: [{ name: 'stuck', timeNs: '1700000000150000000', attributes: { tries: 3 } }],
      links: [{ ...pick(parent.spanContext()), attributes: { why: 'same batch' } }],
    })
    expect(second).toMatchObject({ ...pick(parent.spanContext()), kind: 'server', status: 'unset', durationMs: 250 })
    expect(second).not.toHaveProperty('parentSpanId')
  })

  it('deliver counters, gauges and histograms with their points', async () => {
    const reader = new PeriodicExportingMetricReader({
      exporter: new by.Metrics(config('metrics')),
      exportIntervalMillis: 3_600_000,
    })
    const provider = new MeterProvider({ resource, readers: [reader] })
    const meter = provider.getMeter('line')
    meter.createCounter('bottles', { unit: '{bottle}', description: 'Filled' }).add(5, { lane: 'a' })
    meter.createUpDownCounter('queue').add(-2)
    meter.createObservableGauge('temperature').addCallback((result) => result.observe(21.5, { sensor: 'x' }))
    const histogram = meter.createHistogram('fill.duration', { advice: { explicitBucketBoundaries: [1, 10] } })
    for (const value of [0.5, 5, 50, 60]) histogram.record(value)
    await provider.forceFlush()
    await provider.shutdown()

    const bodies = bodiesOf(running.outbox.entries).map((body) => metricBody.parse(body) satisfies MetricBody)
    const named = (name: string) => bodies.find((body) => body.name === name)
    expect(running.outbox.entries.every(({ category }) => category === 'metrics')).toBe(true)
    expect(named('bottles')).toMatchObject({
      type: 'sum',
      unit: '{bottle}',
      description: 'Filled',
      temporality: 'cumulative',
      isMonotonic: true,
      points: [{ value: 5, attributes: { lane: 'a' } }],
    })
    expect(named('queue')).toMatchObject({ type: 'sum', isMonotonic: false, points: [{ value: -2 }] })
    expect(named('temperature')).toMatchObject({
      type: 'gauge',
      points: [{ value: 21.5, attributes: { sensor: 'x' } }],
    })
    expect(named('fill.duration')).toMatchObject({
      type: 'histogram',
      points: [{ count: 4, sum: 115.5, min: 0.5, max: 60, bounds: [1, 10], counts: [1, 1, 2] }],
    })
  })
})

function pick({ traceId, spanId }: { traceId: string; spanId: string }) {
  return { traceId, spanId }
}

it('has what it refused with 429 or 503 repeated by an exporter until it is stored, once', async () => {
  let refusals = 2
  running.outbox.refuse = () => {
    if (refusals === 0) return null
    refusals -= 1
    return Promise.reject(refusals === 1 ? busy() : storage())
  }
  const processor = new BatchLogRecordProcessor({ exporter: new ProtobufLogs({ url: `${running.url}/v1/logs` }) })
  const provider = new LoggerProvider({ resource, processors: [processor] })
  for (let index = 0; index < 20; index += 1) provider.getLogger('line').emit({ body: `line ${index}` })
  await provider.shutdown()
  expect(running.counters().refused).toEqual({ 429: 1, 503: 1 })
  expect(bodiesOf(running.outbox.entries).map(({ body }) => body)).toEqual(
    Array.from({ length: 20 }, (_, index) => `line ${index}`),
  )
})
