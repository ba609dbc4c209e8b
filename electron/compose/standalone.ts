import path from 'node:path'
import type { StatusView } from '../../shared/console/views'
import type { DocumentChange } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { WallMs } from '../../shared/model/time'
import { english } from '../../shared/text/english'
import type { Parts } from './parts'
import type { Site } from './site'
import type { OperationHandlers } from '../console/operations'
import { enrolledControl } from '../core/control/stored'
import type { EdgeRole } from '../edge/edge-role'
import { edgeStatusOf, type SiteStatus } from '../edge/edge-view'
import { ownSync, syncOperations } from '../edge/sync-operations'
import type { Journal } from '../journal/journal'
import { loopback, type Loopback } from '../link/loopback'
import { masterApi } from '../master/api-site'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import { masterOperations } from '../master/master-operations'
import { inventoryOperations } from '../master/inventory-operations'
import { telemetryTopics } from '../master/telemetry-operations'
import type { MasterRole } from '../master/master-role'
import { demoDocuments, demoEdge } from '../modules/demo/demo-site'
import { startDemoSimulators } from '../modules/demo/demo-simulators'
import type { Clock } from '../platform/ports'
import { openAlerting } from './alerting'
import { noDemo } from './demo'
import { openFleet } from './fleet'
import { edgeStores, makeEdgeRole, type EdgeStores } from './edge'
import { secretOperations } from './secrets'
import { debugOf, makeMasterRole, masterStatus, masterStores, type MasterStores } from './master'

const siteEdge = demoEdge

/** Both roles in one process, joined by an in-process link; at first with a demo site. */
export async function standaloneSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  const { clock, random, log, settings, identity, version } = parts
  const startedAt = clock.wall()
  const master = await masterStores(parts, stack)
  const edge = await edgeStores(parts, stack)
  const desk = oneSiteDesk()
  if (edge.records.load(siteEdge.id) === null) edge.records.save(siteEdge.id, enrolledControl(clock.wall()))
  if (master.records.load(siteEdge.id) === null) master.records.save(siteEdge.id, enrolledControl(clock.wall()))
  const alerting = openAlerting(parts, master, stack)
  const role = makeMasterRole(parts, master, desk)
  stack.defer(() => role.end())
  const fleet = openFleet(parts, () => ({ ok: role.booted }), stack)
  const cable = stack.use(
    loopback({
      planeId: identity.planeId,
      edgeId: siteEdge.id,
      instanceId: identity.nodeId,
      programVersion: version,
      clock,
      random,
      logger: log.child('link'),
      directory: { admit: (peer) => role.admit(peer), standing: () => null },
    }),
  )
  const power = new EdgePower(() => makeSiteEdge(parts, edge, cable), clock)
  stack.use(power)
  const self = () => ({ edgeId: siteEdge.id, name: role.sites.get(siteEdge.id)?.document?.name ?? siteEdge.name })
  const ownBuffer = { telemetry: edge.telemetry, self, clock }
  return {
    start: async () => {
      await setUpSite(parts, master, stack)
      alerting.start(role, desk, fleet.watched)
      fleet.start()
      master.fleet.start(role)
      await role.start(() => Promise.resolve([cable.listener]))
      power.on()
    },
    journal: master.journal,
    clients: {
      site: masterApi({
        ...{ role, journal: master.journal, clock },
        ...{ url: () => parts.place.url, edgeUrl: () => parts.place.url },
      }),
    },
    subscribeAlerts: (listener) => alerting.subscribe(listener),
    subscribeNodes: (params, listener) => fleet.subscribe(params, listener),
    subscribeFleet: (params, listener) => master.fleet.subscribe(params, listener),
    timeGap: () => {
      role.timeGap()
      alerting.timeGap()
      fleet.timeGap()
      master.fleet.timeGap()
      power.edge?.timeGap()
    },
    subscribeDebug: (module, listener) => debugOf(role, master.journal, module, listener),
    onDecision: (listener) => role.onDecision(listener),
    data: { ...telemetryTopics(role, master.tails), sync: ({ edge: asked }) => ownSync(ownBuffer, asked) },
    booted: () => role.booted,
    status: () => {
      const plane = masterStatus(parts, role, desk, startedAt)
      const site = power.edge
      const own = site === null ? withoutEdge(plane, power.offSince) : edgeStatusOf(site, clock)
      const needs = [...plane.needs, ...own.needs, ...contestedNow(role, site, plane, own)]
      const name = settings.name ?? role.sites.get(siteEdge.id)?.document?.name ?? siteEdge.name
      return {
        ...plane,
        ...own,
        documentsHead: master.journal.head,
        sync: edge.telemetry.brief(),
        needs,
        role: 'standalone',
        name,
      }
    },
    handlers: () => {
      const operations = masterOperations({ role, desk, clock, random, timeZone: parts.timeZone, ...master })
      return {
        ...operations,
        ...secretOperations(parts.namedSecrets, master.journal),
        ...alerting.handlers(),
        ...fleet.handlers(),
        ...master.fleet.handlers(),
        ...inventoryOperations({ role, inventory: master.inventory }),
        ...syncOperations(ownBuffer),
        'documents.apply': (params, caller) => {
          keepSite(params.changes)
          return operations['documents.apply'](params, caller)
        },
        'enrolment.join': () => {
          throw new HoldfastError('refused', 'This controller is standalone: it is its own master.', {
            hint: 'To join a master, start with another data directory: holdfast start --role edge --data DIR',
          })
        },
        ...(settings.demo ? demoSwitches(parts, cable, power) : noDemo),
      }
    },
  }
}

