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
import { malformed, ServedRequests, unknownName, type Answer } from './served-requests'
import type { Frame, FrameTransport } from './transport'

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
  readonly #served: ServedRequests
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
    this.#served = new ServedRequests({
      side: options.side,
      logger: options.logger,
      handle: (name, params) => this.#handlers!.request(name, params),
      answer: (answer) => this.#answer(answer),
    })
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
        return this.#control({ type: frame.kind, n: frame.n })
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
        if (this.#stands()) this.#served.serve(message.id, message.name, message.params)
        return
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
    if (!read.success) return this.#refuse('a control message', malformed('a control message', read.error))
    this.#control(read.data)
  }

  #control(message: ControlMessage): void {
    try {
      this.#handlers!.control(message)
    } catch (error) {
      this.#handlerFailed(message.type, error)
    }
  }

  #deliverEvent(name: string, body: unknown): void {
    if (!this.#stands()) return
    if (!Object.hasOwn(eventSchemas, name)) return this.#refuse(`event ${name}`, unknownName('event', name))
    const known = name as EventName
    const read = eventSchemas[known].safeParse(body)
    if (!read.success) return this.#refuse(`event ${name}`, malformed(name, read.error))
    try {
      this.#handlers!.event(known, read.data)
    } catch (error) {
      this.#handlerFailed(name, error)
    }
  }

  #deliverResult(id: number, value: unknown): void {
    const name = this.#pending.nameOf(id)
    // Nobody waits any more: it timed out or was given up.
    if (name === null) return
    const read = requestSchemas[name].result.safeParse(value)
    if (read.success) this.#pending.resolve(id, read.data)
    else this.#pending.reject(id, { ...malformed(`the answer to ${name}`, read.error), outcomeUnknown: true })
  }

  /** Throws where the answer cannot be sent, so that the far side is told instead. */
  #answer(answer: Answer): void {
    if (this.#ending !== null) return
    try {
      this.#queue.push(encodeText(answer), false)
    } catch (error) {
      if (answer.kind === 'result') throw error
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
  #handlerFailed(what: string, error: unknown): void {
    const { edgeId } = this.peer
    this.#options.logger.log('error', 'Handling a message of the link failed', { what, edgeId, error })
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
