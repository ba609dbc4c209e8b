import { z } from 'zod'

/** Secrets that documents name by `{secretRef: NAME}`. The value itself is in no document. */
export const SECRET_BYTES_MAX = 4_096
export const SECRETS_MAX = 1_000

export const secretName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/,
    'a name of up to 200 letters, digits, dots, slashes and dashes, beginning with a letter or digit',
  )
/** One line or several; never trimmed. The bound is of its UTF-8. */
export const secretValue = z
  .string()
  .min(1)
  .max(SECRET_BYTES_MAX)
  .refine((text) => bytesOf(text) <= SECRET_BYTES_MAX, `a text of 1 to ${SECRET_BYTES_MAX} bytes`)

function bytesOf(text: string): number {
  let bytes = 0
  for (const char of text) {
    const code = char.codePointAt(0)!
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
