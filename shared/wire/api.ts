import { z } from 'zod'
import { documentId } from '../model/documents'

/**
 * What an edge needs to serve clients of its own. While the master drives the edge's systems, the edge passes on to it what clients ask (`site.*`); it checks them by
 * what tokens there are, which it keeps so that it can do so without a link (`access.read`).
 */
export const API_SINCE_VERSION = 4
export const ACCESS_TOKENS_MAX = 10_000

/** Who asks at the edge, e.g. `user:kim`: the master writes it down as told by that edge. */
const actor = z.string().max(200)

export const siteExecuteParams = z.object({
  moduleId: documentId,
  method: z.string().max(100),
  args: z.record(z.string(), z.json()).default({}),
  requestId: z.string().max(64),
  actor,
})
export const siteSystemParams = z.object({ systemId: documentId, start: z.boolean(), actor })
export const siteStatusParams = z.object({ systemId: documentId, methodsOf: documentId.optional() })

/** A token as far as it can be checked: `digest` is the SHA-256 of it in lower-case hex. */
export const accessToken = z.object({
  digest: z.string().length(64),
  userId: z.string().max(64),
  tokenId: z.string().max(64),
  /** The least of what token and owner may. */
  role: z.enum(['viewer', 'operator', 'admin']),
  /** It may all that its owner may, and so operates the edges that are its owner's. */
  isWhole: z.boolean(),
  expiresAt: z.number().nullable(),
})
export type AccessToken = z.infer<typeof accessToken>
export const accessReadResult = z.object({ tokens: z.array(accessToken).max(ACCESS_TOKENS_MAX) })

/** Where the edge serves clients; null: it does not. The master puts it into a header: nothing but an address may stand there. */
export const apiAt = z.object({
  url: z
    .string()
    .max(500)
    .regex(/^https?:\/\/[\w.:%[\]-]+\/api$/)
    .nullable(),
})
