import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import { after } from '../../../shared/model/time'
import type { Clock } from '../../platform/ports'
import type { Budget } from './budget'
import { later, OtlpRefusal } from './refusal'

/** Of a compressed body as it is sent. */
export const COMPRESSED_BYTES_MAX = 4 * 1024 * 1024
/** Of a body as it is decoded. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024
/** From the headers to the last byte. */
export const BODY_DEADLINE_MS = 10_000
const HELD_RETRY_MS = 1_000

export const tooLarge = (isGzip: boolean): OtlpRefusal =>
  new OtlpRefusal(
    413,
    isGzip
      ? `A request may have ${COMPRESSED_BYTES_MAX} bytes compressed and ${BODY_BYTES_MAX} uncompressed.`
      : `A request may have ${BODY_BYTES_MAX} bytes.`,
  )

/**
 * Reads a body, unpacking it on the way: what is over a limit, too slow or not gzip is refused while it streams in, with no more than the limit in memory.
 * The bytes are taken from `budget`; whoever is done with them gives `byteLength` back. Rejects with `OtlpRefusal`.
 */
export function readBody(
  request: IncomingMessage,
  options: { readonly isGzip: boolean; readonly clock: Clock; readonly budget: Budget },
): Promise<Uint8Array> {
  const { isGzip, clock, budget } = options
  return new Promise((resolve, reject) => {
    const gunzip = isGzip ? createGunzip({ chunkSize: 64 * 1024 }) : null
    const pieces: Buffer[] = []
    let held = 0
    let sent = 0

    const finish = (failure: OtlpRefusal | null): void => {
      deadline[Symbol.dispose]()
      request.off('data', arrive).off('end', end).off('close', leave).off('error', leave)
      request.pause()
      // Its own errors, after this, concern nobody.
      gunzip?.removeAllListeners().on('error', () => undefined)
      gunzip?.destroy()
      if (failure === null) return resolve(Buffer.concat(pieces, held))
      budget.give(held)
      reject(failure)
    }
    const keep = (piece: Buffer): void => {
      if (held + piece.length > BODY_BYTES_MAX) return finish(tooLarge(isGzip))
      if (!budget.take(piece.length))
        return finish(later(429, 'Too much is being received at the moment.', HELD_RETRY_MS))
      held += piece.length
      pieces.push(piece)
    }
    const arrive = (piece: Buffer): void => {
      sent += piece.length
      if (gunzip === null) return keep(piece)
      if (sent > COMPRESSED_BYTES_MAX) return finish(tooLarge(isGzip))
      if (!gunzip.write(piece)) request.pause()
    }
    const end = (): void => {
      // A complete request closes too, while the last of it is still being unpacked.
      request.off('close', leave)
      if (gunzip === null) finish(null)
      else gunzip.end()
    }
    const leave = (): void => finish(new OtlpRefusal(400, 'The sender went away in the middle of the request.'))
    const deadline = clock.at(after(clock.mono(), BODY_DEADLINE_MS), () =>
      finish(new OtlpRefusal(408, `A request must be complete in ${BODY_DEADLINE_MS / 1000} s.`)),
    )

    request.on('data', arrive).on('end', end).on('close', leave).on('error', leave)
    gunzip
      ?.on('data', keep)
      .on('drain', () => request.resume())
      .on('end', () => finish(null))
      .on('error', (error) => finish(new OtlpRefusal(400, `The body is not gzip: ${error.message}`)))
  })
}
