import { createServer } from 'node:http'
import { eventWith, strict } from './state.mjs'

// Chromium knows no scheme of the app: `app://host/x` is shown as `http://app--host.localhost:<port>/x`, a secure context that is answered by the very handler
// the app registered.

const handlers = new Map()
let isReady = false
let serving = null

export const allowHandlers = () => (isReady = true)

export const protocol = strict(
  {
    registerSchemesAsPrivileged() {
      if (isReady) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready')
    },
    handle(scheme, handler) {
      if (!isReady) throw new Error('protocol.handle cannot be called before app is ready')
      if (handlers.has(scheme)) throw new Error(`The scheme has been registered: ${scheme}`)
      handlers.set(scheme, handler)
    },
    unhandle: (scheme) => void handlers.delete(scheme),
    isProtocolHandled: (scheme) => handlers.has(scheme),
  },
  'protocol',
)

const schemeOf = (host) => /^([a-z][a-z0-9]*)--([^.]*)\.localhost(?::\d+)?$/.exec(host ?? '')

/** What the app is told an address is. */
export function appUrl(url) {
  if (!URL.canParse(url)) return url
  const { protocol: kind, host, pathname, search, hash } = new URL(url)
  const match = kind === 'http:' ? schemeOf(host) : null
  return match ? `${match[1]}://${match[2]}${pathname}${search}${hash}` : url
}

/** What Chromium is told. */
export async function chromiumUrl(url) {
  const match = /^([a-z][a-z0-9]*):\/\/([^/]*)(.*)$/.exec(url)
  if (!match || !handlers.has(match[1])) return url
  serving ??= serve()
  return `http://${match[1]}--${match[2]}.localhost:${await serving}${match[3] || '/'}`
}

async function serve() {
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error('electron stand-in: the handler of a scheme failed:', error)
      response.destroy()
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return server.address().port
}

async function answer(request, response) {
  const match = schemeOf(request.headers.host)
  const handler = match && handlers.get(match[1])
  // Electron asks for no icon.
  if (!handler || request.url === '/favicon.ico') return void response.writeHead(404).end()
  const { host: _, ...headers } = request.headers
  const hasBody = !['GET', 'HEAD'].includes(request.method)
  const asked = new Request(`${match[1]}://${match[2]}${request.url}`, {
    method: request.method,
    headers,
    ...(hasBody ? { body: request, duplex: 'half' } : {}),
  })
  const answered = await handler(asked, eventWith())
  response.writeHead(answered.status, Object.fromEntries(answered.headers))
  if (answered.body) for await (const chunk of answered.body) response.write(chunk)
  response.end()
}
