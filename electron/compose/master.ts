import { writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { TELEMETRY_LOST } from '../../shared/model/telemetry'
import type { DebugLine } from '../../shared/model/modules'
import { masterApiUrl } from '../../shared/api/address'
import type { StatusView } from '../../shared/console/views'
import type { Parts } from './parts'
import type { Site } from './site'
import { checkDocuments } from '../core/documents/check'
import { feedRules } from '../core/replication/feed'
import { checkSchedule } from '../core/restore/check'
import { isTimeZone } from '../core/zone'
import type { Journal } from '../journal/journal'
import { openCopies } from '../inventory/copies'
import { openJournal } from '../journal/sqlite'
import { Enrolments } from '../link/enrolments'
import { listenWs } from '../link/ws-server'
import { masterApi } from '../master/api-site'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import { lostHere } from '../master/lost-here'
import { masterOperations } from '../master/master-operations'
import { noDeadLetters, telemetryTopics } from '../master/telemetry-operations'
import { Ingest } from '../master/ingest'
import { InventorySync } from '../master/inventory'
import { inventoryOperations } from '../master/inventory-operations'
import { MasterRole } from '../master/master-role'
import { TelemetryTails } from '../master/telemetry-tails'
import { openTelemetryStores } from '../telemetry/sqlite'
import type { TelemetryStores } from '../telemetry/telemetry'
import { edgeViewOf } from '../master/master-view'
import { locateModule } from '../master/module-operations'
import { drivers } from '../modules/drivers/registry'
import { checkModule } from '../modules/module-check'
import { processRuntimes } from '../modules/process-runtimes'
import { machineNames, openAuthority } from '../platform/authority'
import type { Logger } from '../platform/ports'
import { SecretsLocked } from '../platform/secrets'
import { ensureDirectory } from '../platform/settings-file'
import { inTicks } from '../platform/ticks'
import type { ControlRecords, Enrolments as EnrolmentRows } from '../records/records'
import { openRecords } from '../records/sqlite'
import { openAlerting } from './alerting'
import { enrolmentEntry, namesOf as namesOfDocuments } from './activity'
import { noDemo } from './demo'
import { openFleet } from './fleet'
import { openMembersOf, type Members } from './members'
import { resolving, secretOperations } from './secrets'

const JOIN_URLS_MAX = 4
/** The authority's certificate, in the data directory of a master that lets other machines in. Nothing secret. */
const AUTHORITY_FILE = 'authority.pem'
const ANY_ADDRESS = new Set(['0.0.0.0', '::'])

export interface MasterStores {
  readonly records: ControlRecords & EnrolmentRows
  readonly journal: Journal
  readonly telemetry: TelemetryStores
  readonly ingest: Ingest
  readonly tails: TelemetryTails
  readonly inventory: InventorySync
  /** Known to the role by this name. */
  readonly fleet: Members
}

export async function masterStores(parts: Parts, stack: AsyncDisposableStack): Promise<MasterStores> {
  const folder = path.join(parts.dataDir, 'master')
  await ensureDirectory(folder)
  const { clock, random, log, identity, timeZone } = parts
  const rules = {
    checkModule: (document: Parameters<typeof checkModule>[0]) => checkModule(document, drivers),
    checkSchedule: (schedule: Parameters<typeof checkSchedule>[0]) => checkSchedule(schedule, clock.wall()),
    isTimeZone,
    defaultTimeZone: timeZone,
  }
  await ensureDirectory(path.join(folder, 'telemetry'))
  const journal = stack.use(
    openJournal(path.join(folder, 'journal.db'), {
      clock,
      random,
      logger: log.child('journal'),
      sourceId: identity.nodeId,
      feed: feedRules,
      check: (changes, current) => checkDocuments(changes, current, rules),
    }),
  )
  parts.activity.names = namesOfDocuments(journal)
  stack.defer(parts.activity.follow(journal))
  return {
    ...openIngest(parts, folder, stack),
    inventory: openInventorySync(parts, folder, stack),
    fleet: openMembersOf(parts, journal, stack),
    records: stack.use(openRecords(path.join(folder, 'control.db'))),
    journal,
  }
}

/** What edges have pushed; taking it ends before the files close. */
function openIngest(
  parts: Parts,
  folder: string,
  stack: AsyncDisposableStack,
): Pick<MasterStores, 'telemetry' | 'ingest' | 'tails'> {
  const log = parts.log.child('telemetry')
  const telemetry = stack.use(
    openTelemetryStores(path.join(folder, 'telemetry'), {
      clock: parts.clock,
      damage: {
        clock: parts.clock,
        told: (edgeId, what, aside) => log.log('error', 'Kept telemetry is damaged', { edgeId, what, aside }),
      },
    }),
  )
  const tails = stack.use(new TelemetryTails(parts.clock))
  const ingest = new Ingest({ stores: telemetry, tails, clock: parts.clock, logger: parts.log.child('ingest') })
  stack.defer(() => ingest.end())
  return { telemetry, ingest, tails }
}

/** The copies of the inventories of all edges. */
function openInventorySync({ clock, log }: Parts, folder: string, stack: AsyncDisposableStack): InventorySync {
  const logger = log.child('inventory')
  const copies = stack.use(openCopies(path.join(folder, 'inventory.db'), { clock, logger, rules: feedRules }))
  const inventory = new InventorySync({ copies, clock, logger })
  stack.defer(() => inventory.end())
  return inventory
}

/** Each edge is pinged every second: those of one tick in one turn of this process, and their answers mostly in one more. */
const CONTROL_TICK_MS = 20

export function makeMasterRole(parts: Parts, stores: MasterStores, desk: EnrolmentDesk): MasterRole {
  const { clock, random, log, hosts, dataDir } = parts
  const role = new MasterRole({
    ...parts,
    ...stores,
    clock: inTicks(clock, CONTROL_TICK_MS),
    secrets: parts.namedSecrets,
    desk,
    audited: ({ failure, ...told }) =>
      parts.activity.audited({
        ...{ ...told, failure, at: clock.wall(), role: 'operator', via: 'link' },
        outcome: failure === null ? 'done' : 'refused',
      }),
    logger: log.child('master'),
    runtimes: processRuntimes({
      clock,
      random,
      logger: log,
      launch: hosts,
      ledgerPath: path.join(dataDir, 'master', 'hosts.json'),
      resolve: resolving(parts.namedSecrets),
    }),
  })
  stores.ingest.onStored((edgeId, batch) => {
    const detail = lostHere(batch)
    if (detail !== null) role.sites.get(edgeId)?.incident(TELEMETRY_LOST, detail)
  })
  return role
}

/** The control plane on its own: edges link over TLS. */
export async function masterSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  const { clock, random, log, settings, secrets, identity, version } = parts
  const stores = await masterStores(parts, stack)
  const { records, journal } = stores
  const authority = stack.use(
    await openAuthority({
      secrets,
      clock,
      random,
      logger: log.child('authority'),
      names: [...machineNames(), ...namesOf(settings.masterUrls)],
      workerPath: path.join(parts.program.mainDir, 'certificate-worker.js'),
    }).catch((error: unknown) => withoutAuthority(log, error)),
  )
  const startedAt = clock.wall()
  let linkPort = settings.linkPort
  let listens = false
  const apiUrl = () => (listens ? masterApiUrl(masterUrls(settings, linkPort)[0]!) : null)
  let consoleUrl: string | null = null
  /** With the authority beside it, which people who trust this master give to their browsers. */
  const tellConsole = async (caPem: string): Promise<void> => {
    const file = path.join(parts.dataDir, AUTHORITY_FILE)
    await writeFile(file, caPem)
    consoleUrl = consoleUrlOf(masterUrls(settings, linkPort)[0]!)
    log.log('info', 'The console is open to other machines', { url: consoleUrl, authority: file })
    parts.changed()
  }
  // The role and the enrolments know each other: who may link depends on both.
  let role: MasterRole | null = null
  const enrolments = new Enrolments({
    rows: records,
    secrets,
    clock,
    random,
    logger: log.child('enrolment'),
    caSha256: authority?.caSha256 ?? null,
    masterUrls: () => masterUrls(settings, linkPort),
    edge: (edgeId) => {
      const document = journal.get('edge', edgeId)
      if (document === null) return null
      return {
        name: document.body.name,
        // Read from the disk, and only whoever joins asks for it: whether there is the edge is asked with each message.
        get epochFloor() {
          return records.load(edgeId)?.floor ?? 1
        },
      }
    },
    admission: (peer) => role?.admit(peer) ?? null,
    joined: (edgeId) => {
      role?.enrolled(edgeId)
      stores.fleet.joined(edgeId)
      parts.activity.record([enrolmentEntry(edgeId, journal.get('edge', edgeId)?.body.name ?? edgeId, clock.wall())])
    },
    replaced: (edgeId) => role?.replaced(edgeId),
  })
  stack.use(enrolments)
  const alerting = openAlerting(parts, stores, stack)
  const master = makeMasterRole(parts, stores, enrolments)
  role = master
  stack.defer(() => master.end())
  const fleet = openFleet(parts, () => ({ ok: master.booted }), stack)
  return {
    start: async (guests) => {
      // Without links it would take every edge for lost, and drive beside those that drive. They go on by themselves.
      if (authority === null) return
      alerting.start(master, enrolments, fleet.watched)
      fleet.start()
      stores.fleet.start(master)
      return master.start(async () => {
        const listener = await listenWs({
          host: settings.linkHost,
          port: settings.linkPort,
          authority,
          planeId: identity.planeId,
          programVersion: version,
          directory: enrolments,
          joinDesk: enrolments,
          clock,
          random,
          logger: log.child('link'),
          guests,
        })
        stack.use(listener)
        linkPort = listener.port
        listens = true
        if (settings.remoteConsole) await tellConsole(authority.caPem)
        return [listener]
      })
    },
    journal,
    clients: {
      site: masterApi({ role: master, journal, clock, url: apiUrl }),
      guestAt: () => {
        const url = apiUrl()
        return url === null || authority === null ? null : { url, caPem: authority.caPem }
      },
    },
    subscribeAlerts: (listener) => alerting.subscribe(listener),
    subscribeNodes: (params, listener) => fleet.subscribe(params, listener),
    subscribeFleet: (params, listener) => stores.fleet.subscribe(params, listener),
    timeGap: () => {
      master.timeGap()
      alerting.timeGap()
      fleet.timeGap()
      stores.fleet.timeGap()
    },
    subscribeDebug: (module, listener) => debugOf(master, journal, module, listener),
    onDecision: (listener) => master.onDecision(listener),
    data: telemetryTopics(master, stores.tails),
    booted: () => master.booted,
    status: () => ({
      ...masterStatus(parts, master, enrolments, startedAt),
      documentsHead: journal.head,
      link: listening(startedAt, masterUrls(settings, linkPort)[0] ?? null),
      consoleUrl,
    }),
    handlers: () => ({
      ...masterOperations({
        role: master,
        journal,
        records,
        desk: enrolments,
        clock,
        random,
        timeZone: parts.timeZone,
        telemetry: stores.telemetry,
      }),
      ...alerting.handlers(),
      ...fleet.handlers(),
      ...stores.fleet.handlers(),
      ...noDeadLetters,
      ...inventoryOperations({ role: master, inventory: stores.inventory }),
      ...noDemo,
      ...secretOperations(parts.namedSecrets, journal),
      'enrolment.join': () => {
        throw new HoldfastError('refused', 'This controller is a master: edges join it.', {
          hint: 'Start a controller with --role edge on the other machine.',
        })
      },
    }),
  }
}

