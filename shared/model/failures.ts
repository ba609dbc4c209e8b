import { z } from 'zod'

/** Every way in which something is refused, the same words on the link, in the console and in the CLI. */
export const failureCodes = [
  'no-controller',
  'not-in-control',
  'stale-epoch',
  'busy',
  'rate-limited',
  'version-mismatch',
  'refused',
  'timeout',
  'link-lost',
  'invalid',
  'not-found',
  'conflict',
  'forbidden',
  'unauthenticated',
  'too-large',
  'storage',
  'loading',
  'duplicate-edge',
  'revoked',
  'code-expired',
  'code-used',
  'code-revoked',
  'wrong-authority',
  'removed',
  'unreachable',
  'internal',
] as const
export type FailureCode = (typeof failureCodes)[number]

export const failure = z.object({
  code: z.enum(failureCodes),
  message: z.string(),
  /** What to do about it. */
  hint: z.string().optional(),
  retryAfterMs: z.number().optional(),
  /** True: the request may have reached the device; nothing repeats it by itself. */
  outcomeUnknown: z.boolean().optional(),
  details: z.json().optional(),
})
export type Failure = z.infer<typeof failure>

/** An operational error: expected, typed, told to a person. */
export class HoldfastError extends Error {
  readonly code: FailureCode
  readonly hint: string | undefined
  readonly retryAfterMs: number | undefined
  readonly outcomeUnknown: boolean
  readonly details: Failure['details']
  constructor(
    code: FailureCode,
    message: string,
    more: Omit<Partial<Failure>, 'code' | 'message'> & { cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'HoldfastError'
    this.code = code
    this.hint = more.hint
    this.retryAfterMs = more.retryAfterMs
    this.outcomeUnknown = more.outcomeUnknown ?? false
    this.details = more.details
  }
  toFailure(): Failure {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
      ...(this.outcomeUnknown ? { outcomeUnknown: true } : {}),
      ...(this.details === undefined ? {} : { details: this.details }),
    }
  }
}

/** Anything thrown, as a failure that may be shown: unknown errors say `internal` and keep their text. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HoldfastError) return error.toFailure()
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) }
}
