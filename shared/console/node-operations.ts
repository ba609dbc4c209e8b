import { z } from 'zod'
import {
  certificateMark,
  checkConfig,
  fingerprint,
  keyFacts,
  nodeCheck,
  nodeFields,
  nodeId,
  nodeSaid,
  nodeSecrets,
  nodeSsh,
  nodeStatuses,
} from '../model/fleet'
import { limited, none, operation } from './operation'

/** By id or by its unique name. */
const nodeRef = z.string().min(1).max(100)
const ofNode = z.object({ nodeId: nodeRef })

export const nodeView = nodeFields.extend({
  id: nodeId,
  /** The controller itself: it cannot be removed, and is checked without a network. */
  isLocal: z.boolean(),
  /** Rises with each change a person makes. */
  revision: z.number(),
  createdAt: z.number(),
  createdBy: z.string(),
  /** Not checked meanwhile. */
  paused: z.object({ since: z.number(), by: z.string(), reason: z.string() }).nullable(),
  /** Which secrets are set; their values are never told. */
  secretsSet: z.object({ password: z.boolean(), privateKey: z.boolean(), passphrase: z.boolean() }),
  /** Of the private key that is set; null: none is, or it could not be read without its passphrase. */
  key: keyFacts.nullable(),
  /** Pinned at first contact. */
  hostKey: keyFacts.extend({ pinnedAt: z.number() }).nullable(),
  /** What the server shows instead of the pinned key, until somebody accepts it or it is gone. */
  offeredHostKey: keyFacts.extend({ at: z.number() }).nullable(),
  /** Of its health endpoint, if that speaks TLS: pinned at first contact, and what is shown instead, as with host keys. */
  certificate: z.object({ fingerprint: certificateMark, pinnedAt: z.number() }).nullable(),
  offeredCertificate: z.object({ fingerprint: certificateMark, at: z.number() }).nullable(),
  status: z.enum(nodeStatuses),
  statusSince: z.number(),
  /** When it was last reached; null: never. */
  lastSeenAt: z.number().nullable(),
  lastCheck: nodeCheck.nullable(),
  /** Checks in a row that did not reach it. */
  failures: z.number(),
})
export type NodeView = z.infer<typeof nodeView>

export const nodeSorts = ['name', 'host', 'status', 'lastSeen', 'lastCheck', 'since'] as const
export type NodeSort = (typeof nodeSorts)[number]

const filter = z.object({
  /** These alone. */
  ids: z.array(nodeId).min(1).max(500).optional(),
  /** Any of them. */
  statuses: z.array(z.enum(nodeStatuses)).min(1).max(nodeStatuses.length).optional(),
  /** Part of name, host, description or a tag, whatever the case. */
  text: z.string().max(200).optional(),
  tag: z.string().max(50).optional(),
})
const page = filter.extend({
  offset: z.int().min(0).max(1_000_000).default(0),
  /** `status`: worst first. */
  sort: z.enum(nodeSorts).default('name'),
  isDescending: z.boolean().default(false),
})
/** Of all nodes, whatever the filter. */
const totals = z.record(z.enum(nodeStatuses), z.number())

const nodePage = z.object({ nodes: z.array(nodeView), total: z.number(), offset: z.number(), totals })
const nodeCycle = z.object({
  /** Null: none runs. */
  running: z.object({ since: z.number(), done: z.number(), total: z.number() }).nullable(),
  /** When the next one begins; null: one runs, or there is none to come. */
  nextAt: z.number().nullable(),
})
export type NodeCycle = z.infer<typeof nodeCycle>

const share = z.number().nullable()
export const nodeHealth = z.object({
  nodeId,
  name: z.string(),
  status: z.enum(nodeStatuses),
  statusSince: z.number(),
  /** In English; `said` is the same for every language (`nodeText` puts it into words). */
  cause: z.string().nullable(),
  said: nodeSaid.nullable().optional(),
  lastSeenAt: z.number().nullable(),
  lastCheckAt: z.number().nullable(),
  failures: z.number(),
  /** Share of the observed time that was not offline, 0..1; null: nothing was observed. */
  uptime: z.object({ day: share, week: share, month: share, quarter: share }),
})
export type NodeHealth = z.infer<typeof nodeHealth>

