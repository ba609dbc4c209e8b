import { create } from '@bufbuild/protobuf'
import {
  spanKinds,
  spanStatuses,
  temporalities,
  type ExponentialPoint,
  type HistogramPoint,
  type LogBody,
  type MetricBody,
  type NumberPoint,
  type OtlpValue,
  type SpanBody,
} from '../../../shared/model/otlp'
import { anyValueOf, bytesOfHex, doubleIn, integerIn, keyValuesOf, nsOf, nsOrNone } from './export-values'
import { LogRecordSchema, type LogRecord } from './proto/logs'
import { MetricSchema, type Metric } from './proto/metrics'
import { SpanSchema, type Span } from './proto/trace'

/** The way back of `convert-logs.ts`, `convert-traces.ts` and `convert-metrics.ts`. */
export const logRecordOf = (log: LogBody): LogRecord =>
  create(LogRecordSchema, {
    timeUnixNano: log.timeNs === undefined && log.observedNs !== undefined ? 0n : nsOf(log.timeNs, log.time),
    observedTimeUnixNano: nsOrNone(log.observedNs),
    severityNumber: log.severity,
    severityText: log.severityText ?? '',
    eventName: log.eventName ?? '',
    body: anyValueOf(log.body),
    attributes: keyValuesOf(log.attributes),
    droppedAttributesCount: log.dropped ?? 0,
    flags: log.flags ?? 0,
    traceId: bytesOfHex(log.traceId),
    spanId: bytesOfHex(log.spanId),
  })

const severities: Readonly<Record<string, number>> = { critical: 17, warning: 13, info: 9 }
/** What the program itself calls an event. */
const names = ['event', 'eventName', 'kind', 'name'] as const

/** An event, an alert, or bytes. */
export function otherRecordOf(
  { category, at, text, isBytes }: { category: string; at: number; text: string; isBytes: boolean },
  body: unknown,
): LogRecord {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const eventName = names.map((name) => fields[name]).find((name) => typeof name === 'string')
  const said = fields['severity']
  const severity = typeof said === 'number' ? Math.trunc(said) : severities[String(said)]
  return create(LogRecordSchema, {
    timeUnixNano: nsOf(undefined, at),
    severityNumber: severity ?? 9,
    eventName: typeof eventName === 'string' ? eventName : '',
    body: isBytes ? anyValueOf({ $bytes: text }) : anyValueOf(body as OtlpValue),
    attributes: keyValuesOf({ 'holdfast.category': category }),
  })
}

export const spanMessageOf = (span: SpanBody): Span =>
  create(SpanSchema, {
    traceId: bytesOfHex(span.traceId),
    spanId: bytesOfHex(span.spanId),
    parentSpanId: bytesOfHex(span.parentSpanId),
    traceState: span.traceState ?? '',
    name: span.name,
    kind: spanKinds.indexOf(span.kind),
    startTimeUnixNano: BigInt(span.startNs),
    endTimeUnixNano: BigInt(span.endNs),
    attributes: keyValuesOf(span.attributes),
    droppedAttributesCount: span.dropped ?? 0,
    flags: span.flags ?? 0,
    events: (span.events ?? []).map(({ timeNs, name, attributes, dropped }) => ({
      timeUnixNano: BigInt(timeNs),
      name,
      attributes: keyValuesOf(attributes),
      droppedAttributesCount: dropped ?? 0,
    })),
    droppedEventsCount: span.droppedEvents ?? 0,
    links: (span.links ?? []).map(({ traceId, spanId, traceState, attributes, dropped, flags }) => ({
      traceId: bytesOfHex(traceId),
      spanId: bytesOfHex(spanId),
      traceState: traceState ?? '',
      attributes: keyValuesOf(attributes),
      droppedAttributesCount: dropped ?? 0,
      flags: flags ?? 0,
    })),
    droppedLinksCount: span.droppedLinks ?? 0,
    status: { code: spanStatuses.indexOf(span.status), message: span.statusMessage ?? '' },
  })

type AnyPoint = MetricBody['points'][number]
type Exemplars = NonNullable<NumberPoint['exemplars']>

