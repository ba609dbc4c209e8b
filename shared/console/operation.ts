import { z } from 'zod'

/** Least role that may call an operation. */
export const roles = ['anonymous', 'viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** The parameter that says which edge an operation is about, and what it names: an edge, or a module or system of one. Absent in a call: the only edge. */
export type EdgeNaming = 'edge' | 'module' | 'system'
/** `found`: its handler alone can tell which edges a call is about, and judges each (`mayAt`); whoever operates none by its admins is heard by role. */
export type EdgeFinding = EdgeNaming | 'found'

export interface Operation<I extends z.ZodType, O extends z.ZodType> {
  readonly role: Role
  readonly changes: boolean
  readonly input: I
  /** For types and tests: the built program has none, see `schemasWhenAsked` in `build/builder.mjs`. */
  readonly output?: O
  readonly edgeOf: EdgeFinding | null
}

/**
 * `edgeOf`: who may call it is decided by the `admins` of that edge as well: where it has some, they alone may, besides administrators, and may whatever their
 * role from viewer up. Null: the role alone decides.
 */
export function operation<I extends z.ZodType, O extends z.ZodType>(
  role: Role,
  changes: boolean,
  input: I,
  output: O,
  edgeOf: EdgeFinding | null = null,
): Operation<I, O> {
  let schema: I | null = null
  return {
    role,
    changes,
    // The built program gives what makes the schema, see `schemasWhenAsked` in `build/builder.mjs`.
    get input() {
      return (schema ??= typeof input === 'function' ? (input as unknown as () => I)() : input)
    },
    output,
    edgeOf,
  }
}

/** An edge by id or by its unique name. */
export const edgeRef = z.string().min(1).max(100)
export const none = z.object({})

/** Telemetry of one edge; without `edge` of the only one. */
export const ofEdge = z.object({ edge: edgeRef.optional() })
export const limited = (most: number, usual: number) => z.int().min(1).max(most).default(usual)
