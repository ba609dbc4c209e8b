import type { IncomingMessage, ServerResponse } from 'node:http'
import { after } from '../../../shared/model/time'
import type { Clock } from '../../platform/ports'
import type { Signal } from './convert'
import type { Encoding } from './decode'
import { encodingOf } from './request-head'
import type { OtlpRefusal } from './refusal'

const contentTypes: Record<Encoding, string> = { json: 'application/json', protobuf: 'application/x-protobuf' }
/** How long, and how much, of a refused body is still taken and thrown away so that its sender gets to read the answer. */
const LINGER_MS = 1_000
const LINGER_BYTES_MAX = 64 * 1024 * 1024

const rejectedKeys = {
  logs: 'rejectedLogRecords',
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
} satisfies Record<Signal, string>

/** `rejected` 0: everything was taken. */
export async function answerAccepted(
  response: ServerResponse,
  { signal, encoding }: { readonly signal: Signal; readonly encoding: Encoding },
  { rejected, message }: { readonly rejected: number; readonly message: string | null },
): Promise<void> {
  if (encoding === 'json') {
    const partialSuccess = { [rejectedKeys[signal]]: String(rejected), errorMessage: message ?? '' }
    return send(response, 200, encoding, JSON.stringify(rejected > 0 ? { partialSuccess } : {}))
  }
  if (rejected === 0) return send(response, 200, encoding, new Uint8Array())
  const { encodePartialSuccess } = await import('./encode')
  send(response, 200, encoding, encodePartialSuccess(signal, rejected, message ?? ''))
}

/** Answers with a `google.rpc.Status` that has a message only. A body that was not read to its end costs the connection. */
export async function answerRefused(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: OtlpRefusal,
  clock: Clock,
): Promise<void> {
  const encoding = encodingOf(request)
  for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value)
  const body =
    encoding === 'json'
      ? JSON.stringify({ message: refusal.message })
      : (await import('./encode')).encodeStatus(refusal.message)
  if (request.complete) return send(response, refusal.status, encoding, body)
  response.setHeader('Connection', 'close')
  begin(response, refusal.status, encoding, body)
  // Closing with unread bytes would reset the connection, and the sender would never see why.
  await discard(request, clock)
  response.end()
}

function discard(request: IncomingMessage, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const finish = (): void => {
      deadline[Symbol.dispose]()
      request.off('data', count).off('end', finish).off('close', finish)
      resolve()
    }
    const count = (piece: Buffer): void => {
      bytes += piece.length
      if (bytes > LINGER_BYTES_MAX) finish()
    }
    const deadline = clock.at(after(clock.mono(), LINGER_MS), finish)
    request.on('data', count).on('end', finish).on('close', finish)
    request.resume()
    if (request.destroyed) finish()
  })
}

function begin(response: ServerResponse, status: number, encoding: Encoding, body: string | Uint8Array): void {
  response.writeHead(status, {
    'Content-Type': contentTypes[encoding],
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
  })
  response.write(body)
}

function send(response: ServerResponse, status: number, encoding: Encoding, body: string | Uint8Array): void {
  begin(response, status, encoding, body)
  response.end()
}
