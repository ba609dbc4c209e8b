import { z } from 'zod'
import { documentId, documentKinds } from '../model/documents'
import { moduleMethod, moduleView } from '../model/modules'
import { accessReadResult, apiAt, siteExecuteParams, siteStatusParams, siteSystemParams } from './api'
import { heartbeat } from './fleet'
import { inventoryChanged, inventoryReadParams, inventoryReadResult } from './inventory'
import { receiveBatchParams, receiveBatchResult, syncStatus } from './push'
import { secretsReadParams, secretsReadResult } from './secrets'

/**
 * Requests over a proven link (not frozen: see `version.ts`). Each has a schema for its parameters and its result; anything else is answered with a
 * typed refusal. `servedBy` says which side answers.
 */
const cursor = z.object({ feedId: z.string().max(64), seq: z.int().min(0), runId: z.string().max(64) })
export type FeedCursor = z.infer<typeof cursor>

export const journalEntry = z.object({
  seq: z.int().min(1),
  term: z.int().min(0),
  at: z.int(),
  runId: z.string().max(64),
  sourceId: z.string().max(64),
  actor: z.string().max(200),
  kind: z.enum(documentKinds),
  id: documentId,
  op: z.enum(['put', 'delete']),
  body: z.json(),
})
export type JournalEntry = z.infer<typeof journalEntry>

const executeParams = z.object({
  moduleId: documentId,
  method: z.string().max(100),
  args: z.record(z.string(), z.json()).default({}),
  /** A repeat of the same id within 5 minutes returns the first answer. */
  requestId: z.string().max(64),
  epoch: z.int().nullable().default(null),
})

const pauseWords = { reason: z.string().max(500), actor: z.string().max(200) }
/** Ten years. */
export const PAUSE_MS_MAX = 10 * 366 * 24 * 3_600_000

