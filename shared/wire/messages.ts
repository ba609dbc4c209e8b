import { z } from 'zod'
import { wireFailure } from './failure'

/**
 * What a text frame of a proven link holds (frozen with control protocol 1: control messages travel in it). What stands in `message`, `params`, `value` and
 * `body` is checked against its own schema. Pings, acknowledgements and pieces of large messages are binary frames: see `frames` below.
 */
const requestId = z.int().min(1)

export const envelope = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('control'), message: z.unknown() }),
  z.object({ kind: z.literal('request'), id: requestId, name: z.string().max(100), params: z.unknown() }),
  z.object({ kind: z.literal('result'), id: requestId, value: z.unknown() }),
  z.object({ kind: z.literal('failure'), id: requestId, failure: wireFailure }),
  z.object({ kind: z.literal('event'), name: z.string().max(100), body: z.unknown() }),
  /** Says that a one-way message was not taken, and why. Never answered. */
  z.object({ kind: z.literal('refusal'), about: z.string().max(200), failure: wireFailure }),
  /** The last message of a session that one side ends on purpose. */
  z.object({ kind: z.literal('closing'), reason: z.string().max(500), failure: wireFailure.nullable() }),
])
export type Envelope = z.infer<typeof envelope>

/**
 * Binary frames: the first byte says what it is; numbers are big-endian.
 *
 * | byte | then                                         | meaning                                                                        |
 * | ---- | -------------------------------------------- | ------------------------------------------------------------------------------ |
 * | 1    | flags u8 (1 = last), message number u32, data | a piece of a message too long for one frame: UTF-8 of one envelope, in order   |
 * | 2    | bytes u32                                    | so many bytes of data frames (1, and text other than control) have been taken  |
 * | 3, 4 | number f64                                   | ping, pong: the two control messages that are sent every second, without JSON  |
 */
export const frames = { piece: 1, acknowledged: 2, ping: 3, pong: 4 } as const
/** Brackets open at once in any message. Nothing we say is deeper; what is deeper is refused before it is parsed. */
export const MESSAGE_DEPTH_MAX = 64
/** Long messages under way at once in one direction. */
export const PARTIAL_MESSAGES_MAX = 4
