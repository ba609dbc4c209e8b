import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { outboxRules } from '../../../electron/core/replication/outbox'
import { startOtlpReceiver, type OtlpReceiver } from '../../../electron/outbox/otlp'
import type { Outbox } from '../../../electron/outbox/outbox'
import { openOutbox } from '../../../electron/outbox/sqlite'
import { systemClock } from '../../../electron/platform/clock'
import { systemRandom } from '../../../electron/platform/random'
import { bodyOf, type StoredEntry } from '../../../shared/model/telemetry'
import { logsJson, send, silent, workerBundle } from './receiver'

const clock = systemClock()
let folder: string
let outbox: Outbox
let receiver: OtlpReceiver

const open = () =>
  openOutbox(path.join(folder, 'outbox.db'), {
    clock,
    random: systemRandom(),
    logger: silent,
    identity: () => ({ sourceId: 'source', edgeId: 'edge', enrolmentId: 'enrolment' }),
    rules: outboxRules,
  })

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'otlp-'))
  outbox = open()
  receiver = await startOtlpReceiver({ port: 0, outbox, clock, log: silent, workerPath: await workerBundle() })
})
afterEach(async () => {
  await receiver[Symbol.asyncDispose]()
  await outbox[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** Everything pending in the telemetry lane, in order. */
function pending(): StoredEntry[] {
  const { feedId } = outbox.feeds().find(({ lane, isCurrent }) => lane === 'telemetry' && isCurrent)!
  const entries: StoredEntry[] = []
  for (let after = 0; ;) {
    const slice = outbox.read(feedId, { from: { after }, maxEntries: 1_000, maxBytes: 8 * 1024 * 1024 })
    if (slice === null || slice.entries.length === 0) return entries
    entries.push(...slice.entries)
    after = slice.lastSeq
  }
}

const bodies = (category: string) =>
  pending()
    .filter((entry) => entry.category === category)
    .map((entry) => bodyOf(entry) as Record<string, unknown>)

it('has on disk exactly what the exporters sent, each record once, when it says so', async () => {
  const queue = { maxQueueSize: 10_000, maxExportBatchSize: 512, scheduledDelayMillis: 50 }
  const logs = new LoggerProvider({
    processors: [
      new BatchLogRecordProcessor({ ...queue, exporter: new OTLPLogExporter({ url: `${receiver.url}/v1/logs` }) }),
    ],
  })
  const traces = new TracerProvider({
    spanProcessors: [
      new BatchSpanProcessor({ ...queue, exporter: new OTLPTraceExporter({ url: `${receiver.url}/v1/traces` }) }),
    ],
  })
  const spanIds: string[] = []
  for (let index = 0; index < 3_000; index += 1) {
    logs.getLogger('line').emit({ body: `line ${index}` })
    const span = traces.getTracer('line').startSpan(`span ${index}`)
    spanIds.push(span.spanContext().spanId)
    span.end()
  }
  await Promise.all([logs.shutdown(), traces.shutdown()])
  // A second opening reads what is on disk, not what is in memory.
  await receiver[Symbol.asyncDispose]()
  await outbox[Symbol.asyncDispose]()
  outbox = open()

  expect(bodies('logs').map(({ body }) => body)).toEqual(Array.from({ length: 3_000 }, (_, index) => `line ${index}`))
  expect(bodies('traces').map(({ spanId }) => spanId)).toEqual(spanIds)
  expect(receiver.counters()).toMatchObject({ accepted: 6_000, rejected: 0, refused: {} })
})

it('keeps the neighbours of a record that is too large for the outbox', async () => {
  const now = BigInt(clock.wall()) * 1_000_000n
  const large = 'x'.repeat(2 * 1024 * 1024)
  const body = logsJson(3, (index) => ({
    timeUnixNano: String(now),
    ...(index === 1 ? { body: { stringValue: large } } : {}),
  }))
  const answer = await send(receiver, { body })
  expect(JSON.parse(answer.body.toString())).toMatchObject({ partialSuccess: { rejectedLogRecords: '1' } })
  expect(bodies('logs').map(({ body: text }) => text)).toEqual(['line 0', 'line 2'])
})
