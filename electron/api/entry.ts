import type { IncomingMessage } from 'node:http'
import { allows } from '../../shared/console/permission'
import { failureOf, type Failure } from '../../shared/model/failures'
import type { Attempts } from '../console/attempts'
import type { AuditEntry } from '../console/dispatch'
import { calledFrom, type Caller } from '../console/operations'
import { networkOf } from '../platform/http/network'
import type { Clock } from '../platform/ports'
import type { TokenBearer } from './site'

export interface EntryOptions {
  readonly bearer: TokenBearer
  readonly attempts: Attempts
  readonly clock: Clock
  audit(entry: AuditEntry): void
  /** Tells of who came without anything to look at, once in a while. */
  keptOut(request: IncomingMessage, why: string, code: Failure['code']): void
}

/**
 * Who asks. A valid token is never held up; wrong ones of one address are answered one after the other, each later than the one before. They wait among themselves:
 * a program with an old token must not hold up people at the same address who type a password.
 */
export async function callerOf(request: IncomingMessage, options: EntryOptions): Promise<Caller | Failure> {
  const { bearer, attempts } = options
  const token = /^Bearer ([\w+/=.-]{1,200})$/.exec(request.headers.authorization ?? '')?.[1]
  const caller = token === undefined ? null : bearer(token)
  if (caller !== null && allows(caller.role, 'viewer')) return calledFrom(caller, request.socket.remoteAddress ?? '')
  if (token === undefined) {
    const failure = unauthenticated('This needs a token.')
    options.keptOut(request, failure.message, failure.code)
    return failure
  }
  const from = request.socket.remoteAddress ?? ''
  const tokens = `tokens from ${networkOf(from)}`
  try {
    await attempts.take({ name: tokens, address: tokens }, () => Promise.resolve(null))
  } catch (error) {
    // Nothing was looked at, and those that wait are written down: what comes without a pause must not fill log and audit.
    return failureOf(error)
  }
  return refused(options, from, unauthenticated('This token is not valid.'))
}

function unauthenticated(message: string): Failure {
  const hint = 'Send "Authorization: Bearer TOKEN"; `holdfast token create` makes one at the master.'
  return { code: 'unauthenticated', message, hint }
}

function refused({ audit, clock }: EntryOptions, from: string, failure: Failure): Failure {
  audit({
    ...{ at: clock.wall(), actor: 'anonymous', role: 'anonymous', via: 'api' },
    ...{ op: 'session.begin', params: { how: 'token', from }, outcome: 'refused', failure, durationMs: 0 },
  })
  return failure
}

export const isCaller = (found: Caller | Failure): found is Caller => 'actor' in found
