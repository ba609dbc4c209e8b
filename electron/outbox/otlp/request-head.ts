import type { IncomingMessage } from 'node:http'
import type { Signal } from './convert'
import type { Encoding } from './decode'
import { BODY_BYTES_MAX, COMPRESSED_BYTES_MAX, tooLarge } from './body'
import { OtlpRefusal } from './refusal'

/** What the head of a request says. */
export interface RequestHead {
  readonly signal: Signal
  readonly encoding: Encoding
  readonly isGzip: boolean
}

const paths = new Map<string, Signal>([
  ['/v1/logs', 'logs'],
  ['/v1/traces', 'traces'],
  ['/v1/metrics', 'metrics'],
])
const encodings = new Map<string, Encoding>([
  ['application/json', 'json'],
  ['application/x-protobuf', 'protobuf'],
])
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/

const mediaType = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()

/** The encoding to answer in, also what is refused. */
export const encodingOf = (request: IncomingMessage): Encoding => encodings.get(mediaType(request)) ?? 'json'

/**
 * Checks everything that can be said before the body is read. A page in a browser is no sender: neither one whose name was made to point here (Host) nor one of
 * another origin (Origin; and without CORS headers a browser refuses to send these content types at all).
 */
export function headOf(request: IncomingMessage): RequestHead {
  if (!LOOPBACK_HOST.test(request.headers.host?.toLowerCase() ?? ''))
    throw new OtlpRefusal(403, 'This receiver answers to the loopback names of its machine only.')
  if (request.headers.origin !== undefined) throw new OtlpRefusal(403, 'This receiver does not answer web pages.')
  const signal = paths.get((request.url ?? '').split('?')[0]!)
  if (signal === undefined) throw new OtlpRefusal(404, `There is ${[...paths.keys()].join(', ')}.`)
  if (request.method !== 'POST') throw new OtlpRefusal(405, 'Telemetry is sent with POST.', { Allow: 'POST' })
  const encoding = encodings.get(mediaType(request))
  if (encoding === undefined)
    throw new OtlpRefusal(415, `The content type must be ${[...encodings.keys()].join(' or ')}.`)
  const packed = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (packed !== 'gzip' && packed !== 'identity')
    throw new OtlpRefusal(415, 'The content encoding must be gzip or none.', { 'Accept-Encoding': 'gzip, identity' })
  const isGzip = packed === 'gzip'
  const length = Number(request.headers['content-length'] ?? 0)
  if (length > (isGzip ? COMPRESSED_BYTES_MAX : BODY_BYTES_MAX)) throw tooLarge(isGzip)
  return { signal, encoding, isGzip }
}
