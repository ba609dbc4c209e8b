import { z } from 'zod'

/**
 * Bodies of the outbox entries that the OTLP receiver makes: one entry per log record, one per span, one per metric and at most `METRIC_POINTS_MAX` of its data
 * points. Each stands alone (resource and scope included), so that losing, pushing or refusing one never changes another, and nothing is lost that a
 * later export as OTLP needs. Instants come twice: `...Ns` as decimal text of nanoseconds since 1970 (exact), and in milliseconds (for charts and search).
 */
export const METRIC_POINTS_MAX = 100

/**
 * A value of an attribute or a log body as plain JSON. What JSON cannot tell apart is an object with one `$` key: `{$int: '9223372036854775807'}` beyond 2^53,
 * `{$double: 5}` for a double without fraction and `{$double: 'NaN'}`, `{$bytes: base64}`. A key that itself begins with `$` has one `$` more. Null: no value.
 */
export type OtlpValue = string | number | boolean | null | OtlpValue[] | { [key: string]: OtlpValue }
export type OtlpAttributes = Record<string, OtlpValue>

export const otlpValue: z.ZodType<OtlpValue> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(otlpValue), z.record(z.string(), otlpValue)]),
)
const attributes = z.record(z.string(), otlpValue)

/** A number of a data point: text where JSON has none (`NaN`, `Infinity`, `-Infinity`) or would round (integers beyond 2^53). `Number(value)` reads both. */
export const otlpNumber = z.union([z.number(), z.string().max(24)])
export type OtlpNumber = z.infer<typeof otlpNumber>

const nanoseconds = z.string().regex(/^\d{1,20}$/)
const milliseconds = z.int()
const dropped = z.int().min(1).optional()
const flags = z.int().min(1).optional()
export const traceId = z.string().regex(/^[0-9a-f]{32}$/)
export const spanId = z.string().regex(/^[0-9a-f]{16}$/)

export const otlpResource = z.strictObject({ attributes, dropped, schemaUrl: z.string().optional() })
export type OtlpResource = z.infer<typeof otlpResource>

export const otlpScope = z.strictObject({
  name: z.string(),
  version: z.string().optional(),
  attributes: attributes.optional(),
  dropped,
  schemaUrl: z.string().optional(),
})
export type OtlpScope = z.infer<typeof otlpScope>

/** What every body begins with. `time`: the record's own instant; where it has none when it was observed, else when it was received. */
const begin = { resource: otlpResource, scope: otlpScope }

export const logBody = z.strictObject({
  ...begin,
  time: milliseconds,
  /** Absent: the record did not say. */
  timeNs: nanoseconds.optional(),
  observedNs: nanoseconds.optional(),
  /** OpenTelemetry's 1 to 24 (9: info, 13: warn, 17: error, 21: fatal); 0: not said. */
  severity: z.int(),
  severityText: z.string().optional(),
  eventName: z.string().optional(),
  body: otlpValue,
  attributes,
  dropped,
  flags,
  traceId: traceId.optional(),
  spanId: spanId.optional(),
})
export type LogBody = z.infer<typeof logBody>

export const spanKinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const
export const spanStatuses = ['unset', 'ok', 'error'] as const

const spanEvent = z.strictObject({ timeNs: nanoseconds, name: z.string(), attributes, dropped })
const spanLink = z.strictObject({
  traceId,
  spanId,
  traceState: z.string().optional(),
  attributes,
  dropped,
  flags,
})

export const spanBody = z.strictObject({
  ...begin,
  /** When it began. */
  time: milliseconds,
  startNs: nanoseconds,
  endNs: nanoseconds,
  /** With fraction; negative where the sender's clock went back. */
  durationMs: z.number(),
  traceId,
  spanId,
  /** Absent: a root. */
  parentSpanId: spanId.optional(),
  traceState: z.string().optional(),
  name: z.string(),
  kind: z.enum(spanKinds),
  status: z.enum(spanStatuses),
  statusMessage: z.string().optional(),
  attributes,
  dropped,
  flags,
  events: z.array(spanEvent).optional(),
  droppedEvents: dropped,
  links: z.array(spanLink).optional(),
  droppedLinks: dropped,
})
export type SpanBody = z.infer<typeof spanBody>

const exemplar = z.strictObject({
  timeNs: nanoseconds,
  value: otlpNumber.nullable(),
  isInt: z.literal(true).optional(),
  attributes,
  traceId: traceId.optional(),
  spanId: spanId.optional(),
})

const pointBegin = {
  time: milliseconds,
  timeNs: nanoseconds.optional(),
  startNs: nanoseconds.optional(),
  attributes,
  /** Bit 1: the sender says explicitly that there is no value. */
  flags,
  exemplars: z.array(exemplar).optional(),
}
/** `value` null: flagged as having none. */
export const numberPoint = z.strictObject({
  ...pointBegin,
  value: otlpNumber.nullable(),
  isInt: z.literal(true).optional(),
})
const totals = {
  count: otlpNumber,
  sum: otlpNumber.optional(),
  min: otlpNumber.optional(),
  max: otlpNumber.optional(),
}
/** `counts[i]` is how many lie in (`bounds[i-1]`, `bounds[i]`]: one more count than bounds, or neither. */
export const histogramPoint = z.strictObject({
  ...pointBegin,
  ...totals,
  bounds: z.array(z.number()),
  counts: z.array(otlpNumber),
})
const buckets = z.strictObject({ offset: z.int(), counts: z.array(otlpNumber) })
export const exponentialPoint = z.strictObject({
  ...pointBegin,
  ...totals,
  scale: z.int(),
  zeroCount: otlpNumber,
  zeroThreshold: otlpNumber.optional(),
  positive: buckets.optional(),
  negative: buckets.optional(),
})
export const summaryPoint = z.strictObject({
  ...pointBegin,
  count: otlpNumber,
  sum: otlpNumber,
  quantiles: z.array(z.strictObject({ quantile: otlpNumber, value: otlpNumber })),
})

export const temporalities = ['unspecified', 'delta', 'cumulative'] as const
const metricBegin = {
  ...begin,
  name: z.string().min(1),
  unit: z.string().optional(),
  description: z.string().optional(),
  metadata: attributes.optional(),
}
const points = <T extends z.ZodType>(point: T) => z.array(point).min(1).max(METRIC_POINTS_MAX)
const temporality = z.enum(temporalities)

export const metricBody = z.discriminatedUnion('type', [
  z.strictObject({ ...metricBegin, type: z.literal('gauge'), points: points(numberPoint) }),
  z.strictObject({
    ...metricBegin,
    type: z.literal('sum'),
    temporality,
    isMonotonic: z.boolean(),
    points: points(numberPoint),
  }),
  z.strictObject({ ...metricBegin, type: z.literal('histogram'), temporality, points: points(histogramPoint) }),
  z.strictObject({
    ...metricBegin,
    type: z.literal('exponentialHistogram'),
    temporality,
    points: points(exponentialPoint),
  }),
  z.strictObject({ ...metricBegin, type: z.literal('summary'), points: points(summaryPoint) }),
])
export type MetricBody = z.infer<typeof metricBody>
export type NumberPoint = z.infer<typeof numberPoint>
export type HistogramPoint = z.infer<typeof histogramPoint>
export type ExponentialPoint = z.infer<typeof exponentialPoint>
export type SummaryPoint = z.infer<typeof summaryPoint>
