import type { X509Certificate } from 'node:crypto'
import { request as requestPlain, type IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { z } from 'zod'
import { PUBLICLY_TRUSTED, type NodeCheck, type NodeSaid, type NodeSaying } from '../../shared/model/fleet'
import type { Clock } from '../platform/ports'
import { deadline } from './deadline'
import { failed, reasonOf, succeeded, type Probes } from './probes'

/** Of a health report; what is longer is none. */
const REPORT_BYTES_MAX = 64 * 1024
const CHAIN_LENGTH_MAX = 5

const report = z.object({
  ok: z.boolean(),
  version: z.string().max(100).optional(),
  role: z.string().max(100).optional(),
})

/**
 * Asks a controller's `/health`. Redirects are not followed: the answer is to come from where was asked. Over TLS the first answer of a controller says which
 * authority vouches for it from then on (controllers have their own); as between controllers, neither names nor dates of that one's certificates are judged.
 * Another one is told, and its answer counts for nothing.
 */
export function healthProbe(clock: Clock): Probes['health'] {
  return async (url, timeoutMs, signal, pinned) => {
    using limit = deadline(clock, timeoutMs, signal)
    const beganAt = clock.mono()
    const none = { version: null, role: null, certificate: null }
    const took = (): number => Math.round(clock.mono() - beganAt)
    let found: Answer
    try {
      found = await answerOf(url, limit.signal, pinned)
    } catch (error) {
      signal.throwIfAborted()
      if (limit.isOver)
        return { ...failed('timeout', saying('noAnswerWithin', { seconds: timeoutMs / 1000 }), took()), ...none }
      const [code, key] = reasonOf(error)
      return { ...failed(code, saying(key), took()), ...none }
    }
    const { text, certificate } = found
    if (pinned !== null && certificate !== null && certificate !== pinned)
      return { ...changed(certificate, took()), ...none, certificate }
    const read = report.safeParse(jsonOf(text))
    if (!read.success) return { ...failed('protocol', saying('notController'), took()), ...none }
    const { ok, version = null, role = null } = read.data
    const step = ok ? succeeded(took()) : failed('not-healthy', saying('notWell'), took())
    return { ...step, version, role, certificate }
  }
}

const saying = (key: NodeSaying, params: NodeSaid['params'] = {}): NodeSaid => ({ key, step: 'health', params })

const changed = (certificate: string, ms: number): ReturnType<typeof failed> =>
  failed('certificate-changed', saying('otherCertificate', { fingerprint: certificate }), ms)

interface Answer {
  readonly text: string
  /** Null: it came without TLS. */
  readonly certificate: NonNullable<NodeCheck['health']['certificate']> | null
}

function answerOf(url: string, signal: AbortSignal, pinned: string | null): Promise<Answer> {
  const isTls = url.startsWith('https:')
  return new Promise((resolve, reject) => {
    const request = isTls
      ? // Judged by what is pinned: only few have a certificate that everybody trusts. Nothing secret is sent.
        requestTls(url, { signal, agent: false, rejectUnauthorized: false, headers: { connection: 'close' } })
      : requestPlain(url, { signal, agent: false, headers: { connection: 'close' } })
    request.on('error', reject)
    request.on('response', (response) => {
      response.on('error', reject)
      const certificate = isTls ? markOf(response.socket as TLSSocket, pinned) : null
      textOf(response).then((text) => resolve({ text, certificate }), reject)
    })
    request.end()
  })
}

/** The pinned one where that vouches for what is shown, else what would be pinned. */
function markOf(socket: TLSSocket, pinned: string | null): string {
  if (socket.authorized && (pinned === null || pinned === PUBLICLY_TRUSTED)) return PUBLICLY_TRUSTED
  const marks = vouchedChain(socket).map(({ fingerprint256 }) => fingerprint256)
  return marks.find((mark) => mark === pinned) ?? marks.at(-1) ?? PUBLICLY_TRUSTED
}

/** From the server's own certificate on, which it has proven, as far as each is made by the next. */
function vouchedChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  let next = socket.getPeerX509Certificate()
  while (next !== undefined && chain.length < CHAIN_LENGTH_MAX) {
    const last = chain.at(-1)
    if (last !== undefined && !(next.ca && last.checkIssued(next) && last.verify(next.publicKey))) break
    if (last?.fingerprint256 === next.fingerprint256) break
    chain.push(next)
    next = next.issuerCertificate
  }
  return chain
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > REPORT_BYTES_MAX) break
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