const ms = z.number()
const bucket = z.object({
  from: z.number(),
  to: z.number(),
  state: z.enum(['healthy', 'degraded', 'offline', 'paused', 'unknown']),
  /** Looks that found each state. */
  healthy: z.number(),
  degraded: z.number(),
  offline: z.number(),
  checks: z.number(),
  downMs: ms,
  /** Falls into `offline`. */
  incidents: z.number(),
  /** Of the longest outage, else of the longest degradation. */
  cause: z.string().nullable(),
  said: nodeSaid.nullable().optional(),
  /** Observed in each state; what is missing to the bucket's length is unknown. */
  ms: z.object({ healthy: ms, degraded: ms, offline: ms, paused: ms }),
})

const sshPart = nodeSsh.partial()
/** `acceptFingerprint`: of `offeredHostKey` or `offeredCertificate`; it is pinned from now on. */
const changes = nodeFields
  .omit({ ssh: true })
  .partial()
  .extend({ ssh: sshPart.optional(), secrets: nodeSecrets.optional() })

/** Any field of `checkConfig`; what is not named stays. */
const configChange = checkConfig.partial()

export const nodeOperations = {
  'nodes.listNodes': operation('viewer', false, page.extend({ limit: limited(500, 50) }), nodePage),
  'nodes.getNode': operation('viewer', false, ofNode, nodeView),
  /** Nodes hold credentials of other machines: adding and changing them is for admins. */
  'nodes.addNode': operation(
    'admin',
    true,
    changes.extend({ name: nodeFields.shape.name, host: nodeFields.shape.host }),
    nodeView,
  ),
  /** Another host or SSH port forgets the pinned key: that is another machine. */
  'nodes.updateNode': operation(
    'admin',
    true,
    changes.extend({
      nodeId: nodeRef,
      /** A text pauses the checks and says why; null goes on with them. */
      pause: z.string().trim().min(1).max(500).nullable().optional(),
      acceptFingerprint: z
        .union([fingerprint, certificateMark], { error: 'the fingerprint that was shown, like SHA256:… or AB:CD:…' })
        .optional(),
      /** Refused with `conflict` when the node has another one by now. */
      expectedRevision: z.number().optional(),
    }),
    nodeView,
  ),
  'nodes.removeNode': operation('admin', true, ofNode, none),

  /** Checks now and tells what was found. */
  'nodes.checkNodeStatus': operation('operator', true, ofNode, z.object({ node: nodeView, check: nodeCheck })),
  /** Begins a cycle over all nodes and does not wait for it; `isRunning`: one ran already, and goes on. */
  'nodes.checkAllNodes': operation('operator', true, none, z.object({ nodes: z.number(), isRunning: z.boolean() })),
  /** Asks for a check and does not wait for it. */
  'nodes.triggerNodeCheck': operation('operator', true, ofNode, none),

  /** Newest first. */
  'nodes.getCheckHistory': operation('viewer', false, ofNode.extend({ limit: limited(500, 50) }), z.array(nodeCheck)),
  /** Arguments out of range are brought into it: `intervalMs` 300,000..86,400,000 in steps of 300,000. */
  'nodes.getUptimeBar': operation(
    'viewer',
    false,
    ofNode.extend({ bucketCount: z.number().optional(), intervalMs: z.number().optional() }),
    z.object({
      nodeId,
      intervalMs: z.number(),
      bucketCount: z.number(),
      timeZone: z.string(),
      uptime: share,
      /** Oldest to newest, exactly `bucketCount`; the last one is the one that is now. */
      buckets: z.array(bucket),
    }),
  ),
  'nodes.getNodeHealthSummaries': operation(
    'viewer',
    false,
    page.extend({ limit: limited(200, 50) }),
    z.object({ nodes: z.array(nodeHealth), total: z.number(), offset: z.number(), totals }),
  ),

  /** Keys of the key folder (`~/.ssh` of the controller's user) and those that nodes have of their own. */
  'nodes.listSshKeys': operation(
    'admin',
    false,
    none,
    z.array(
      z.object({
        /** File name in the key folder, or the node's name. */
        name: z.string(),
        from: z.enum(['folder', 'node']),
        type: z.string().nullable(),
        /** Null: it cannot be told without the passphrase. */
        fingerprint: z.string().nullable(),
        /** Nodes that log in with it. */
        nodes: z.number(),
      }),
    ),
  ),
  'nodes.getCheckConfig': operation('viewer', false, none, checkConfig),
  'nodes.setCheckConfig': operation('admin', true, configChange, checkConfig),
} as const

export const nodeTopics = {
  /** A page of nodes as `nodes.listNodes` gives it, and again whenever it is another one; with the cycle of checks. */
  nodes: {
    kind: 'snapshot',
    role: 'viewer',
    params: page.extend({ limit: limited(500, 50) }),
    body: nodePage.extend({ cycle: nodeCycle }),
  },
} as const
