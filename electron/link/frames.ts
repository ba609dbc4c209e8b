import { HoldfastError } from '../../shared/model/failures'
import { envelope, frames, MESSAGE_DEPTH_MAX, type Envelope } from '../../shared/wire/messages'
import { PIECE_BYTES_MAX } from '../../shared/model/defaults'
import type { Frame } from './transport'

const PIECE_HEADER_BYTES = 6
const LAST_PIECE = 1
/** Data of a piece; what is no longer goes whole. A quarter of what the protocol allows, so that a ping finds a gap sooner. */
export const PIECE_DATA_BYTES = PIECE_BYTES_MAX / 4 - PIECE_HEADER_BYTES

/** A binary frame, read. */
export type BinaryFrame =
  | { kind: 'piece'; message: number; last: boolean; data: Buffer }
  | { kind: 'acknowledged'; bytes: number }
  | { kind: 'ping' | 'pong'; n: number }

export function pieceFrame(message: number, data: Buffer, last: boolean): Frame {
  const header = Buffer.alloc(PIECE_HEADER_BYTES)
  header[0] = frames.piece
  header[1] = last ? LAST_PIECE : 0
  header.writeUInt32BE(message, 2)
  return { data: Buffer.concat([header, data]), isText: false }
}

export function acknowledgedFrame(bytes: number): Frame {
  const data = Buffer.allocUnsafe(5)
  data[0] = frames.acknowledged
  data.writeUInt32BE(bytes, 1)
  return { data, isText: false }
}

export function pulseFrame(kind: 'ping' | 'pong', n: number): Frame {
  const data = Buffer.allocUnsafe(9)
  data[0] = frames[kind]
  data.writeDoubleBE(n, 1)
  return { data, isText: false }
}

/** Throws `HoldfastError('invalid')` for anything that is no frame of ours. */
export function readBinary(data: Buffer): BinaryFrame {
  const type = data[0]
  if (type === frames.piece && data.length > PIECE_HEADER_BYTES && data[1]! <= LAST_PIECE) {
    return {
      kind: 'piece',
      message: data.readUInt32BE(2),
      last: data[1] === LAST_PIECE,
      data: data.subarray(PIECE_HEADER_BYTES),
    }
  }
  if (type === frames.acknowledged && data.length === 5) return { kind: 'acknowledged', bytes: data.readUInt32BE(1) }
  if ((type === frames.ping || type === frames.pong) && data.length === 9) {
    const n = data.readDoubleBE(1)
    if (Number.isSafeInteger(n)) return { kind: type === frames.ping ? 'ping' : 'pong', n }
  }
  throw new HoldfastError('invalid', 'A binary frame that is none of the link protocol')
}

export const encodeText = (message: unknown): Buffer => Buffer.from(JSON.stringify(message), 'utf8')

/** One message from its UTF-8. Throws `HoldfastError('invalid')`. */
export function readEnvelope(data: Buffer): Envelope {
  const read = envelope.safeParse(parseJson(data))
  if (!read.success) throw new HoldfastError('invalid', 'A text frame that is no message of the link protocol')
  return read.data
}

/** JSON of bounded depth, so that nothing that walks the value afterwards can run out of stack. Throws `HoldfastError('invalid')`. */
export function parseJson(data: Buffer): unknown {
  if (isDeeperThan(data, MESSAGE_DEPTH_MAX))
    throw new HoldfastError('invalid', `A message nested deeper than ${MESSAGE_DEPTH_MAX} levels`)
  try {
    return JSON.parse(data.toString('utf8'))
  } catch {
    throw new HoldfastError('invalid', 'A message that is not JSON')
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING = new Set([0x5b, 0x7b])
const CLOSING = new Set([0x5d, 0x7d])

/** Counts brackets outside strings, on bytes: in UTF-8 no byte of a longer character equals any of the five it looks for. */
export function isDeeperThan(data: Buffer, limit: number): boolean {
  // Most messages are too short to be deep.
  if (data.length <= limit) return false
  let depth = 0
  for (let at = 0; at < data.length; at++) {
    const byte = data[at]!
    if (byte === QUOTE) {
      at = endOfString(data, at + 1)
    } else if (byte >= BRACKETS_FROM) {
      if (OPENING.has(byte)) {
        if (++depth > limit) return true
      } else if (CLOSING.has(byte)) depth--
    }
  }
  return false
}
/** The lowest of the bracket bytes: digits and punctuation lie below it. */
const BRACKETS_FROM = 0x5b

function endOfString(data: Buffer, from: number): number {
  let at = data.indexOf(QUOTE, from)
  while (at !== -1) {
    let slashes = 0
    while (data[at - 1 - slashes] === BACKSLASH && at - 1 - slashes >= from) slashes++
    if (slashes % 2 === 0) return at
    at = data.indexOf(QUOTE, at + 1)
  }
  return data.length
}
