import type { z } from 'zod'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import {
  enrolOutcome,
  helloOutcome,
  linkOutcome,
  type ClientHello,
  type Enrolled,
  type EnrolHello,
  type ServerHello,
} from '../../shared/wire/handshake'
import { LINK_PROTOCOL_VERSIONS } from '../../shared/wire/version'
import type { Random } from '../platform/ports'
import type { HandshakeChannel } from './handshake-channel'
import type { Binding } from './handshake-server'
import { holds, joinedSecret, proofs, type Proofs, type TranscriptFields } from './proof'

const NONCE_BYTES = 32

export interface Introduction {
  planeId: string
  edgeId: string
  instanceId: string
  secretId: string
  secret: Uint8Array
  programVersion: string
  random: Random
  versions?: readonly number[]
}

/** A link that both sides have proven. */
export interface Welcomed {
  readonly session: string
  readonly version: number
  readonly serverVersion: string
}

/**
 * The edge's side of the opening exchange. Rejects with `HoldfastError`: `refused` when the server does not know the secret (then ours is not proven to it
 * either), or what a server that does know it refused with.
 */
export async function introduce(channel: HandshakeChannel, binding: Binding, edge: Introduction): Promise<Welcomed> {
  const { planeId, edgeId, instanceId, secretId, programVersion } = edge
  const opening: ClientHello = {
    ...{ type: 'hello', connection: 'edge', planeId, edgeId, instanceId, secretId, programVersion },
    versions: [...(edge.versions ?? LINK_PROTOCOL_VERSIONS)],
    clientNonce: Buffer.from(edge.random.bytes(NONCE_BYTES)).toString('hex'),
  }
  const { answer, fields, expected } = await open(
    channel,
    opening,
    { kind: 'edge', planeId, edgeId, instanceId, secretId },
    edge.secret,
    binding,
  )
  const outcome = await prove(channel, answer, expected, linkOutcome)
  if (fields.versionChosen === null)
    throw new HoldfastError('version-mismatch', 'The master welcomed a version it did not choose')
  return { session: outcome.session, version: fields.versionChosen, serverVersion: answer.programVersion }
}

export interface Joining {
  tokenId: string
  token: Uint8Array
  instanceId: string
  timeZone: string
  programVersion: string
  random: Random
}

/** The joining machine's side, over TLS whose authority has been checked against the join code. */
export async function enrol(
  channel: HandshakeChannel,
  binding: Binding,
  joining: Joining,
): Promise<Omit<Enrolled, 'type'> & { planeId: string; secret: Buffer }> {
  const { tokenId, instanceId, timeZone, programVersion } = joining
  const opening: EnrolHello = {
    ...{ type: 'enrol', instanceId, tokenId, timeZone, programVersion },
    versions: [...LINK_PROTOCOL_VERSIONS],
    clientNonce: Buffer.from(joining.random.bytes(NONCE_BYTES)).toString('hex'),
  }
  const { answer, fields, expected } = await open(
    channel,
    opening,
    { kind: 'enrol', edgeId: '', instanceId, secretId: tokenId },
    joining.token,
    binding,
  )
  const { type: _, ...outcome } = await prove(channel, answer, expected, enrolOutcome)
  return {
    ...outcome,
    planeId: answer.planeId,
    secret: joinedSecret(joining.token, fields, outcome.edgeId, outcome.secretId),
  }
}

type Named = Pick<TranscriptFields, 'kind' | 'edgeId' | 'instanceId' | 'secretId'> & { planeId?: string }

async function open(
  channel: HandshakeChannel,
  opening: ClientHello | EnrolHello,
  named: Named,
  secret: Uint8Array,
  binding: Binding,
) {
  channel.send(opening)
  const answer = await channel.receive(helloOutcome)
  if (answer.type === 'refused') throw refusedWith(answer.failure)
  if (answer.version !== null && !opening.versions.includes(answer.version)) {
    throw new HoldfastError('version-mismatch', `The master chose version ${answer.version}, which was not offered`)
  }
  const fields: TranscriptFields = {
    ...named,
    ...binding,
    // A joining machine learns the plane's id here; an edge holds the server to the one it joined.
    planeId: named.planeId ?? answer.planeId,
    versionsOffered: opening.versions,
    versionChosen: answer.version,
    clientNonce: Buffer.from(opening.clientNonce, 'hex'),
    serverNonce: Buffer.from(answer.serverNonce, 'hex'),
  }
  return { answer, fields, expected: proofs(secret, fields) }
}

async function prove<T extends { type: string }>(
  channel: HandshakeChannel,
  hello: ServerHello,
  expected: Proofs,
  outcomes: z.ZodType<T | { type: 'refused'; proven: boolean; failure: Failure }>,
): Promise<Exclude<T, { type: 'refused' }>> {
  const isProven = holds(expected.server, hello.serverProof)
  channel.send(isProven ? { type: 'proof', clientProof: expected.client.toString('hex') } : { type: 'unproven' })
  const outcome = await channel.receive(outcomes)
  if (outcome.type === 'refused') throw refusedWith((outcome as { failure: Failure }).failure)
  if (!isProven) throw new HoldfastError('refused', 'The master could not prove that it knows the secret')
  return outcome as Exclude<T, { type: 'refused' }>
}

function refusedWith({ code, message, ...more }: Failure): HoldfastError {
  return new HoldfastError(code, message, more)
}
