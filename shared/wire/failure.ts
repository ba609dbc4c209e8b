import { z } from 'zod'
import { failure, failureCodes, type FailureCode } from '../model/failures'

const known: ReadonlySet<string> = new Set(failureCodes)
const TEXT_MAX = 2_000

/** A failure as another version may send it: a code that this version does not know reads as `refused`, with its text. */
export const wireFailure = failure.extend({
  code: z
    .string()
    .max(64)
    .transform((code): FailureCode => (known.has(code) ? (code as FailureCode) : 'refused')),
  message: z.string().transform((text) => text.slice(0, TEXT_MAX)),
})
