import { HoldfastError } from '../../shared/model/failures'
import { MESSAGE_BYTES_MAX } from '../../shared/model/defaults'
import { PARTIAL_MESSAGES_MAX } from '../../shared/wire/messages'

const PIECE_BYTES_MIN = 4 * 1024

/** Puts the pieces of long messages together. Throws `HoldfastError` (`too-large`, `invalid`) where the far side breaks a limit. */
export class Reassembly {
  readonly #partial = new Map<number, { pieces: Buffer[]; bytes: number }>()

  /** The whole message with its last piece; null before. */
  add(message: number, data: Buffer, last: boolean): Buffer | null {
    let partial = this.#partial.get(message)
    if (partial === undefined) {
      if (this.#partial.size >= PARTIAL_MESSAGES_MAX)
        throw new HoldfastError('invalid', `More than ${PARTIAL_MESSAGES_MAX} long messages at once`)
      partial = { pieces: [], bytes: 0 }
      this.#partial.set(message, partial)
    }
    // Short pieces would cost more memory than the limit on their sum says.
    if (!last && data.length < PIECE_BYTES_MIN)
      throw new HoldfastError('invalid', `A piece of ${data.length} bytes that is not the last`)
    partial.bytes += data.length
    if (partial.bytes > MESSAGE_BYTES_MAX)
      throw new HoldfastError('too-large', `A message of more than ${MESSAGE_BYTES_MAX} bytes`)
    partial.pieces.push(data)
    if (!last) return null
    this.#partial.delete(message)
    return Buffer.concat(partial.pieces, partial.bytes)
  }

  clear(): void {
    this.#partial.clear()
  }
}
