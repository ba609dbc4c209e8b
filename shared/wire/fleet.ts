import { z } from 'zod'

/** The first version of the link protocol in which an edge tells how it is. */
export const FLEET_SINCE_VERSION = 4

/** In use, 0..1; null: it cannot be told. */
const share = z.number().min(0).max(1).nullable()

/**
 * Edge -> master every 2,000 ms while linked, as a node of the fleet. Whose it is the link has proven: no id travels. One way, because the next one says more
 * than an answer could.
 */
export const heartbeat = z.object({
  hostname: z.string().min(1).max(255),
  version: z.string().max(40),
  cpu: share,
  memory: share,
  /** Of the file system that holds the data directory. */
  disk: share,
  /** Of its documents. */
  systems: z.int().min(0),
  modules: z.int().min(0),
})
export type Heartbeat = z.infer<typeof heartbeat>
