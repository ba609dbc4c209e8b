import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { closeCodes, CONSOLE_BYTES_MAX, CONSOLE_KEY_BYTES_MAX, CONSOLE_PATH } from '../../shared/console/protocol'
import { refuseUpgrade } from '../platform/http/answers'
import { sayGoodbye } from '../platform/http/goodbye'
import { Shares } from '../platform/http/shares'
import type { Clock, Logger } from '../platform/ports'
import { fromOf, type Door, type DoorKind } from './door'
import { bearerOf, sessionOf } from './http'
import type { Login, Session } from './login'
import { calledFrom, type Caller, type Dispatch } from './operations'
import { serveSocket } from './websocket'

/** Open at once at one door; whoever comes from afar takes no place of those at the machine. */
export const CONSOLES_MAX = 100
/** Of one session: tabs of one browser. */
export const CONSOLES_OF_SESSION_MAX = 16
/** Of one account, by all its sessions and tokens: none may take the places of all the others. */
export const CONSOLES_OF_USER_MAX = 32

export interface ConsoleSocketsOptions {
  readonly dispatch: Dispatch
  readonly login: Login
  readonly clock: Clock
  readonly log: Logger
  /** Program version. */
  readonly version: string
  /** False once the controller stops. */
  isOpen(): boolean
  keptOut(request: IncomingMessage, why: string): void
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

const acceptor = (maxPayload: number): WebSocketServer =>
  new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false })

/** The consoles that are open over WebSockets, through whichever door. Disposed: all are closed. */
export class ConsoleSockets implements AsyncDisposable {
  readonly #options: ConsoleSocketsOptions
  readonly #usual = acceptor(CONSOLE_BYTES_MAX)
  readonly #trusted = acceptor(CONSOLE_KEY_BYTES_MAX)
  readonly #served = new Set<Promise<void>>()
  readonly #perDoor: Record<DoorKind, number> = { local: 0, remote: 0 }
  /** By session, and by account. */
  readonly #perWhom = new Shares()

  constructor(options: ConsoleSocketsOptions) {
    this.#options = options
  }

  /** Takes the socket over: it becomes a console or is told why not. */
  upgrade(door: Door, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A peer that resets while it waits for its answer must not end the process.
    socket.on('error', () => socket.destroy())
    this.#upgrade(door, request, socket, head).catch((error: unknown) => {
      this.#options.log.log('error', 'console upgrade failed', {
        message: error instanceof Error ? error.message : String(error),
      })
      socket.destroy()
    })
  }

  async #upgrade(door: Door, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { login, isOpen, keptOut } = this.#options
    const refusal = door.guard(request)
    if (refusal !== null) {
      keptOut(request, refusal)
      return refuseUpgrade(socket, 403, refusal)
    }
    if ((request.url ?? '').split('?')[0] !== CONSOLE_PATH) return refuseUpgrade(socket, 404, 'There is nothing here.')
    const known = await callerOf(request, door, login)
    if (!known) return refuseUpgrade(socket, 401, 'Log in first.')
    if (known.end) socket.once('close', known.end)
    const isFull = whoseOf(known.session).some(({ key, max }) => this.#perWhom.of(key) >= max)
    if (this.#perDoor[door.kind] >= CONSOLES_MAX || isFull)
      return refuseUpgrade(socket, 503, 'Too many consoles are open.')
    if (!isOpen() || socket.destroyed) {
      known.end?.()
      return void socket.destroy()
    }
    const sockets = known.isTrusted ? this.#trusted : this.#usual
    const { address } = fromOf(door, request)
    const caller = door.kind === 'remote' ? calledFrom(known.caller, address) : known.caller
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      this.#attach(webSocket, door.kind, { ...known, caller }),
    )
  }

  #attach(socket: WebSocket, door: DoorKind, { caller, session }: Known): void {
    const { dispatch, clock, log, version } = this.#options
    const { closed } = serveSocket({ socket, caller, dispatch, clock, log, version })
    // Whoever ended it by a call of its own hears the answer to it; nothing else is let through any more.
    const forget = session?.onEnd(() =>
      setImmediate(() => socket.close(closeCodes.unauthenticated, 'the session is over')),
    )
    const release = session?.hold()
    const leave = this.#perWhom.take(...whoseOf(session).map(({ key }) => key))
    this.#perDoor[door] += 1
    const done = closed.then(() => {
      leave()
      this.#perDoor[door] -= 1
      release?.()
      forget?.()
      this.#served.delete(done)
    })
    this.#served.add(done)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    sayGoodbye([...this.#usual.clients, ...this.#trusted.clients], closeCodes.stopping, 'the controller stops')
    await Promise.all(this.#served)
  }
}

/** What a console counts against. The key of the data directory counts against nothing. */
function whoseOf(session: Session | null): { key: string; max: number }[] {
  if (session === null) return []
  const { userId } = session.caller
  return [
    { key: `session ${session.id}`, max: CONSOLES_OF_SESSION_MAX },
    ...(userId === undefined ? [] : [{ key: `user ${userId}`, max: CONSOLES_OF_USER_MAX }]),
  ]
}

async function callerOf(request: IncomingMessage, door: Door, login: Login): Promise<Known | null> {
  const key = bearerOf(request)
  if (key !== null) {
    const from = fromOf(door, request)
    const byToken = login.byToken(key, from)
    if (byToken) {
      const { session, end } = byToken
      return { caller: session.caller, session, isTrusted: session.caller.role === 'admin', end }
    }
    if (!(await login.provesFileKey(key, from))) return null
    // The key file is readable by one OS user alone; name and face only say who that is and what they sit at.
    const user = String(request.headers['x-holdfast-user'] ?? '')
      .replace(/[^\w.@-]/g, '')
      .slice(0, 64)
    const face = request.headers['x-holdfast-face'] === 'desktop' ? 'desktop' : 'cli'
    return { caller: { actor: `${face}:${user || 'unknown'}`, role: 'admin' }, session: null, isTrusted: true }
  }
  const found = sessionOf(request, door, login)
  // Browsers send an Origin with every WebSocket; a cookie without one is not a page's.
  if (!found || request.headers.origin === undefined) return null
  return { caller: found.session.caller, session: found.session, isTrusted: false }
}