/** Null: its key is locked. A new authority in its place would shut out every edge for good. */
function withoutAuthority(log: Logger, error: unknown): null {
  if (!(error instanceof SecretsLocked)) throw error
  const { message, hint } = failureOf(error)
  log.log('error', 'The master serves its console alone: its authority is locked', { message, hint })
  return null
}

function listening(since: number, url: string | null): StatusView['link'] {
  return { state: 'unknown', since, url, reason: null, lastHeardAt: null }
}

/** The control plane's part of the status: its own systems and every edge. */
export function masterStatus(
  parts: Parts,
  master: MasterRole,
  desk: EnrolmentDesk,
  /** Since when this controller drives its own systems. */
  since: number,
): Omit<StatusView, 'at' | 'startedAt' | 'link' | 'documentsHead'> {
  const { clock } = parts
  const edges = [...master.sites.values()].map((site) => edgeViewOf(site, { clock, desk }))
  return {
    role: 'master',
    nodeId: parts.identity.nodeId,
    name: parts.settings.name ?? 'master',
    version: parts.version,
    booted: master.booted,
    control: {
      holder: 'master',
      epoch: 0,
      since,
      rule: null,
      reason: '',
      handOver: null,
      degraded: false,
    },
    modules: [...master.own.views()],
    window: { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] },
    paused: null,
    failover: true,
    autonomyAt: null,
    needs: edges.flatMap((edge) => edge.needs),
    sync: null,
    edges,
  }
}

export function debugOf(
  master: MasterRole,
  journal: Journal,
  module: string,
  listener: (body: { lines: DebugLine[]; dropped: number }) => void,
): () => void {
  master.requireBooted()
  const { id, owner } = locateModule({ journal }, module)
  const told = (lines: readonly DebugLine[], dropped: number): void => listener({ lines: [...lines], dropped })
  return owner === null ? master.own.debug(id, told) : master.site(owner).debug(id, told)
}

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

const consoleUrlOf = (masterUrl: string): string => new URL(masterUrl.replace(/^wss/, 'https')).href

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

function namesOf(urls: readonly string[]): string[] {
  return urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : []))
}
