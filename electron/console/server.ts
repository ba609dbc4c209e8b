import type { AddressInfo } from 'node:net'
import { listenAt } from '../platform/http/listening'
import type { Clock, Logger, PortGuest, Random } from '../platform/ports'
import type { Accounts } from './accounts'
import { Attempts } from './attempts'
import { createDispatch, type AuditEntry } from './dispatch'
import { localDoor, type Door } from './door'
import { localGuard } from './guard'
import { createConsoleHttp } from './http'
import { keptOutTeller } from './kept-out'
import { Login, type OpenSessions } from './login'
import type { Operations } from './operations'
import { remoteConsole, remoteHealth } from './remote'
import { ConsoleSockets } from './sockets'

const LOOPBACK = '127.0.0.1'

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
  /** The same console for other machines, where a port with TLS takes it as a guest: by login or token, never by a key of this machine. */
  readonly remote: PortGuest
  readonly sessions: OpenSessions
  /** Of it `/health` alone, which anybody may read. */
  readonly remoteHealth: PortGuest
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
  let port = options.port
  const guard = localGuard(() => port, options.extraHosts)
  const door = (): Door => localDoor(port, guard)
  const origin = (): string => `http://${LOOPBACK}:${port}/`
  const oneTimeLink = (): { url: string; expiresAt: number } => {
    const { key, expiresAt } = login.oneTimeKey()
    return { url: `${origin()}#key=${key}`, expiresAt }
  }
  const keptOut = keptOutTeller({ clock, log, audit: (entry) => options.audit(entry), via: 'browser' })
  const answering = { dispatch, login, log, page: options.page, link: oneTimeLink, keptOut }
  const http = createConsoleHttp(answering, door)
  const sockets = new ConsoleSockets({ dispatch, login, clock, log, version, keptOut, isOpen: () => http.listening })
  http.on('upgrade', (request, socket, head) => sockets.upgrade(door(), request, socket, head))
  await listenAt(http, {
    ...{ host: LOOPBACK, port, exclusive: true, what: 'The port of the console' },
    hint: 'Choose another one: --console-port N (0 takes a free one).',
  })
  // E.g. no descriptor left for another connection: nothing that should end the process.
  http.on('error', (error) => log.log('error', 'The port of the console reports an error', { error }))
  port = (http.address() as AddressInfo).port
  log.log('info', 'console listens', { url: origin() })

  return {
    port,
    url: origin(),
    oneTimeLink,
    remote: remoteConsole(answering, sockets),
    remoteHealth: remoteHealth(answering),
    sessions: login.openSessions(),
    async [Symbol.asyncDispose]() {
      attempts[Symbol.dispose]()
      login.close()
      const stopped = new Promise<void>((resolve) => http.close(() => resolve()))
      // After the goodbyes of the consoles.
      setImmediate(() => setImmediate(() => http.closeAllConnections()))
      await Promise.all([stopped, sockets[Symbol.asyncDispose]()])
    },
  }
}
