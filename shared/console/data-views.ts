import { z } from 'zod'
import { lossReasons, telemetryCategories } from '../model/telemetry'
import { syncStatus } from '../wire/push'

/** What the console shows of the way of telemetry and of what has arrived. Instants are epoch ms; null means unknown or not applicable. */
const category = z.enum(telemetryCategories)
const at = z.number()
const attributes = z.record(z.string(), z.json())

const tally = z.object({ entries: z.number(), bytes: z.number() })

/** Of the buffer itself: only the controller it lies on can tell. */
export const bufferView = z.object({
  /** `full`: the disk is; `salvaging`: rows of a damaged file are being read. */
  state: z.enum(['open', 'salvaging', 'full']),
  byCategory: z.record(category, tally),
  /** Entries lost since the store was made. */
  dropped: z.record(category, tally.extend({ lastAt: at.nullable() })),
  droppedBecause: z.partialRecord(z.enum(lossReasons), z.number()),
  fileBytes: z.number(),
  deadLetterBytes: z.number(),
  switchedOff: z.array(category),
})

export const syncView = z.object({
  edgeId: z.string().nullable(),
  name: z.string(),
  /** Null: the edge was not reached since this master started. */
  status: syncStatus.nullable(),
  /** When the status was so. */
  asOf: at.nullable(),
  /** False: the edge does not answer now, and the status is the last that it told. */
  isReachable: z.boolean(),
  /** Null at a master. */
  buffer: bufferView.nullable(),
})
export type SyncView = z.infer<typeof syncView>

/** The same in short, as it stands in the status of a controller. */
export const syncBrief = syncStatus
  .pick({
    ...{ state: true, pendingEntries: true, pendingBytes: true, oldestAt: true, lastAckAt: true },
    ...{ ratePerS: true, etaS: true, dropped: true, deadLetters: true },
  })
  .extend({ asOf: at, isReachable: z.boolean() })
export type SyncBrief = z.infer<typeof syncBrief>
export type SyncState = z.infer<typeof syncStatus>['state']

/** `text`: JSON of the body, or base64 where `isBytes`; cut to `DEAD_LETTER_PREVIEW` characters unless all of it was asked for. */
export const deadLetterView = z.object({
  id: z.number(),
  feedId: z.string(),
  seq: z.number(),
  category,
  at,
  rejectedAt: at,
  code: z.string(),
  message: z.string(),
  bytes: z.number(),
  text: z.string(),
  isBytes: z.boolean(),
  isCut: z.boolean(),
})
export type DeadLetterView = z.infer<typeof deadLetterView>
export const DEAD_LETTER_PREVIEW = 200

export const telemetryStatusView = z.object({
  edgeId: z.string(),
  entries: z.number(),
  rejected: z.number(),
  fromFuture: z.number(),
  bytes: z.number(),
  lastReceivedAt: at.nullable(),
  /** How far the edge's calendar is ahead of the master's, ms; null: nothing has come lately. */
  skewMs: z.number().nullable(),
  /** Stored and not searchable or charted yet. */
  notIndexed: z.number(),
  /** Numbers that will never come, by reason. */
  gaps: z.object({ lost: z.number().optional(), acknowledged: z.number().optional() }),
})

export const logView = z.object({
  id: z.number(),
  at,
  /** As OpenTelemetry numbers it: 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error, 21-24 fatal; 0 not told. */
  severity: z.number(),
  text: z.string(),
  attributes,
  service: z.string().nullable(),
  traceId: z.string().nullable(),
  historical: z.boolean(),
})
export type LogView = z.infer<typeof logView>

/** New lines in the order in which they became searchable; late ones come with the instant at which they were written. */
export const logTail = z.object({
  lines: z.array(logView),
  /** Lines that matched and were left out since the last item, because more came than is told in its time. */
  dropped: z.number(),
})
export type LogTail = z.infer<typeof logTail>

export const seriesView = z.object({
  id: z.number(),
  name: z.string(),
  unit: z.string().nullable(),
  kind: z.string(),
  attributes,
  lastAt: at,
  lastValue: z.number(),
})
export type SeriesView = z.infer<typeof seriesView>

/** A value, or all values of the hour or day that begins at `at` (UTC): then `value` is their mean. */
export const pointView = z.object({
  at,
  value: z.number(),
  min: z.number(),
  max: z.number(),
  count: z.number(),
  /** Of a single value: it came late. */
  historical: z.boolean().optional(),
})

/** New values of the series asked for. */
export const pointTail = z.object({
  points: z.array(z.object({ series: z.number(), at, value: z.number() })),
  dropped: z.number(),
})
export type PointTail = z.infer<typeof pointTail>

export const traceView = z.object({
  traceId: z.string(),
  name: z.string(),
  service: z.string().nullable(),
  at,
  durationMs: z.number(),
  spans: z.number(),
  errors: z.number(),
})
export type TraceView = z.infer<typeof traceView>

export const spanView = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().nullable(),
  name: z.string(),
  service: z.string().nullable(),
  kind: z.string(),
  status: z.string(),
  at,
  durationMs: z.number(),
})
export type SpanView = z.infer<typeof spanView>

export const alertView = z.object({
  id: z.number(),
  at,
  receivedAt: at,
  severity: z.string(),
  state: z.string(),
  text: z.string(),
  /** It came late: it was never live here. */
  historical: z.boolean(),
  body: z.json(),
})
export type AlertView = z.infer<typeof alertView>

/** A loss at an edge as it told of it with an entry of its own. */
export const lossView = z.object({
  /** When it was told, by the edge's calendar, and when that arrived here. */
  at,
  receivedAt: at,
  category,
  reason: z.enum(lossReasons),
  entries: z.number(),
  bytes: z.number(),
  /** When the lost entries happened. */
  firstAt: at,
  lastAt: at,
  /** When the newest of them was lost. */
  lostAt: at,
  /** False: at least so many. */
  isExact: z.boolean(),
})
export type LossView = z.infer<typeof lossView>
