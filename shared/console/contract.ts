import { z } from 'zod'
import { decision } from '../model/control'
import { documentChange, documentId, documentKinds } from '../model/documents'
import { debugLine, moduleMethod, moduleView } from '../model/modules'
import {
  alertView,
  deadLetterView,
  logView,
  pointView,
  seriesView,
  spanView,
  syncView,
  telemetryStatusView,
  traceView,
} from './data-views'
import { inventoryListInput, inventoryView } from './inventory'
import { edgeView, previewView, statusView } from './views'

/** Least role that may call an operation. */
export const roles = ['anonymous', 'viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** An edge by id or by its unique name. */
const edgeRef = z.string().min(1).max(100)
const none = z.object({})

/** Telemetry of one edge; without `edge` of the only one. */
const ofEdge = z.object({ edge: edgeRef.optional() })
const ofTime = ofEdge.extend({ from: z.number().optional(), to: z.number().optional() })
const limited = (most: number, usual: number) => z.int().min(1).max(most).default(usual)
const letterIds = z.object({ ids: z.union([z.literal('all'), z.array(z.int().min(1)).min(1).max(1_000)]) })

export const difference = z.object({
  op: z.enum(['create', 'update', 'delete', 'same']),
  kind: z.enum(documentKinds),
  id: z.string(),
  name: z.string(),
  fields: z.array(z.object({ path: z.string(), before: z.json().optional(), after: z.json().optional() })),
})

const handOver = z.object({
  decisionId: z.string(),
  epoch: z.number(),
  holder: z.enum(['edge', 'master', 'none']),
  outcome: z.string(),
  detail: z.string().nullable(),
})

function operation<I extends z.ZodType, O extends z.ZodType>(role: Role, changes: boolean, input: I, output: O) {
  return { role, changes, input, output } as const
}

/** Every operation: least role, whether it changes anything, input and output. IPC, WebSocket, CLI and mocks are derived from this table. */
export const operations = {
  health: operation(
    'anonymous',
    false,
    none,
    z.object({ ok: z.boolean(), role: z.string(), version: z.string(), booted: z.boolean() }),
  ),
  'status.get': operation('viewer', false, none, statusView),
  'edges.list': operation('viewer', false, none, z.array(edgeView)),
  'edges.show': operation(
    'viewer',
    false,
    z.object({ edge: edgeRef }),
    z.object({ view: edgeView, document: z.record(z.string(), z.json()), revision: z.number() }),
  ),
  /** `create: true` makes a missing edge. Values arrive as JSON; `null` removes a field. */
  'edges.set': operation(
    'admin',
    true,
    z.object({
      edge: edgeRef,
      values: z.record(z.string(), z.json()),
      create: z.boolean().default(false),
      revision: z.number().optional(),
      dryRun: z.boolean().default(false),
    }),
    z.object({ head: z.number(), differences: z.array(difference) }),
  ),
  'edges.restore': operation(
    'operator',
    true,
    z.object({ edge: edgeRef.optional(), expectedEpoch: z.number().optional() }),
    handOver,
  ),
  'edges.failover': operation(
    'operator',
    true,
    z.object({ edge: edgeRef.optional(), expectedEpoch: z.number().optional() }),
    handOver,
  ),
  /** Only while the other side is unreachable; `confirm` is the site's name, typed. */
  'edges.force': operation('admin', true, z.object({ edge: edgeRef.optional(), confirm: z.string() }), handOver),
  'edges.pause': operation(
    'operator',
    true,
    z.object({
      edge: edgeRef.optional(),
      reason: z.string().min(1).max(500),
      forMs: z.number().int().min(1_000).nullable(),
    }),
    z.object({ until: z.number().nullable() }),
  ),
  'edges.resume': operation('operator', true, z.object({ edge: edgeRef.optional() }), none),
  'edges.preview': operation(
    'viewer',
    false,
    z.object({
      edge: edgeRef.optional(),
      assume: z
        .object({
          link: z.enum(['connected', 'lost']).optional(),
          window: z.enum(['in', 'out', 'unset']).optional(),
          paused: z.boolean().optional(),
          devices: z.enum(['up', 'down']).optional(),
          loading: z.boolean().optional(),
          failover: z.boolean().optional(),
          stable: z.boolean().optional(),
          holder: z.enum(['edge', 'master']).optional(),
        })
        .default({}),
    }),
    previewView,
  ),
  'edges.revoke': operation('admin', true, z.object({ edge: edgeRef, reason: z.string().max(500).default('') }), none),
  'edges.rotate': operation('admin', true, z.object({ edge: edgeRef }), z.object({ secretId: z.string() })),
  'invites.create': operation(
    'admin',
    true,
    z.object({
      edge: z.string().min(1).max(100),
      replace: z.boolean().default(false),
      validForMs: z.number().int().min(10_000).max(86_400_000).optional(),
    }),
    z.object({ code: z.string(), expiresAt: z.number(), tokenId: z.string(), edgeId: z.string() }),
  ),
  'invites.list': operation(
    'admin',
    false,
    none,
    z.array(
      z.object({
        tokenId: z.string(),
        edgeId: z.string(),
        edgeName: z.string(),
        madeBy: z.string(),
        madeAt: z.number(),
        expiresAt: z.number(),
        state: z.enum(['open', 'used', 'expired', 'revoked']),
      }),
    ),
  ),
  'invites.revoke': operation('admin', true, z.object({ tokenId: z.string() }), none),
  'decisions.list': operation(
    'viewer',
    false,
    z.object({
      edge: edgeRef.optional(),
      limit: z.number().int().min(1).max(500).default(50),
      before: z.number().optional(),
    }),
    z.array(decision),
  ),
  'systems.list': operation(
    'viewer',
    false,
    none,
    z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        edgeId: z.string().nullable(),
        modules: z.array(z.string()),
        running: z.number(),
      }),
    ),
  ),
  'systems.start': operation('operator', true, z.object({ system: z.string() }), z.object({ modules: z.number() })),
  'systems.stop': operation('operator', true, z.object({ system: z.string() }), z.object({ modules: z.number() })),
  'modules.list': operation('viewer', false, z.object({ edge: edgeRef.optional() }), z.array(moduleView)),
  'modules.status': operation(
    'viewer',
    false,
    z.object({ module: z.string() }),
    z.object({ view: moduleView, methods: z.array(moduleMethod) }),
  ),
  'modules.execute': operation(
    'operator',
    true,
    z.object({
      module: z.string(),
      method: z.string(),
      args: z.record(z.string(), z.json()).default({}),
      requestId: z.string().max(64).optional(),
    }),
    z.object({ value: z.json() }),
  ),
  /** All or nothing. With `dryRun` only the differences. */
  'documents.apply': operation(
    'admin',
    true,
    z.object({ changes: z.array(documentChange).max(20_000), dryRun: z.boolean().default(false) }),
    z.object({ head: z.number(), differences: z.array(difference) }),
  ),
  'documents.export': operation(
    'viewer',
    false,
    z.object({ kinds: z.array(z.enum(documentKinds)).default([...documentKinds]) }),
    z.object({
      head: z.number(),
      documents: z.array(
        z.object({
          kind: z.enum(documentKinds),
          id: documentId,
          revision: z.number(),
          body: z.record(z.string(), z.json()),
        }),
      ),
    }),
  ),
  'documents.history': operation(
    'viewer',
    false,
    z.object({ limit: z.number().int().min(1).max(500).default(50), before: z.number().optional() }),
    z.array(
      z.object({
        seq: z.number(),
        at: z.number(),
        actor: z.string(),
        kind: z.string(),
        id: z.string(),
        op: z.string(),
      }),
    ),
  ),
  /** Edge: the master by its join code. Refused while it already belongs to one unless `replace`. */
  'enrolment.join': operation(
    'admin',
    true,
    z.object({ code: z.string().max(4_000), replace: z.boolean().default(false) }),
    z.object({ edgeId: z.string(), edgeName: z.string(), masterUrl: z.string() }),
  ),
  /** Next five openings of a schedule that is being edited. */
  'windows.preview': operation(
    'viewer',
    false,
    z.object({
      windowStart: z.string(),
      windowLengthS: z.number(),
      windowTimeZone: z.string().optional(),
      edge: edgeRef.optional(),
    }),
    z.object({ openings: z.array(z.object({ opensAt: z.number(), closesAt: z.number() })), timeZone: z.string() }),
  ),
  /** The way of telemetry to the master: an edge tells of itself, a master asks the edge. */
  'sync.status': operation('viewer', false, ofEdge, syncView),
  /** Pushes what is pending now, without waiting for its turn; answers when that has begun. */
  'sync.drain': operation(
    'operator',
    true,
    ofEdge.extend({ limit: z.int().min(1).optional() }),
    z.object({ pendingEntries: z.number() }),
  ),
  /** What the master refused for good, oldest first, after the id `after`; kept at the edge. `next`: ask on after this id; null: that was all. */
  'sync.deadLetters': operation(
    'viewer',
    false,
    z.object({ limit: limited(500, 50), after: z.number().optional(), whole: z.boolean().default(false) }),
    z.object({ letters: z.array(deadLetterView), next: z.number().nullable() }),
  ),
  'sync.retry': operation('operator', true, letterIds, z.object({ entries: z.number() })),
  /** Deleted and counted as lost. */
  'sync.drop': operation('admin', true, letterIds, z.object({ entries: z.number() })),
  /** What edges have pushed, where they pushed it to: at a master. */
  'telemetry.status': operation('viewer', false, ofEdge, telemetryStatusView),
  /** Newest first. `text`: words that all occur, the last one perhaps not to its end. `before`: the oldest line that is known already. */
  'telemetry.logs': operation(
    'viewer',
    false,
    ofTime.extend({
      text: z.string().max(500).optional(),
      severityMin: z.int().min(0).max(24).optional(),
      traceId: z.string().max(64).optional(),
      before: z.object({ at: z.number(), id: z.number() }).optional(),
      limit: limited(1_000, 100),
    }),
    z.array(logView),
  ),
  'telemetry.series': operation(
    'viewer',
    false,
    ofEdge.extend({ name: z.string().max(500).optional(), limit: limited(10_000, 1_000) }),
    z.array(seriesView),
  ),
  'telemetry.points': operation(
    'viewer',
    false,
    ofTime.extend({
      series: z.int().min(1),
      width: z.enum(['raw', 'hour', 'day']).default('raw'),
      limit: limited(10_000, 1_000),
    }),
    z.array(pointView),
  ),
  /** Newest first. */
  'telemetry.traces': operation(
    'viewer',
    false,
    ofTime.extend({ minDurationMs: z.number().min(0).optional(), limit: limited(1_000, 100) }),
    z.array(traceView),
  ),
  'telemetry.spans': operation(
    'viewer',
    false,
    ofEdge.extend({ traceId: z.string().min(1).max(64), limit: limited(10_000, 1_000) }),
    z.array(spanView),
  ),
  /** Newest first. */
  'telemetry.alerts': operation('viewer', false, ofTime.extend({ limit: limited(1_000, 100) }), z.array(alertView)),
  /** What exists and runs at an edge, as its master knows it; an edge tells of itself. */
  'inventory.list': operation('viewer', false, inventoryListInput, inventoryView),
  /** The demo site's two switches (standalone with the demo site only). */
  'demo.cable': operation('operator', true, z.object({ connected: z.boolean() }), none),
  'demo.power': operation('operator', true, z.object({ on: z.boolean() }), none),
} as const
export type OperationName = keyof typeof operations
export type OperationInput<N extends OperationName> = z.input<(typeof operations)[N]['input']>
export type OperationParams<N extends OperationName> = z.output<(typeof operations)[N]['input']>
export type OperationOutput<N extends OperationName> = z.output<(typeof operations)[N]['output']>

/** What can be subscribed to. A snapshot topic sends its whole body once, then deltas of it; a stream sends items. */
export const topics = {
  status: { kind: 'snapshot', role: 'viewer', params: none, body: statusView },
  decisions: { kind: 'stream', role: 'viewer', params: z.object({ edge: edgeRef.optional() }), body: decision },
  debug: {
    kind: 'stream',
    role: 'operator',
    params: z.object({ module: z.string() }),
    body: z.object({ lines: z.array(debugLine), dropped: z.number() }),
  },
} as const
export type TopicName = keyof typeof topics
export type TopicParams<N extends TopicName> = z.input<(typeof topics)[N]['params']>
export type TopicBody<N extends TopicName> = z.output<(typeof topics)[N]['body']>
