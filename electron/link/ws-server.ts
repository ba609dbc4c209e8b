import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { WebSocketServer, type WebSocket } from 'ws'
import { AUTHENTICATION_DEADLINE_MS, UNPROVEN_BYTES_MAX } from '../../shared/model/defaults'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { answerText, refuseUpgrade } from '../platform/http/answers'
import { listenAt } from '../platform/http/listening'
import { networkOf } from '../platform/http/network'
import { RefusalLog } from '../platform/http/refusal-log'
import type { Clock, Logger, PortGuest, Random } from '../platform/ports'
import { AcceptPace } from './accept-pace'
import type { EdgeDirectory, JoinDesk } from './enrolment'
import { FailureCounter } from './failure-counter'
import { HandshakeChannel } from './handshake-channel'
import { greet, type Binding, type Greeting } from './handshake-server'
import type { LinkListener, LinkSession, ProvenRefusal, UnprovenDial } from './link'
import { FrameSession } from './session'
import { PortGuests } from './port-guest'
import { exporterOf, sha256 } from './tls-binding'
import { UnprovenPlaces } from './unproven-places'
import { socketOptions, WsTransport } from './ws-transport'

/** Connections that have not proven anything yet. Beyond it new ones are dropped, those of the network with the most first: a fleet that comes back at once finds room as others finish. */
export const UNPROVEN_CONNECTIONS_MAX = 2_000
const HEADER_BYTES_MAX = 8 * 1024
/** What is spoken on the port under TLS, as ALPN calls it. */
const HTTP = 'http/1.1'
const LISTEN_BACKLOG = 1_024
const FULL = 'Too many connections'
const LATER = { 'Retry-After': '5' }

/** The server's certificate (leaf, then authority) and key; `onRenewed` tells of the next one. */
export interface IdentitySource {
  identity(): { chainPem: string; keyPem: string }
  onRenewed(listener: (identity: { chainPem: string; keyPem: string }) => void): void
}

export interface WsListenerOptions {
  host: string
  /** 0: any free port. */
  port: number
  authority: IdentitySource
  planeId: string
  programVersion: string
  directory: EdgeDirectory
  joinDesk: JoinDesk | null
  clock: Clock
  random: Random
  logger: Logger
  versions?: readonly number[]
  authenticationDeadlineMs?: number
  unprovenMax?: number
  guestsMax?: number
  /** Served on the same port; the first that owns a path gets it. */
  guests?: readonly PortGuest[]
}

export interface WsListener extends LinkListener {
  readonly port: number
}

/** Listens for edges: TLS 1.3, WebSocket, proof. Rejects with `HoldfastError` when the port cannot be had: `conflict`, `forbidden`, `unreachable`. */
export async function listenWs(options: WsListenerOptions): Promise<WsListener> {
  const { chainPem, keyPem } = options.authority.identity()
  const server = createServer({
    cert: chainPem,
    key: keyPem,
    minVersion: 'TLSv1.3',
    // Of a list each connection would hold a copy of its own: some bytes, cut from one of the 64 KiB blocks that Node shares out, which stays whole as long as the link.
    ALPNCallback: ({ protocols }) => protocols.find((protocol) => protocol === HTTP),
    handshakeTimeout: AUTHENTICATION_DEADLINE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: AUTHENTICATION_DEADLINE_MS,
    requestTimeout: AUTHENTICATION_DEADLINE_MS,
    connectionsCheckingInterval: AUTHENTICATION_DEADLINE_MS,
    noDelay: true,
    // Until its turn nothing of a connection is read.
    pauseOnConnect: true,
  })
  options.authority.onRenewed((next) =>
    server.setSecureContext({ cert: next.chainPem, key: next.keyPem, minVersion: 'TLSv1.3' }),
  )
  const listener = new Listener(server, options)
  await listenAt(server, {
    ...{ host: options.host, port: options.port, backlog: LISTEN_BACKLOG, what: 'The link port' },
    hint: 'Choose another with --link-port, or stop the program that holds it.',
  })
  server.on('error', (error) => options.logger.log('error', 'The link port reports an error', { error }))
  return listener
}

class Listener implements WsListener {
  readonly #server: Server
  readonly #options: WsListenerOptions
  readonly #sockets: WebSocketServer
  readonly #guests: PortGuests
  readonly #failures = new FailureCounter()
  readonly #refusals: RefusalLog
  readonly #raw = new Set<Socket>()
  readonly #pace: AcceptPace
  readonly #unproven: UnprovenPlaces
  readonly #sessions = new Set<LinkSession>()
  readonly #onSession: ((session: LinkSession) => void)[] = []
  readonly #onProvenRefusal: ((refusal: ProvenRefusal) => void)[] = []
  readonly #onUnprovenDial: ((dial: UnprovenDial) => void)[] = []
  #disposed: Promise<void> | null = null

