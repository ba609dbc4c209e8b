import type { DriverUri, UriRule } from './contract'

/** A module's address, or what is wrong with it: `allowed` says what may stand there. */
export type UriResult = { ok: true; uri: DriverUri | null } | { ok: false; message: string; allowed: string }

const forms = (rule: UriRule) => `${rule.schemes.map((scheme) => `${scheme}://`).join(' or ')}, e.g. ${rule.example}`

export function readUri(text: string, rule: UriRule | null): UriResult {
  if (rule === null)
    return text === ''
      ? { ok: true, uri: null }
      : { ok: false, message: 'This driver has no address.', allowed: 'empty' }
  const bad = (message: string): UriResult => ({ ok: false, message, allowed: forms(rule) })
  const url = URL.parse(text)
  if (url === null) return bad(text === '' ? 'An address is missing.' : 'This is not an address.')
  const scheme = url.protocol.slice(0, -1)
  if (!rule.schemes.includes(scheme)) return bad(`The scheme "${scheme}" is not one of this driver.`)
  if (url.hostname === '') return bad('The address names no host.')
  // A port that is the usual one of its scheme reads as empty (https://host:443).
  const usual = scheme === 'https' ? 443 : scheme === 'http' ? 80 : null
  const port = url.port === '' ? (usual ?? rule.defaultPort) : Number(url.port)
  if (port === null) return bad('The address names no port.')
  if (port === 0) return bad('Port 0 is none: 1..65535.')
  return {
    ok: true,
    uri: {
      scheme,
      host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
      port,
      path: url.pathname === '' ? '/' : url.pathname,
      query: Object.fromEntries(url.searchParams),
      username: decoded(url.username),
      password: decoded(url.password),
    },
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
