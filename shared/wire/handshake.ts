import { z } from 'zod'
import { failure } from '../model/failures'

/** Opening of every link connection (part of frozen control protocol 1). All byte strings are lower-case hex. */
const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const id = z.string().max(64)
export const connectionKinds = ['edge', 'master', 'console'] as const

/** Client's first message. No `connection` declared means `edge`. */
export const clientHello = z.object({
  type: z.literal('hello'), connection: z.enum(connectionKinds).default('edge'), planeId: id, edgeId: id, instanceId: id, secretId: id,
  versions: z.array(z.int().min(1).max(1_000_000)).min(1).max(20), clientNonce: hex32, programVersion: z.string().max(40),
})
export type ClientHello = z.infer<typeof clientHello>

/** Server's answer; `version` is null when none fits (the proof still follows; then `version-mismatch` is refused). The server proves first. */
export const serverHello = z.object({ type: z.literal('hello'), planeId: id, version: z.int().nullable(), serverNonce: hex32, serverProof: hex32, programVersion: z.string().max(40) })
export type ServerHello = z.infer<typeof serverHello>

export const clientProof = z.object({ type: z.literal('proof'), clientProof: hex32 })
/** Ends the handshake: the connection is proven and open, or refused with a reason (a proven, refused edge counts as alive). */
export const welcome = z.object({ type: z.literal('welcome'), session: id })
export const refusal = z.object({ type: z.literal('refused'), proven: z.boolean(), failure })
export const handshakeMessage = z.union([serverHello, clientProof, welcome, refusal])

/** Joining: over TLS whose CA hash the join code named, the one-time token as the secret of the same exchange. */
export const enrolRequest = z.object({ type: z.literal('enrol'), instanceId: id, tokenId: id, clientNonce: hex32, clientProof: hex32, timeZone: z.string().max(64), programVersion: z.string().max(40) })
export const enrolReply = z.object({
  type: z.literal('enrolled'), planeId: id, edgeId: id, edgeName: z.string().max(100), secretId: id, secret: hex32, epochFloor: z.int().min(0), caPem: z.string().max(8_000),
  masterUrls: z.array(z.string().max(300)).max(10), serverProof: hex32,
})
