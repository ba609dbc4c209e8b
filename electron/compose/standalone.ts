import type { DocumentChange } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { Parts } from './parts'
import type { Site } from './site'
import { enrolledControl } from '../core/control/stored'
import type { EdgeRole } from '../edge/edge-role'
import { edgeStatusOf } from '../edge/edge-view'
import { ownSync, syncOperations } from '../edge/sync-operations'
import { loopback, type Loopback } from '../link/loopback'
import { masterApi } from '../master/api-site'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import { demoEdge } from '../modules/demo/demo-site'
import { openControlPlane } from './control-plane'
import { demoSwitches, noDemo } from './demo'
import { EdgePower } from './edge-power'
import { makeEdgeRole } from './edge-role'
import { edgeStores, type EdgeStores } from './edge-stores'
import { masterStatus } from './master-status'
import { masterStores } from './master-stores'
import { setUpSite } from './site-documents'
import { contestedNow, withoutEdge } from './standalone-view'

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
  const plane = openControlPlane(parts, master, desk, stack)
  const { role } = plane
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
    ...plane.offered,
    start: async () => {
      await setUpSite(parts, master.journal, stack)
      plane.watch()
      await role.start(() => Promise.resolve([cable.listener]))
      power.on()
    },
    clients: {
      site: masterApi({
        ...{ role, journal: master.journal, clock },
        ...{ url: () => parts.place.url, edgeUrl: () => parts.place.url },
      }),
    },
    timeGap: () => {
      plane.offered.timeGap()
      power.edge?.timeGap()
    },
    data: { ...plane.offered.data, sync: ({ edge: asked }) => ownSync(ownBuffer, asked) },
    status: () => {
      const ofPlane = masterStatus(parts, role, desk, startedAt)
      const site = power.edge
      const own = site === null ? withoutEdge(ofPlane, power.offSince) : edgeStatusOf(site, clock)
      const needs = [...ofPlane.needs, ...own.needs, ...contestedNow(role, site, ofPlane, own)]
      const name = settings.name ?? role.sites.get(siteEdge.id)?.document?.name ?? siteEdge.name
      return {
        ...ofPlane,
        ...own,
        documentsHead: master.journal.head,
        sync: edge.telemetry.brief(),
        needs,
        role: 'standalone',
        name,
      }
    },
    handlers: () => {
      const operations = plane.handlers()
      return {
        ...operations,
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
