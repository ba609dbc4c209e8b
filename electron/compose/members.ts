import os from 'node:os'
import path from 'node:path'
import type { FleetNodeView } from '../../shared/console/fleet-operations'
import type { TopicBody, TopicValues } from '../../shared/console/contract'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { foldedName } from '../../shared/model/document-id'
import { after, monoMs } from '../../shared/model/time'
import { FLEET_SINCE_VERSION } from '../../shared/wire/fleet'
import type { Parts } from './parts'
import { LiveTopic } from '../console/live-topic'
import { modulesOfOwner, pauseOf } from '../core/documents/site'
import { Drainer, type DrainedSites } from '../fleet/drainer'
import { fleetOperations, type FleetHandlers } from '../fleet/fleet-operations'
import type { FleetEdges } from '../fleet/member'
import { openMembers } from '../fleet/member-rows'
import { FleetRegistry } from '../fleet/registry'
import type { Journal } from '../journal/journal'
import type { FleetDesk } from '../master/fleet-desk'
import type { MasterRole } from '../master/master-role'
import { machineFigures } from '../platform/collectors/machine-figures'

/** What every heartbeat changes is told this often: a page of ten thousand takes its time. */
const SHOWN_EVERY_MS = 1_000

/** The nodes of the fleet: controllers that tell this master how they are. */
export interface Members extends FleetDesk {
  /** Once links may come. */
  start(role: MasterRole): void
  handlers(): FleetHandlers
  /** A page of nodes with the summary, live. */
  subscribe(params: TopicValues<'fleet'>, listener: (body: TopicBody<'fleet'>) => void): () => void
  /** A controller has joined as this edge. */
  joined(edgeId: string): void
  /** Of the node that is meant; null: none is, several could be, or it is no edge's. */
  edgeIdOf(reference: string): string | null
  timeGap(): void
}

