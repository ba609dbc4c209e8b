import type { z } from 'zod'
import { UNPROVEN_BYTES_MAX } from '../../shared/model/defaults'
import { HoldfastError } from '../../shared/model/failures'
import { encodeText, parseJson } from './frames'
import type { Frame, FrameTransport } from './transport'

/** A frame that came early waits here for its turn; in an orderly handshake none or one does, and the first of the session may follow. */
const EARLY_FRAMES_MAX = 4_096

/** A transport during the handshake: one message after the other. */
export class HandshakeChannel {
  readonly #transport: FrameTransport
  #early: Frame[] = []
  #waiting: { resolve(frame: Frame): void; reject(error: HoldfastError): void } | null = null
  #ended: HoldfastError | null = null

  constructor(transport: FrameTransport) {
    this.#transport = transport
    transport.listen({
      frame: (frame) => {
        if (this.#waiting !== null) {
          this.#waiting.resolve(frame)
          this.#waiting = null
        } else if (this.#early.length >= EARLY_FRAMES_MAX)
          this.fail(new HoldfastError('refused', 'Too many messages during the handshake'))
        else this.#early.push(frame)
      },
      closed: (reason, failure) =>
        this.fail(
          failure === null
            ? new HoldfastError('unreachable', `The connection ended during the handshake: ${reason}`)
            : new HoldfastError(failure.code, failure.message, failure),
        ),
    })
  }

  send(message: unknown): void {
    this.#transport.send({ data: encodeText(message), isText: true })
  }

  /** The next message. Rejects with `HoldfastError`: `invalid` if it is none of `schema`, `too-large`, or why the connection ended. */
  async receive<S extends z.ZodType>(schema: S): Promise<z.output<S>> {
    const { data, isText } = await this.#next()
    if (data.length > UNPROVEN_BYTES_MAX)
      throw new HoldfastError(
        'too-large',
        `A message of ${data.length} bytes before the proof; at most ${UNPROVEN_BYTES_MAX}`,
      )
    const read = isText ? schema.safeParse(parseJson(data)) : null
    if (read?.success !== true) throw new HoldfastError('invalid', 'A message that does not belong to the handshake')
    return read.data
  }

  /** Ends the handshake for this side: whoever waits is told. */
  fail(error: HoldfastError): void {
    this.#ended ??= error
    this.#waiting?.reject(this.#ended)
    this.#waiting = null
  }

  /** Frames that belong to the session that follows. */
  takeEarly(): Frame[] {
    const early = this.#early
    this.#early = []
    return early
  }

  #next(): Promise<Frame> {
    const early = this.#early.shift()
    if (early !== undefined) return Promise.resolve(early)
    if (this.#ended !== null) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }))
  }
}