function demoSwitches(
  parts: Parts,
  cable: Loopback,
  power: EdgePower,
): Pick<OperationHandlers, 'demo.cable' | 'demo.power'> {
  return {
    'demo.cable': ({ connected }) => {
      cable.setConnected(connected)
      return {}
    },
    'demo.power': async ({ on }) => {
      if (on) await power.onAgain()
      else await power.off()
      parts.changed()
      return {}
    },
  }
}

/** The edge half, which the demo can switch off like a machine. */
class EdgePower implements AsyncDisposable {
  readonly #make: () => EdgeRole
  readonly #clock: Clock
  #edge: EdgeRole | null = null
  /** The one before, until it has let go of its devices and its stores. */
  #ending: Promise<void> = Promise.resolve()
  #ended = false
  offSince: WallMs

  constructor(make: () => EdgeRole, clock: Clock) {
    this.#make = make
    this.#clock = clock
    this.offSince = clock.wall()
  }

  get edge(): EdgeRole | null {
    return this.#edge
  }

  on(): void {
    if (this.#edge !== null || this.#ended) return
    this.#edge = this.#make()
    this.#edge.start()
  }

  async onAgain(): Promise<void> {
    await this.#ending.catch(() => {})
    this.on()
  }

  off(): Promise<void> {
    const edge = this.#edge
    if (edge === null) return this.#ending
    this.#edge = null
    this.offSince = this.#clock.wall()
    return (this.#ending = edge.end())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.off()
  }
}

function makeSiteEdge(parts: Parts, stores: EdgeStores, cable: Loopback): EdgeRole {
  const { nodeId } = parts.identity
  const self = { edgeId: siteEdge.id, edgeName: siteEdge.name, instanceId: nodeId, enrolmentId: nodeId }
  return makeEdgeRole({ ...parts, bootId: parts.random.id() }, stores, cable.dialer, self)
}

/** The one edge of a standalone controller needs no secret: its link never leaves the process. */
function oneSiteDesk(): EnrolmentDesk {
  const refuse = (): never => {
    throw new HoldfastError('refused', 'A standalone controller has one site of its own; edges join a master.', {
      hint: 'Start a master with another data directory: holdfast start --role master --data DIR',
    })
  }
  return {
    isEnrolled: (edgeId) => edgeId === siteEdge.id,
    isRevoked: () => false,
    invite: refuse,
    invites: () => [],
    revokeInvite: refuse,
    revoke: refuse,
    // Never asked for: see `keepSite`.
    remove: () => {},
    rotate: refuse,
  }
}

/** Without its one edge a standalone controller would refuse its own link for ever. */
function keepSite(changes: readonly DocumentChange[]): void {
  if (!changes.some((change) => change.op === 'delete' && change.kind === 'edge' && change.id === siteEdge.id)) return
  throw new HoldfastError('refused', 'A standalone controller keeps its one site.', {
    hint: 'Rename it, or delete its systems and modules.',
  })
}

/** The documents of a first start; later only the addresses of demo devices change. */
async function setUpSite(parts: Parts, { journal }: MasterStores, stack: AsyncDisposableStack): Promise<void> {
  const { settings, log } = parts
  const isFirst = journal.head === 0
  const changes: DocumentChange[] = []
  if (settings.demo) changes.push(...(await demoChanges(parts, journal, isFirst, stack)))
  if (journal.get('edge', siteEdge.id) === null && !(isFirst && settings.demo))
    changes.push({ op: 'put', kind: 'edge', body: { id: siteEdge.id, name: settings.name ?? 'Site' } })
  if (changes.length === 0) return
  const outcome = journal.change(changes, { actor: 'system:setup' })
  if (!outcome.ok) log.log('error', 'The site could not be set up', { outcome: JSON.stringify(outcome).slice(0, 500) })
}

/** The simulated devices take free ports at each start; the documents follow. What somebody changed or deleted of them stays so. */
async function demoChanges(
  { program }: Parts,
  journal: Journal,
  isFirst: boolean,
  stack: AsyncDisposableStack,
): Promise<DocumentChange[]> {
  const anyPorts = { projector: 1, plc: 1, sensor: 1, switcher: 1 }
  const demoIds = new Set(demoDocuments(anyPorts).flatMap((change) => idOf(change) ?? []))
  const known = journal.list('module').filter(({ id }) => demoIds.has(id))
  if (!isFirst && known.length === 0) return []
  const simulators = stack.use(
    await startDemoSimulators({
      execPath: program.execPath,
      script: path.join(program.mainDir, 'simulators.js'),
      env: program.env,
    }),
  )
  const fresh = demoDocuments(simulators.ports)
  if (isFirst) return fresh
  const addresses = new Map(fresh.map((change) => [idOf(change), change.op === 'put' ? change.body['uri'] : undefined]))
  return known.flatMap(({ id, body }): DocumentChange[] => {
    const uri = addresses.get(id)
    return uri === undefined ? [] : [{ op: 'put', kind: 'module', body: { ...body, uri } }]
  })
}

const idOf = (change: DocumentChange): string | undefined =>
  change.op === 'put' && change.kind === 'module' && typeof change.body['id'] === 'string'
    ? change.body['id']
    : undefined

/** Only here can both sides be asked at once: with the cable out longer than the timeout, both drive. */
function contestedNow(
  role: MasterRole,
  site: EdgeRole | null,
  plane: Pick<ReturnType<typeof masterStatus>, 'edges'>,
  own: Pick<SiteStatus, 'control'>,
): StatusView['needs'] {
  const bothDrive =
    site?.control.state.tenure.kind === 'driving' && (role.sites.get(siteEdge.id)?.control.drives ?? false)
  if (!bothDrive) return []
  const text = `${siteEdge.name}: ${english('need.contestedNow')}`
  const seenThere = plane.edges?.find(({ id }) => id === siteEdge.id)
  return [
    {
      id: `${siteEdge.id}:contested-now`,
      severity: 'critical',
      code: 'contestedNow',
      text,
      edgeId: siteEdge.id,
      // Since the second of them began.
      since: Math.max(own.control.since, seenThere?.control.since ?? 0),
    },
  ]
}

/** The edge half is off: what is known of its site is what the other half knows, which may be driving it. */
function withoutEdge(
  plane: ReturnType<typeof masterStatus>,
  since: WallMs,
): Pick<SiteStatus, 'link' | 'control' | 'window' | 'paused' | 'failover' | 'needs'> {
  const link = {
    state: 'lost',
    since,
    url: 'loopback:',
    reason: 'The edge is powered off.',
    lastHeardAt: since,
  } as const
  const site = plane.edges?.find(({ id }) => id === siteEdge.id)
  const { window, paused, failover, control } = site ?? plane
  return {
    link,
    // Epoch and rule are the edge half's own, and it has none while it is off.
    control: {
      holder: control.holder === 'master' && site !== undefined ? 'master' : 'none',
      epoch: 0,
      since: control.holder === 'master' ? control.since : since,
      rule: null,
      reason: 'The edge is powered off.',
      handOver: null,
      degraded: control.degraded,
    },
    window,
    paused,
    failover,
    needs: [],
  }
}
