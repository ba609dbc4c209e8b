import { z } from 'zod'
import {
  alertView,
  deadLetterView,
  logTail,
  logView,
  lossView,
  pointTail,
  pointView,
  seriesView,
  spanView,
  syncView,
  telemetryStatusView,
  traceView,
} from './data-views'
import { inventoryListInput, inventoryView } from './inventory'
import { limited, ofEdge, operation } from './operation'

const ofTime = ofEdge.extend({ from: z.number().optional(), to: z.number().optional() })
const letterIds = z.object({ ids: z.union([z.literal('all'), z.array(z.int().min(1)).min(1).max(1_000)]) })

/** The way of telemetry and inventory, and what arrived. */
export const dataOperations = {
  /** The way of telemetry to the master: an edge tells of itself, a master asks the edge. */
  'sync.status': operation('viewer', false, ofEdge, syncView),
  /** Pushes what is pending now, without waiting for its turn; answers when that has begun. */
  'sync.drain': operation(
    'operator',
    true,
    ofEdge.extend({ limit: z.int().min(1).optional() }),
    z.object({ pendingEntries: z.number() }),
    'edge',
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
  /** What an edge has lost, by the entries with which it told of it; newest first. Totals are in `sync.status`. */
  'telemetry.losses': operation('viewer', false, ofTime.extend({ limit: limited(1_000, 100) }), z.array(lossView)),
  /** What exists and runs at an edge, as its master knows it; an edge tells of itself. */
  'inventory.list': operation('viewer', false, inventoryListInput, inventoryView),
} as const

/** Beside `sync`, at a master or standalone controller only, as the operations are. */
export const dataTopics = {
  sync: { kind: 'snapshot', role: 'viewer', params: ofEdge, body: syncView },
  /** Log lines as they become searchable, filtered as `telemetry.logs` filters (words: all occur, in text or attributes, whatever their case). */
  logs: {
    kind: 'stream',
    role: 'viewer',
    params: ofEdge.extend({ text: z.string().max(500).optional(), severityMin: z.int().min(0).max(24).optional() }),
    body: logTail,
  },
  /** Values as they are charted. */
  points: {
    kind: 'stream',
    role: 'viewer',
    params: ofEdge.extend({ series: z.array(z.int().min(1)).min(1).max(50) }),
    body: pointTail,
  },
} as const
