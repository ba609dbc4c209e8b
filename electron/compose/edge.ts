import { hostname } from 'node:os'
import { createHash } from 'node:crypto'
import path from 'node:path'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { Decision } from '../../shared/model/control'
import type { Parts } from './parts'
import type { Site } from './site'
import { modulesOfOwner } from '../core/documents/site'
import { feedRules } from '../core/replication/feed'
import type { StoredControl } from '../core/control/stored'
import { enrolledControl } from '../core/control/stored'
import type { SiteDocuments } from '../console/edge-authority'
import { AccessSync } from '../edge/access-sync'
import { noAlerts } from '../edge/alert-operations'
import { edgeApi, edgeApiOperations } from '../edge/api-site'
import { noFleet } from '../edge/fleet-operations'
import { noNodes } from '../edge/node-operations'
import { edgeOperations } from '../edge/edge-operations'
import { EdgeRole, type EdgeClients } from '../edge/edge-role'
import { Heartbeats } from '../edge/heartbeat'
import { edgeStatusOf, type SiteStatus } from '../edge/edge-view'
import { noTails, noTelemetry, ownSync, syncOperations } from '../edge/sync-operations'
import { openReplica } from '../journal/replica'
import type { DocumentsReplica } from '../journal/journal'
import { CredentialStore, type EdgeCredentials } from '../link/credentials'
import { joinMaster, type Joined } from '../link/joining'
import type { LinkDialer } from '../link/link'
import { wsDialer } from '../link/ws-client'
import { processRuntimes } from '../modules/process-runtimes'
import type { ModuleRuntimes } from '../modules/runtime'
import { HostMetrics } from '../platform/collectors/host-metrics'
import { machineFigures } from '../platform/collectors/machine-figures'
import type { Logger } from '../platform/ports'
import { ensureDirectory } from '../platform/settings-file'
import type { WallMs } from '../../shared/model/time'
import { openRecords } from '../records/sqlite'
import type { ControlRecords } from '../records/records'
import { ownInventoryOperations, type SiteInventory } from '../edge/site-inventory'
import type { SiteTelemetry } from '../edge/site-telemetry'
import { namesOf } from './activity'
import { noDemo } from './demo'
import { resolving, secretOperations } from './secrets'
import { openSiteInventory } from './site-inventory'
import { openSiteTelemetry, type Enrolled } from './site-telemetry'

/** What an edge has on disk and around it, whether or not it has joined. */
export interface EdgeStores {
  /** Absent: clients are not served here. */
  readonly clients?: EdgeClients & { readonly access: AccessSync }
  readonly records: ControlRecords
  readonly replica: DocumentsReplica
  readonly runtimes: ModuleRuntimes
  readonly credentials: CredentialStore
  readonly telemetry: SiteTelemetry
  readonly inventory: SiteInventory
  /** What was written from now on is this edge's. */
  named(enrolled: Enrolled): void
}

export async function edgeStores(parts: Parts, stack: AsyncDisposableStack): Promise<EdgeStores> {
  const folder = path.join(parts.dataDir, 'edge')
  await ensureDirectory(folder)
  const { clock, random, log } = parts
  const { telemetry, named } = await openSiteTelemetry(parts, folder, stack)
  const inventory = openSiteInventory(parts, folder, stack)
  const metrics = new HostMetrics({
    ...{
      sink: telemetry.outbox,
      clock,
      random,
      logger: log,
      instanceId: parts.identity.nodeId,
      version: parts.version,
    },
    mounts: () => inventory.mounts(),
  })
  metrics.start()
  stack.defer(() => metrics.end())
  return {
    telemetry,
    named,
    inventory,
    records: stack.use(openRecords(path.join(folder, 'control.db'))),
    replica: stack.use(openReplica(path.join(folder, 'documents.db'), { logger: log, feed: feedRules })),
    runtimes: processRuntimes({
      clock,
      random,
      logger: log,
      launch: parts.hosts,
      ledgerPath: path.join(folder, 'hosts.json'),
      resolve: resolving(parts.namedSecrets),
    }),
    credentials: new CredentialStore(parts.secrets),
  }
}

export interface EdgeIdentity {
  readonly edgeId: string
  readonly edgeName: string
  readonly instanceId: string
  readonly enrolmentId: string
}

export function makeEdgeRole(parts: Parts, stores: EdgeStores, dialer: LinkDialer, self: EdgeIdentity): EdgeRole {
  stores.named(self)
  void stores.clients?.access.begin(self.edgeId)
  return new EdgeRole({
    ...parts,
    ...stores,
    ...self,
    secrets: parts.namedSecrets,
    logger: parts.log.child('edge'),
    dialer,
    heartbeats: heartbeatsOf(parts, stores.replica, self.edgeId),
    rotate: (params) => stores.credentials.rotate(params),
  })
}

