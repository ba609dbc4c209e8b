import { z } from 'zod'
import { SECRET_BYTES_MAX } from '../model/secrets'

/**
 * `secrets.read`: the values that modules of this edge name. Each is sealed (AES-256-GCM) under a key that both sides derive from two X25519 keys made for this
 * one request, so that it lies open in no buffer, dump or relay between the two stores. Byte strings are base64.
 *
 *     edge                                        master
 *      │ secrets.read {names, publicKey}            │
 *      ├───────────────────────────────────────────►│ only names that modules of this edge refer to
 *      │        {publicKey, sealed: [{name, box}]}  │
 *      │◄───────────────────────────────────────────┤ a name without a box is not known there, or not for this edge
 */
export const SECRETS_PER_REQUEST = 200
const PUBLIC_KEY_BYTES = 32
/** Nonce and tag. */
const BOX_BYTES_MAX = SECRET_BYTES_MAX + 12 + 16

const base64 = (bytes: number) => Math.ceil(bytes / 3) * 4
const publicKey = z.string().length(base64(PUBLIC_KEY_BYTES))
const name = z.string().min(1).max(200)

export const secretsReadParams = z.object({ names: z.array(name).max(SECRETS_PER_REQUEST), publicKey })
export const secretsReadResult = z.object({
  publicKey,
  sealed: z.array(z.object({ name, box: z.string().max(base64(BOX_BYTES_MAX)) })).max(SECRETS_PER_REQUEST),
})
export type SecretsReadParams = z.output<typeof secretsReadParams>
export type SecretsReadResult = z.output<typeof secretsReadResult>
