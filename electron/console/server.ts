import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { closeCodes, CONSOLE_BYTES_MAX, CONSOLE_KEY_BYTES_MAX, CONSOLE_PATH } from '../../shared/console/protocol'
import { HoldfastError } from '../../shared/model/failures'
import type { Clock, Logger, Random } from '../platform/ports'
import type { Accounts } from './accounts'
import { Attempts } from './attempts'
import { createDispatch, type AuditEntry } from './dispatch'
import { createGuard } from './guard'
import { bearerOf, createConsoleHttp, sessionOf } from './http'
import { Login, type Session } from './login'
import type { Caller, Operations } from './operations'
import { serveSocket } from './websocket'

const LOOPBACK = '127.0.0.1'
const CONSOLES_MAX = 100

export interface ConsoleServerOptions {
  readonly operations: Operations
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Program version. */
  readonly version: string
  /** 0 takes a free one. */
  readonly port: number
  /** Folder of the built page; null: none. */
  readonly page: string | null
  /** Content of the key file (`keys.ts`). */
  readonly key: string
  /** Host names accepted beside the loopback ones. */
  readonly extraHosts?: readonly string[]
  /** Absent: this controller keeps none. */
  readonly accounts?: Accounts | null
  /** Of passwords, wherever they are checked. Absent: nowhere else. Ends with the server. */
  readonly attempts?: Attempts
  /** Every change that was asked for, and every refusal. */
  audit(entry: AuditEntry): void
  /** A one-time key that was made before this server began. */
  readonly resumeKey?: string
}

export interface ConsoleServer extends AsyncDisposable {
  readonly port: number
  /** Without a key, e.g. `http://127.0.0.1:7420/`. */
  readonly url: string
  /** A link that logs a browser in: once, within 15 minutes. `expiresAt` is wall time. */
  oneTimeLink(): { url: string; expiresAt: number }
}

/** Serves page, login and operations on loopback. Rejects with `HoldfastError('conflict')` when the port is taken. Disposed: port free, consoles closed. */
export async function startConsole(options: ConsoleServerOptions): Promise<ConsoleServer> {
  const { clock, random, version } = options
  const log = options.log.child('console')
  const dispatch = createDispatch({
    operations: options.operations,
    clock,
    log,
    audit: (entry) => options.audit(entry),
  })
  const { resumeKey, attempts = new Attempts(clock) } = options
  const login = new Login({
    fileKey: options.key,
    clock,
    random,
    log,
    accounts: options.accounts ?? null,
    attempts,
    audit: (entry) => options.audit(entry),
    ...(resumeKey === undefined ? {} : { resumeKey }),
  })
  const served = new Set<Promise<void>>()
  let port = options.port
  const guard = createGuard(() => port, options.extraHosts)
  const origin = (): string => `http://${LOOPBACK}:${port}/`
  const oneTimeLink = (): { url: string; expiresAt: number } => {
    const { key, expiresAt } = login.oneTimeKey()
    return { url: `${origin()}#key=${key}`, expiresAt }
  }
  const http = createConsoleHttp({
    dispatch,
    guard,
    login,
    log,
    page: options.page,
    port: () => port,
    link: oneTimeLink,
  })
  const acceptor = (maxPayload: number): WebSocketServer =>
    new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false })
  const byCookie = acceptor(CONSOLE_BYTES_MAX)
  const byKey = acceptor(CONSOLE_KEY_BYTES_MAX)

  const clients = (): WebSocket[] => [...byCookie.clients, ...byKey.clients]

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const refusal = guard(request)
    if (refusal !== null) return refuseUpgrade(socket, '403 Forbidden', refusal)
    if ((request.url ?? '').split('?')[0] !== CONSOLE_PATH)
      return refuseUpgrade(socket, '404 Not Found', 'There is nothing here.')
    const known = await callerOf(request, port, login)
    if (!known) return refuseUpgrade(socket, '401 Unauthorized', 'Log in first.')
    if (known.end) socket.once('close', known.end)
    if (served.size >= CONSOLES_MAX)
      return refuseUpgrade(socket, '503 Service Unavailable', 'Too many consoles are open.')
    if (!http.listening || socket.destroyed) {
      known.end?.()
      return void socket.destroy()
    }
    const sockets = known.isTrusted ? byKey : byCookie
    sockets.handleUpgrade(request, socket, head, (webSocket) => attach(webSocket, known))
  }

  const attach = (socket: WebSocket, { caller, session }: Known): void => {
    const { closed } = serveSocket({ socket, caller, dispatch, clock, log, version })
    // Whoever ended it by a call of its own hears the answer to it; nothing else is let through any more.
    const forget = session?.onEnd(() =>
      setImmediate(() => socket.close(closeCodes.unauthenticated, 'the session is over')),
    )
    const done = closed.then(() => {
      forget?.()
      served.delete(done)
    })
    served.add(done)
  }

  http.on('upgrade', (request, socket, head) => {
    // A peer that resets while it waits for its answer must not end the process.
    socket.on('error', () => socket.destroy())
    upgrade(request, socket, head).catch((error: unknown) => {
      log.log('error', 'console upgrade failed', { message: error instanceof Error ? error.message : String(error) })
      socket.destroy()
    })
  })
  await listen(http, port)
  port = (http.address() as AddressInfo).port
  log.log('info', 'console listens', { url: origin() })

  return {
    port,
    url: origin(),
    oneTimeLink,
    async [Symbol.asyncDispose]() {
      attempts[Symbol.dispose]()
      login.close()
      const stopped = new Promise<void>((resolve) => http.close(() => resolve()))
      for (const socket of clients()) socket.close(closeCodes.stopping, 'the controller stops')
      // The far side may be gone or stopped: the close handshake gets one turn, not a deadline of its own.
      setImmediate(() => {
        for (const socket of clients()) socket.terminate()
        http.closeAllConnections()
      })
      await Promise.all([stopped, ...served])
    },
  }
}

