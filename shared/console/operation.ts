import { z } from 'zod'

/** Least role that may call an operation. */
export const roles = ['anonymous', 'viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export function operation<I extends z.ZodType, O extends z.ZodType>(role: Role, changes: boolean, input: I, output: O) {
  return { role, changes, input, output } as const
}

/** An edge by id or by its unique name. */
export const edgeRef = z.string().min(1).max(100)
export const none = z.object({})

/** Telemetry of one edge; without `edge` of the only one. */
export const ofEdge = z.object({ edge: edgeRef.optional() })
export const limited = (most: number, usual: number) => z.int().min(1).max(most).default(usual)
