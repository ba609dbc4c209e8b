import { X509Certificate } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { FairPlaces } from '../platform/http/fair-places'
import { hostNameIn } from '../platform/http/guard'
import { networkOf } from '../platform/http/network'
import { Shares } from '../platform/http/shares'
import type { PortGuest, PortPlace } from '../platform/ports'

/** Connections of all guests; one more takes the place of one that its network has most of, or is told to come again. They take nothing from those of edges. */
export const GUEST_CONNECTIONS_MAX = 512
/** Of one address, or one network where one machine has a whole network of them: people behind one router share it. */
export const GUEST_CONNECTIONS_OF_ADDRESS_MAX = 128
/** Of one connection without their answers. No browser sends a second one before the first is answered; a thousand of them fit into one packet of what is read. */
export const GUEST_REQUESTS_AT_ONCE_MAX = 16
/** A connection on which nothing moves for so long, e.g. because an answer is not read, is ended. Longer than any answer is waited for. */
const GUEST_SILENCE_MS = 120_000

/** The guests of one port, and the connections they have. */
export class PortGuests {
  readonly #guests: readonly PortGuest[]
  readonly #place: PortPlace
  readonly #sockets: FairPlaces<Duplex>
  readonly #perAddress = new Shares()
  /** Requests without their answer. */
  readonly #inWork = new WeakMap<Socket, number>()

  constructor(
    guests: readonly PortGuest[],
    {
      port,
      chainPem,
      max = GUEST_CONNECTIONS_MAX,
    }: { port: () => number; chainPem: () => string; max?: number | undefined },
  ) {
    this.#guests = guests
    this.#sockets = new FairPlaces(max)
    let known: { pem: string; certificate: X509Certificate } | null = null
    const certificate = (): X509Certificate => {
      const pem = chainPem()
      if (known?.pem !== pem) known = { pem, certificate: new X509Certificate(pem) }
      return known.certificate
    }
    this.#place = {
      get port() {
        return port()
      },
      bears: (host) => isNamed(certificate(), host),
    }
  }

  guestOf(request: IncomingMessage, isUpgrade: boolean): PortGuest | null {
    const path = (request.url ?? '/').split('?')[0]!
    if (isUpgrade && path === '/') return null
    return this.#guests.find((guest) => guest.owns(path, isUpgrade)) ?? null
  }

  /** Whether there is room for the connection, which then is a guest's until it ends. */
  admit(socket: Socket): boolean {
    if (this.#sockets.has(socket)) return true
    const address = networkOf(socket.remoteAddress ?? '')
    if (this.#perAddress.of(address) >= GUEST_CONNECTIONS_OF_ADDRESS_MAX) return false
    if (!this.#sockets.take(socket, address, () => socket.destroy())) return false
    const leave = this.#perAddress.take(address)
    socket.once('close', () => {
      this.#sockets.give(socket)
      leave()
    })
    return true
  }

  /** Such a connection may wait for its next request; it never becomes a link. */
  has(socket: Duplex): boolean {
    return this.#sockets.has(socket)
  }

  request(guest: PortGuest, request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const inWork = this.#inWork.get(socket) ?? 0
    if (inWork >= GUEST_REQUESTS_AT_ONCE_MAX) return void socket.destroy()
    this.#inWork.set(socket, inWork + 1)
    response.once('close', () => this.#inWork.set(socket, this.#inWork.get(socket)! - 1))
    // Node ends it when the time is over, and counts anew from each request on.
    socket.setTimeout(GUEST_SILENCE_MS)
    guest.request(request, response, this.#place)
  }

  upgrade(guest: PortGuest, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // From now on it is a console, or is told why not.
    this.#sockets.keep(socket)
    guest.upgrade(request, socket, head, this.#place)
  }
}

function isNamed(certificate: X509Certificate, host: string): boolean {
  const name = hostNameIn(host)
  if (name === null) return false
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
  return certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined
}
