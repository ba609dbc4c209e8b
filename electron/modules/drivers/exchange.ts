import type { Socket } from 'node:net'
import { HoldfastError } from '../../../shared/model/failures'
import type { Link, Turn } from '../contract'

/** Turns bytes into whole frames. Throws when what came cannot be the protocol; the connection ends then. */
export type Framing<Frame> = (bytes: Buffer) => Frame[]

export interface Question<Frame> {
  readonly bytes: Uint8Array
  readonly turn: Turn
  /** Whether a frame answers this question; others count as unsolicited. */
  readonly answeredBy: (frame: Frame) => boolean
  readonly timeoutMs: number
  /** True: once sent, a missing answer leaves the outcome unknown. */
  readonly changesDevice: boolean
}

interface Waiting<Frame> extends Question<Frame> {
  readonly resolve: (frame: Frame) => void
  readonly reject: (error: unknown) => void
  sent: boolean
}

/** Questions that may wait for their turn; the next one is refused as `busy`. */
export const questionsMax = 100

/**
 * One question at a time over one TCP connection. An answer that does not come in time ends the connection, because a late one could not be told
 * from the answer to the next question.
 */
export class Exchange<Frame> {
  readonly #socket: Socket
  readonly #unsolicited: (frame: Frame) => boolean
  readonly #ended: (error: HoldfastError) => void
  readonly #queue: Waiting<Frame>[] = []
  #current: Waiting<Frame> | null = null
  #timer: NodeJS.Timeout | undefined
  #end: HoldfastError | null = null
  /** What came instead of the answer to the present question, and nobody understood. */
  #strange: Frame | null = null

  /**
   * `unsolicited` says whether it understood the frame. `ended` is called once, when the connection is over for a reason other than `end()`.
   */
  constructor(
    socket: Socket,
    framing: Framing<Frame>,
    listener: { unsolicited?: (frame: Frame) => boolean; ended: (error: HoldfastError) => void },
  ) {
    this.#socket = socket
    this.#unsolicited = listener.unsolicited ?? (() => false)
    this.#ended = listener.ended
    socket.on('data', (bytes: Buffer) => this.#take(bytes, framing))
    socket.on('error', (error) =>
      this.#fail(new HoldfastError('unreachable', `the connection broke: ${error.message}`, { cause: error })),
    )
    socket.on('close', () => this.#fail(new HoldfastError('unreachable', 'the device closed the connection')))
    if (socket.destroyed) this.#fail(new HoldfastError('unreachable', 'the device closed the connection'))
  }

  /** Waits for a frame that the device sends by itself, such as a greeting. Nothing else may be asked meanwhile. */
  async greeting(turn: Turn, timeoutMs: number): Promise<Frame> {
    return this.ask({ bytes: new Uint8Array(), turn, answeredBy: () => true, timeoutMs, changesDevice: false })
  }

  ask(question: Question<Frame>): Promise<Frame> {
    return new Promise((resolve, reject) => {
      if (this.#end) return reject(this.#end)
      if (this.#queue.length >= questionsMax) {
        return reject(
          new HoldfastError('busy', `${questionsMax} requests wait for this device`, {
            retryAfterMs: question.timeoutMs,
          }),
        )
      }
      this.#queue.push({ ...question, resolve, reject, sent: false })
      this.#next()
    })
  }

  /** Sends what the device does not answer. */
  async tell(bytes: Uint8Array, turn: Turn): Promise<void> {
    if (this.#end) throw this.#end
    turn.gate.write(() => this.#socket.write(bytes))
  }

  end(): void {
    this.#fail(new HoldfastError('unreachable', 'disconnected'), true)
  }

  #next(): void {
    while (!this.#current && !this.#end) {
      const question = this.#queue.shift()
      if (!question) return
      try {
        if (question.bytes.length > 0) question.turn.gate.write(() => this.#socket.write(question.bytes))
        question.sent = true
        this.#strange = null
        this.#current = question
        this.#timer = setTimeout(() => this.#expire(question), question.timeoutMs)
      } catch (error) {
        question.reject(error)
      }
    }
  }

  #take(bytes: Buffer, framing: Framing<Frame>): void {
    if (this.#end) return
    try {
      for (const frame of framing(bytes)) this.#accept(frame)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.#fail(error instanceof HoldfastError ? error : new HoldfastError('refused', text, { cause: error }))
    }
  }

  #accept(frame: Frame): void {
    const question = this.#current
    if (!question?.answeredBy(frame)) {
      if (!this.#unsolicited(frame)) this.#strange = frame
      return
    }
    clearTimeout(this.#timer)
    this.#current = null
    question.resolve(frame)
    this.#next()
  }

  #expire(question: Waiting<Frame>): void {
    const instead = this.#strange === null ? '' : `; it said ${JSON.stringify(String(this.#strange).slice(0, 60))}`
    this.#fail(new HoldfastError('timeout', `the device did not answer within ${question.timeoutMs} ms${instead}`))
  }

  #fail(error: HoldfastError, wanted = false): void {
    if (this.#end) return
    this.#end = error
    clearTimeout(this.#timer)
    this.#socket.destroy()
    const waiting = [...(this.#current ? [this.#current] : []), ...this.#queue.splice(0)]
    this.#current = null
    for (const question of waiting)
      question.reject(question.sent && question.changesDevice ? unknownOutcome(error) : error)
    // Later, so that the questions are rejected with their own reason before the end of the connection rejects them with its own.
    if (!wanted) setImmediate(() => this.#ended(error))
  }
}

/** The same failure, saying that the device may have got the command. */
export function unknownOutcome(error: HoldfastError): HoldfastError {
  return new HoldfastError(error.code, error.message, { ...error.toFailure(), outcomeUnknown: true, cause: error })
}

/** Splits at `delimiter`; a line longer than `bytesMax` ends the connection instead of filling the memory. */
export function lines(delimiter: string, encoding: BufferEncoding, bytesMax: number): Framing<string> {
  const end = Buffer.from(delimiter, encoding)
  let pending: Buffer = Buffer.alloc(0)
  return (bytes) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
    const found: string[] = []
    let from = 0
    for (let at = pending.indexOf(end); at >= 0; at = pending.indexOf(end, from)) {
      if (at - from > bytesMax) throw tooLong(bytesMax)
      found.push(pending.toString(encoding, from, at))
      from = at + end.length
    }
    pending = pending.subarray(from)
    if (pending.length > bytesMax + end.length) throw tooLong(bytesMax)
    return found
  }
}

const tooLong = (bytesMax: number) =>
  new HoldfastError('too-large', `the device sent a line longer than ${bytesMax} bytes`)

/** Polls from one interval on: the first round was already part of connecting. */
export function pollOnwards(link: Link, everyMs: number, poll: (turn: Turn) => Promise<void>): void {
  let isFirst = true
  link.poll(everyMs, async (turn) => {
    if (!isFirst) await poll(turn)
    isFirst = false
  })
}
