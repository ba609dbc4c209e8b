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

/** Stands in a document for a value that is kept elsewhere. */
export const secretRef = z.strictObject({ secretRef: secretName })

/** The names of all secrets that a module's settings refer to, each once. */
export function secretsIn(value: unknown): string[] {
  const names = new Set<string>()
  mapped(value, (name) => void names.add(name))
  return [...names]
}

/** The same value with texts in place of references. A reference that `valueOf` answers with null stays. */
export function withSecretValues<T>(value: T, valueOf: (name: string) => string | null): T {
  return mapped(value, valueOf) as T
}

function mapped(value: unknown, valueOf: (name: string) => string | null | void): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => mapped(item, valueOf))
  const reference = secretRef.safeParse(value)
  if (reference.success) return valueOf(reference.data.secretRef) ?? value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, valueOf)]))
}
