import { z } from 'zod'
import { HoldfastError } from '../../../shared/model/failures'
import { SECRET_BYTES_MAX, secretRef } from '../../../shared/model/secrets'

/** A password or token in a document: the text itself, or the name of a sealed value that is put in its place before a driver sees it. */
export const secret = z.union(
  [z.string().max(SECRET_BYTES_MAX), secretRef],
  `a text of up to ${SECRET_BYTES_MAX} characters, or {secretRef: NAME}`,
)
export type Secret = z.infer<typeof secret>

/** The text of a secret. A reference that is still one here could not be resolved on this controller. */
export function secretText(value: Secret | undefined): string | null {
  if (value === undefined) return null
  if (typeof value === 'string') return value
  throw new HoldfastError('unauthenticated', `the secret ${value.secretRef} is not known on this controller`, {
    hint: 'Set the secret on this controller, or enter the password in the module. Where secrets are locked, `holdfast status` says so, and how to open them.',
  })
}
