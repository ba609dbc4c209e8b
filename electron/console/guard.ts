import { createGuard, type Guard } from '../platform/http/guard'

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const WHO = 'This console'

/** On loopback. `extraHosts` are names an administrator put in front (`console.site.example`, with or without port). */
export function localGuard(port: () => number, extraHosts: readonly string[] = []): Guard {
  const extra = new Set(extraHosts.map((name) => name.toLowerCase()))
  return createGuard(WHO, (host) => {
    if (extra.has(host)) return true
    const own = LOOPBACK.some((name) => host === `${name}:${port()}` || (port() === 80 && host === name))
    return own || extra.has(host.replace(/:\d+$/, ''))
  })
}

/** At a port with TLS, whose names are those of its certificate. */
export const remoteGuard = (bears: (host: string) => boolean): Guard => createGuard(WHO, bears)
