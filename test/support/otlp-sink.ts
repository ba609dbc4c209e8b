import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { fromBinary } from '@bufbuild/protobuf'
import type { AnyValue, KeyValue } from '../../electron/outbox/otlp/proto/any-value'
import { ExportLogsServiceRequestSchema } from '../../electron/outbox/otlp/proto/logs-service'
import { ExportMetricsServiceRequestSchema } from '../../electron/outbox/otlp/proto/metrics-service'
import { ExportTraceServiceRequestSchema } from '../../electron/outbox/otlp/proto/trace-service'

export interface SinkRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** Texts of logs, names of spans, `name=value` of points; in their order. */
  readonly records: readonly string[]
  /** `holdfast.edge.id` of its resources. */
  readonly edges: readonly string[]
}
export type SinkAnswer = {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
}

export interface OtlpSink extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly SinkRequest[]
  /** Of requests that were answered with 2xx. */
  readonly taken: readonly string[]
  /** What comes next is answered so; without an answer the connection is cut. */
  answer(how: (request: SinkRequest) => SinkAnswer | null | Promise<SinkAnswer | null>): void
}

/** An endpoint that takes OTLP over HTTP and reads it with the official schemas. */
export async function startSink(port = 0): Promise<OtlpSink> {
  const requests: SinkRequest[] = []
  const taken: string[] = []
  let how: Parameters<OtlpSink['answer']>[0] = () => ({ status: 200 })
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const packed = Buffer.concat(pieces)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(packed) : packed
    const read = { path: request.url ?? '', headers: request.headers, ...recordsOf(request.url ?? '', body) }
    requests.push(read)
    const answer = await how(read)
    if (answer === null) return void request.socket.destroy()
    if (answer.status < 300) taken.push(...read.records)
    response.writeHead(answer.status, { 'Content-Type': 'application/x-protobuf', ...answer.headers })
    response.end(answer.body ?? '')
  }
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      response.writeHead(500)
      response.end(String(error))
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    taken,
    answer: (next) => void (how = next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function recordsOf(path: string, body: Uint8Array): Pick<SinkRequest, 'records' | 'edges'> {
  if (path.endsWith('/v1/logs')) {
    const { resourceLogs } = fromBinary(ExportLogsServiceRequestSchema, body)
    const logs = resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
    return { records: logs.map((log) => textOf(log.body)), edges: resourceLogs.map(edgeOf) }
  }
  if (path.endsWith('/v1/traces')) {
    const { resourceSpans } = fromBinary(ExportTraceServiceRequestSchema, body)
    const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans: some }) => some))
    return { records: spans.map(({ name }) => name), edges: resourceSpans.map(edgeOf) }
  }
  const { resourceMetrics } = fromBinary(ExportMetricsServiceRequestSchema, body)
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics: some }) => some))
  const records = metrics.flatMap(({ name, data }) =>
    (data.value?.dataPoints ?? []).map((point) => `${name}=${'value' in point ? String(point.value.value) : '?'}`),
  )
  return { records, edges: resourceMetrics.map(edgeOf) }
}

const textOf = (value: AnyValue | undefined): string =>
  value?.value.case === 'stringValue' ? value.value.value : (value?.value.case ?? '')
const edgeOf = ({ resource }: { resource?: { attributes: KeyValue[] } | undefined }): string =>
  textOf(resource?.attributes.find(({ key }) => key === 'holdfast.edge.id')?.value)
