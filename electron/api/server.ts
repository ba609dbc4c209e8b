import { createServer as createPlain } from 'node:http'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
import { answerText, refuseUpgrade } from '../platform/http/answers'
import { hostNameIn } from '../platform/http/guard'
import { listenAt } from '../platform/http/listening'
import type { Logger, PortGuest, PortPlace } from '../platform/ports'

const CONNECTIONS_MAX = 256
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
  readonly guest: PortGuest
  readonly log: Logger
}

/** A port for clients alone. Rejects with `HoldfastError` when it cannot be had: `conflict`, `forbidden`, `unreachable`. */
export async function listenForClients(options: ApiServerOptions): Promise<{ port: number } & AsyncDisposable> {
  const { identity, guest, host, log } = options
  if (identity === null && needsTls(host)) throw new HoldfastError('internal', 'Tokens need TLS.')
  const server = identity === null ? createPlain(limits) : createTls({ ...limits, ...secured(identity.identity()) })
  if (identity !== null && 'setSecureContext' in server)
    identity.onRenewed(() => server.setSecureContext(secured(identity.identity())))
  server.maxConnections = CONNECTIONS_MAX
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
    if (guest.owns(pathOf(request.url), false)) return guest.request(request, response, place)
    answerText(response, 404, 'Only /api is here, and /health.', { Connection: 'close' })
  })
  server.on('upgrade', (request, socket, head) => {
    // A peer that resets while it waits for its answer must not end the process.
    socket.on('error', () => socket.destroy())
    if (guest.owns(pathOf(request.url), true)) return guest.upgrade(request, socket, head, place)
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

const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }
const secured = ({ chainPem, keyPem }: { chainPem: string; keyPem: string }) =>
  ({ cert: chainPem, key: keyPem, minVersion: 'TLSv1.2' }) as const

const pathOf = (url: string | undefined): string => (url ?? '/').split('?')[0]!
