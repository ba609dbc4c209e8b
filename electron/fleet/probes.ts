import { connect } from 'node:net'
import { z } from 'zod'
import type { KeyFacts, NodeCheck, NodeSsh, NodeStep, StepCode } from '../../shared/model/fleet'
import type { Clock } from '../platform/ports'
import { deadline } from './deadline'

/** What a node is logged in to with; null: not set. */
export interface Credentials {
  readonly password: string | null
  readonly privateKey: string | null
  readonly passphrase: string | null
}

export interface SshTarget {
  readonly host: string
  readonly ssh: NodeSsh
  readonly credentials: Credentials
  /** Null: the first contact. */
  readonly pinned: KeyFacts | null
}
export interface SshFound {
  readonly step: NodeStep
  /** Proven to be the server's; null: it came to no such proof. */
  readonly hostKey: KeyFacts | null
  /** Shown instead of the pinned one; null: it was not. */
  readonly offered: KeyFacts | null
}

/** The three parts of a check. Each keeps to its time, resolves with what it found, and rejects only when it is aborted. */
export interface Probes {
  tcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<NodeStep>
  ssh(target: SshTarget, timeoutMs: number, signal: AbortSignal): Promise<SshFound>
  health(url: string, timeoutMs: number, signal: AbortSignal): Promise<NodeCheck['health']>
}

/** Of a health report; what is longer is none. */
const REPORT_BYTES_MAX = 64 * 1024

export const failed = (code: StepCode, cause: string, ms: number): NodeStep => ({ state: 'failed', code, cause, ms })
export const succeeded = (ms: number): NodeStep => ({ state: 'ok', code: null, cause: null, ms })
export const skipped = (code: StepCode | null = null, cause: string | null = null): NodeStep => ({
  ...{ state: 'skipped', code, cause, ms: null },
})

/** Codes of the system, as far as they mean something to people. The words are the same each time: a cause that changes looks like a change. */
const reasons: Record<string, readonly [StepCode, string]> = {
  ECONNREFUSED: ['refused', 'nobody listens there'],
  ENOTFOUND: ['unreachable', 'the host name is not known'],
  EAI_AGAIN: ['unreachable', 'the host name could not be looked up'],
  EHOSTUNREACH: ['unreachable', 'there is no route to the host'],
  ENETUNREACH: ['unreachable', 'there is no route to the network'],
  ECONNRESET: ['unreachable', 'the connection was cut'],
  EPIPE: ['unreachable', 'the connection was cut'],
  ETIMEDOUT: ['timeout', 'no answer'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['protocol', 'the certificate is not trusted here'],
  SELF_SIGNED_CERT_IN_CHAIN: ['protocol', 'the certificate is not trusted here'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['protocol', 'the certificate is not trusted here'],
  CERT_HAS_EXPIRED: ['protocol', 'the certificate has expired'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['protocol', 'the certificate is for another name'],
}

/** What went wrong with a connection. */
export function reasonOf(error: unknown): readonly [StepCode, string] {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const [first] = each instanceof AggregateError ? (each.errors as unknown[]) : []
    const code = (each as NodeJS.ErrnoException).code ?? (first as NodeJS.ErrnoException | undefined)?.code
    const known = code === undefined ? undefined : reasons[code]
    if (known !== undefined) return known
  }
  return ['unreachable', 'the connection failed']
}

export function tcpProbe(clock: Clock): Probes['tcp'] {
  return async (host, port, timeoutMs, signal) => {
    using limit = deadline(clock, timeoutMs, signal)
    const beganAt = clock.mono()
    const where = `TCP port ${port}`
    const error = await new Promise<unknown>((resolve) => {
      const socket = connect({ host, port })
      const end = (found: unknown): void => {
        limit.signal.removeEventListener('abort', stop)
        socket.destroy()
        resolve(found)
      }
      const stop = (): void => end('aborted')
      socket.once('connect', () => end(null)).on('error', end)
      if (limit.signal.aborted) stop()
      else limit.signal.addEventListener('abort', stop, { once: true })
    })
    const ms = Math.round(clock.mono() - beganAt)
    signal.throwIfAborted()
    if (error === null) return succeeded(ms)
    if (limit.isOver) return failed('timeout', `${where}: no answer within ${timeoutMs / 1000} s`, ms)
    const [code, words] = reasonOf(error)
    return failed(code, `${where}: ${words}`, ms)
  }
}

const report = z.object({
  ok: z.boolean(),
  version: z.string().max(100).optional(),
  role: z.string().max(100).optional(),
})

/** Asks a controller's `/health`. Redirects are not followed: the answer is to come from where was asked. */
export function healthProbe(clock: Clock): Probes['health'] {
  return async (url, timeoutMs, signal) => {
    using limit = deadline(clock, timeoutMs, signal)
    const beganAt = clock.mono()
    const none = { version: null, role: null }
    const took = (): number => Math.round(clock.mono() - beganAt)
    let text: string
    try {
      const response = await fetch(url, { redirect: 'manual', signal: limit.signal })
      text = await textOf(response)
    } catch (error) {
      signal.throwIfAborted()
      if (limit.isOver)
        return { ...failed('timeout', `Health: no answer within ${timeoutMs / 1000} s`, took()), ...none }
      const [code, words] = reasonOf(error)
      return { ...failed(code, `Health: ${words}`, took()), ...none }
    }
    const read = report.safeParse(jsonOf(text))
    if (!read.success)
      return { ...failed('protocol', 'Health: the answer is not that of a controller', took()), ...none }
    const { ok, version = null, role = null } = read.data
    const step = ok ? succeeded(took()) : failed('not-healthy', 'Health: the controller says it is not well', took())
    return { ...step, version, role }
  }
}

async function textOf(response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += (piece as Uint8Array).length
    if (bytes > REPORT_BYTES_MAX) break
    pieces.push(piece as Uint8Array)
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
