import { z } from 'zod'
import { drainStates, fleetReaches, fleetRoles, fleetStatuses, memberSaid, nodeHost, nodeId } from '../model/fleet'
import { LINK_PORT } from '../model/defaults'
import { edgeRef, limited, none, operation } from './operation'

/** By id, by the name or id of its edge, by `address:port`, or by an address or host name that only one has. */
const fleetRef = z.string().min(1).max(300)
const ofNode = z.object({ nodeId: fleetRef })
/** In use, 0..1; null: not told. */
const share = z.number().nullable()

export const fleetNodeView = z.object({
  id: nodeId,
  hostname: z.string(),
  address: z.string(),
  /** Null: it dials, and nothing is known to listen there. */
  port: z.number().nullable(),
  role: z.enum(fleetRoles),
  status: z.enum(fleetStatuses),
  statusSince: z.number(),
  reach: z.enum(fleetReaches),
  /** Why it is not online, in English; null: it is. `said` is the same for every language (`memberText` puts it into words). */
  cause: z.string().nullable(),
  said: memberSaid.nullable().optional(),
  /** When it was heard last, epoch ms; null: never. What follows was told then. */
  lastSeen: z.number().nullable(),
  version: z.string().nullable(),
  cpu: share,
  memory: share,
  disk: share,
  systems: z.number().nullable(),
  modules: z.number().nullable(),
  /** The controller that answers. It is there whenever there is another node. */
  isLocal: z.boolean(),
  /** The edge whose link proves that it is this node; null: none does. */
  edgeId: z.string().nullable(),
  edgeName: z.string().nullable(),
  /** Null: 90 s. */
  offlineAfterMs: z.number().nullable(),
  registeredAt: z.number(),
  registeredBy: z.string(),
  drain: z
    .object({
      since: z.number(),
      by: z.string(),
      reason: z.string(),
      state: z.enum(drainStates),
      detail: z.string().nullable(),
    })
    .nullable(),
})
export type FleetNodeView = z.infer<typeof fleetNodeView>

export const fleetSorts = [
  'name',
  'address',
  'status',
  'role',
  'lastSeen',
  'since',
  'version',
  'cpu',
  'memory',
  'disk',
  'systems',
  'modules',
] as const
export type FleetSort = (typeof fleetSorts)[number]

const page = z.object({
  /** Any of them. */
  statuses: z.array(z.enum(fleetStatuses)).min(1).max(fleetStatuses.length).optional(),
  role: z.enum(fleetRoles).optional(),
  /** Part of host name, address, version or the edge's name, whatever the case. */
  text: z.string().max(200).optional(),
  offset: z.int().min(0).max(1_000_000).default(0),
  limit: limited(500, 50),
  /** `name`: of the edge, else of the host. `status`: worst first. */
  sort: z.enum(fleetSorts).default('name'),
  isDescending: z.boolean().default(false),
})
export type FleetPage = z.output<typeof page>

/** Of all nodes, whatever the filter. */
const totals = z.record(z.enum(fleetStatuses), z.number())
const nodePage = z.object({ nodes: z.array(fleetNodeView), total: z.number(), offset: z.number(), totals })
export type FleetNodePage = z.infer<typeof nodePage>

const named = fleetNodeView.pick({ id: true, hostname: true, address: true, port: true })
const summary = z.object({
  nodes: z.number(),
  totals,
  /** The same, the worst status first; those that no node has are left out. */
  byStatus: z.array(z.object({ status: z.enum(fleetStatuses), nodes: z.number() })),
  /** Null: there is no node. */
  worst: z.enum(fleetStatuses).nullable(),
  /** The nodes that are not online, the worst first, at most 20. */
  attention: z.array(
    fleetNodeView.pick({
      ...{ id: true, hostname: true, address: true, edgeId: true, edgeName: true, status: true },
      ...{ statusSince: true, lastSeen: true, cause: true, said: true },
    }),
  ),
  /** Who leads: without a cluster the master that answers. Null: there is no fleet yet. */
  leader: named.nullable(),
})
export type FleetSummary = z.infer<typeof summary>

/** The service `fleet`. Its eighth operation, the heartbeat, is no one's to call: it comes over the link (`fleet.heartbeat` in shared/wire). */
export const fleetOperations = {
  'fleet.listNodes': operation('viewer', false, page, nodePage),
  'fleet.getNode': operation('viewer', false, ofNode, fleetNodeView),
  'fleet.getSummary': operation('viewer', false, none, summary),
  /** Where one is registered at this address and port, or for this edge, that one is changed and keeps its id. What is not named stays. */
  'fleet.registerNode': operation(
    'operator',
    true,
    z.object({
      address: nodeHost,
      port: z.int().min(1).max(65_535).default(LINK_PORT),
      hostname: z.string().trim().min(1).max(255).optional(),
      role: z.enum(fleetRoles).optional(),
      /** Not heard for so long is offline; null: 90 s. */
      offlineAfterMs: z.int().min(4_000).max(86_400_000).nullable().optional(),
      /** Whose link proves that it is this node. Without it the first edge that links from this address, or by this host name. */
      ofEdge: edgeRef.optional(),
    }),
    z.object({ node: fleetNodeView, isNew: z.boolean() }),
  ),
  /** Its edge stays an edge, and is not registered by itself again before it joins again or somebody registers it. */
  'fleet.removeNode': operation('operator', true, ofNode, none, 'found'),
  'fleet.setRole': operation('operator', true, ofNode.extend({ role: z.enum(fleetRoles) }), fleetNodeView, 'found'),
  /**
   * `draining: false` undrains. Moves control of its site to the master, or back, and waits for that; `moved: false`: it could not be done now, `detail` says
   * why, null that nothing had to be undrained. A node that could not be moved is draining all the same.
   */
  'fleet.drainNode': operation(
    'operator',
    true,
    ofNode.extend({ draining: z.boolean().default(true), reason: z.string().trim().max(500).default('') }),
    z.object({ node: fleetNodeView, moved: z.boolean(), detail: z.string().nullable() }),
    'found',
  ),
} as const

export const fleetTopics = {
  /** A page of nodes as `fleet.listNodes` gives it, and again whenever it is another one; with the summary. */
  fleet: { kind: 'snapshot', role: 'viewer', params: page, body: nodePage.extend({ summary }) },
} as const
