import {
  METRIC_POINTS_MAX,
  temporalities,
  type ExponentialPoint,
  type HistogramPoint,
  type NumberPoint,
  type SummaryPoint,
} from '../../../shared/model/otlp'
import { wallMs, type WallMs } from '../../../shared/model/time'
import type { Converted } from './convert'
import type {
  AggregationTemporality,
  Exemplar,
  ExponentialHistogramDataPoint,
  ExponentialHistogramDataPoint_Buckets,
  HistogramDataPoint,
  Metric,
  NumberDataPoint,
  SummaryDataPoint,
} from './proto/metrics'
import { attributesOf, doubleOf, integerOf, InvalidRecord, msOf, some, someId, someNs } from './values'

const NO_RECORDED_VALUE = 1

type Numeric = NumberDataPoint['value']
type AnyPoint = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint

function numericOf(value: Numeric): Pick<NumberPoint, 'value' | 'isInt'> {
  if (value.case === 'asInt') return { value: integerOf(value.value), isInt: true }
  return { value: value.case === 'asDouble' ? doubleOf(value.value) : null }
}

const exemplarOf = (exemplar: Exemplar) => ({
  timeNs: exemplar.timeUnixNano.toString(),
  ...numericOf(exemplar.value),
  attributes: attributesOf(exemplar.filteredAttributes),
  ...someId('traceId', 'The trace id of an exemplar', exemplar.traceId, 16),
  ...someId('spanId', 'The span id of an exemplar', exemplar.spanId, 8),
})

const begin = (point: AnyPoint, receivedAt: WallMs) => ({
  time: point.timeUnixNano === 0n ? receivedAt : msOf(point.timeUnixNano),
  ...someNs('timeNs', point.timeUnixNano),
  ...someNs('startNs', point.startTimeUnixNano),
  attributes: attributesOf(point.attributes),
  ...some('flags', point.flags),
  ...('exemplars' in point && point.exemplars.length > 0 ? { exemplars: point.exemplars.map(exemplarOf) } : {}),
})

function numberPointOf(point: NumberDataPoint, receivedAt: WallMs): NumberPoint {
  if (point.value.case === undefined && (point.flags & NO_RECORDED_VALUE) === 0)
    throw new InvalidRecord('A data point has no value.')
  return { ...begin(point, receivedAt), ...numericOf(point.value) }
}

const optional = <K extends string>(key: K, value: number | undefined) =>
  (value === undefined ? {} : { [key]: doubleOf(value) }) as { [key in K]?: number | string }

const totals = (point: HistogramDataPoint | ExponentialHistogramDataPoint) => ({
  count: integerOf(point.count),
  ...optional('sum', point.sum),
  ...optional('min', point.min),
  ...optional('max', point.max),
})

function histogramPointOf(point: HistogramDataPoint, receivedAt: WallMs): HistogramPoint {
  const { explicitBounds: bounds, bucketCounts } = point
  const isBare = bounds.length === 0 && bucketCounts.length === 0
  if (!isBare && bucketCounts.length !== bounds.length + 1)
    throw new InvalidRecord('A histogram must have one more bucket count than bounds.')
  if (bounds.some((bound, index) => !Number.isFinite(bound) || bound <= (bounds[index - 1] ?? -Infinity)))
    throw new InvalidRecord('The bounds of a histogram must be finite and rise.')
  return { ...begin(point, receivedAt), ...totals(point), bounds, counts: bucketCounts.map(integerOf) }
}

const bucketsOf = (buckets: ExponentialHistogramDataPoint_Buckets) => ({
  offset: buckets.offset,
  counts: buckets.bucketCounts.map(integerOf),
})

const exponentialPointOf = (point: ExponentialHistogramDataPoint, receivedAt: WallMs): ExponentialPoint => ({
  ...begin(point, receivedAt),
  ...totals(point),
  scale: point.scale,
  zeroCount: integerOf(point.zeroCount),
  ...(point.zeroThreshold === 0 ? {} : { zeroThreshold: doubleOf(point.zeroThreshold) }),
  ...(point.positive ? { positive: bucketsOf(point.positive) } : {}),
  ...(point.negative ? { negative: bucketsOf(point.negative) } : {}),
})

const summaryPointOf = (point: SummaryDataPoint, receivedAt: WallMs): SummaryPoint => ({
  ...begin(point, receivedAt),
  count: integerOf(point.count),
  sum: doubleOf(point.sum),
  quantiles: point.quantileValues.map(({ quantile, value }) => ({
    quantile: doubleOf(quantile),
    value: doubleOf(value),
  })),
})

function temporalityOf(temporality: AggregationTemporality) {
  const word = temporalities[temporality]
  if (word === undefined) throw new InvalidRecord('The temporality of a metric must be 0, 1 or 2.')
  return { temporality: word }
}

/** What all entries of a metric begin with, and its points, each converted when its turn comes. */
function shapeOf({ data }: Metric, receivedAt: WallMs) {
  const lazily = <P extends AnyPoint, B>(type: string, points: readonly P[], convert: (point: P, at: WallMs) => B) => ({
    type,
    points: points.map((point) => () => convert(point, receivedAt)),
  })
  switch (data.case) {
    case 'gauge':
      return lazily('gauge', data.value.dataPoints, numberPointOf)
    case 'sum': {
      const { dataPoints, isMonotonic, aggregationTemporality } = data.value
      return { ...lazily('sum', dataPoints, numberPointOf), ...temporalityOf(aggregationTemporality), isMonotonic }
    }
    case 'histogram':
      return {
        ...lazily('histogram', data.value.dataPoints, histogramPointOf),
        ...temporalityOf(data.value.aggregationTemporality),
      }
    case 'exponentialHistogram':
      return {
        ...lazily('exponentialHistogram', data.value.dataPoints, exponentialPointOf),
        ...temporalityOf(data.value.aggregationTemporality),
      }
    case 'summary':
      return lazily('summary', data.value.dataPoints, summaryPointOf)
    case undefined:
      throw new InvalidRecord('A metric has no data.')
  }
}

/** How many data points a metric brings; at least 1, so that refusing it is always told. */
export const pointsIn = ({ data }: Metric): number => Math.max(1, data.value?.dataPoints.length ?? 0)

/**
 * Entries of at most `METRIC_POINTS_MAX` data points of one metric: grouped they take a third of the room that one entry per point would, because name, unit, scope
 * and resource are written once. A point that is not valid is refused alone.
 */
export function* convertMetric(metric: Metric, receivedAt: WallMs): Generator<Converted> {
  if (metric.name === '') throw new InvalidRecord('A metric has no name.')
  const { points: lazyPoints, ...shape } = shapeOf(metric, receivedAt)
  const head = {
    name: metric.name,
    ...some('unit', metric.unit),
    ...some('description', metric.description),
    ...(metric.metadata.length > 0 ? { metadata: attributesOf(metric.metadata) } : {}),
    ...shape,
  }
  let points: { readonly time: number }[] = []
  const entry = (): Converted => ({
    record: { ...head, points },
    at: wallMs(Math.max(...points.map(({ time }) => time))),
    records: points.length,
  })
  for (const convert of lazyPoints) {
    try {
      points.push(convert())
    } catch (error) {
      if (!(error instanceof InvalidRecord)) throw error
      yield { refused: 1, message: error.message }
    }
    if (points.length === METRIC_POINTS_MAX) {
      yield entry()
      points = []
    }
  }
  if (points.length > 0) yield entry()
}
