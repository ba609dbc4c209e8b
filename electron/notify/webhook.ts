import { createHmac } from 'node:crypto'
import { request as plainRequest, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { getCACertificates } from 'node:tls'
import type { SendAnswer, WebhookPost } from './notify'
import { connectionFailure, shortened } from './failing'

const ATTEMPT_MS = 30_000
/** Of an answer; what is longer is not read. */
const ANSWER_BYTES_MAX = 16 * 1024
const RETRY_AFTER_MAX_MS = 3_600_000

/**
 * `X-Holdfast-Signature`: `t=<epoch s>,v1=<hex>`, where `v1` is the HMAC-SHA-256 of `<t>.<body>` under the channel's key. Whoever checks it also looks at `t`, so
 * that a copy of an old message is not taken for a new one.
 */
export function signatureOf(key: string, body: string, atMs: number): string {
  const t = Math.floor(atMs / 1_000)
  return `t=${t},v1=${createHmac('sha256', key).update(`${t}.${body}`).digest('hex')}`
}

/** One POST. Redirects are not followed: what goes with the message is for one place only. `now` is for an instant in `Retry-After`. */
export async function postWebhook(
  { url, headers, body, id, signing, ca }: WebhookPost,
  signal: AbortSignal,
  now: () => number,
): Promise<SendAnswer> {
  try {
    const target = new URL(url)
    const options = {
      method: 'POST',
      agent: false,
      headers: {
        ...headers,
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(body),
        'User-Agent': 'Holdfast',
        'X-Holdfast-Delivery': id,
        'Idempotency-Key': id,
        ...(signing === null ? {} : { 'X-Holdfast-Signature': signatureOf(signing.key, body, signing.at) }),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
    } as const
    const { response, text } = await new Promise<{ response: IncomingMessage; text: string }>((resolve, reject) => {
      const take = (response: IncomingMessage) => {
        textOf(response).then((text) => resolve({ response, text }), reject)
      }
      const request =
        target.protocol === 'https:'
          ? tlsRequest(target, { ...options, ...(ca === null ? {} : { ca: [...getCACertificates(), ca] }) }, take)
          : plainRequest(target, options, take)
      request.on('error', reject)
      request.end(body)
    })
    return answerOf(response, shortened(text), now())
  } catch (error) {
    return connectionFailure(error)
  }
}

function answerOf(response: IncomingMessage, message: string, now: number): SendAnswer {
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300)
    return { kind: 'taken', answer: shortened(`${status} ${response.statusMessage ?? ''}`) }
  const isLater = status >= 500 || status === 408 || status === 425 || status === 429
  return {
    kind: isLater ? 'later' : 'refused',
    code: `http-${status}`,
    message,
    retryAfterMs: isLater ? retryAfterOf(response.headers['retry-after'], now) : null,
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of response) {
    length += (piece as Buffer).length
    if (length > ANSWER_BYTES_MAX) break
    pieces.push(piece as Buffer)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** Seconds or an instant; null: nothing, or nothing that can be read. */
function retryAfterOf(header: string | undefined, now: number): number | null {
  if (header === undefined) return null
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.min(RETRY_AFTER_MAX_MS, Math.max(0, ms)) : null
}
