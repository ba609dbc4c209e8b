// Without schemas: every controller needs these, few ever hear of a client.

/** Everything of the client API lies below this path. */
export const API_PATH = '/api'

/** Where a master serves clients, by the address at which edges link; null: it is no address. */
export function masterApiUrl(linkUrl: string): string | null {
  const host = /^wss:\/\/([^\s/?#@]+)\/*$/.exec(linkUrl)?.[1]
  return host === undefined ? null : `https://${host}${API_PATH}`
}
