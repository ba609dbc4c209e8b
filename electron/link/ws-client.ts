import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { AUTHENTICATION_DEADLINE_MS } from '../../shared/model/defaults'
import { HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { Clock, Logger, Random } from '../platform/ports'
import type { CredentialStore, EdgeCredentials } from './credentials'
import { HandshakeChannel } from './handshake-channel'
import { introduce } from './handshake-client'
import type { Binding } from './handshake-server'
import type { LinkDialer, LinkSession } from './link'
import { FrameSession } from './session'
import { exporterOf, sha256 } from './tls-binding'
import { socketOptions, WsTransport } from './ws-transport'

const DEFAULT_TLS_PORT = 443

export interface WsDialerOptions {
  credentials: CredentialStore
  /** Of this installation; a copy of the data folder on another machine has another. */
  instanceId: string
  programVersion: string
  clock: Clock
  random: Random
  logger: Logger
  versions?: readonly number[]
}

/** Dials the master this edge has joined. Rejects at once with `HoldfastError('conflict')` if it has joined none. */
export async function wsDialer(options: WsDialerOptions): Promise<LinkDialer> {
  const joined = await options.credentials.load()
  if (joined === null)
    throw new HoldfastError('conflict', 'This edge has not joined a master', {
      hint: 'Ask for a join code and run: holdfast join CODE',
    })
  return new Dialer(options, joined.masterUrls)
}

class Dialer implements LinkDialer {
  readonly #options: WsDialerOptions
  readonly #urls: readonly string[]
  /** Which URL, and which secret of a rotation, the next attempt uses. */
  #urlAt = 0
  #useOldSecret = false

  constructor(options: WsDialerOptions, urls: readonly string[]) {
    this.#options = options
    this.#urls = urls
  }

  get url(): string {
    return this.#urls[this.#urlAt % this.#urls.length]!
  }

  async dial(signal: AbortSignal): Promise<LinkSession> {
    const { clock } = this.#options
    const late = new AbortController()
    using _deadline = clock.at(after(clock.mono(), AUTHENTICATION_DEADLINE_MS), () => late.abort())
    const attempt = AbortSignal.any([signal, late.signal])
    const credentials = await this.#options.credentials.load()
    if (credentials === null) throw new HoldfastError('conflict', 'This edge has not joined a master')
    try {
      return await this.#dialWith(credentials, attempt)
    } catch (error) {
      const code = error instanceof HoldfastError ? error.code : 'internal'
      if (code === 'unreachable' || code === 'timeout' || code === 'wrong-authority') this.#urlAt++
      // While a rotation is open the master may know only one of the two.
      if (code === 'refused' || code === 'rate-limited')
        this.#useOldSecret = credentials.next !== null && !this.#useOldSecret
      throw error
    }
  }

  async #dialWith(credentials: EdgeCredentials, signal: AbortSignal): Promise<LinkSession> {
    const { clock, logger, random, instanceId, programVersion, versions } = this.#options
    const { url } = this
    const entry = credentials.next === null || this.#useOldSecret ? credentials.current : credentials.next
    const { planeId, edgeId } = credentials
    const { transport, binding } = await openTransport(url, signal, (chain) =>
      assertIssuedBy(chain[0]!, new X509Certificate(credentials.caPem)),
    )
    const channel = new HandshakeChannel(transport)
    const stop = () => {
      channel.fail(aborted(url))
      transport.terminate()
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      const secret = Buffer.from(entry.secret, 'hex')
      const welcome = await introduce(channel, binding, {
        planeId,
        edgeId,
        instanceId,
        secretId: entry.secretId,
        secret,
        programVersion,
        random,
        ...(versions === undefined ? {} : { versions }),
      })
      await this.#options.credentials.proven(entry.secretId)
      if (signal.aborted) throw aborted(url)
      return new FrameSession({
        id: welcome.session,
        side: 'edge',
        // The far side is the control plane: its id stands where an edge has its instance.
        peer: {
          edgeId,
          instanceId: planeId,
          programVersion: welcome.serverVersion,
          address: url,
          version: welcome.version,
        },
        transport,
        clock,
        logger,
        early: channel.takeEarly(),
      })
    } catch (error) {
      transport.terminate()
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

export interface OpenedTransport {
  readonly transport: WsTransport
  readonly binding: Binding
  /** As the server presented it: leaf first. */
  readonly chain: readonly X509Certificate[]
}

/**
 * Connects, checks the server's certificates with `judge` (which throws) before a byte of ours is sent, then opens the WebSocket. Rejects with
 * `HoldfastError`: `unreachable`, `timeout` (aborted), or what `judge` threw.
 */
export async function openTransport(
  url: string,
  signal: AbortSignal,
  judge: (chain: readonly X509Certificate[]) => void,
): Promise<OpenedTransport> {
  if (signal.aborted) throw aborted(url)
  const socket = await openTls(new URL(url), signal)
  try {
    const chain = chainOf(socket)
    if (chain.length === 0) throw wrongAuthority('The server shows no certificate')
    judge(chain)
    const binding = { serverCertificate: sha256(chain[0]!.raw), exporter: exporterOf(socket) }
    return { transport: await openWebSocket(url, socket, signal), binding, chain }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/**
 * The certificate is one the pinned authority made. Neither its name nor its dates are judged: sites are reached under names and addresses of all kinds
 * and their clocks may be wrong for years, while the proof (over this certificate and this TLS session) is what admits a master.
 */
export function assertIssuedBy(leaf: X509Certificate, authority: X509Certificate): void {
  const isIssued = leaf.checkIssued(authority) && leaf.verify(authority.publicKey) && !leaf.ca
  if (!isIssued) throw wrongAuthority('The certificate is not one of the authority that this edge joined')
}

export const wrongAuthority = (message: string) =>
  new HoldfastError('wrong-authority', message, {
    hint: 'Something else answers at this address, or the master was set up anew: then join again with a new join code.',
  })

function openTls(url: URL, signal: AbortSignal): Promise<TLSSocket> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host,
      port: url.port === '' ? DEFAULT_TLS_PORT : Number(url.port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      // Judged by `judge`, against the pinned authority alone.
      rejectUnauthorized: false,
    })
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', abort)
      socket.off('error', fail)
      socket.off('close', end)
      finish()
    }
    const drop = (error: HoldfastError) =>
      settle(() => {
        socket.on('error', () => {})
        socket.destroy()
        reject(error)
      })
    const abort = () => drop(aborted(url.href))
    const fail = (error: NodeJS.ErrnoException) => drop(unreachable(url.href, error.code ?? error.message, error))
    const end = () => drop(unreachable(url.href, 'closed while connecting'))
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', fail)
    socket.on('close', end)
    socket.once('secureConnect', () => settle(() => resolve(socket)))
  })
}

