import { lossReport, type Loss } from '../../shared/model/telemetry'

/** What search and charts take from bodies. Nothing here refuses: what a body does not say is left out, and the entry itself stays as it came. */
const TEXT_MAX = 8_192
const ATTRIBUTES_MAX = 4_096
const NAME_MAX = 500

type Fields = Readonly<Record<string, unknown>>

export interface PointFound {
  readonly at: number
  readonly attributes: Fields
  readonly value: number
}
export interface MetricFound {
  readonly name: string
  readonly unit: string | null
  readonly kind: string
  readonly resource: Fields
  readonly points: readonly PointFound[]
}
export interface LogFound {
  readonly severity: number
  readonly text: string
  readonly attributes: string
  readonly service: string | null
  readonly traceId: string | null
}
export interface SpanFound {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly service: string | null
  readonly kind: string
  readonly status: string
  readonly durationMs: number
}
export interface AlertFound {
  readonly severity: string
  readonly state: string
  readonly text: string
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
const textOf = (value: unknown, max: number): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, max) : null
const resourceOf = (body: Fields): Fields => fieldsOf(fieldsOf(body['resource'])['attributes'])
const serviceOf = (body: Fields): string | null => textOf(resourceOf(body)['service.name'], NAME_MAX)

/** Null where there is none; text holds what JSON has no number for. Infinities cannot be charted. */
function numberOf(value: unknown): number | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  if (value === '') return null
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}

/** A point with a mean where it summarises several values. */
function valueOf(point: Fields): number | null {
  const value = numberOf(point['value'])
  if (value !== null) return value
  const [sum, count] = [numberOf(point['sum']), numberOf(point['count'])]
  return sum === null || count === null || count === 0 ? null : sum / count
}

export function metricOf(body: unknown, at: number): MetricFound | null {
  const fields = fieldsOf(body)
  const name = textOf(fields['name'], NAME_MAX)
  if (name === null) return null
  const given = Array.isArray(fields['points']) ? (fields['points'] as unknown[]) : [fields]
  const points = given.flatMap((each): PointFound[] => {
    const point = fieldsOf(each)
    const value = valueOf(point)
    const time = numberOf(point['time'])
    return value === null
      ? []
      : [{ at: time === null ? at : Math.trunc(time), value, attributes: fieldsOf(point['attributes']) }]
  })
  return {
    name,
    unit: textOf(fields['unit'], 64),
    kind: textOf(fields['type'], 64) ?? 'gauge',
    resource: resourceOf(fields),
    points,
  }
}

/** The report of an edge on what it has lost; null: something else. */
export function lossesOf(body: unknown): readonly Loss[] | null {
  if (fieldsOf(body)['kind'] !== 'telemetry.lost') return null
  const report = lossReport.safeParse(body)
  return report.success ? report.data.losses : null
}

export function logOf(body: unknown): LogFound {
  if (typeof body === 'string')
    return { severity: 0, text: body.slice(0, TEXT_MAX), attributes: '{}', service: null, traceId: null }
  const fields = fieldsOf(body)
  const said =
    fields['body'] ??
    fields['message'] ??
    fields['text'] ??
    fields['eventName'] ??
    fields['event'] ??
    fields['kind'] ??
    ''
  return {
    severity: Math.trunc(numberOf(fields['severity']) ?? 0),
    text: (typeof said === 'string' ? said : JSON.stringify(said)).slice(0, TEXT_MAX),
    attributes: bounded(fieldsOf(fields['attributes'])),
    service: serviceOf(fields),
    traceId: textOf(fields['traceId'], 64),
  }
}

/** JSON of as many of the attributes as fit. */
function bounded(attributes: Fields): string {
  const text = JSON.stringify(attributes)
  if (text.length <= ATTRIBUTES_MAX) return text
  const kept: Record<string, unknown> = {}
  let length = 2
  for (const [name, value] of Object.entries(attributes)) {
    length += JSON.stringify([name, value]).length + 1
    if (length > ATTRIBUTES_MAX) break
    kept[name] = value
  }
  return JSON.stringify(kept)
}

export function spanOf(body: unknown): SpanFound | null {
  const fields = fieldsOf(body)
  const [traceId, spanId] = [textOf(fields['traceId'], 64), textOf(fields['spanId'], 64)]
  if (traceId === null || spanId === null) return null
  return {
    traceId,
    spanId,
    parentSpanId: textOf(fields['parentSpanId'], 64),
    name: textOf(fields['name'], NAME_MAX) ?? '',
    service: serviceOf(fields),
    kind: textOf(fields['kind'], 64) ?? 'unspecified',
    status: textOf(fields['status'], 64) ?? 'unset',
    durationMs: numberOf(fields['durationMs']) ?? 0,
  }
}

export function alertOf(body: unknown): AlertFound {
  const fields = fieldsOf(body)
  return {
    severity: textOf(fields['severity'], 64) ?? 'warning',
    state: textOf(fields['state'], 64) ?? 'firing',
    text: textOf(fields['text'] ?? fields['message'] ?? fields['name'] ?? fields['code'], TEXT_MAX) ?? '',
  }
}
