import { createServer as createPlain } from 'node:http'
import { createServer as createTls } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
import { answerText, refuseUpgrade } from '../platform/http/answers'
import { FairPlaces } from '../platform/http/fair-places'
import { hostNameIn } from '../platform/http/guard'
import { listenAt } from '../platform/http/listening'
import { networkOf } from '../platform/http/network'
import type { Logger, PortGuest, PortPlace } from '../platform/ports'

/** Beyond them one of the network that has most gives way to one of a network that has fewer. */
export const CLIENT_CONNECTIONS_MAX = 256
const REQUEST_TIMEOUT_MS = 10_000
/** Of one connection, which then ends: a client that sends without waiting for answers gets no more of this process in one turn. */
export const REQUESTS_PER_CONNECTION_MAX = 100
/** A connection on which nothing moves for so long, e.g. because an answer is not read, is ended. Longer than any answer is waited for. */
const SILENCE_MS = 120_000
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])

/** Without TLS tokens would be open to whoever listens on the network. */
export const needsTls = (host: string): boolean => !LOOPBACK.has(host)

export interface ApiServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Null: plain HTTP, on loopback alone. */
  readonly identity: { identity(): { chainPem: string; keyPem: string }; onRenewed(listener: () => void): void } | null
  /** Names and addresses by which clients may ask for this controller. */
  readonly names: readonly string[]
  /** The first that owns a path answers. */
  readonly guests: readonly PortGuest[]
  readonly log: Logger
}

/** A port for clients alone. Rejects with `HoldfastError` when it cannot be had: `conflict`, `forbidden`, `unreachable`. */
export async function listenForClients(options: ApiServerOptions): Promise<{ port: number } & AsyncDisposable> {
  const { identity, guests, host, log } = options
  const guestOf = (url: string | undefined, isUpgrade: boolean): PortGuest | undefined =>
    guests.find((guest) => guest.owns(pathOf(url), isUpgrade))
  if (identity === null && needsTls(host)) throw new HoldfastError('internal', 'Tokens need TLS.')
  const server = identity === null ? createPlain(limits) : createTls({ ...limits, ...secured(identity.identity()) })
  if (identity !== null && 'setSecureContext' in server)
    identity.onRenewed(() => server.setSecureContext(secured(identity.identity())))
  const places = shared(server)
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION_MAX
  server.setTimeout(SILENCE_MS)
  const names = new Set([...LOOPBACK, ...options.names].map((name) => name.toLowerCase()))
  const place: PortPlace = {
    get port() {
      return (server.address() as AddressInfo).port
    },
    bears: (asked) => names.has(hostNameIn(asked) ?? ''),
  }
  server.on('request', (request, response) => {
    const guest = guestOf(request.url, false)
    if (guest) return guest.request(request, response, place)
    answerText(response, 404, 'Only /api is here, and /health.', { Connection: 'close' })
  })
  server.on('upgrade', (request, socket, head) => {
    // A peer that resets while it waits for its answer must not end the process.
    socket.on('error', () => socket.destroy())
    places.keep(endOf(socket as Socket))
    const guest = guestOf(request.url, true)
    if (guest) return guest.upgrade(request, socket, head, place)
    refuseUpgrade(socket, 404, 'Only /api is here.')
  })
  await listenAt(server, {
    ...{ host, port: options.port, exclusive: true, what: 'The port for clients' },
    hint: 'Choose another one: the settings apiPort and apiHost (port 0 takes a free one).',
  })
  server.on('error', (error) => log.log('error', 'The port for clients reports an error', { error }))
  return {
    port: place.port,
    async [Symbol.asyncDispose]() {
      const gone = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await gone
    },
  }
}

/** Hands the places of the port out, before anything of a connection is read. */
function shared(server: Server): FairPlaces<string> {
  const places = new FairPlaces<string>(CLIENT_CONNECTIONS_MAX)
  // What begins HTTP, or TLS, on a connection.
  const begins = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const end = endOf(socket)
    if (!places.take(end, networkOf(socket.remoteAddress ?? ''), () => socket.destroy())) return void socket.destroy()
    socket.once('close', () => places.give(end))
    for (const begin of begins) begin.call(server, socket)
  })
  return places
}

/** The same of a connection and of the TLS on it. */
const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`

const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }
const secured = ({ chainPem, keyPem }: { chainPem: string; keyPem: string }) =>
  ({ cert: chainPem, key: keyPem, minVersion: 'TLSv1.2' }) as const

const pathOf = (url: string | undefined): string => (url ?? '/').split('?')[0]!