function openWebSocket(url: string, socket: TLSSocket, signal: AbortSignal): Promise<WsTransport> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url, { ...socketOptions, followRedirects: false, createConnection: () => socket })
    const transport = new WsTransport(webSocket, socket, url, 'client')
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', abort)
      webSocket.off('error', fail)
      finish()
    }
    const abort = () =>
      settle(() => {
        webSocket.terminate()
        reject(aborted(url))
      })
    const fail = (error: Error) => settle(() => reject(unreachable(url, error.message, error)))
    signal.addEventListener('abort', abort, { once: true })
    webSocket.on('error', fail)
    webSocket.once('open', () => settle(() => resolve(transport)))
  })
}

/** Leaf first. A server's chain may name the same certificate as its own issuer. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  let at = socket.getPeerX509Certificate()
  while (
    at !== undefined &&
    chain.length < 5 &&
    !chain.some(({ fingerprint256 }) => fingerprint256 === at!.fingerprint256)
  ) {
    chain.push(at)
    at = at.issuerCertificate
  }
  return chain
}

const aborted = (url: string) => new HoldfastError('timeout', `No link with ${url} in time`)
const unreachable = (url: string, why: string, cause?: unknown) =>
  new HoldfastError('unreachable', `${url} cannot be reached: ${why}`, cause === undefined ? {} : { cause })
