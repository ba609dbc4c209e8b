import { z } from 'zod'
import { documentChange, documentId, siteKinds } from '../model/documents'
import { operation } from './operation'

export const difference = z.object({
  op: z.enum(['create', 'update', 'delete', 'same']),
  kind: z.enum(siteKinds),
  id: z.string(),
  name: z.string(),
  fields: z.array(z.object({ path: z.string(), before: z.json().optional(), after: z.json().optional() })),
})

/** The documents and their history. */
export const documentOperations = {
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
    z.object({ kinds: z.array(z.enum(siteKinds)).default([...siteKinds]) }),
    z.object({
      head: z.number(),
      documents: z.array(
        z.object({
          kind: z.enum(siteKinds),
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
} as const
