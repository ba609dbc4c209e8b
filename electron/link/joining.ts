import { type X509Certificate } from 'node:crypto'
import { AUTHENTICATION_DEADLINE_MS } from '../../shared/model/defaults'
import { HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { Clock, Logger, Random } from '../platform/ports'
import type { CredentialStore } from './credentials'
import { HandshakeChannel } from './handshake-channel'
import { enrol } from './handshake-client'
import { decodeJoinCode, type JoinTicket } from './join-code'
import { sha256 } from './tls-binding'
import { assertIssuedBy, openTransport, wrongAuthority } from './ws-client'

export interface JoinOptions {
  code: string
  instanceId: string
  /** IANA zone of this machine. */
  timeZone: string
  programVersion: string
  credentials: CredentialStore
  /** What the site wrote under earlier enrolments is given up instead of pushed. Default false. */
  dropBacklog?: boolean
  clock: Clock
  random: Random
  logger: Logger
  signal?: AbortSignal
}

/** What this edge is called and where it stands, after it has joined. The secret is in `credentials`. */
export interface Joined {
  readonly planeId: string
  readonly edgeId: string
  readonly edgeName: string
  /** The lowest epoch the edge may begin above. */
  readonly epochFloor: number
  readonly masterUrls: readonly string[]
}

/** Answers that another URL of the code may not give. */
const triesNext = new Set(['unreachable', 'timeout', 'wrong-authority'])

/**
 * Uses a join code: finds a master whose authority is the code's, proves the token, stores the credentials. Repeating it with the same code is fine until
 * the edge has linked once. Rejects with `HoldfastError`: `invalid` (the code itself), `unreachable`, `timeout`, `wrong-authority`, `code-expired`,
 * `code-used`, `code-revoked`, `refused`, `rate-limited`, `storage`.
 */
export async function joinMaster(options: JoinOptions): Promise<Joined> {
  const ticket = decodeJoinCode(options.code)
  let failure = new HoldfastError('unreachable', 'The join code names no master')
  for (const url of ticket.masterUrls) {
    try {
      return await joinAt(url, ticket, options)
    } catch (error) {
      if (!(error instanceof HoldfastError) || !triesNext.has(error.code)) throw error
      options.logger.log('warn', 'Could not join at this address', { url, code: error.code, reason: error.message })
      failure = error
    }
  }
  throw failure
}

async function joinAt(url: string, ticket: JoinTicket, options: JoinOptions): Promise<Joined> {
  const { clock, credentials, instanceId, timeZone, programVersion, random } = options
  const late = new AbortController()
  using _deadline = clock.at(after(clock.mono(), AUTHENTICATION_DEADLINE_MS), () => late.abort())
  const signal = options.signal === undefined ? late.signal : AbortSignal.any([options.signal, late.signal])
  const { transport, binding, chain } = await openTransport(
    url,
    signal,
    (shown) => void authorityOf(shown, ticket.caSha256),
  )
  const channel = new HandshakeChannel(transport)
  const stop = () => channel.fail(new HoldfastError('timeout', `${url} did not answer in time`))
  signal.addEventListener('abort', stop, { once: true })
  try {
    const { tokenId, token } = ticket
    const { secret, secretId, epochFloor, ...joined } = await enrol(channel, binding, {
      tokenId,
      token,
      instanceId,
      timeZone,
      programVersion,
      random,
    })
    const masterUrls = [...new Set([url, ...joined.masterUrls])]
    const { planeId, edgeId, edgeName } = joined
    const caPem = authorityOf(chain, ticket.caSha256).toString()
    await credentials.save({
      planeId,
      edgeId,
      edgeName,
      caPem,
      masterUrls,
      // The secret's first name: public, and of this joining alone.
      enrolmentId: secretId,
      ...(options.dropBacklog === true ? { dropBacklog: true as const } : {}),
      current: { secretId, secret: secret.toString('hex') },
      next: null,
    })
    return { planeId, edgeId, edgeName, epochFloor, masterUrls }
  } finally {
    signal.removeEventListener('abort', stop)
    transport.terminate()
  }
}

/** The certificate in the server's chain that the code names. Throws `wrong-authority`. */
function authorityOf(chain: readonly X509Certificate[], caSha256: Buffer): X509Certificate {
  const authority = chain.find(({ raw }) => sha256(raw).equals(caSha256))
  if (authority === undefined)
    throw wrongAuthority('The server at this address is not the master that made the join code')
  assertIssuedBy(chain[0]!, authority)
  return authority
}
