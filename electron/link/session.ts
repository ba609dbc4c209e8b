import { UNSENT_BYTES_MAX } from '../../shared/model/defaults'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import type { Side } from '../../shared/model/control'
import { controlMessage, type ControlMessage } from '../../shared/wire/control'
import type { Envelope } from '../../shared/wire/messages'
import {
  eventSchemas,
  requestSchemas,
  type EventBody,
  type EventName,
  type RequestName,
  type RequestParams,
  type RequestResult,
} from '../../shared/wire/requests'
import type { Clock, Logger } from '../platform/ports'
import { acknowledgedFrame, encodeText, pulseFrame, readBinary, readEnvelope } from './frames'
import type { LinkClosed, LinkHandlers, LinkPeer, LinkSession } from './link'
import { PendingRequests, type RequestOptions } from './pending-requests'
import { Reassembly } from './reassembly'
import { SendQueue } from './send-queue'
import type { Frame, FrameTransport } from './transport'

/** Requests of the far side in work at once. Beyond it they are answered `busy`. */
export const SERVED_REQUESTS_MAX = 2_000
/** Messages held until `open`. A far side that sends more before is closed. */
const HELD_FRAMES_MAX = 4_096
/** Less than the smallest window of the far side holds beside one piece, so that it never waits for an acknowledgement we do not send. */
const ACKNOWLEDGE_EVERY_BYTES = UNSENT_BYTES_MAX / 8
const CONTROL_BYTES_MAX = 64 * 1024
/** Control messages never wait, so a far side that takes nothing must not collect them without end. */
const CONTROL_UNSENT_MAX = 1024 * 1024
const REFUSALS_LOGGED_MAX = 20

export interface SessionOptions {
  id: string
  /** This side: decides which requests it serves. */
  side: Side
  peer: LinkPeer
  transport: FrameTransport
  clock: Pick<Clock, 'mono' | 'at'>
  logger: Logger
  /** Asked before each request and event of the far side; a failure closes the session. */
  standing?: () => Failure | null
  /** Frames that came with the last message of the handshake. */
  early?: readonly Frame[]
}

export class FrameSession implements LinkSession {
  readonly id: string
  readonly peer: LinkPeer
  readonly closed: Promise<LinkClosed>
  readonly #options: SessionOptions
  readonly #pending: PendingRequests
  readonly #queue: SendQueue
  readonly #reassembly = new Reassembly()
  readonly #serving = new Set<number>()
  #handlers: LinkHandlers | null = null
  #held: Frame[]
  #takenBytes = 0
  #refusalsLogged = 0
  /** Why this session ends; set before the transport is gone. */
  #ending: LinkClosed | null = null
  #settleClosed!: (closed: LinkClosed) => void

