import { z } from 'zod'
import { wireFailure } from './failure'

/**
 * Opening of every link connection (part of frozen control protocol 1): JSON text frames of at most 16 KiB, one each way in turn. Byte strings are
 * lower-case hex.
 *
 *     client                                server
 *     hello | enrol            ->
 *                              <-           hello (with the server's proof)
 *     proof | unproven         ->
 *                              <-           welcome | enrolled | refused
 */
const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const id = z.string().max(64)
const offeredVersions = z.array(z.int().min(1).max(1_000_000)).min(1).max(20)
const programVersion = z.string().max(40)
export const connectionKinds = ['edge', 'master', 'console'] as const
export type ConnectionKind = (typeof connectionKinds)[number]

/** Opens a link. No `connection` declared means `edge`. */
export const clientHello = z.object({
  type: z.literal('hello'),
  connection: z.enum(connectionKinds).default('edge'),
  planeId: id,
  edgeId: id,
  instanceId: id,
  secretId: id,
  versions: offeredVersions,
  clientNonce: hex32,
  programVersion,
})
export type ClientHello = z.infer<typeof clientHello>

/** Opens a joining, over TLS whose authority the join code named: the same exchange with the code's one-time token as the secret. */
export const enrolHello = z.object({
  type: z.literal('enrol'),
  instanceId: id,
  tokenId: id,
  versions: offeredVersions,
  clientNonce: hex32,
  timeZone: z.string().max(64),
  programVersion,
})
export type EnrolHello = z.infer<typeof enrolHello>
export const openingMessage = z.discriminatedUnion('type', [clientHello, enrolHello])
export type OpeningMessage = z.infer<typeof openingMessage>

/** Server's answer; `version` is null when none fits (the proof still follows; then `version-mismatch` is refused). The server proves first. */
export const serverHello = z.object({
  type: z.literal('hello'),
  planeId: id,
  version: z.int().nullable(),
  serverNonce: hex32,
  serverProof: hex32,
  programVersion,
})
export type ServerHello = z.infer<typeof serverHello>

export const clientProof = z.object({ type: z.literal('proof'), clientProof: hex32 })
/** The server's proof does not hold, so the client gives none. Counts as a failed proof; answered with the refusal a wrong proof gets. */
export const unproven = z.object({ type: z.literal('unproven') })
export const proofMessage = z.discriminatedUnion('type', [clientProof, unproven])

/** Ends the handshake: the connection is proven and open, or refused with a reason (a proven, refused edge counts as alive). */
export const welcome = z.object({ type: z.literal('welcome'), session: id })
/** Ends a joining. The edge's secret is derived by both sides from the token and the exchange: it does not travel. */
export const enrolled = z.object({
  type: z.literal('enrolled'),
  edgeId: id,
  edgeName: z.string().max(100),
  secretId: id,
  epochFloor: z.int().min(0),
  masterUrls: z.array(z.string().max(300)).max(10),
})
export type Enrolled = z.infer<typeof enrolled>
export const refusal = z.object({ type: z.literal('refused'), proven: z.boolean(), failure: wireFailure })
export type Refusal = z.infer<typeof refusal>
export const linkOutcome = z.discriminatedUnion('type', [welcome, refusal])
export const enrolOutcome = z.discriminatedUnion('type', [enrolled, refusal])
/** What may answer an opening message. */
export const helloOutcome = z.discriminatedUnion('type', [serverHello, refusal])
