import { z } from 'zod'
import { resource, resourceKinds } from '../model/inventory'

const kind = z.enum(resourceKinds)

export const inventoryListInput = z.object({
  /** By id or name; absent: the only one. */
  edge: z.string().min(1).max(100).optional(),
  kind: kind.optional(),
  limit: z.int().min(1).max(5_000).default(1_000),
  /** The last row that is known already; rows come in order of kind and id. */
  after: z.object({ kind, id: z.string().min(1).max(300) }).optional(),
})

export const inventoryView = z.object({
  edgeId: z.string(),
  /** When the rows were last known to be so, by the asked controller's calendar; null: nothing of this edge has been read yet. */
  asOf: z.number().nullable(),
  /** There is no link to the edge, or the copy is not caught up. */
  isStale: z.boolean(),
  rows: z.array(resource),
  total: z.number(),
  more: z.boolean(),
})
export type InventoryView = z.infer<typeof inventoryView>