export const requestSchemas = {
  /** Documents feed, pulled: events after the cursor, or pieces of one snapshot. `next: null`: caught up to `head`. */
  'documents.read': {
    servedBy: 'master',
    params: z.object({
      cursor: cursor.nullable(),
      snapshotAt: z.int().nullable().default(null),
      offset: z.int().min(0).default(0),
    }),
    result: z.discriminatedUnion('mode', [
      z.object({
        mode: z.literal('events'),
        feedId: z.string(),
        entries: z.array(journalEntry),
        head: z.int(),
        more: z.boolean(),
      }),
      z.object({
        mode: z.literal('snapshot'),
        feedId: z.string(),
        seq: z.int(),
        runId: z.string(),
        offset: z.int(),
        total: z.int(),
        documents: z.array(
          z.object({ kind: z.enum(documentKinds), id: documentId, revision: z.int(), body: z.json() }),
        ),
      }),
    ]),
  },
  modelUpdated: { servedBy: 'edge', params: z.object({ head: z.int() }), result: z.object({ seq: z.int() }) },
  expireCache: { servedBy: 'edge', params: z.object({ systemId: documentId.optional() }), result: z.object({}) },
  'system.start': {
    servedBy: 'edge',
    params: z.object({ systemId: documentId }),
    result: z.object({ modules: z.int() }),
  },
  'system.stop': {
    servedBy: 'edge',
    params: z.object({ systemId: documentId }),
    result: z.object({ modules: z.int() }),
  },
  'module.execute': { servedBy: 'edge', params: executeParams, result: z.object({ value: z.json() }) },
  'module.status': {
    servedBy: 'edge',
    params: z.object({ moduleId: documentId.optional() }),
    result: z.object({ modules: z.array(moduleView), methods: z.array(moduleMethod).optional() }),
  },
  'debug.start': {
    servedBy: 'edge',
    params: z.object({ moduleId: documentId }),
    result: z.object({ subscription: z.string() }),
  },
  'debug.stop': { servedBy: 'edge', params: z.object({ subscription: z.string() }), result: z.object({}) },
  /** Named for later (content); refused in this version. */
  repository: { servedBy: 'edge', params: z.object({ action: z.enum(['reset', 'pull']) }), result: z.object({}) },
  liveReload: {
    servedBy: 'edge',
    params: z.object({ moduleIds: z.array(documentId).max(5_000) }),
    result: z.object({}),
  },
  /** The edge's operator asks the master to change something only the master may (pause, resume). */
  'edge.pause': {
    servedBy: 'master',
    params: z.union([
      // From receipt, so that a wrong clock at the site changes nothing; null: without expiry.
      z.object({ forMs: z.int().min(1).max(PAUSE_MS_MAX).nullable(), ...pauseWords }),
      // Versions 1 and 2: by the edge's calendar; 0: without expiry.
      z.object({ until: z.int().min(0), ...pauseWords }),
    ]),
    /** By the master's calendar; null: without expiry. Absent in versions 1 and 2. */
    result: z.object({ until: z.int().nullable().optional() }),
  },
  /** A fail-over by hand is about to be carried out: answered when the master could drive without waiting for a process to start, or cannot know. */
  'control.prepare': { servedBy: 'master', params: z.object({}), result: z.object({}) },
  'edge.resume': { servedBy: 'master', params: z.object({ actor: z.string().max(200) }), result: z.object({}) },
  'edge.preview': {
    servedBy: 'master',
    params: z.object({ assume: z.json().default({}) }),
    result: z.object({ preview: z.json() }),
  },
  /**
   * Rotation of the link secret: both sides derive the new one from the one in use (`baseId`) and the salt; both stay valid until the new one has been
   * proven once.
   */
  'secret.rotate': {
    servedBy: 'edge',
    params: z.object({
      baseId: z.string().max(64),
      secretId: z.string().max(64),
      salt: z.string().regex(/^[0-9a-f]{64}$/),
    }),
    result: z.object({}),
  },
  'secrets.read': { servedBy: 'master', params: secretsReadParams, result: secretsReadResult },
  /** Telemetry of the edge, a batch at a time; answered after the commit. Refused as a whole with `busy`, `rate-limited`, `invalid`, `conflict` (a fork), `storage`. */
  receiveBatch: { servedBy: 'master', params: receiveBatchParams, result: receiveBatchResult },
  /** Push what is pending now, at most `limit` entries; answers when it has begun. */
  drainBuffer: {
    servedBy: 'edge',
    params: z.object({ limit: z.int().min(1).optional() }),
    result: z.object({ pendingEntries: z.int().min(0) }),
  },
  getSyncStatus: { servedBy: 'edge', params: z.object({}), result: syncStatus },
  /** What exists and runs at the edge: events after the cursor, or pieces of one snapshot. */
  'inventory.read': { servedBy: 'edge', params: inventoryReadParams, result: inventoryReadResult },
  /** Systems of the asking edge, while the master drives them. Otherwise `not-in-control`: nothing is passed on twice. */
  'site.execute': { servedBy: 'master', params: siteExecuteParams, result: z.object({ value: z.json() }) },
  'site.system': { servedBy: 'master', params: siteSystemParams, result: z.object({ modules: z.int() }) },
  'site.status': {
    servedBy: 'master',
    params: siteStatusParams,
    result: z.object({ modules: z.array(moduleView), methods: z.array(moduleMethod).optional() }),
  },
  'access.read': { servedBy: 'master', params: z.object({}), result: accessReadResult },
} as const
export type RequestName = keyof typeof requestSchemas
export type RequestParams<N extends RequestName> = z.input<(typeof requestSchemas)[N]['params']>
export type RequestInput<N extends RequestName> = z.output<(typeof requestSchemas)[N]['params']>
export type RequestResult<N extends RequestName> = z.output<(typeof requestSchemas)[N]['result']>

/** One-way messages on a proven link. */
export const eventSchemas = {
  /** Master -> edge: the journal has grown; read when convenient. */
  'documents.changed': z.object({ head: z.int() }),
  /** Master -> edge: booted. */
  'master.ready': z.object({}),
  /** Edge -> master: modules whose view changed. */
  'modules.changed': z.object({ modules: z.array(moduleView).max(500), removed: z.array(documentId).max(5_000) }),
  'inventory.changed': inventoryChanged,
  'fleet.heartbeat': heartbeat,
  /** Master -> edge: a secret was set or removed; read again what is used. */
  'secrets.changed': z.object({}),
  /** Master -> edge: accounts or their tokens have changed. */
  'access.changed': z.object({}),
  /** Edge -> master. */
  'api.at': apiAt,
  /** Edge -> master: how the pushing goes, when it has changed and at most once a second. */
  'sync.changed': syncStatus,
  'debug.lines': z.object({
    subscription: z.string(),
    lines: z.array(z.object({ at: z.number(), level: z.string(), text: z.string() })).max(500),
    dropped: z.int(),
  }),
} as const
export type EventName = keyof typeof eventSchemas
export type EventBody<N extends EventName> = z.output<(typeof eventSchemas)[N]>
