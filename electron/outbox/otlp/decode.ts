import { fromBinary, fromJson, type DescMessage, type JsonValue, type MessageShape } from '@bufbuild/protobuf'
import type { OutboxEntry } from '../../../shared/model/telemetry'
import type { WallMs } from '../../../shared/model/time'
import type { Converted, Signal } from './convert'
import { convertLog } from './convert-logs'
import { convertMetric, pointsIn } from './convert-metrics'
import { convertSpan } from './convert-traces'
import { bytesOfIds } from './json-ids'
import { measureJson, measureProtobuf } from './measure'
import { InstrumentationScopeSchema, type InstrumentationScope } from './proto/any-value'
import { LogRecordSchema } from './proto/logs'
import { ExportLogsServiceRequestSchema } from './proto/logs-service'
import { MetricSchema } from './proto/metrics'
import { ExportMetricsServiceRequestSchema } from './proto/metrics-service'
import { ResourceSchema, type Resource } from './proto/resource'
import { SpanSchema } from './proto/trace'
import { ExportTraceServiceRequestSchema } from './proto/trace-service'
import { OtlpRefusal } from './refusal'
import { InvalidRecord, resourceOf, scopeOf } from './values'

// Protobuf by @bufbuild/protobuf and code generated from the OpenTelemetry project's own .proto files (`proto/`). Of the ways looked at it is the one that
// refuses what the schema forbids in both encodings (UTF-8, ranges, types, nesting deeper than 100), needs no code made at run time, and has exact
// 64-bit integers; protobufjs decodes about twice as fast, but takes almost any JSON. The packages of OpenTelemetry's SDK only encode.

export type Encoding = 'protobuf' | 'json'

export interface EncodedRequest {
  readonly signal: Signal
  readonly encoding: Encoding
  readonly bytes: Uint8Array
  /** For records that bring no time. */
  readonly receivedAt: WallMs
}

/** A part of a request, ready for the outbox. `records[i]`: how many records (data points) of the request `entries[i]` holds. */
export interface Chunk {
  readonly entries: readonly OutboxEntry[]
  readonly records: readonly number[]
  /** Records that are not valid, and why the first of them is not. */
  readonly refused: number
  readonly message: string | null
}

/** Bounds of what is converted ahead of the outbox. */
const CHUNK_ENTRIES_MAX = 2_000
const CHUNK_CHARACTERS_MAX = 2 * 1024 * 1024
/** Resource and scope are repeated in each entry: without these bounds a small request could fill the outbox. */
const PREFIX_CHARACTERS_MAX = 32 * 1024
const REQUEST_CHARACTERS_MAX = 64 * 1024 * 1024

interface Group {
  readonly resource: Resource | undefined
  readonly resourceSchemaUrl: string
  readonly scope: InstrumentationScope | undefined
  readonly scopeSchemaUrl: string
  /** As decoded: of protobuf messages, of JSON still plain values. */
  readonly records: readonly unknown[]
}

interface SignalShape {
  /** Where the records are, in the words of the JSON encoding. */
  readonly keys: readonly [resources: string, scopes: string, records: string]
  groups(bytes: Uint8Array): Generator<Group>
  record(json: JsonValue): unknown
  convert(record: unknown, receivedAt: WallMs): Generator<Converted>
  /** Records lost if this one is refused as a whole. */
  weight(record: unknown): number
}

const BINARY = { readUnknownFields: false }
const JSON_OPTIONS = { ignoreUnknownFields: true }

function shape<Record extends DescMessage>(
  keys: SignalShape['keys'],
  record: Record,
  groups: SignalShape['groups'],
  convert: (record: MessageShape<Record>, receivedAt: WallMs) => Generator<Converted>,
  weight: SignalShape['weight'] = () => 1,
): SignalShape {
  return {
    keys,
    groups,
    record: (json) => fromJson(record, bytesOfIds(json), JSON_OPTIONS),
    convert: (value, receivedAt) => convert(value as MessageShape<Record>, receivedAt),
    weight,
  }
}

/** How many data points a metric has that could not be read. */
function weightOfMetric(value: unknown): number {
  const metric = objectOf(value) ?? {}
  for (const kind of ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']) {
    const points = objectOf(metric[kind])?.dataPoints
    if (Array.isArray(points)) return Math.max(1, points.length)
  }
  return 1
}

const shapes: Record<Signal, SignalShape> = {
  logs: shape(
    ['resourceLogs', 'scopeLogs', 'logRecords'],
    LogRecordSchema,
    function* (bytes) {
      for (const { resource, schemaUrl, scopeLogs } of messageOf(ExportLogsServiceRequestSchema, bytes).resourceLogs)
        for (const inner of scopeLogs) yield group(resource, schemaUrl, inner, inner.logRecords)
    },
    convertLog,
  ),
  traces: shape(
    ['resourceSpans', 'scopeSpans', 'spans'],
    SpanSchema,
    function* (bytes) {
      for (const { resource, schemaUrl, scopeSpans } of messageOf(ExportTraceServiceRequestSchema, bytes).resourceSpans)
        for (const inner of scopeSpans) yield group(resource, schemaUrl, inner, inner.spans)
    },
    convertSpan,
  ),
  metrics: shape(
    ['resourceMetrics', 'scopeMetrics', 'metrics'],
    MetricSchema,
    function* (bytes) {
      for (const { resource, schemaUrl, scopeMetrics } of messageOf(ExportMetricsServiceRequestSchema, bytes)
        .resourceMetrics)
        for (const inner of scopeMetrics) yield group(resource, schemaUrl, inner, inner.metrics)
    },
    convertMetric,
    (metric) => (isMessage(metric) ? pointsIn(metric as Parameters<typeof pointsIn>[0]) : weightOfMetric(metric)),
  ),
}

