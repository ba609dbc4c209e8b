import { HoldfastError, type Failure } from '../../shared/model/failures'
import { enrolled, openingMessage, proofMessage, type ClientHello, type EnrolHello } from '../../shared/wire/handshake'
import { LINK_PROTOCOL_VERSIONS } from '../../shared/wire/version'
import { networkOf } from '../platform/http/network'
import type { Clock, Random } from '../platform/ports'
import type { EdgeDirectory, JoinDesk, ProvenPeer } from './enrolment'
import type { FailureCounter } from './failure-counter'
import type { HandshakeChannel } from './handshake-channel'
import { holds, joinedSecret, proofs, type Proofs, type TranscriptFields } from './proof'

const NONCE_BYTES = 32

/** What this side sees of the TLS session. */
export interface Binding {
  readonly serverCertificate: Uint8Array
  readonly exporter: Uint8Array | null
}

export interface GreetingOptions {
  planeId: string
  programVersion: string
  directory: EdgeDirectory
  /** Null: this listener lets nobody join. */
  joinDesk: JoinDesk | null
  failures: FailureCounter
  clock: Pick<Clock, 'mono'>
  random: Random
  /** For tests of other versions; newest first. */
  versions?: readonly number[]
}

/** How a connection's handshake ended. `welcome` is still to be sent by the caller, once the session can receive. */
export type Greeting =
  | { result: 'proven'; peer: ProvenPeer; version: number; session: string }
  | { result: 'refused'; edgeId: string; failure: Failure }
  | { result: 'unproven'; edgeId: string; reason: string; failure: Failure }
  | { result: 'joined'; edgeId: string; instanceId: string }

/** The server's side of the opening exchange. Rejects with `HoldfastError` when the client does not follow it. */
export async function greet(
  channel: HandshakeChannel,
  binding: Binding,
  address: string,
  options: GreetingOptions,
): Promise<Greeting> {
  const opening = await channel.receive(openingMessage)
  if (opening.type === 'enrol') return greetJoining(channel, opening, binding, address, options)
  return greetEdge(channel, opening, binding, address, options)
}

async function greetEdge(
  channel: HandshakeChannel,
  hello: ClientHello,
  binding: Binding,
  address: string,
  options: GreetingOptions,
): Promise<Greeting> {
  const { edgeId, secretId, instanceId, programVersion } = hello
  if (hello.connection !== 'edge') {
    return refuse(channel, false, edgeId, {
      code: 'refused',
      message: `Connections of kind "${hello.connection}" are not served here`,
    })
  }
  // A secret of another control plane cannot fit; the exchange goes on all the same.
  const known = hello.planeId === options.planeId ? await options.directory.lookup(edgeId, secretId) : null
  const fields = fieldsOf({ ...hello, kind: hello.connection }, binding, options)
  const expected = proofs(known?.secret ?? options.random.bytes(NONCE_BYTES), fields)
  if (!(await exchange(channel, fields, expected, options)) || known === null) {
    return unproven(channel, edgeId, [`address ${networkOf(address)}`, `edge ${edgeId}`], options)
  }
  const peer: ProvenPeer = { edgeId, secretId, instanceId, programVersion, address }
  const version = fields.versionChosen
  if (version === null) {
    const ours = versionsOf(options).join(', ')
    return refuse(channel, true, edgeId, {
      code: 'version-mismatch',
      message: `The edge speaks link protocol ${hello.versions.join(', ')}, the master ${ours}`,
      hint: 'Update Holdfast on the side that is behind.',
    })
  }
  // Ends a rotation or a joining first: a machine that another one replaces is no longer in its way then.
  await options.directory.proven(peer)
  const failure = options.directory.admit(peer)
  if (failure !== null) return refuse(channel, true, edgeId, failure)
  return { result: 'proven', peer, version, session: options.random.id() }
}

async function greetJoining(
  channel: HandshakeChannel,
  hello: EnrolHello,
  binding: Binding,
  address: string,
  options: GreetingOptions,
): Promise<Greeting> {
  const { tokenId, instanceId, timeZone } = hello
  const found = (await options.joinDesk?.token(tokenId, instanceId)) ?? null
  if (found !== null && 'code' in found) return refuse(channel, false, '', found)
  const fields = fieldsOf(
    { ...hello, kind: 'enrol', edgeId: '', secretId: tokenId, planeId: options.planeId },
    binding,
    options,
  )
  const token = found ?? options.random.bytes(NONCE_BYTES)
  if (!(await exchange(channel, fields, proofs(token, fields), options)) || found === null) {
    return unproven(channel, '', [`address ${networkOf(address)}`, `token ${tokenId}`], options)
  }
  try {
    const joined = await options.joinDesk!.join({ tokenId, instanceId, timeZone }, (edgeId, secretId) =>
      joinedSecret(token, fields, edgeId, secretId),
    )
    channel.send(enrolled.parse({ type: 'enrolled', ...joined }))
    return { result: 'joined', edgeId: joined.edgeId, instanceId }
  } catch (error) {
    if (error instanceof HoldfastError) return refuse(channel, true, '', error.toFailure())
    throw error
  }
}

/** The server proves first, then the client, or says that it was not convinced. */
async function exchange(
  channel: HandshakeChannel,
  fields: TranscriptFields,
  expected: Proofs,
  { planeId, programVersion }: GreetingOptions,
): Promise<boolean> {
  channel.send({
    type: 'hello',
    planeId,
    version: fields.versionChosen,
    serverNonce: Buffer.from(fields.serverNonce).toString('hex'),
    serverProof: expected.server.toString('hex'),
    programVersion,
  })
  const answer = await channel.receive(proofMessage)
  return answer.type === 'proof' && holds(expected.client, answer.clientProof)
}

/** The one answer to whatever was not proven, so that it tells nothing about which ids exist. */
function unproven(
  channel: HandshakeChannel,
  edgeId: string,
  keys: string[],
  { failures, clock }: GreetingOptions,
): Greeting {
  const retryAfterMs = failures.failed(keys, clock.mono())
  const failure: Failure =
    retryAfterMs === null
      ? {
          code: 'refused',
          message: 'The secret was not proven',
          hint: 'Join this edge again with a new join code if its secret was lost or replaced.',
        }
      : { code: 'rate-limited', message: 'Too many attempts without the secret', retryAfterMs }
  refuse(channel, false, edgeId, failure)
  return { result: 'unproven', edgeId, reason: failure.code, failure }
}

function refuse(channel: HandshakeChannel, isProven: boolean, edgeId: string, failure: Failure): Greeting {
  channel.send({ type: 'refused', proven: isProven, failure })
  return isProven
    ? { result: 'refused', edgeId, failure }
    : { result: 'unproven', edgeId, reason: failure.code, failure }
}

type Named = Pick<TranscriptFields, 'kind' | 'planeId' | 'edgeId' | 'instanceId' | 'secretId'> &
  Pick<ClientHello, 'versions' | 'clientNonce'>

function fieldsOf(opening: Named, binding: Binding, options: GreetingOptions): TranscriptFields {
  const { kind, planeId, edgeId, instanceId, secretId } = opening
  return {
    ...{ kind, planeId, edgeId, instanceId, secretId, ...binding },
    versionsOffered: opening.versions,
    versionChosen: versionsOf(options).find((version) => opening.versions.includes(version)) ?? null,
    clientNonce: Buffer.from(opening.clientNonce, 'hex'),
    serverNonce: options.random.bytes(NONCE_BYTES),
  }
}

const versionsOf = ({ versions = LINK_PROTOCOL_VERSIONS }: GreetingOptions) => versions
