import type { StatusView } from '../../shared/console/views'
import { HoldfastError } from '../../shared/model/failures'
import { translate } from '../../shared/text/text'
import path from 'node:path'
import type { Parts, Site } from '../compose'
import { enrolledControl } from '../core/control/stored'
import type { EdgeRole } from '../edge/edge-role'
import { edgeStatusOf } from '../edge/edge-view'
import { loopback, type Loopback } from '../link/loopback'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import { masterOperations } from '../master/master-operations'
import type { MasterRole } from '../master/master-role'
import { demoDocuments, demoEdge } from '../modules/demo/demo-site'
import { startDemoSimulators } from '../modules/demo/demo-simulators'
import { edgeStores, makeEdgeRole, type EdgeStores } from './edge'
import { debugOf, makeMasterRole, masterStatus, masterStores, type MasterStores } from './master'

const siteEdge = demoEdge

/** Both roles in one process, joined by an in-process link; at first with a demo site. */
export async function standaloneSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  const { clock, random, log, settings, identity, version } = parts
  const master = await masterStores(parts, stack)
  const edge = await edgeStores(parts, stack)
  const desk = oneSiteDesk()
  if (edge.records.load(siteEdge.id) === null) edge.records.save(siteEdge.id, enrolledControl(clock.wall()))
  if (master.records.load(siteEdge.id) === null) master.records.save(siteEdge.id, enrolledControl(clock.wall()))
  const role = makeMasterRole(parts, master, desk)
  stack.defer(() => role.end())
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
  let site: EdgeRole | null = null
  let offSince = clock.wall()
  stack.defer(() => site?.end())
  const powerOn = (): void => {
    site = newEdge(parts, edge, cable)
    site.start()
    parts.changed()
  }
  return {
    start: async () => {
      if (settings.demo) await setUpDemo(parts, master, stack)
      await role.start(() => Promise.resolve([cable.listener]))
      powerOn()
    },
    timeGap: () => {
      role.timeGap()
      site?.timeGap()
    },
    subscribeDebug: (module, listener) => debugOf(role, master.journal, module, listener),
    onDecision: (listener) => role.onDecision(listener),
    status: () => {
      const plane = masterStatus(parts, role, master, desk)
      const own = site === null ? { ...poweredOff(offSince), needs: [] } : edgeStatusOf(site, clock, edge.records)
      const needs = [...plane.needs, ...own.needs, ...contestedNow(role, site, clock.wall())]
      return { ...plane, ...own, needs, role: 'standalone', name: settings.name ?? siteEdge.name }
    },
    handlers: () => ({
      ...masterOperations({ role, desk, clock, random, timeZone: parts.timeZone, ...master }),
      'enrolment.join': () => {
        throw new HoldfastError('refused', 'This controller is standalone: it is its own master.', {
          hint: 'To join a master, start with another data directory: holdfast start --role edge --data DIR',
        })
      },
      'demo.cable': ({ connected }) => {
        cable.setConnected(connected)
        return {}
      },
      'demo.power': async ({ on }) => {
        if (on && site === null) powerOn()
        else if (!on && site !== null) {
          const off = site
          site = null
          offSince = clock.wall()
          await off.end()
          parts.changed()
        }
        return {}
      },
    }),
  }
}

function newEdge(parts: Parts, stores: EdgeStores, cable: Loopback): EdgeRole {
  const self = { edgeId: siteEdge.id, edgeName: siteEdge.name, instanceId: parts.identity.nodeId }
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
    rotate: refuse,
  }
}

/** The simulated devices take free ports at each start; the documents follow. */
async function setUpDemo(parts: Parts, { journal }: MasterStores, stack: AsyncDisposableStack): Promise<void> {
  const { program, log } = parts
  const simulators = stack.use(
    await startDemoSimulators({
      execPath: program.execPath,
      script: path.join(program.mainDir, 'simulators.js'),
      env: program.env,
    }),
  )
  const isFirst = journal.list('edge').length === 0
  const known = new Set(journal.list('module').map(({ id }) => id))
  // What somebody changed in the demo stays changed; only the addresses follow the simulators.
  const changes = demoDocuments(simulators.ports).flatMap((change) => {
    if (isFirst || change.op !== 'put') return [change]
    const id = typeof change.body['id'] === 'string' ? change.body['id'] : ''
    if (change.kind !== 'module' || !known.has(id)) return []
    const current = journal.get('module', id)
    return current === null ? [] : [{ ...change, body: { ...current.body, uri: change.body['uri'] ?? '' } }]
  })
  const outcome = journal.change(changes, { actor: 'system:demo' })
  if (!outcome.ok)
    log.log('error', 'The demo site could not be set up', { outcome: JSON.stringify(outcome).slice(0, 500) })
}

/** Only here can both sides be asked at once: with the cable out longer than the timeout, both drive. */
function contestedNow(role: MasterRole, site: EdgeRole | null, now: number): StatusView['needs'] {
  const bothDrive =
    site?.control.state.tenure.kind === 'driving' && (role.sites.get(siteEdge.id)?.control.drives ?? false)
  if (!bothDrive) return []
  const text = `${siteEdge.name}: ${translate('en', 'need.contestedNow')}`
  return [
    {
      id: `${siteEdge.id}:contested-now`,
      severity: 'critical',
      code: 'contestedNow',
      text,
      edgeId: siteEdge.id,
      since: now,
    },
  ]
}

function poweredOff(now: number): Pick<ReturnType<typeof edgeStatusOf>, 'link' | 'control'> {
  return {
    link: { state: 'lost', since: now, url: 'loopback:', reason: 'The edge is powered off.', lastHeardAt: null },
    control: {
      holder: 'none',
      epoch: 0,
      since: now,
      rule: null,
      reason: 'The edge is powered off.',
      handOver: null,
      degraded: false,
    },
  }
}
