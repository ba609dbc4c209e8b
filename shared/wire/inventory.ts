import { z } from 'zod'
import { resource, resourceKinds } from '../model/inventory'

/**
 * The inventory feed, pulled by the master in the shape of `documents.read`: events after the cursor, or pieces of one snapshot in order of kind and id.
 *
 *     edge                                   master
 *      │ inventory.changed {head}              │
 *      ├──────────────────────────────────────►│
 *      │       inventory.read {cursor}         │
 *      │◄──────────────────────────────────────┤
 *      │ events | a piece of the snapshot      │
 *      ├──────────────────────────────────────►│ one transaction: rows and cursor
 */
/** The first version of the link protocol that knows of inventories. */
export const INVENTORY_SINCE_VERSION = 2

const cursor = z.object({ feedId: z.string().max(64), seq: z.int().min(0), runId: z.string().max(64) })
const seq = z.int().min(0)

export const inventoryEvent = z.object({
  seq: z.int().min(1),
  runId: z.string().max(64),
  /** The controller that emitted it. */
  sourceId: z.string().max(64),
  /** When it was noticed, by the edge's calendar. */
  at: z.number(),
  /** `<kind>.<what>`, see `resourceEvents`. */
  type: z.string().max(64),
  kind: z.enum(resourceKinds),
  id: z.string().min(1).max(300),
  /** As it is from now on; null: it is gone. */
  row: resource.nullable(),
})
export type InventoryEvent = z.infer<typeof inventoryEvent>

/** Rows and events of one answer: as many as fit into a piece of the link, and never more than this. */
export const INVENTORY_ANSWER_ITEMS_MAX = 2_000

export const inventoryReadParams = z.object({
  cursor: cursor.nullable(),
  snapshotAt: seq.nullable().default(null),
  offset: z.int().min(0).default(0),
})

export const inventoryReadResult = z.discriminatedUnion('mode', [
  z.object({
    mode: z.literal('events'),
    feedId: z.string().max(64),
    entries: z.array(inventoryEvent).max(INVENTORY_ANSWER_ITEMS_MAX),
    head: seq,
    more: z.boolean(),
    /** When each kind was last read without an error, by the edge's calendar: what has not changed since is as old as this. */
    confirmed: z.partialRecord(z.enum(resourceKinds), z.number()),
  }),
  z.object({
    mode: z.literal('snapshot'),
    feedId: z.string().max(64),
    seq,
    runId: z.string().max(64),
    offset: z.int().min(0),
    total: z.int().min(0),
    rows: z.array(resource).max(INVENTORY_ANSWER_ITEMS_MAX),
  }),
])
export type InventoryAnswer = z.output<typeof inventoryReadResult>

/** Edge -> master: the feed has grown; read when convenient. */
export const inventoryChanged = z.object({ head: seq })