interface Known {
  readonly caller: Caller
  /** Null: the key of the data directory, which stays as long as the controller does. */
  readonly session: Session | null
  /** May send the documents of a whole site at once. */
  readonly isTrusted: boolean
  /** To be called when the connection is gone. */
  readonly end?: () => void
}

async function callerOf(request: IncomingMessage, port: number, login: Login): Promise<Known | null> {
  const key = bearerOf(request)
  if (key !== null) {
    const byToken = login.byToken(key)
    if (byToken) {
      const { session, end } = byToken
      return { caller: session.caller, session, isTrusted: session.caller.role === 'admin', end }
    }
    if (!(await login.provesFileKey(key))) return null
    // The key file is readable by one OS user alone; name and face only say who that is and what they sit at.
    const user = String(request.headers['x-holdfast-user'] ?? '')
      .replace(/[^\w.@-]/g, '')
      .slice(0, 64)
    const face = request.headers['x-holdfast-face'] === 'desktop' ? 'desktop' : 'cli'
    return { caller: { actor: `${face}:${user || 'unknown'}`, role: 'admin' }, session: null, isTrusted: true }
  }
  const found = sessionOf(request, port, login)
  // Browsers send an Origin with every WebSocket; a cookie without one is not a page's.
  if (!found || request.headers.origin === undefined) return null
  return { caller: found.session.caller, session: found.session, isTrusted: false }
}

function refuseUpgrade(socket: Duplex, status: string, line: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(line) + 1}\r\nConnection: close\r\n\r\n${line}\n`,
  )
}

async function listen(http: ReturnType<typeof createConsoleHttp>, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const hint = 'Choose another one: --console-port N (0 takes a free one).'
      if (error.code === 'EADDRINUSE')
        reject(
          new HoldfastError('conflict', `Port ${port} on ${LOOPBACK} is taken by another program.`, {
            hint,
            cause: error,
          }),
        )
      else if (error.code === 'EACCES')
        reject(new HoldfastError('forbidden', `Port ${port} may not be used by this user.`, { hint, cause: error }))
      else reject(error)
    }
    http.once('error', refuse)
    http.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      http.off('error', refuse)
      resolve()
    })
  })
}
