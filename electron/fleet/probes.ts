import { connect } from 'node:net'
import type { KeyFacts, NodeCheck, NodeSaid, NodeSaying, NodeSsh, NodeStep, StepCode } from '../../shared/model/fleet'
import { nodeInEnglish } from '../../shared/text/node-said'
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
  /** `pinned`: what vouched for its certificate at first contact; null: this is the first. */
  health(url: string, timeoutMs: number, signal: AbortSignal, pinned: string | null): Promise<NodeCheck['health']>
}

export const failed = (code: StepCode, said: NodeSaid, ms: number): NodeStep => ({
  ...{ state: 'failed', code, cause: nodeInEnglish(said), said, ms },
})
export const succeeded = (ms: number): NodeStep => ({ state: 'ok', code: null, cause: null, said: null, ms })
export const skipped = (code: StepCode | null = null, said: NodeSaid | null = null): NodeStep => ({
  ...{ state: 'skipped', code, cause: said === null ? null : nodeInEnglish(said), said, ms: null },
})

/** Codes of the system, as far as they mean something to people. What is said is the same each time: a cause that changes looks like a change. */
const reasons: Record<string, readonly [StepCode, NodeSaying]> = {
  ECONNREFUSED: ['refused', 'refused'],
  ENOTFOUND: ['unreachable', 'nameUnknown'],
  EAI_AGAIN: ['unreachable', 'nameNotFound'],
  EHOSTUNREACH: ['unreachable', 'noRoute'],
  ENETUNREACH: ['unreachable', 'noNetwork'],
  ECONNRESET: ['unreachable', 'cut'],
  EPIPE: ['unreachable', 'cut'],
  ETIMEDOUT: ['timeout', 'noAnswer'],
  EPROTO: ['protocol', 'notTlsController'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['protocol', 'notTls'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['protocol', 'notTls'],
}

/** What went wrong with a connection. */
export function reasonOf(error: unknown): readonly [StepCode, NodeSaying] {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const [first] = each instanceof AggregateError ? (each.errors as unknown[]) : []
    const code = (each as NodeJS.ErrnoException).code ?? (first as NodeJS.ErrnoException | undefined)?.code
    const known = code === undefined ? undefined : reasons[code]
    if (known !== undefined) return known
  }
  return ['unreachable', 'failed']
}

export function tcpProbe(clock: Clock): Probes['tcp'] {
  return async (host, port, timeoutMs, signal) => {
    using limit = deadline(clock, timeoutMs, signal)
    const beganAt = clock.mono()
    const saying = (key: NodeSaying, params: NodeSaid['params'] = {}): NodeSaid => ({
      key,
      step: 'tcp',
      params: { port, ...params },
    })
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
    if (limit.isOver) return failed('timeout', saying('noAnswerWithin', { seconds: timeoutMs / 1000 }), ms)
    const [code, key] = reasonOf(error)
    return failed(code, saying(key), ms)
  }
}
