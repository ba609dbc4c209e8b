import { z } from 'zod'
import { contested, decision, decisionRules, edgeFacts, holders, masterFacts, sides } from '../model/control'
import { wireFailure } from './failure'

/**
 * Control protocol 1. FROZEN: it works between any two versions of Holdfast, so nothing here is ever changed or removed.
 * (hello and proof are in `handshake.ts`; they are part of it.)
 */
const session = z.string().max(64)
const decisionId = z.string().max(64)
const epoch = z.int().min(0)

export const controlMessage = z.discriminatedUnion('type', [
  /** Master -> edge, every 1,000 ms; the edge answers with the same number at once. */
  z.object({ type: z.literal('ping'), n: z.int() }),
  z.object({ type: z.literal('pong'), n: z.int() }),
  /** Edge -> master: its half of the facts; asks for a negotiation. */
  z.object({ type: z.literal('negotiate'), session, round: z.int(), edge: edgeFacts }),
  /** Master -> edge: please negotiate again (`master.ready`, window, stable time, operator). */
  z.object({ type: z.literal('renegotiate'), session, reason: z.string().max(100) }),
  /** Master -> edge: still loading; the attempt may take until 8,000 ms after the connect. */
  z.object({ type: z.literal('loading'), session }),
  /** Master -> edge: the whole record of facts and what the master made of it. `undecided`: T5/T8 while loading, decided again on ready. */
  z.object({
    type: z.literal('result'),
    session,
    round: z.int(),
    decisionId,
    rule: z.enum(decisionRules),
    winner: z.enum(sides),
    master: masterFacts,
    edge: edgeFacts,
    /** The epoch under which the master drives from now on; null when it does not. */
    masterEpoch: epoch.nullable(),
    contested: contested.nullable(),
  }),
  /** Edge -> master: agrees with the result (the link counts as linked) and says at which epoch it drives, or not; or disagrees and moves nothing. */
  z.object({
    type: z.literal('agree'),
    session,
    round: z.int(),
    decisionId,
    agreed: z.boolean(),
    rule: z.enum(decisionRules),
    winner: z.enum(sides),
    drivesAtEpoch: epoch.nullable(),
  }),
  /** Either side asks the holder to hand over. */
  z.object({
    type: z.literal('switch'),
    session,
    requestId: z.string().max(64),
    target: z.enum(sides),
    expectedEpoch: epoch,
    actor: z.string().max(200),
  }),
  z.object({
    type: z.literal('switchAnswer'),
    session,
    requestId: z.string().max(64),
    decisionId: decisionId.nullable(),
    failure: wireFailure.nullable(),
  }),
  /** Holder -> other side: control is yours under this epoch, if you answer in time. */
  z.object({
    type: z.literal('grant'),
    session,
    decisionId,
    epoch,
    actor: z.string().max(200),
    rule: z.enum(decisionRules),
    startedAt: z.int(),
    answerWithinMs: z.int(),
    statuses: z.json(),
  }),
  z.object({
    type: z.literal('answer'),
    session,
    decisionId,
    result: z.enum(['accepted', 'refused', 'cancelled']),
    reason: z.string().max(500).nullable(),
  }),
  z.object({ type: z.literal('cancel'), session, decisionId }),
  /** Decisions the other side has not seen yet (made alone, or finished since). */
  z.object({ type: z.literal('decisions'), session, decisions: z.array(decision).max(20) }),
])
export type ControlMessage = z.infer<typeof controlMessage>
export type ControlMessageOf<T extends ControlMessage['type']> = Extract<ControlMessage, { type: T }>
export const controlHolders = holders
