import type { IncomingMessage } from 'node:http'
import type { PortPlace } from '../platform/ports'

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']

const OTHER_HOST = 'This console does not answer to that host name.'
const OTHER_ORIGIN = 'This console does not answer pages of other origins.'

/** Why a request is not from this console, in one line; null when it is. */
export type Guard = (request: IncomingMessage) => string | null

/**
 * Keeps out pages of other origins, also those whose name was made to point here (DNS rebinding): the Host must be a name of this console, and an
 * Origin, where one is sent, must be that same host. `extraHosts` are names an administrator put in front (`console.site.example`, with or without port).
 */
export function createGuard(port: () => number, extraHosts: readonly string[] = []): Guard {
  const extra = new Set(extraHosts.map((name) => name.toLowerCase()))
  const isOwn = (host: string): boolean => {
    if (extra.has(host)) return true
    const own = LOOPBACK.some((name) => host === `${name}:${port()}` || (port() === 80 && host === name))
    return own || extra.has(host.replace(/:\d+$/, ''))
  }
  return (request) => {
    const host = request.headers.host?.toLowerCase()
    if (host === undefined || !isOwn(host)) return OTHER_HOST
    const origin = request.headers.origin?.toLowerCase()
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return OTHER_ORIGIN
    return null
  }
}

/** The same for a port with TLS: its names are those of its certificate. */
export function createRemoteGuard(place: PortPlace): Guard {
  return ({ headers }) => {
    const host = headers.host?.toLowerCase()
    if (host === undefined || !place.bears(host)) return OTHER_HOST
    return headers.origin === undefined || headers.origin.toLowerCase() === `https://${host}` ? null : OTHER_ORIGIN
  }
}