const numeric = ({ value, isInt }: Pick<NumberPoint, 'value' | 'isInt'>) =>
  value === null
    ? { case: undefined }
    : isInt
      ? ({ case: 'asInt', value: integerIn(value) } as const)
      : ({ case: 'asDouble', value: doubleIn(value) } as const)

const exemplarsOf = (exemplars: Exemplars | undefined) =>
  (exemplars ?? []).map(({ timeNs, attributes, traceId, spanId, ...value }) => ({
    timeUnixNano: BigInt(timeNs),
    value: numeric(value),
    filteredAttributes: keyValuesOf(attributes),
    traceId: bytesOfHex(traceId),
    spanId: bytesOfHex(spanId),
  }))

const begin = ({ time, timeNs, startNs, attributes, flags }: AnyPoint) => ({
  timeUnixNano: nsOf(timeNs, time),
  startTimeUnixNano: nsOrNone(startNs),
  attributes: keyValuesOf(attributes),
  flags: flags ?? 0,
})
const numberPointOf = (point: NumberPoint) => ({
  ...begin(point),
  value: numeric(point),
  exemplars: exemplarsOf(point.exemplars),
})
const totals = ({ count, sum, min, max }: HistogramPoint | ExponentialPoint) => ({
  count: integerIn(count),
  ...(sum === undefined ? {} : { sum: doubleIn(sum) }),
  ...(min === undefined ? {} : { min: doubleIn(min) }),
  ...(max === undefined ? {} : { max: doubleIn(max) }),
})
const bucketsOf = (buckets: ExponentialPoint['positive']) =>
  buckets === undefined ? undefined : { offset: buckets.offset, bucketCounts: buckets.counts.map(integerIn) }

function dataOf(metric: MetricBody) {
  const temporality = (word: (typeof temporalities)[number]) => temporalities.indexOf(word)
  switch (metric.type) {
    case 'gauge':
      return { case: 'gauge', value: { dataPoints: metric.points.map(numberPointOf) } } as const
    case 'sum': {
      const { isMonotonic } = metric
      const aggregationTemporality = temporality(metric.temporality)
      const dataPoints = metric.points.map(numberPointOf)
      return { case: 'sum', value: { dataPoints, isMonotonic, aggregationTemporality } } as const
    }
    case 'histogram': {
      const dataPoints = metric.points.map((point) => ({
        ...begin(point),
        ...totals(point),
        explicitBounds: point.bounds,
        bucketCounts: point.counts.map(integerIn),
        exemplars: exemplarsOf(point.exemplars),
      }))
      return {
        case: 'histogram',
        value: { dataPoints, aggregationTemporality: temporality(metric.temporality) },
      } as const
    }
    case 'exponentialHistogram': {
      const dataPoints = metric.points.map((point) => ({
        ...begin(point),
        ...totals(point),
        scale: point.scale,
        zeroCount: integerIn(point.zeroCount),
        zeroThreshold: doubleIn(point.zeroThreshold ?? 0),
        positive: bucketsOf(point.positive),
        negative: bucketsOf(point.negative),
        exemplars: exemplarsOf(point.exemplars),
      }))
      const aggregationTemporality = temporality(metric.temporality)
      return { case: 'exponentialHistogram', value: { dataPoints, aggregationTemporality } } as const
    }
    case 'summary': {
      const dataPoints = metric.points.map((point) => ({
        ...begin(point),
        count: integerIn(point.count),
        sum: doubleIn(point.sum),
        quantileValues: point.quantiles.map(({ quantile, value }) => ({
          quantile: doubleIn(quantile),
          value: doubleIn(value),
        })),
      }))
      return { case: 'summary', value: { dataPoints } } as const
    }
  }
}

export const metricMessageOf = (metric: MetricBody): Metric =>
  create(MetricSchema, {
    name: metric.name,
    unit: metric.unit ?? '',
    description: metric.description ?? '',
    metadata: keyValuesOf(metric.metadata ?? {}),
    data: dataOf(metric) as never,
  })
