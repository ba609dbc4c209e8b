import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as secureConnect } from 'node:tls'
import { HoldfastError } from '../../../../shared/model/failures'
import type { Link, Turn } from '../../contract'
import { unknownOutcome } from '../exchange'

export interface WebRequest {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  readonly method: string
  /** With query, already encoded. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** For the whole of it: connecting, asking, the last byte of the answer. */
  readonly timeoutMs: number
  readonly bodyBytesMax: number
  readonly verifyCertificate: boolean
}

export interface WebAnswer {
  readonly status: number
  readonly text: string
}

/**
 * One request over a connection of its own, opened under the permit. Node's `fetch` is not used: it sends whenever its pool has connected, which
 * can be long after the gate was asked. Redirects are not followed: the document names the device, not the device another one.
 */
export async function webRequest(link: Link, turn: Turn, wish: WebRequest): Promise<WebAnswer> {
  const deadline = Date.now() + wish.timeoutMs
  const raw = await link.tcp({ host: wish.host, port: wish.port, timeoutMs: wish.timeoutMs })
  const changesDevice = wish.method !== 'GET'
  let isSent = false
  try {
    const socket = wish.secure ? await secured(raw, wish) : raw
    const answer = turn.gate.write(() => {
      isSent = true
      return exchanged(socket, wish)
    })
    return await within(answer, Math.max(1, deadline - Date.now()), wish.timeoutMs)
  } catch (error) {
    // Through TLS the gate's refusal arrives as a broken connection: the socket below knows better.
    const cause: unknown = raw.errored instanceof HoldfastError ? raw.errored : error
    const failure = cause instanceof HoldfastError ? cause : unreadable(cause)
    throw isSent && changesDevice && isAboutAnswer(failure) ? unknownOutcome(failure) : failure
  } finally {
    raw.destroy()
  }
}

/** What the gate refuses in the moment of sending did not reach the device. */
const isAboutAnswer = ({ code }: HoldfastError) => code !== 'not-in-control' && code !== 'stale-epoch'

function unreadable(error: unknown): HoldfastError {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code.startsWith('HPE_'))
    return new HoldfastError('refused', `the device does not speak HTTP: ${message}`, { cause: error })
  return new HoldfastError('unreachable', `the connection broke: ${message}`, { cause: error })
}

function within<T>(work: Promise<T>, leftMs: number, timeoutMs: number): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const expire = () => reject(new HoldfastError('timeout', `the device did not answer within ${timeoutMs} ms`))
  const timer = setTimeout(expire, leftMs)
  work.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}

async function secured(raw: Socket, { host, timeoutMs, verifyCertificate }: WebRequest): Promise<Socket> {
  const socket = secureConnect({
    socket: carried(raw),
    host,
    rejectUnauthorized: verifyCertificate,
    ...(isAddress(host) ? {} : { servername: host }),
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('secureConnect', resolve)
  socket.once('error', (error: Error) =>
    reject(new HoldfastError('unreachable', `no secure connection: ${error.message}`, { cause: error })),
  )
  socket.once('close', () => reject(new HoldfastError('unreachable', 'the device closed the connection')))
  await within(promise, timeoutMs, timeoutMs)
  return socket
}

/**
 * TLS would take a socket's handle and write past the socket, and so past its gate. A plain stream leaves it no choice but to write through it.
 */
function carried(raw: Socket): Duplex {
  const carrier = new Duplex({
    read: () => void raw.resume(),
    write: (chunk: Buffer, _encoding, done) => void raw.write(chunk, done),
    final: (done) => void raw.end(done),
    destroy: (error, done) => {
      raw.destroy()
      done(error)
    },
  })
  raw.on('data', (chunk) => carrier.push(chunk) || raw.pause())
  raw.on('end', () => carrier.push(null))
  raw.on('close', () => carrier.destroy())
  return carrier
}

const isAddress = (host: string) => /^[\d.]+$/.test(host) || host.includes(':')

function exchanged(socket: Socket, wish: WebRequest): Promise<WebAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WebAnswer>()
  const options: RequestOptions = {
    // With a connection of its own and no agent Node asks for `connection: close`.
    createConnection: () => socket,
    method: wish.method,
    path: wish.path,
    host: wish.host,
    port: wish.port,
    headers: {
      ...wish.headers,
      ...(wish.body === null ? {} : { 'content-length': String(Buffer.byteLength(wish.body)) }),
    },
    // A device may send more of them than it may of anything else.
    maxHeaderSize: 16_384,
  }
  const asked = plainRequest(options, (response) => {
    read(response, wish.bodyBytesMax).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
  })
  asked.on('error', reject)
  asked.end(wish.body ?? undefined)
  return promise
}

async function read(response: IncomingMessage, bytesMax: number): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bytesMax) throw new HoldfastError('too-large', `the device sent more than ${bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
