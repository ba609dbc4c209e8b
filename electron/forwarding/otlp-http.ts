import { failureOf } from '../../shared/model/failures'
import type { ForwardAnswer, ForwardRequest, SendForward } from './forwarding'

const ATTEMPT_MS = 30_000
/** Of an answer; what is longer is not read. */
const ANSWER_BYTES_MAX = 64 * 1024
const MESSAGE_LENGTH_MAX = 500
const RETRY_AFTER_MAX_MS = 3_600_000

interface Rejected {
  readonly rejected: number
  readonly message: string
}
export interface OtlpHttpOptions {
  /** How many records the answer to an accepted request rejects, and why. Throws when it is none. */
  readonly partialSuccess: (body: Uint8Array) => Rejected | Promise<Rejected>
  /** Epoch ms, for an instant in `Retry-After`. */
  readonly now: () => number
}

/** Sends one request by OTLP over HTTP (protobuf). Redirects are not followed: what goes with the request is for one place only. */
export function otlpHttp({ partialSuccess, now }: OtlpHttpOptions): SendForward {
  return async ({ url, headers, body, isGzip }: ForwardRequest, signal): Promise<ForwardAnswer> => {
    const unfit = Object.entries(headers).find(([name, value]) => !isHeader(name, value))
    if (unfit !== undefined) {
      const message = `The value of the header "${unfit[0]}" cannot be sent: it has a line break or another character that no header may hold.`
      return { kind: 'misconfigured', code: 'bad-header', message }
    }
    let response: Response
    let answer: Uint8Array
    try {
      response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          ...headers,
          'Content-Type': 'application/x-protobuf',
          ...(isGzip ? { 'Content-Encoding': 'gzip' } : {}),
        },
        body: Buffer.from(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
      })
      answer = await bodyOf(response)
    } catch (error) {
      return { kind: 'later', code: 'unreachable', message: reasonOf(error), retryAfterMs: null }
    }
    const { status } = response
    if (status >= 200 && status < 300) {
      try {
        return { kind: 'taken', ...(await partialSuccess(answer)) }
      } catch {
        // Some endpoints answer with JSON or nothing at all: taken is taken.
        return { kind: 'taken', rejected: 0, message: '' }
      }
    }
    const code = `http-${status}`
    const message = textOf(answer, response)
    switch (kindOf(status)) {
      case 'later':
        return { kind: 'later', code, message, retryAfterMs: retryAfterOf(response.headers.get('Retry-After'), now()) }
      case 'misconfigured':
        return { kind: 'misconfigured', code, message }
      case 'refused':
        return { kind: 'refused', code, message }
    }
  }
}

/** Asked before `fetch` is, whose error quotes the value: it may be a secret. */
function isHeader(name: string, value: string): boolean {
  try {
    new Headers([[name, value]])
    return true
  } catch {
    return false
  }
}

/**
 * OTLP names four that are to be tried again. Who is not let in, or knocks at the wrong door, is not told anything about the entries: giving them up one after
 * the other for a wrong token would lose all of them.
 */
function kindOf(status: number): 'later' | 'misconfigured' | 'refused' {
  if ([408, 429, 502, 503, 504].includes(status)) return 'later'
  if ([401, 402, 403, 404, 405, 407, 421].includes(status) || status < 400) return 'misconfigured'
  return 'refused'
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body ?? []) {
    length += (piece as Uint8Array).length
    if (length > ANSWER_BYTES_MAX) break
    pieces.push(piece as Uint8Array)
  }
  return Buffer.concat(pieces)
}

/** What can be read of an answer; of protobuf it is the message between its bytes. */
function textOf(answer: Uint8Array, response: Response): string {
  const text = Buffer.from(answer)
    .toString('utf8')
    .replace(/[\u0000-\u001f\u007f-\u009f\ufffd]+/g, ' ')
    .trim()
  return (text || response.statusText || 'No reason was given.').slice(0, MESSAGE_LENGTH_MAX)
}

/** Seconds or an instant; null: nothing, or nothing that can be read. */
export function retryAfterOf(header: string | null, now: number): number | null {
  if (header === null) return null
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.min(RETRY_AFTER_MAX_MS, Math.max(0, ms)) : null
}

/** `fetch` wraps what has happened. Addresses with passwords never come here: documents refuse them. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const { message } = failureOf(cause)
  return (message || 'The connection failed.').slice(0, MESSAGE_LENGTH_MAX)
}
