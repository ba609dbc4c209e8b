import { z } from 'zod'
import { failureCodes } from '../model/failures'
import { edgeRef, limited, operation, roles } from './operation'

/**
 * `change` an operation that changed something · `refusal` one that was refused · `document` an entry of the journal · `decision` who drives ·
 * `alert` something a person should look at, and its end · `enrolment` an edge that joined · `link` a link that came or went · `controller` starts and ends.
 */
export const activityKinds = [
  'change',
  'refusal',
  'document',
  'decision',
  'alert',
  'enrolment',
  'link',
  'controller',
] as const
export type ActivityKind = (typeof activityKinds)[number]

/** Through which door it came. `api`: a client of a system; `link`: from the other controller; `system`: nobody asked. */
export const activityDoors = ['window', 'browser', 'cli', 'api', 'link', 'system'] as const
export type ActivityDoor = (typeof activityDoors)[number]

export const activityItem = z.object({
  /** Unique within this controller. An item that comes again with the same id takes the other's place (a decision that ended, a refusal repeated). */
  id: z.number(),
  at: z.number(),
  kind: z.enum(activityKinds),
  /** As proven by the transport, e.g. `cli:kim`. */
  actor: z.string(),
  /** What the account of `user:<id>` was called then. Absent: it is none, or was not known here. */
  actorName: z.string().optional(),
  /** Null: not an operation. */
  role: z.enum(roles).nullable(),
  via: z.enum(activityDoors),
  op: z.string().nullable(),
  /** What it was about. `name`: as it was called then. */
  object: z.object({ kind: z.string(), id: z.string(), name: z.string().nullable() }).nullable(),
  edgeId: z.string().nullable(),
  edgeName: z.string().nullable(),
  /** `done`, `refused`, a decision's outcome, `firing` / `resolved`, the new state of a link ... */
  outcome: z.string(),
  /** Of a refusal. */
  code: z.enum(failureCodes).nullable(),
  /** One line in English. */
  text: z.string(),
  /** What else is known, without secrets: parameters, the rule of a decision. Null: nothing, or too much to keep. */
  details: z.json(),
  durationMs: z.number().nullable(),
  /** The same refusal again and again is one item. */
  times: z.number(),
  lastAt: z.number(),
})
export type ActivityItem = z.infer<typeof activityItem>

/** Where a page ends: what comes next is older. */
export const activityCursor = z.object({ at: z.number(), id: z.number() })

const filter = z.object({
  /** Epoch ms, both included. */
  from: z.number().optional(),
  to: z.number().optional(),
  /** A part of the actor's name. */
  actor: z.string().max(200).optional(),
  edge: edgeRef.optional(),
  kind: z.array(z.enum(activityKinds)).max(activityKinds.length).optional(),
  /** Words that all occur. */
  text: z.string().max(200).optional(),
})
const page = filter.extend({ before: activityCursor.optional() })

export const activityOperations = {
  /** Newest first. `next` null: that was all. A page may hold fewer than `limit`, even none, and still have a `next`: a search looks at a bounded number at a time. */
  'activity.list': operation(
    'viewer',
    false,
    page.extend({ limit: limited(500, 100) }),
    z.object({ items: z.array(activityItem), next: activityCursor.nullable() }),
  ),
  /** The same as text, a page at a time; a CSV has its header on the first page alone. */
  'activity.export': operation(
    'viewer',
    false,
    page.extend({ format: z.enum(['ndjson', 'csv']).default('ndjson'), limit: limited(2_000, 2_000) }),
    z.object({ text: z.string(), items: z.number(), next: activityCursor.nullable() }),
  ),
} as const

/** Parameters of the topic `activity`. */
export const activityTopicParams = filter.pick({ actor: true, edge: true, kind: true, text: true })