export function openMembersOf(parts: Parts, journal: Journal, stack: AsyncDisposableStack): Members {
  const { clock, random, log, dataDir, identity, settings, version } = parts
  const logger = log.child('fleet')
  let role: MasterRole | null = null
  const draining = new Set<string>()
  const topics = new Set<LiveTopic<TopicBody<'fleet'>>>()
  const shown = (): void => {
    for (const topic of topics) topic.changed()
  }
  const edges: FleetEdges = {
    edgeOf: (reference) => edgeOf(journal, reference),
    nameOf: (edgeId) => journal.get('edge', edgeId)?.body.name ?? null,
    isPaused: (edgeId) => {
      const document = journal.get('edge', edgeId)
      return document !== null && pauseOf(document.body, clock.wall()) !== null
    },
    linkHeardAt: (edgeId) => {
      const heardAt = role?.sites.get(edgeId)?.lastHeardAt ?? null
      return heardAt === null ? null : monoMs(clock.mono() - Math.max(0, clock.wall() - heardAt))
    },
  }
  const startedAt = clock.wall()
  const figures = machineFigures(clock, dataDir)
  const local = (): FleetNodeView => {
    const systems = journal.list('system').map(({ body }) => body)
    const modules = modulesOfOwner(null, systems, (id) => journal.get('module', id)?.body ?? null)
    return {
      ...{ id: identity.nodeId, hostname: os.hostname(), address: os.hostname(), port: settings.linkPort },
      ...{ role: 'master', status: 'online', statusSince: startedAt, reach: 'online', cause: null, said: null },
      ...{ lastSeen: clock.wall(), version, ...figures() },
      ...{ systems: systems.filter(({ edgeId }) => edgeId === undefined).length, modules: modules.length },
      ...{ isLocal: true, edgeId: null, edgeName: null, offlineAfterMs: null },
      ...{ registeredAt: startedAt, registeredBy: 'system', drain: null },
    }
  }
  const store = stack.use(openMembers(path.join(dataDir, 'master', 'fleet.db')))
  const registry: FleetRegistry = new FleetRegistry({
    ...{ store, clock, random, logger, edges, local, shown },
    drainOf: (member) => drainer.progressOf(member),
  })
  stack.use(registry)
  const drainer = new Drainer({
    ...{ clock, logger, draining, shown },
    sites: sitesOf(() => role, clock),
    registry: () => registry,
  })
  stack.use(drainer)
  drainer.load()
  stack.defer(
    journal.onChange(({ changed }) => {
      for (const { kind, id, body } of changed) {
        if (kind !== 'edge' || body !== null) continue
        const member = registry.ofEdge(id)
        if (member !== null) drainer.forget(member)
        registry.edgeRemoved(id)
      }
      if (changed.some(({ kind }) => kind === 'edge')) registry.documentsChanged()
    }),
  )
  const handlers = fleetOperations({
    ...{ registry, drainer, edges, local },
    adminsOf: (edgeId) => journal.get('edge', edgeId)?.body.admins ?? [],
    failoverOf: (edgeId) => journal.get('edge', edgeId)?.body.failover ?? false,
    requireBooted: () => role?.requireBooted(),
  })
  /** A fleet that cannot write is no reason to end a link. */
  const guarded = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      logger.log('warn', 'The fleet could not follow', failureOf(error))
    }
  }
  return {
    linked: (edgeId, { address, programVersion, version: spoken }) =>
      guarded(() => {
        const isSilent = spoken < FLEET_SINCE_VERSION
        registry.linked(edgeId, { address: plainAddress(address), programVersion, isSilent })
      }),
    heard: (edgeId, address, told) => guarded(() => registry.heard(edgeId, plainAddress(address), told)),
    isDraining: (edgeId) => draining.has(edgeId),
    joined: (edgeId) => guarded(() => registry.joined(edgeId)),
    edgeIdOf: (reference) => registry.edgeIdOf(reference),
    start: (master) => {
      role = master
      drainer.start()
    },
    handlers: () => handlers,
    subscribe: (params, listener) => {
      const topic = new LiveTopic(
        clock,
        () => ({ ...registry.list(params), summary: registry.summary() }),
        (error) => logger.log('warn', 'The fleet could not be told', failureOf(error)),
        SHOWN_EVERY_MS,
      )
      topic.subscribe(listener)
      topics.add(topic)
      return () => {
        topics.delete(topic)
        topic[Symbol.dispose]()
      }
    },
    timeGap: () => registry.timeGap(),
  }
}

/** As people name them. */
function edgeOf(journal: Journal, reference: string): string | null {
  if (journal.get('edge', reference) !== null) return reference
  const folded = foldedName(reference)
  return journal.list('edge').find(({ body }) => foldedName(body.name) === folded)?.id ?? null
}

/** IPv4 as such, whatever the socket makes of it. */
const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

function sitesOf(role: () => MasterRole | null, clock: Parts['clock']): DrainedSites {
  return {
    get isBooted() {
      return role()?.booted ?? false
    },
    facts: (edgeId) => {
      const site = role()?.sites.get(edgeId)
      if (site === undefined) return null
      const { control } = site
      const { link } = control.state
      const { failover, stableForMs } = site.standing()
      const isLinked = link.kind === 'linked' && link.agreed
      return {
        ...{ masterDrives: control.drives, failover, isLinked },
        isStable: isLinked && clock.mono() >= after(link.stableFrom, stableForMs),
      }
    },
    moveTo: async (edgeId, target, actor) => {
      const site = role()?.sites.get(edgeId)
      if (site === undefined) throw new HoldfastError('not-found', 'There is no such edge.')
      const { outcome, detail } = await site.control.switchTo(target, actor)
      if (outcome !== 'done') throw new HoldfastError('refused', detail ?? `the hand-over ended as ${outcome}`)
    },
    changed: (edgeId) => role()?.sites.get(edgeId)?.control.documentChanged(),
    blocked: (edgeId, detail) => {
      const site = role()?.sites.get(edgeId)
      if (detail === null) site?.incidents.clear('drain-blocked')
      else site?.incident('drain-blocked', detail)
    },
  }
}
