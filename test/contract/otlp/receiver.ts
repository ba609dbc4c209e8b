import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { build } from 'vite'
import { startOtlpReceiver, type OtlpReceiver } from '../../../electron/outbox/otlp'
import type { AppendOptions, AppendOutcome } from '../../../electron/outbox/outbox'
import { systemClock } from '../../../electron/platform/clock'
import type { Clock, Logger } from '../../../electron/platform/ports'
import type { OutboxEntry } from '../../../shared/model/telemetry'

const root = path.resolve(import.meta.dirname, '../../..')

export const silent: Logger = { log: () => undefined, child: () => silent }

/** An outbox that keeps its entries in memory, and does what `refuse` says instead when that is set. */
export interface MemoryOutbox {
  readonly entries: OutboxEntry[]
  readonly calls: { readonly entries: number; readonly options: AppendOptions | undefined }[]
  refuse:
    ((entries: readonly OutboxEntry[], options: AppendOptions | undefined) => Promise<AppendOutcome> | null) | null
  append(entries: readonly OutboxEntry[], options?: AppendOptions): Promise<AppendOutcome>
}

export function memoryOutbox(): MemoryOutbox {
  const outbox: MemoryOutbox = {
    entries: [],
    calls: [],
    refuse: null,
    async append(entries, options) {
      outbox.calls.push({ entries: entries.length, options })
      const refused = outbox.refuse?.(entries, options)
      if (refused) return refused
      for (const entry of entries) outbox.entries.push(entry)
      return { stored: entries.length, refused: [], switchedOff: 0 }
    },
  }
  return outbox
}

/** The parsed bodies of entries, in order. */
export const bodiesOf = (entries: readonly OutboxEntry[]): Record<string, unknown>[] =>
  entries.map((entry) => ('json' in entry ? JSON.parse(entry.json) : entry.body) as Record<string, unknown>)

let bundled: Promise<string> | null = null

/** The decoding thread's bundle, built once per test file. */
export function workerBundle(): Promise<string> {
  return (bundled ??= bundleWorker())
}

async function bundleWorker(): Promise<string> {
  const folder = path.join(root, 'node_modules/.cache/test-otlp')
  const fresh = path.join(folder, `fresh-${process.pid}`)
  const file = path.join(folder, `worker-${process.pid}.mjs`)
  await build({
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'error',
    root,
    build: {
      ssr: true,
      outDir: fresh,
      target: 'node24',
      minify: false,
      rolldownOptions: {
        input: { worker: path.join(root, 'electron/outbox/otlp/worker.ts') },
        output: { format: 'es', entryFileNames: '[name].mjs' },
      },
    },
    ssr: { noExternal: true, external: builtinModules.flatMap((name) => [name, `node:${name}`]) },
  })
  mkdirSync(folder, { recursive: true })
  renameSync(path.join(fresh, 'worker.mjs'), file)
  rmSync(fresh, { recursive: true, force: true })
  process.once('exit', () => {
    if (existsSync(file)) rmSync(file)
  })
  return file
}

export async function receiver(
  options: { readonly clock?: Clock; readonly log?: Logger; readonly workerPath?: string | null } = {},
): Promise<OtlpReceiver & { readonly outbox: MemoryOutbox }> {
  const outbox = memoryOutbox()
  const started = await startOtlpReceiver({
    port: 0,
    outbox,
    clock: options.clock ?? systemClock(),
    log: options.log ?? silent,
    workerPath: options.workerPath ?? null,
  })
  return { ...started, outbox }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Sending {
  readonly path?: string
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Uint8Array
}

export const JSON_TYPE = { 'Content-Type': 'application/json' }
export const PROTOBUF_TYPE = { 'Content-Type': 'application/x-protobuf' }

/** One request on a connection of its own. */
export function send(to: { readonly port: number }, sending: Sending = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port: to.port,
      agent: false,
      method: sending.method ?? 'POST',
      path: sending.path ?? '/v1/logs',
      headers: sending.headers ?? JSON_TYPE,
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) })
      })
    })
    request.end(sending.body)
  })
}

/** The text of a JSON request with as many log records as `count`. */
export function logsJson(count: number, more: (index: number) => object = () => ({})): string {
  const logRecords = Array.from({ length: count }, (_, index) => ({
    timeUnixNano: String(1_700_000_000_000_000_000n + BigInt(index)),
    severityNumber: 9,
    body: { stringValue: `line ${index}` },
    attributes: [{ key: 'index', value: { intValue: String(index) } }],
    ...more(index),
  }))
  return JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'plant' } }] },
        scopeLogs: [{ scope: { name: 'test' }, logRecords }],
      },
    ],
  })
}
