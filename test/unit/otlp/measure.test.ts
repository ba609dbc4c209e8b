import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { measureJson, measureProtobuf } from '../../../electron/outbox/otlp/measure'
import { ExportLogsServiceRequestSchema } from '../../../electron/outbox/otlp/proto/logs-service'
import { ExportMetricsServiceRequestSchema } from '../../../electron/outbox/otlp/proto/metrics-service'

const tooMany = expect.objectContaining({ status: 413 })
const padding = 300 * 1024

describe('a JSON text', () => {
  const measure = (text: string, max: number) => () => measureJson(Buffer.from(text.padEnd(padding)), max)

  it('is measured by its objects, arrays and commas', () => {
    const text = '{"a":[1,2,{}]}'
    expect(measure(text, 5)).not.toThrow()
    expect(measure(text, 4)).toThrow(tooMany)
  })

  it('may have as many of these characters in its texts as it likes', () => {
    const text = JSON.stringify(['{[,'.repeat(100), '\\', '"', '\\"', ',,,'])
    expect(measure(text, 5)).not.toThrow()
    expect(measure(text, 4)).toThrow(tooMany)
  })
})

describe('a protobuf request', () => {
  it('is measured by its messages', () => {
    const attribute = { key: 'k'.repeat(padding), value: { value: { case: 'intValue' as const, value: 1n } } }
    const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes: [attribute] }, {}] }] }] }
    const bytes = toBinary(ExportLogsServiceRequestSchema, create(ExportLogsServiceRequestSchema, request))
    // Resource, scope, two records, an attribute with its value, and the two texts of it.
    const measure = (max: number) => () => measureProtobuf(ExportLogsServiceRequestSchema, bytes, max)
    expect(measure(8)).not.toThrow()
    expect(measure(4)).toThrow(tooMany)
  })

  it('is measured by the numbers of its histograms, which take a byte each there', () => {
    const bucketCounts = Array<bigint>(padding).fill(1n)
    const point = { positive: { offset: 0, bucketCounts } }
    const metric = { name: 'h', data: { case: 'exponentialHistogram' as const, value: { dataPoints: [point] } } }
    const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] }
    const bytes = toBinary(ExportMetricsServiceRequestSchema, create(ExportMetricsServiceRequestSchema, request))
    expect(() => measureProtobuf(ExportMetricsServiceRequestSchema, bytes, padding)).toThrow(tooMany)
    expect(() => measureProtobuf(ExportMetricsServiceRequestSchema, bytes, padding + 20)).not.toThrow()
  })
})
