import { z } from 'zod'
import type { Failure } from '../../../../shared/model/failures'

const details = z.object({
  problems: z.array(z.object({ kind: z.string().optional(), field: z.string(), message: z.string().optional() })),
})

/** What the controller says about single fields of one document; empty when its refusal is about something else. */
export function fieldErrorsOf(failure: Failure | null, of = 'edge'): Readonly<Record<string, string>> {
  const parsed = details.safeParse(failure?.details)
  if (!parsed.success || !failure) return {}
  const ofEdge = parsed.data.problems.filter(({ kind }) => kind === undefined || kind === of)
  return Object.fromEntries(ofEdge.map(({ field, message }) => [field, message ?? failure.message]))
}
