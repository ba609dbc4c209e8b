import { z } from 'zod'
import { none, operation } from './operation'

export const apiView = z.object({
  /** Where clients of the systems are served; null: nowhere. */
  url: z.string().nullable(),
  /** Why nowhere; null: it is somewhere. */
  reason: z.string().nullable(),
  /** The authority that clients have to trust, PEM; null: it is plain HTTP on this machine. */
  caPem: z.string().nullable(),
})
export type ApiView = z.infer<typeof apiView>

/** The client API, seen from the console. */
export const apiOperations = {
  'api.show': operation('viewer', false, none, apiView),
} as const
