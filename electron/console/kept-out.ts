import type { IncomingMessage } from 'node:http'
import { networkOf } from '../platform/http/network'
import type { Clock, Logger } from '../platform/ports'
import type { MonoMs } from '../../shared/model/time'
import type { Failure } from '../../shared/model/failures'
import type { AuditEntry } from './dispatch'

/** The same refusal of the same address is told once in this time: whoever knocks a thousand times must not fill log and audit. */
const TOLD_EVERY_MS = 60_000
/** Networks remembered; while so many are fresh, further ones go untold. */
const NETWORKS_MAX = 256

/** Tells of requests under a strange name or from pages of other origins, which are refused before anything of them is looked at. */
export function keptOutTeller({
  clock,
  log,
  audit,
  via,
}: {
  clock: Clock
  log: Logger
  audit(entry: AuditEntry): void
  via: 'browser' | 'api'
}): (request: IncomingMessage, why: string, code?: Failure['code']) => void {
  const told = new Map<string, MonoMs>()
  return (request, why, code = 'forbidden') => {
    const now = clock.mono()
    for (const [key, at] of told) if (now - at >= TOLD_EVERY_MS) told.delete(key)
    const address = request.socket.remoteAddress ?? ''
    const key = `${networkOf(address)} ${why}`
    if (told.has(key) || told.size >= NETWORKS_MAX) return
    told.set(key, now)
    const { host, origin } = request.headers
    log.log('warn', 'A request was kept out', { via, host, origin, address })
    audit({
      ...{ at: clock.wall(), actor: 'anonymous', role: 'anonymous', via, op: 'session.begin' },
      ...{ params: { how: 'request', from: address }, outcome: 'refused', durationMs: 0 },
      failure: { code, message: why },
    })
  }
}
