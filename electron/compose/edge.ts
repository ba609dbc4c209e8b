import { createHash } from 'node:crypto'
import { HoldfastError } from '../../shared/model/failures'
import { EdgeEnrolment } from './edge-enrolment'
import { edgeStores, type EdgeStores } from './edge-stores'
import type { Parts } from './parts'
import type { Site } from './site'
import type { SiteDocuments } from '../console/edge-authority'
import { AccessSync } from '../edge/access-sync'
import { noAlerts } from '../edge/alert-operations'
import { edgeApi, edgeApiOperations } from '../edge/api-site'
import { edgeOperations } from '../edge/edge-operations'
import type { EdgeRole } from '../edge/edge-role'
import { edgeStatusOf, type SiteStatus } from '../edge/edge-view'
import { noFleet } from '../edge/fleet-operations'
import { noNodes } from '../edge/node-operations'
import { ownInventoryOperations } from '../edge/site-inventory'
import { noTails, noTelemetry, ownSync, syncOperations } from '../edge/sync-operations'
import type { DocumentsReplica } from '../journal/journal'
import { namesOf } from './activity'
import { noDemo } from './demo'
import { secretOperations } from './secrets'

/** An edge that joins a master over TLS; before that it waits for a join code. */
export async function edgeSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  const stores: EdgeStores = { ...(await edgeStores(parts, stack)), ...clientsOf(parts, stack) }
  parts.activity.names = namesOf(stores.replica)
  const { clock } = parts
  const notJoinedSince = clock.wall()
  const enrolment = stack.use(new EdgeEnrolment(parts, stores))
  const role = (): EdgeRole | null => enrolment.role
  const ownBuffer = { telemetry: stores.telemetry, self: role, clock }
  const ofEdge = { role, replica: stores.replica, clock, random: parts.random }
  const operations = edgeOperations({ ...ofEdge, records: stores.records })
  const forClients = { ...ofEdge, url: () => parts.place.url }
  return {
    clients: {
      site: edgeApi(forClients),
      handlers: edgeApiOperations(forClients, operations),
      bearer: (token) => stores.clients?.access.caller(token) ?? null,
      documents: siteDocuments(stores.replica),
    },
    start: () => enrolment.begin(),
    data: { sync: ({ edge }) => ownSync(ownBuffer, edge), ...noTails },
    timeGap: () => role()?.timeGap(),
    subscribeDebug: (module, listener) => debugOf(role(), module, listener),
    onDecision: (listener) => enrolment.onDecision(listener),
    booted: () => true,
    status: () => {
      const edge = role()
      return {
        role: 'edge',
        nodeId: parts.identity.nodeId,
        name: parts.settings.name ?? edge?.name ?? 'edge',
        version: parts.version,
        booted: true,
        sync: stores.telemetry.brief(),
        documentsHead: stores.replica.head,
        ...(edge === null ? notJoined(notJoinedSince) : edgeStatusOf(edge, clock)),
      }
    },
    handlers: () => ({
      ...operations,
      ...syncOperations(ownBuffer),
      ...noTelemetry,
      ...noAlerts,
      ...noNodes,
      ...noFleet,
      ...ownInventoryOperations(stores.inventory, role, clock),
      ...noDemo,
      ...secretOperations(parts.namedSecrets, stores.replica),
      'enrolment.join': (params) => enrolment.join(params),
    }),
  }
}

/** What serves clients of the site, where the settings say so: the master is asked for tokens only then. */
function clientsOf(parts: Parts, stack: AsyncDisposableStack): Pick<EdgeStores, 'clients'> {
  const { secrets, clock, log, settings, place } = parts
  if (!settings.serveApi) return {}
  const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex')
  const access = stack.use(new AccessSync({ secrets, clock, logger: log.child('api'), digestOf }))
  return { clients: { access, url: () => place.known.then(() => place.url) } }
}

function debugOf(role: EdgeRole | null, module: string, listener: Parameters<Site['subscribeDebug']>[1]): () => void {
  if (role === null)
    throw new HoldfastError('conflict', 'This edge has not joined a master.', { hint: 'holdfast join CODE' })
  const known = role.modules().find(({ id, name }) => id === module || name === module)
  if (!known)
    throw new HoldfastError('not-found', `There is no module "${module}" at this edge.`, {
      hint: 'holdfast module list shows them.',
    })
  return role.control.runtime.debug(known.id, (lines, dropped) => listener({ lines: [...lines], dropped }))
}

const siteDocuments = (replica: DocumentsReplica): SiteDocuments => ({
  edges: () => replica.list('edge').map(({ body }) => body),
  systems: () => replica.list('system').map(({ body }) => body),
  modules: () => replica.list('module').map(({ body }) => body),
})

function notJoined(since: number): SiteStatus {
  return {
    link: {
      state: 'unknown',
      since,
      url: null,
      reason: 'This edge has not joined a master yet.',
      lastHeardAt: null,
    },
    control: {
      holder: 'none',
      epoch: 0,
      since,
      rule: null,
      reason: 'This edge has not joined a master yet.',
      handOver: null,
      degraded: false,
    },
    modules: [],
    window: { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] },
    paused: null,
    failover: true,
    autonomyAt: null,
    needs: [
      {
        id: 'not-joined',
        severity: 'warning',
        code: 'not-joined',
        text: 'This edge has not joined a master yet: holdfast join CODE',
        edgeId: null,
        since,
      },
    ],
  }
}
