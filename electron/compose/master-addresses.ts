import { networkInterfaces } from 'node:os'

const JOIN_URLS_MAX = 4
const ANY_ADDRESS = new Set(['0.0.0.0', '::'])

/** Where edges are told to find this master: as configured, else by the machine's own addresses and name. */
export function masterUrls(
  { masterUrls: configured, linkHost }: { masterUrls: readonly string[]; linkHost: string },
  port: number,
): string[] {
  if (configured.length > 0) return [...configured]
  if (!ANY_ADDRESS.has(linkHost)) return [`wss://${bracketed(linkHost)}:${port}`]
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)
  const hosts = own.length > 0 ? own : ['127.0.0.1']
  return hosts.slice(0, JOIN_URLS_MAX).map((host) => `wss://${bracketed(host)}:${port}`)
}

export const consoleUrlOf = (masterUrl: string): string => new URL(masterUrl.replace(/^wss/, 'https')).href

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** The host names in such addresses, as a certificate has them. */
export function namesOf(urls: readonly string[]): string[] {
  return urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : []))
}
