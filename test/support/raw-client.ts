import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { proofs, type TranscriptFields } from '../../electron/link/proof'
import { exporterOf, sha256 } from '../../electron/link/tls-binding'
import type { LinkPlace } from './link'

/** A client that speaks the handshake by hand and may say anything, for tests of what a listener makes of it. */
export class RawClient {
  readonly socket: WebSocket
  readonly received: unknown[] = []
  /** Everything this client sent as text. */
  readonly sent: string[] = []
  #take: (() => void) | null = null
  readonly closed: Promise<number>

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('message', (data: Buffer, isBinary) => {
      this.received.push(isBinary ? data : (JSON.parse(data.toString('utf8')) as unknown))
      this.#take?.()
    })
    this.closed = new Promise((resolve) => socket.on('close', (code) => (resolve(code), this.#take?.())))
  }

  /** Text as it is; anything else as JSON. */
  say(message: unknown): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    this.sent.push(text)
    this.socket.send(text)
  }

  /** The next message; null: the connection ended. */
  async next(): Promise<Record<string, unknown> | null> {
    while (this.received.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) return null
      await new Promise<void>((resolve) => (this.#take = resolve))
    }
    return this.received.shift() as Record<string, unknown>
  }
}

export async function rawClient(port: number): Promise<RawClient & { tls: TLSSocket }> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}`, { rejectUnauthorized: false, perMessageDeflate: false })
  const client = new RawClient(socket)
  let tls: TLSSocket | null = null
  socket.on('upgrade', (response) => (tls = response.socket as TLSSocket))
  await once(socket, 'open')
  return Object.assign(client, { tls: tls! })
}

/**
 * Connects and goes through the exchange with the stored credentials. `hello` changes what is said, `lie` what is proven. Returns the client and the
 * server's last answer (null: it closed).
 */
export async function prove(
  place: LinkPlace,
  lie: Partial<TranscriptFields> = {},
  hello: Record<string, unknown> = {},
) {
  const credentials = (await place.edgeCredentials.load())!
  const client = await rawClient(place.listener.port)
  const clientNonce = Buffer.alloc(32, 7)
  const opening = {
    ...{ type: 'hello', planeId: credentials.planeId, edgeId: credentials.edgeId, instanceId: 'instance-1' },
    ...{
      secretId: credentials.current.secretId,
      versions: [1],
      clientNonce: clientNonce.toString('hex'),
      programVersion: '0.1.0',
    },
    ...hello,
  }
  client.say(opening)
  const answer = await client.next()
  if (answer?.type !== 'hello') return { client, answer }
  const fields: TranscriptFields = {
    ...{
      kind: 'edge',
      planeId: opening.planeId,
      edgeId: opening.edgeId,
      instanceId: opening.instanceId,
      secretId: opening.secretId,
    },
    versionsOffered: opening.versions,
    versionChosen: answer.version as number,
    clientNonce,
    serverNonce: Buffer.from(answer.serverNonce as string, 'hex'),
    serverCertificate: sha256(client.tls.getPeerX509Certificate()!.raw),
    exporter: exporterOf(client.tls),
    ...lie,
  }
  const proof = proofs(Buffer.from(credentials.current.secret, 'hex'), fields)
  client.say({ type: 'proof', clientProof: proof.client.toString('hex') })
  return { client, answer: await client.next(), serverProven: proof.server.toString('hex') === answer.serverProof }
}
