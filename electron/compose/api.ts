import { networkInterfaces } from 'node:os'
import { API_PATH } from '../../shared/api/address'
import type { ApiView } from '../../shared/console/api-operations'
import { failureOf } from '../../shared/model/failures'
import type { Api, ApiOptions } from '../api/api'
import type { ApiSite, TokenBearer } from '../api/site'
import type { Parts } from './parts'
import type { Accounts } from '../console/accounts'
import { concernedBy, type SiteDocuments } from '../console/edge-authority'
import { createDispatch, type AuditEntry } from '../console/dispatch'
import type { Attempts } from '../console/attempts'
import type { OperationHandlers, Operations } from '../console/operations'
import type { PortGuest } from '../platform/ports'

const ANY_ADDRESS = new Set(['0.0.0.0', '::'])

/** What the roles of one controller offer to clients. */
export interface SiteClients {
  readonly site: ApiSite
  /** In place of the console's. */
  readonly handlers?: Partial<OperationHandlers>
  /** Absent: by the accounts of this controller. */
  readonly bearer?: TokenBearer
  /** Whose admins count, where this controller has no accounts of its own. */
  readonly documents?: SiteDocuments
  /** Where a port with TLS takes the API as its guest, and under which authority; absent: it has none. */
  guestAt?(): { url: string; caPem: string } | null
}

export interface ClientsOptions {
  readonly clients: SiteClients
  readonly operations: Operations
  readonly accounts: Accounts | null
  readonly attempts: Attempts
  /** What a port of its own serves besides. */
  readonly health: PortGuest
  audit(entry: AuditEntry): void
}

/** Where this controller serves clients on a port of its own, from when it does. */
export class ClientsPlace {
  url: string | null = null
  caPem: string | null = null
  reason: string | null = null
  /** Settles when it is known whether and where. Devices are driven meanwhile. */
  known: Promise<void> = Promise.resolve()
}

export interface Clients {
  /** For a port with TLS. */
  readonly guest: PortGuest
  changed(): void
  show(): Promise<ApiView>
}

/** Serves clients where the settings say so. What fails of it is told and holds up nobody: devices are driven without clients, too. */
export function openClients(parts: Parts, options: ClientsOptions, stack: AsyncDisposableStack): Clients {
  const { log, place, settings } = parts
  const { clients } = options
  const listeners = new Set<() => void>()
  const { guest, end } = loadedWhenAsked(parts, options, listeners)
  const port = new AsyncDisposableStack()
  if (settings.serveApi && settings.role !== 'master')
    place.known = listen(parts, [guest, options.health], port).catch((error: unknown) => {
      const { code, message, hint } = failureOf(error)
      place.reason = message
      log.log('error', 'Clients of the systems are not served', { code, message, hint })
    })
  stack.defer(async () => {
    await place.known
    // Before the port closes, which waits for everybody to be gone.
    await end()
    await port.disposeAsync()
  })
  return {
    guest,
    changed() {
      for (const listener of listeners) listener()
    },
    async show() {
      await place.known
      const { url, caPem, reason } = place
      if (url !== null) return { url, caPem, reason: null }
      const at = clients.guestAt?.() ?? null
      if (at !== null) return { ...at, reason: null }
      return { url: null, caPem: null, reason: reason ?? 'The setting serveApi is off.' }
    },
  }
}

/** Most controllers never hear of a client: until then nothing of the API is in memory. */
function loadedWhenAsked(
  { clock, log, version }: Parts,
  { clients, operations, accounts, attempts, audit }: ClientsOptions,
  listeners: Set<() => void>,
): { guest: PortGuest; end: () => Promise<void> } {
  const { documents } = clients
  const bearer = clients.bearer ?? (accounts === null ? () => null : byAccounts(accounts))
  let loading: Promise<Api> | null = null
  const load = async (): Promise<Api> => {
    const { Api } = await import('../api/api')
    const dispatch = createDispatch({
      operations: {
        ...operations,
        handlers: { ...operations.handlers, ...clients.handlers },
        ...(documents && { concernedBy: (naming, reference) => concernedBy(documents, naming, reference) }),
      },
      ...{ clock, log: log.child('api'), audit },
    })
    const options: ApiOptions = {
      ...{ site: clients.site, dispatch, bearer, attempts, clock, log: log.child('api'), version, audit },
      onChange: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    }
    return new Api(options)
  }
  const withApi = (use: (api: Api) => void, failed: () => void): void => {
    loading ??= load()
    loading.then(use).catch((error: unknown) => {
      log.log('error', 'The client API could not answer', { message: failureOf(error).message })
      failed()
    })
  }
  const guest: PortGuest = {
    owns: (path) => path === API_PATH || path.startsWith(`${API_PATH}/`),
    request: (request, response, at) =>
      withApi(
        (api) => api.request(request, response, at),
        () => response.destroy(),
      ),
    upgrade: (request, socket, head, at) =>
      withApi(
        (api) => api.upgrade(request, socket, head, at),
        () => socket.destroy(),
      ),
  }
  return { guest, end: async () => (await loading?.catch(() => null))?.[Symbol.asyncDispose]() }
}

const byAccounts =
  (accounts: Accounts): TokenBearer =>
  (token) => {
    const found = accounts.tokenOf(token)
    return found === null ? null : accounts.caller(found.userId, { tokenId: found.tokenId, via: 'api' })
  }

/** On a port of its own, with TLS wherever the network is in between. */
async function listen(parts: Parts, guests: readonly PortGuest[], stack: AsyncDisposableStack): Promise<void> {
  const { settings, secrets, clock, random, log, place } = parts
  const { apiHost: host, apiPort: port } = settings
  const [{ listenForClients, needsTls }, { machineNames, openAuthority }] = await Promise.all([
    import('../api/server'),
    import('../platform/authority'),
  ])
  const names = [...machineNames(), ...(ANY_ADDRESS.has(host) ? [] : [host])]
  const authority = needsTls(host)
    ? stack.use(await openAuthority({ secrets, clock, random, logger: log.child('authority'), names }))
    : null
  const server = stack.use(
    await listenForClients({ host, port, identity: authority, names, guests, log: log.child('api') }),
  )
  place.url = `${authority === null ? 'http' : 'https'}://${hostFor(host)}:${server.port}${API_PATH}`
  place.caPem = authority?.caPem ?? null
  log.log('info', 'Clients of the systems are served', { url: place.url })
}

/** As others reach it. */
function hostFor(host: string): string {
  if (!ANY_ADDRESS.has(host)) return host.includes(':') ? `[${host}]` : host
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')
  return own?.address ?? '127.0.0.1'
}
