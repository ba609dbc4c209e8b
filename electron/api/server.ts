import { createServer as createPlain, type Server } from 'node:http'
import { createServer as createTls } from 'node:https'
import { isIP, type AddressInfo } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
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

/** A port for clients alone. Rejects with `HoldfastError('unreachable')` when it cannot be had. */
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
    bears: (asked) => names.has(nameIn(asked)),
  }
  server.on('request', (request, response) => {
    if (guest.owns(pathOf(request.url), false)) return guest.request(request, response, place)
    response
      .writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
      .end('Only /api is here.\n')
  })
  server.on('upgrade', (request, socket, head) => {
    // A peer that resets while it waits for its answer must not end the process.
    socket.on('error', () => socket.destroy())
    if (guest.owns(pathOf(request.url), true)) return guest.upgrade(request, socket, head, place)
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  })
  await listen(server, options)
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

/** The name or address in a `Host`, without its port. */
function nameIn(host: string): string {
  const found = /^(?:\[([\da-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(host)
  const name = (found?.[1] ?? found?.[2] ?? '').toLowerCase()
  return isIP(name) === 0 ? name.replace(/\.$/, '') : name
}

async function listen(server: Server, { host, port }: ApiServerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is taken by another program'
          : `cannot be opened (${error.code ?? error.message})`
      reject(
        new HoldfastError('unreachable', `The port for clients ${port} of ${host} ${why}.`, {
          cause: error,
          hint: 'Choose another one: the settings apiPort and apiHost (port 0 takes a free one).',
        }),
      )
    }
    server.once('error', refuse)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}
