import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** Why a request is not for us, in one line; null when it is. */
export type Guard = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string | null

/**
 * Keeps out pages of other origins, also those whose name was made to point here (DNS rebinding): the `Host` must be a name of this port, and an `Origin`,
 * where one is sent, must be that same host. Under TLS it must have come over TLS as well; without, somebody may have put TLS in front.
 * `who`: what is asked, as the refusal says it.
 */
export function createGuard(who: string, bears: (host: string) => boolean): Guard {
  return ({ headers, socket }) => {
    const host = headers.host?.toLowerCase()
    if (host === undefined || !bears(host)) return `${who} does not answer to that host name.`
    const origin = headers.origin?.toLowerCase()
    const isOwn =
      origin === undefined || origin === `https://${host}` || (!isTls(socket) && origin === `http://${host}`)
    return isOwn ? null : `${who} does not answer pages of other origins.`
  }
}

export const isTls = (socket: object): boolean => 'encrypted' in socket

/** The name or address in a `Host`, in lower case and without its port; null: it is none. */
export function hostNameIn(host: string): string | null {
  const found = /^(?:\[([\da-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(host)
  const name = (found?.[1] ?? found?.[2])?.toLowerCase()
  if (name === undefined) return null
  return isIP(name) === 0 ? name.replace(/\.$/, '') : name
}