  constructor(server: Server, options: WsListenerOptions) {
    this.#server = server
    this.#options = options
    this.#pace = new AcceptPace(options.clock)
    const { clock, logger, unprovenMax: max = UNPROVEN_CONNECTIONS_MAX } = options
    this.#refusals = new RefusalLog({ clock, log: logger })
    this.#unproven = new UnprovenPlaces({
      ...{ clock, max, deadlineMs: options.authenticationDeadlineMs ?? AUTHENTICATION_DEADLINE_MS },
    })
    this.#sockets = new WebSocketServer({ noServer: true, clientTracking: false, ...socketOptions })
    this.#guests = new PortGuests(options.guests ?? [], {
      port: () => this.port,
      chainPem: () => options.authority.identity().chainPem,
      max: options.guestsMax,
    })
    // What begins TLS on a connection, now called in its turn.
    const begins = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    const begin = (socket: Socket): void =>
      whenHeard(socket, () => {
        for (const each of begins) each.call(server, socket)
      })
    server.on('connection', (socket: Socket) => this.#accept(socket, begin))
    server.on('tlsClientError', (error: Error, socket) => {
      options.logger.log('debug', 'A connection to the link port is not TLS 1.3', {
        address: socket.remoteAddress,
        reason: error.message,
      })
      socket.destroy()
    })
    server.on('clientError', (_error, socket: Duplex) => socket.destroy())
    server.on('request', (request, response) => this.#request(request, response))
    server.on('upgrade', (request, socket: Duplex, head) => this.#upgrade(request, socket as TLSSocket, head))
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    // Guests may be gone already, and a server that closes knows its port no more.
    if (this.#disposed !== null) return void request.socket.destroy()
    const guest = this.#guests.guestOf(request, false)
    if (guest === null)
      return answerText(response, 426, 'Holdfast link: WebSocket only', { Connection: 'close', Upgrade: 'websocket' })
    if (!this.#guests.admit(request.socket)) return answerText(response, 503, FULL, { ...LATER, Connection: 'close' })
    this.#unproven.give(endOf(request.socket))
    this.#guests.request(guest, request, response)
  }

  #upgrade(request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    if (this.#disposed !== null) return void socket.destroy()
    const guest = this.#guests.guestOf(request, true)
    if (guest !== null) {
      // A peer that resets while it waits for its answer must not end the process.
      socket.on('error', () => socket.destroy())
      if (!this.#guests.admit(socket)) return refuseUpgrade(socket, 503, FULL, LATER)
      this.#unproven.give(endOf(socket))
      return this.#guests.upgrade(guest, request, socket, head)
    }
    // What was let wait as a guest has no deadline to prove itself by.
    if (this.#guests.has(socket)) return void socket.destroy()
    this.#limitUnproven(socket, head.length)
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => void this.#greet(webSocket, socket))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  onSession(listener: (session: LinkSession) => void): void {
    this.#onSession.push(listener)
  }
  onProvenRefusal(listener: (refusal: ProvenRefusal) => void): void {
    this.#onProvenRefusal.push(listener)
  }
  onUnprovenDial(listener: (dial: UnprovenDial) => void): void {
    this.#onUnprovenDial.push(listener)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    return this.#disposed
  }

  async #dispose(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const sessions = [...this.#sessions]
    for (const session of sessions) session.close('The master is stopping')
    await Promise.all(sessions.map(({ closed }) => closed))
    for (const socket of this.#raw) socket.destroy()
    await gone
    this.#refusals[Symbol.dispose]()
  }

  /** From the first byte on a connection has so long to prove itself. */
  #accept(socket: Socket, begin: (socket: Socket) => void): void {
    if (this.#disposed !== null || socket.remoteAddress === undefined) return void socket.destroy()
    const end = endOf(socket)
    const network = networkOf(socket.remoteAddress)
    if (!this.#unproven.take(end, network, () => socket.destroy())) return void socket.destroy()
    this.#raw.add(socket)
    const leave = this.#pace.enter(
      network,
      () => begin(socket),
      () => socket.destroy(),
    )
    socket.on('close', () => {
      leave()
      this.#raw.delete(socket)
      this.#unproven.give(end)
    })
  }

  /** Ends a connection that sends more than the handshake needs before its proof, whatever frames it is cut into. */
  #limitUnproven(socket: TLSSocket, headBytes: number): void {
    const key = endOf(socket)
    let bytes = headBytes
    const count = (chunk: Buffer) => {
      bytes += chunk.length
      if (!this.#unproven.has(key)) socket.off('data', count)
      else if (bytes > UNPROVEN_BYTES_MAX) socket.destroy()
    }
    socket.on('data', count)
  }

  async #greet(webSocket: WebSocket, socket: TLSSocket): Promise<void> {
    const { logger } = this.#options
    const address = socket.remoteAddress ?? ''
    const key = endOf(socket)
    const transport = new WsTransport(webSocket, socket, address, 'server')
    const channel = new HandshakeChannel(transport)
    try {
      const greeting = await greet(channel, bindingOf(socket), address, { ...this.#options, failures: this.#failures })
      if (this.#disposed !== null) return transport.terminate()
      if (greeting.result === 'proven') {
        this.#unproven.give(key)
        return this.#openSession(greeting, channel, transport, address)
      }
      this.#report(greeting, address)
    } catch (error) {
      const failure = failureOf(error)
      const isOurs = failure.code === 'internal' || failure.code === 'storage'
      if (isOurs) logger.log('error', 'A handshake failed here', { address, error })
      else
        this.#refusals.tell(networkOf(address), 'info', 'A connection did not complete the handshake', {
          ...{ address, code: failure.code, reason: failure.message },
        })
      channel.send({
        type: 'refused',
        proven: false,
        // What is wrong on this machine is no stranger's business.
        failure: isOurs ? { code: failure.code, message: 'The master could not answer' } : failure,
      })
    }
    transport.close()
  }

  #openSession(
    greeting: Greeting & { result: 'proven' },
    channel: HandshakeChannel,
    transport: WsTransport,
    address: string,
  ): void {
    const { edgeId, instanceId, programVersion } = greeting.peer
    const { clock, logger, directory } = this.#options
    channel.send({ type: 'welcome', session: greeting.session })
    const session = new FrameSession({
      id: greeting.session,
      side: 'master',
      peer: { edgeId, instanceId, programVersion, address, version: greeting.version },
      transport,
      clock,
      logger,
      standing: () => directory.standing({ edgeId, instanceId }),
      early: channel.takeEarly(),
    })
    this.#sessions.add(session)
    void session.closed.then(() => this.#sessions.delete(session))
    for (const listener of this.#onSession) listener(session)
  }

  #report(greeting: Exclude<Greeting, { result: 'proven' }>, address: string): void {
    const { logger } = this.#options
    switch (greeting.result) {
      case 'joined':
        return logger.log('info', 'An edge joined', {
          edgeId: greeting.edgeId,
          instanceId: greeting.instanceId,
          address,
        })
      case 'refused':
        this.#refusals.tell(`edge ${greeting.edgeId}`, 'warn', 'Refused a proven edge', {
          ...{ edgeId: greeting.edgeId, address, code: greeting.failure.code, reason: greeting.failure.message },
        })
        for (const listener of this.#onProvenRefusal) listener({ edgeId: greeting.edgeId, failure: greeting.failure })
        return
      case 'unproven':
        this.#refusals.tell(networkOf(address), 'warn', 'Refused an unproven dial', {
          ...{ edgeId: greeting.edgeId, address, code: greeting.failure.code },
        })
        for (const listener of this.#onUnprovenDial)
          listener({ edgeId: greeting.edgeId, address, reason: greeting.reason })
    }
  }
}

/**
 * Begins when the first bytes are there; a connection that ends without any never does. TLS keeps a buffer for what it reads as long as the link lasts: it is as large as what is there at
 * the beginning, and 16 KiB for what comes later, but 64 KiB where nothing was there.
 */
function whenHeard(socket: Socket, begin: () => void): void {
  // Until TLS has taken it nobody else listens; it may be reset at any time.
  socket.on('error', () => socket.destroy())
  socket.once('readable', () => {
    if (socket.readableLength > 0) begin()
    else socket.destroy()
  })
}

const endOf = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`

function bindingOf(socket: TLSSocket): Binding {
  const leaf = socket.getX509Certificate()
  if (leaf === undefined) throw new HoldfastError('internal', 'The TLS session has no server certificate')
  return { serverCertificate: sha256(leaf.raw), exporter: exporterOf(socket) }
}