function messageOf<Message extends DescMessage>(schema: Message, bytes: Uint8Array): MessageShape<Message> {
  measureProtobuf(schema, bytes)
  return fromBinary(schema, bytes, BINARY)
}

const isMessage = (value: unknown): boolean => typeof value === 'object' && value !== null && '$typeName' in value

function group(
  resource: Resource | undefined,
  resourceSchemaUrl: string,
  inner: { readonly scope?: InstrumentationScope | undefined; readonly schemaUrl: string },
  records: readonly unknown[],
): Group {
  return { resource, resourceSchemaUrl, scope: inner.scope, scopeSchemaUrl: inner.schemaUrl, records }
}

type Plain = Record<string, JsonValue | undefined>
const objectOf = (value: unknown): Plain | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Plain) : null

/** The list of objects under a key; absent and null are empty. */
function listOf(holder: Plain, key: string): Plain[] {
  const list = holder[key] ?? []
  if (!Array.isArray(list)) throw new OtlpRefusal(400, `"${key}" must be an array.`)
  return list.map((item) => {
    const object = objectOf(item)
    if (object === null) throw new OtlpRefusal(400, `"${key}" must hold objects.`)
    return object
  })
}

/** The envelope is read here, what is in it by the schema, record by record: a broken record does not take its neighbours along. */
function* jsonGroups([resources, scopes, records]: SignalShape['keys'], bytes: Uint8Array): Generator<Group> {
  measureJson(bytes)
  const request = objectOf(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  if (request === null) throw new OtlpRefusal(400, 'The request must be a JSON object.')
  const text = (holder: Plain): string => (typeof holder.schemaUrl === 'string' ? holder.schemaUrl : '')
  for (const outer of listOf(request, resources)) {
    const resource = outer.resource == null ? undefined : fromJson(ResourceSchema, outer.resource, JSON_OPTIONS)
    for (const inner of listOf(outer, scopes)) {
      const scope = inner.scope == null ? undefined : fromJson(InstrumentationScopeSchema, inner.scope, JSON_OPTIONS)
      const list = inner[records] ?? []
      if (!Array.isArray(list)) throw new OtlpRefusal(400, `"${records}" must be an array.`)
      yield {
        resource,
        resourceSchemaUrl: text(outer),
        scope,
        scopeSchemaUrl: text(inner),
        records: list,
      }
    }
  }
}

/** `{"resource":…,"scope":…,`: written once, in front of each record of the group. */
const prefixOf = ({ resource, resourceSchemaUrl, scope, scopeSchemaUrl }: Group): string =>
  `{"resource":${JSON.stringify(resourceOf(resource, resourceSchemaUrl))},"scope":${JSON.stringify(scopeOf(scope, scopeSchemaUrl))},`

function* recordOf(
  { signal, encoding, receivedAt }: EncodedRequest,
  raw: unknown,
  refusal: string | null,
): Generator<Converted> {
  const { record, convert, weight } = shapes[signal]
  try {
    if (refusal !== null) throw new InvalidRecord(refusal)
    yield* convert(encoding === 'json' ? readJson(record, raw as JsonValue) : raw, receivedAt)
  } catch (error) {
    if (!(error instanceof InvalidRecord)) throw error
    yield { refused: weight(raw), message: error.message }
  }
}

function readJson(record: SignalShape['record'], json: JsonValue): unknown {
  try {
    return record(json)
  } catch (error) {
    throw new InvalidRecord(error instanceof Error ? error.message : String(error))
  }
}

/**
 * Decodes a request and hands it out in chunks. Throws `OtlpRefusal`, 400 when it cannot be decoded and 413 when it holds too much: all envelopes are read before the first chunk, so
 * that a request is refused as a whole or not at all.
 */
export function openRequest(request: EncodedRequest): Iterator<Chunk, undefined> {
  const shape = shapes[request.signal]
  const groups = decoded(() =>
    Array.from(request.encoding === 'json' ? jsonGroups(shape.keys, request.bytes) : shape.groups(request.bytes)).map(
      (each) => ({ ...each, prefix: prefixOf(each) }),
    ),
  )
  return chunksOf(request, groups)
}

function decoded<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof OtlpRefusal) throw error
    throw new OtlpRefusal(
      400,
      `The request cannot be decoded: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function* chunksOf(
  request: EncodedRequest,
  groups: readonly (Group & { readonly prefix: string })[],
): Generator<Chunk, undefined> {
  let chunk = emptyChunk()
  let characters = 0
  let all = 0
  const refusalOf = (prefix: string): string | null => {
    if (prefix.length > PREFIX_CHARACTERS_MAX) return 'Resource and scope are too large to be kept with each record.'
    return all > REQUEST_CHARACTERS_MAX ? 'The request is too large with resource and scope in each record.' : null
  }
  for (const { prefix, records } of groups) {
    for (const raw of records) {
      for (const converted of recordOf(request, raw, refusalOf(prefix))) {
        if ('refused' in converted) {
          chunk.refused += converted.refused
          chunk.message ??= converted.message
          continue
        }
        const json = prefix + JSON.stringify(converted.record).slice(1)
        chunk.entries.push({ category: request.signal, at: converted.at, json })
        chunk.records.push(converted.records)
        characters += json.length
        all += json.length
        if (chunk.entries.length < CHUNK_ENTRIES_MAX && characters < CHUNK_CHARACTERS_MAX) continue
        yield chunk
        chunk = emptyChunk()
        characters = 0
      }
    }
  }
  if (chunk.entries.length > 0 || chunk.refused > 0) yield chunk
}

const emptyChunk = () => ({
  entries: [] as OutboxEntry[],
  records: [] as number[],
  refused: 0,
  message: null as string | null,
})
