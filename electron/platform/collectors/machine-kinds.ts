import { z } from 'zod'
import { resourceSchemas, type Reading } from '../../../shared/model/inventory'

/** What the reader process can be asked for. */
export const machineParts = ['host', 'network', 'storage', 'virtualbox', 'windowsServices'] as const
export type MachinePart = (typeof machineParts)[number]

const reading = z
  .looseObject({ kind: z.enum(['host', 'network', 'storage', 'vm', 'service']), id: z.string() })
  .transform((value, context): Reading => {
    const read = resourceSchemas[value.kind].safeParse({ ...value, asOf: 0 })
    if (!read.success) {
      context.addIssue(
        `${value.kind} ${value.id}: ${read.error.issues[0]?.path.join('.') ?? ''} ${read.error.issues[0]?.message ?? ''}`,
      )
      return z.NEVER
    }
    const { asOf: _, ...rest } = read.data
    return rest
  })

const unread = z.object({ idPrefix: z.string(), reason: z.string().max(500), isAbsent: z.boolean().optional() })

/** The one answer of a reader process. */
export const machineAnswer = z.union([
  z.object({ readings: z.array(reading).max(100_000), unread: z.array(unread).max(10).default([]) }),
  z.object({ failure: z.string() }),
])