  constructor(options: SessionOptions) {
    this.#options = options
    this.id = options.id
    this.peer = options.peer
    this.#held = [...(options.early ?? [])]
    this.#pending = new PendingRequests(options.clock)
    this.#queue = new SendQueue(
      (frame) => options.transport.send(frame),
      () => options.clock.mono(),
    )
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve))
    options.transport.listen({
      frame: (frame) => this.#receive(frame),
      closed: (reason, failure) => {
        this.#end({ reason, failure })
        this.#settleClosed(this.#ending!)
      },
    })
  }

  open(handlers: LinkHandlers): void {
    if (this.#handlers !== null) throw new Error('The session is open already')
    this.#handlers = handlers
    const held = this.#held
    this.#held = []
    for (const frame of held) this.#receive(frame)
  }

  sendControl(message: ControlMessage): void {
    if (this.#ending !== null) return
    if (message.type === 'ping' || message.type === 'pong') return this.#sendNow(pulseFrame(message.type, message.n))
    const data = encodeText({ kind: 'control', message })
    if (data.length > CONTROL_BYTES_MAX)
      throw new HoldfastError('too-large', `A control message of ${data.length} bytes; at most ${CONTROL_BYTES_MAX}`)
    this.#sendNow({ data, isText: true })
  }

  request<N extends RequestName>(
    name: N,
    params: RequestParams<N>,
    options: RequestOptions = {},
  ): Promise<RequestResult<N>> {
    if (this.#ending !== null)
      return Promise.reject(new HoldfastError('link-lost', `The link is gone: ${this.#ending.reason}`))
    const send = (id: number) => this.#queue.push(encodeText({ kind: 'request', id, name, params }), false)
    return this.#pending.start(name, send, options) as Promise<RequestResult<N>>
  }

  sendEvent<N extends EventName>(name: N, body: EventBody<N>): void {
    if (this.#ending !== null) return
    try {
      this.#queue.push(encodeText({ kind: 'event', name, body }), true)
    } catch (error) {
      // A lost event would leave the far side with a stale picture for ever; a new link begins with a full one.
      const failure = failureOf(error)
      if (failure.code !== 'busy') throw error
      this.close('The far side does not take what is sent', failure)
    }
  }

  close(reason: string, failure: Failure | null = null): void {
    if (this.#ending !== null) return
    this.#options.transport.send({
      data: encodeText({ kind: 'closing', reason: reason.slice(0, 500), failure }),
      isText: true,
    })
    this.#end({ reason, failure })
    this.#options.transport.close()
  }

  #end(ending: LinkClosed): void {
    if (this.#ending !== null) return
    this.#ending = ending
    this.#held = []
    this.#reassembly.clear()
    this.#pending.linkLost(ending.reason)
  }

  #sendNow(frame: Frame): void {
    if (this.#options.transport.unsentBytes > CONTROL_UNSENT_MAX) {
      const failure: Failure = { code: 'link-lost', message: 'The far side takes nothing' }
      this.#end({ reason: failure.message, failure })
      return this.#options.transport.close()
    }
    this.#options.transport.send(frame)
  }

  #receive(frame: Frame): void {
    if (this.#ending !== null) return
    if (this.#handlers === null) {
      this.#held.push(frame)
      if (this.#held.length > HELD_FRAMES_MAX)
        this.close('Too many messages before the session was opened', {
          code: 'refused',
          message: 'Too many messages at once',
        })
      return
    }
    try {
      if (frame.isText) {
        const message = readEnvelope(frame.data)
        if (
          message.kind === 'request' ||
          message.kind === 'result' ||
          message.kind === 'failure' ||
          message.kind === 'event'
        )
          this.#taken(frame.data.length)
        this.#deliver(message)
      } else this.#receiveBinary(frame.data)
    } catch (error) {
      const failure = failureOf(error)
      this.#logRefusal('Closed a link that broke the protocol', failure)
      this.close(failure.message, failure)
    }
  }

  #receiveBinary(data: Buffer): void {
    const frame = readBinary(data)
    switch (frame.kind) {
      case 'ping':
      case 'pong':
        return this.#guard(frame.kind, () => this.#handlers!.control({ type: frame.kind, n: frame.n }))
      case 'acknowledged':
        if (!this.#queue.acknowledged(frame.bytes))
          throw new HoldfastError('invalid', 'More was acknowledged than was sent')
        return
      case 'piece': {
        const whole = this.#reassembly.add(frame.message, frame.data, frame.last)
        this.#taken(frame.data.length)
        if (whole !== null) this.#deliver(readEnvelope(whole))
      }
    }
  }

  #taken(bytes: number): void {
    this.#takenBytes += bytes
    if (this.#takenBytes < ACKNOWLEDGE_EVERY_BYTES) return
    this.#sendNow(acknowledgedFrame(this.#takenBytes))
    this.#takenBytes = 0
  }

  #deliver(message: Envelope): void {
    switch (message.kind) {
      case 'control':
        return this.#deliverControl(message.message)
      case 'request':
        return this.#serve(message.id, message.name, message.params)
      case 'result':
        return this.#deliverResult(message.id, message.value)
      case 'failure':
        return this.#pending.reject(message.id, message.failure)
      case 'event':
        return this.#deliverEvent(message.name, message.body)
      case 'refusal':
        return this.#logRefusal(`The far side did not take ${message.about}`, message.failure)
      case 'closing':
        this.#end({ reason: message.reason, failure: message.failure })
        this.#options.transport.close()
    }
  }

  #deliverControl(message: unknown): void {
    const read = controlMessage.safeParse(message)
    if (!read.success) return this.#refuse('a control message', invalid('a control message', read.error))
    this.#guard(read.data.type, () => this.#handlers!.control(read.data))
  }

  #deliverEvent(name: string, body: unknown): void {
    if (!this.#stands()) return
    if (!Object.hasOwn(eventSchemas, name)) return this.#refuse(`event ${name}`, unknownName('event', name))
    const known = name as EventName
    const read = eventSchemas[known].safeParse(body)
    if (!read.success) return this.#refuse(`event ${name}`, invalid(name, read.error))
    this.#guard(name, () => this.#handlers!.event(known, read.data))
  }

  #deliverResult(id: number, value: unknown): void {
    const name = this.#pending.nameOf(id)
    // Nobody waits any more: it timed out or was given up.
    if (name === null) return
    const read = requestSchemas[name].result.safeParse(value)
    if (read.success) this.#pending.resolve(id, read.data)
    else this.#pending.reject(id, { ...invalid(`the answer to ${name}`, read.error), outcomeUnknown: true })
  }

  #serve(id: number, name: string, params: unknown): void {
    if (!this.#stands()) return
    const known = name as RequestName
    if (!Object.hasOwn(requestSchemas, name)) return this.#answerFailure(id, unknownName('request', name))
    if (requestSchemas[known].servedBy !== this.#options.side)
      return this.#answerFailure(id, { code: 'refused', message: `${name} is not served by this side` })
    if (this.#serving.has(id))
      return this.#answerFailure(id, { code: 'invalid', message: `Request number ${id} is being served already` })
    if (this.#serving.size >= SERVED_REQUESTS_MAX)
      return this.#answerFailure(id, { code: 'busy', message: 'Too many requests at once', retryAfterMs: 1_000 })
    const read = requestSchemas[known].params.safeParse(params)
    if (!read.success) return this.#answerFailure(id, invalid(name, read.error))
    this.#serving.add(id)
    void this.#answer(id, known, read.data)
  }

  async #answer(id: number, name: RequestName, params: unknown): Promise<void> {
    try {
      const value = await this.#handlers!.request(name, params as never)
      this.#serving.delete(id)
      if (this.#ending === null) this.#queue.push(encodeText({ kind: 'result', id, value }), false)
    } catch (error) {
      this.#serving.delete(id)
      const failure = failureOf(error)
      if (failure.code === 'internal')
        this.#options.logger.log('error', 'A request over the link failed', { name, error })
      this.#answerFailure(id, failure)
    }
  }

  #answerFailure(id: number, failure: Failure): void {
    if (this.#ending !== null) return
    try {
      this.#queue.push(encodeText({ kind: 'failure', id, failure }), false)
    } catch (error) {
      this.close('The far side does not take the answers to its requests', failureOf(error))
    }
  }

  /** Whether the far side may still speak. */
  #stands(): boolean {
    const failure = this.#options.standing?.() ?? null
    if (failure !== null) this.close(failure.message, failure)
    return failure === null
  }

  #refuse(about: string, failure: Failure): void {
    this.#logRefusal(`Refused ${about}`, failure)
    this.#sendNow({ data: encodeText({ kind: 'refusal', about: about.slice(0, 200), failure }), isText: true })
  }

  /** A fault of a handler is ours: the link, and the message after it, are not to suffer. */
  #guard(what: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#options.logger.log('error', 'Handling a message of the link failed', {
        what,
        edgeId: this.peer.edgeId,
        error,
      })
    }
  }

  #logRefusal(message: string, failure: Failure): void {
    if (++this.#refusalsLogged > REFUSALS_LOGGED_MAX) return
    this.#options.logger.log('warn', message, {
      edgeId: this.peer.edgeId,
      session: this.id,
      code: failure.code,
      reason: failure.message,
    })
  }
}

const unknownName = (what: string, name: string): Failure => ({
  code: 'refused',
  message: `Unknown ${what} "${name}"`,
  hint: 'The two sides may be of different versions.',
})

/** Says where and what, never the value: it may be a secret. */
function invalid(
  what: string,
  error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] },
): Failure {
  const problems = error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.length === 0 ? '' : `${path.map(String).join('.')}: `}${message}`)
  return { code: 'invalid', message: `${what} is malformed: ${problems.join('; ')}`.slice(0, 1_000) }
}
