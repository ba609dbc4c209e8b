import type { JsonValue } from '@bufbuild/protobuf'
import { InvalidRecord } from './values'

// OTLP writes ids in JSON as hex where protobuf's own JSON has base64: the one place in which the two differ for a reader.

type Plain = Record<string, JsonValue | undefined>
const idKeys = ['traceId', 'spanId', 'parentSpanId'] as const

const objectOf = (value: JsonValue | undefined): Plain | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null

const objectsIn = (value: JsonValue | undefined): Plain[] =>
  Array.isArray(value) ? value.map(objectOf).filter((item) => item !== null) : []

function base64Of(key: string, value: JsonValue): string {
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(value))
    throw new InvalidRecord(`"${key}" must be text of hexadecimal digits.`)
  return Buffer.from(value, 'hex').toString('base64')
}

function withIds(holder: Plain): void {
  for (const key of idKeys) {
    const value = holder[key]
    if (value !== undefined && value !== null) holder[key] = base64Of(key, value)
  }
}

/** Rewrites the ids of a record in place (log record, span with links, metric with exemplars) and returns it. */
export function bytesOfIds(record: JsonValue): JsonValue {
  const holder = objectOf(record)
  if (holder === null) return record
  withIds(holder)
  for (const link of objectsIn(holder.links)) withIds(link)
  for (const kind of ['gauge', 'sum', 'histogram', 'exponentialHistogram']) {
    for (const point of objectsIn(objectOf(holder[kind])?.dataPoints))
      for (const exemplar of objectsIn(point.exemplars)) withIds(exemplar)
  }
  return record
}