function heartbeatsOf({ clock, dataDir, version }: Parts, replica: DocumentsReplica, edgeId: string): Heartbeats {
  const figures = machineFigures(clock, dataDir)
  let counted = { head: -1, systems: 0, modules: 0 }
  return new Heartbeats({
    clock,
    now: () => {
      if (counted.head !== replica.head) {
        const systems = replica.list('system').map(({ body }) => body)
        const modules = modulesOfOwner(edgeId, systems, (id) => replica.get('module', id)?.body ?? null)
        const own = systems.filter((system) => system.edgeId === edgeId)
        counted = { head: replica.head, systems: own.length, modules: modules.length }
      }
      const { systems, modules } = counted
      return { hostname: hostname() || 'localhost', version: version.slice(0, 40), ...figures(), systems, modules }
    },
  })
}

/** An edge that joins a master over TLS; before that it waits for a join code. */
export async function edgeSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  const stores: EdgeStores = { ...(await edgeStores(parts, stack)), ...clientsOf(parts, stack) }
  parts.activity.names = namesOf(stores.replica)
  const { clock, log } = parts
  let role: EdgeRole | null = null
  let joining = false
  let redial: (() => Promise<void>) | null = null
  const notJoinedSince = clock.wall()
  const decided = new Set<(decision: Decision) => void>()
  stack.defer(() => role?.end())

  const begin = async (): Promise<void> => {
    const joined = await stores.credentials.load().catch((error: unknown) => lastKnown(stores, log, error))
    if (joined === null) {
      log.log('warn', 'This edge has not joined a master yet', { hint: 'holdfast join CODE' })
      return
    }
    // Said before a crash, too.
    if (joined.dropBacklog === true) await leaveEnrolment(stores, log, true)
    const { clock: _, random, version } = parts
    const dial = () =>
      wsDialer({
        credentials: stores.credentials,
        instanceId: parts.identity.nodeId,
        programVersion: version,
        clock,
        random,
        logger: log.child('link'),
      })
    let current: LinkDialer | null = await dial().catch(() => null)
    const dialer: LinkDialer = {
      get url() {
        return current?.url ?? ''
      },
      // What could not be read before is tried at each attempt, which says what is wrong.
      dial: async (signal) => (current ??= await dial()).dial(signal),
    }
    redial = async () => {
      current = await dial()
      role?.control.session?.close('joined again')
    }
    role = makeEdgeRole(parts, stores, dialer, {
      edgeId: joined.edgeId,
      edgeName: joined.edgeName,
      instanceId: parts.identity.nodeId,
      enrolmentId: enrolmentOf(parts, joined),
    })
    role.onDecision((decision) => {
      for (const listener of decided) listener(decision)
    })
    role.start()
    parts.changed()
  }

  const join = async ({ code, replace, dropBacklog }: { code: string; replace: boolean; dropBacklog: boolean }) => {
    // Whom its master has shut out has nothing to leave.
    if (role !== null && !replace && !isShutOut(role)) {
      throw new HoldfastError('conflict', `This controller is the edge "${role.name}" already.`, {
        hint: 'Use --replace to leave its master for another one.',
      })
    }
    if (joining) throw new HoldfastError('busy', 'A join code is being used already.', { retryAfterMs: 5_000 })
    joining = true
    try {
      const joined = await joinWith(parts, stores.credentials, { code, dropBacklog })
      await takeUp(joined, dropBacklog)
      return { edgeId: joined.edgeId, edgeName: joined.edgeName, masterUrl: joined.masterUrls[0] ?? '' }
    } finally {
      joining = false
    }
  }

  /** The new credentials are stored. The same edge again needs no more than a new address: its devices are driven on. */
  const takeUp = async (joined: Joined, dropBacklog: boolean): Promise<void> => {
    beginControl(stores.records, joined, clock.wall())
    if (role?.edgeId === joined.edgeId && redial !== null) {
      await leaveEnrolment(stores, log, dropBacklog)
      const enrolmentId = enrolmentOf(parts, await stores.credentials.load())
      stores.named({ edgeId: joined.edgeId, enrolmentId })
      return redial()
    }
    const former = role
    role = null
    await former?.end()
    if (!dropBacklog) await leaveEnrolment(stores, log, false)
    await begin()
  }

  const ownBuffer = { telemetry: stores.telemetry, self: () => role, clock }
  const ofEdge = { role: () => role, replica: stores.replica, clock, random: parts.random }
  const operations = edgeOperations({ ...ofEdge, records: stores.records })
  const forClients = { ...ofEdge, url: () => parts.place.url }
  return {
    clients: {
      site: edgeApi(forClients),
      handlers: edgeApiOperations(forClients, operations),
      bearer: (token) => stores.clients?.access.caller(token) ?? null,
      documents: siteDocuments(stores.replica),
    },
    start: begin,
    data: { sync: ({ edge }) => ownSync(ownBuffer, edge), ...noTails },
    timeGap: () => role?.timeGap(),
    subscribeDebug: (module, listener) => {
      if (role === null)
        throw new HoldfastError('conflict', 'This edge has not joined a master.', { hint: 'holdfast join CODE' })
      const known = role.modules().find(({ id, name }) => id === module || name === module)
      if (!known)
        throw new HoldfastError('not-found', `There is no module "${module}" at this edge.`, {
          hint: 'holdfast module list shows them.',
        })
      return role.control.runtime.debug(known.id, (lines, dropped) => listener({ lines: [...lines], dropped }))
    },
    onDecision: (listener) => {
      decided.add(listener)
      return () => void decided.delete(listener)
    },
    booted: () => true,
    status: () => ({
      role: 'edge',
      nodeId: parts.identity.nodeId,
      name: parts.settings.name ?? role?.name ?? 'edge',
      version: parts.version,
      booted: true,
      sync: stores.telemetry.brief(),
      documentsHead: stores.replica.head,
      ...(role === null ? notJoined(notJoinedSince) : edgeStatusOf(role, clock)),
    }),
    handlers: () => ({
      ...operations,
      ...syncOperations(ownBuffer),
      ...noTelemetry,
      ...noAlerts,
      ...noNodes,
      ...noFleet,
      ...ownInventoryOperations(stores.inventory, () => role, clock),
      ...noDemo,
      ...secretOperations(parts.namedSecrets, stores.replica),
      'enrolment.join': (params) => join(params),
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

const siteDocuments = (replica: DocumentsReplica): SiteDocuments => ({
  edges: () => replica.list('edge').map(({ body }) => body),
  systems: () => replica.list('system').map(({ body }) => body),
  modules: () => replica.list('module').map(({ body }) => body),
})

/** Uses a join code; the credentials are stored when it resolves. */
export function joinWith(
  parts: Pick<Parts, 'clock' | 'random' | 'log' | 'timeZone' | 'version' | 'identity'>,
  credentials: CredentialStore,
  { code, dropBacklog }: { code: string; dropBacklog: boolean },
): Promise<Joined> {
  const { clock, random, log, timeZone, version, identity } = parts
  return joinMaster({
    code,
    instanceId: identity.nodeId,
    timeZone,
    programVersion: version,
    credentials,
    dropBacklog,
    clock,
    random,
    logger: log,
  })
}

/** Enrolments of earlier versions had no name of their own. */
const enrolmentOf = ({ identity }: Pick<Parts, 'identity'>, joined: Pick<EdgeCredentials, 'enrolmentId'> | null) =>
  joined?.enrolmentId ?? identity.nodeId

const isShutOut = ({ control }: EdgeRole): boolean => /^(removed|revoked):/.test(control.state.lastFailure ?? '')

/**
 * The credentials cannot be read, perhaps because the key store that sealed them is locked. The site is driven all the same, by the one record of control there
 * is. Throws `error` where it is not plain which edge this is.
 */
function lastKnown(
  { records, replica }: EdgeStores,
  log: Logger,
  error: unknown,
): Pick<EdgeCredentials, 'edgeId' | 'edgeName' | 'enrolmentId' | 'dropBacklog'> {
  const all = [...records.all().keys()]
  // Of a machine that was another edge before, the documents tell which one it is.
  const [edgeId, ...others] = all.length === 1 ? all : all.filter((id) => replica.get('edge', id) !== null)
  if (edgeId === undefined || others.length > 0) throw error
  const { code, message, hint } = failureOf(error)
  log.log('error', 'The site is driven without a link: its credentials cannot be read', { code, message, hint })
  return { edgeId, edgeName: replica.get('edge', edgeId)?.body.name ?? edgeId }
}

/** A buffer that cannot be written is no reason to leave a site to nobody: what is to be given up stays, unpushed, until the next start tries again. */
async function leaveEnrolment(
  { telemetry, credentials }: EdgeStores,
  log: Logger,
  dropBacklog: boolean,
): Promise<void> {
  try {
    await telemetry.enrolmentOver({ dropBacklog })
    if (dropBacklog) await credentials.backlogDropped()
  } catch (error) {
    const reason = failureOf(error).message
    log.log('error', 'The buffer could not leave an earlier enrolment', { dropBacklog, reason })
  }
}

/**
 * The control record of a newly joined edge. A machine that replaces another one must not think that it holds control: it begins above every epoch the
 * master ever heard of, and the first negotiation decides.
 */
export function beginControl(
  records: ControlRecords,
  { edgeId, epochFloor }: Pick<Joined, 'edgeId' | 'epochFloor'>,
  now: WallMs,
): void {
  if (records.load(edgeId) !== null) return
  const fresh = enrolledControl(now)
  const replaced: StoredControl = {
    ...fresh,
    record: { ...fresh.record, holder: 'none', epoch: 0, agreedEpoch: 0 },
    floor: epochFloor,
  }
  records.save(edgeId, epochFloor <= 1 ? fresh : replaced)
}

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
