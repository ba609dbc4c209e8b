import { gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import { logBody, metricBody, spanBody, type OtlpResource, type OtlpScope } from '../../../shared/model/otlp'
import type { TelemetryCategory } from '../../../shared/model/telemetry'
import type { Signal } from './convert'
import { logRecordOf, metricMessageOf, otherRecordOf, spanMessageOf } from './export-records'
import { keyValuesOf } from './export-values'
import { ExportLogsServiceRequestSchema } from './proto/logs-service'
import { ExportMetricsServiceRequestSchema } from './proto/metrics-service'
import { ExportTraceServiceRequestSchema } from './proto/trace-service'

/** A stored entry. `text`: JSON of its body, or base64 where `isBytes`. */
export interface ExportedEntry {
  readonly category: TelemetryCategory
  readonly at: number
  readonly text: string
  readonly isBytes: boolean
}

export interface Exported {
  readonly body: Uint8Array
  readonly records: number
  /** Places of the entries that OTLP has no form for. */
  readonly unfit: readonly number[]
}

/**
 * A request of one signal, protobuf. What came in as OTLP goes out as it was; events, alerts and whatever else is no record of OTLP become log records whose
 * body is theirs. `edge` stands in each resource as `holdfast.edge.id` and `holdfast.edge.name`.
 */
export function exported(
  signal: Signal,
  entries: readonly ExportedEntry[],
  edge: { readonly id: string; readonly name: string },
  compression: 'gzip' | 'none',
): Exported {
  const groups = new Map<string, Group>()
  const unfit: number[] = []
  let records = 0
  for (const [place, entry] of entries.entries()) {
    const made = recordOf(signal, entry)
    if (made === null) {
      unfit.push(place)
      continue
    }
    const key = JSON.stringify([made.resource, made.scope])
    const group = groups.get(key) ?? { resource: made.resource, scope: made.scope, records: [] }
    groups.set(key, group)
    group.records.push(made.record)
    records += made.points
  }
  const bytes = requestOf(signal, [...groups.values()], edge)
  return { body: compression === 'gzip' ? gzipSync(bytes) : bytes, records, unfit }
}

interface Group {
  readonly resource: OtlpResource
  readonly scope: OtlpScope
  readonly records: unknown[]
}

function recordOf(signal: Signal, entry: ExportedEntry) {
  const body = entry.isBytes ? null : (JSON.parse(entry.text) as unknown)
  switch (signal) {
    case 'metrics': {
      const metric = metricBody.safeParse(body)
      if (!metric.success) return null
      const { resource, scope, points } = metric.data
      return { resource, scope, record: metricMessageOf(metric.data), points: points.length }
    }
    case 'traces': {
      const span = spanBody.safeParse(body)
      if (!span.success) return null
      return { resource: span.data.resource, scope: span.data.scope, record: spanMessageOf(span.data), points: 1 }
    }
    case 'logs': {
      const log = logBody.safeParse(body)
      if (log.success)
        return { resource: log.data.resource, scope: log.data.scope, record: logRecordOf(log.data), points: 1 }
      return {
        resource: { attributes: {} },
        scope: { name: 'holdfast' },
        record: otherRecordOf(entry, body),
        points: 1,
      }
    }
  }
}

function requestOf(
  signal: Signal,
  groups: readonly Group[],
  edge: { readonly id: string; readonly name: string },
): Uint8Array {
  const outer = ({ resource, scope }: Group) => ({
    resource: {
      attributes: keyValuesOf({
        ...resource.attributes,
        'holdfast.edge.id': edge.id,
        'holdfast.edge.name': edge.name,
      }),
      droppedAttributesCount: resource.dropped ?? 0,
    },
    schemaUrl: resource.schemaUrl ?? '',
    scope: {
      name: scope.name,
      version: scope.version ?? '',
      attributes: keyValuesOf(scope.attributes ?? {}),
      droppedAttributesCount: scope.dropped ?? 0,
    },
    scopeSchemaUrl: scope.schemaUrl ?? '',
  })
  switch (signal) {
    case 'logs': {
      const resourceLogs = groups.map((group) => {
        const { scope, scopeSchemaUrl, ...rest } = outer(group)
        return { ...rest, scopeLogs: [{ scope, schemaUrl: scopeSchemaUrl, logRecords: group.records as [] }] }
      })
      return toBinary(ExportLogsServiceRequestSchema, create(ExportLogsServiceRequestSchema, { resourceLogs }))
    }
    case 'traces': {
      const resourceSpans = groups.map((group) => {
        const { scope, scopeSchemaUrl, ...rest } = outer(group)
        return { ...rest, scopeSpans: [{ scope, schemaUrl: scopeSchemaUrl, spans: group.records as [] }] }
      })
      return toBinary(ExportTraceServiceRequestSchema, create(ExportTraceServiceRequestSchema, { resourceSpans }))
    }
    case 'metrics': {
      const resourceMetrics = groups.map((group) => {
        const { scope, scopeSchemaUrl, ...rest } = outer(group)
        return { ...rest, scopeMetrics: [{ scope, schemaUrl: scopeSchemaUrl, metrics: group.records as [] }] }
      })
      return toBinary(ExportMetricsServiceRequestSchema, create(ExportMetricsServiceRequestSchema, { resourceMetrics }))
    }
  }
}
