import { z } from 'zod'
import { channelDocument } from '../model/documents'
import { none, operation } from './operation'

const at = z.number()
/** A channel by id or by name. */
const channelRef = z.string().min(1).max(100)

/**
 * `ready`: there is nothing to tell; `collecting`: the next message waits for what comes with it; `held`: quiet hours or the rate keep it; `sending`; `waiting`: for
 * the next attempt; `refused`: the other side does not take it as it is, a person has to change something (it is tried again now and then).
 */
export const channelStates = ['off', 'ready', 'collecting', 'held', 'sending', 'waiting', 'refused'] as const

export const channelView = z.object({
  id: z.string(),
  /** Its secrets by name. Which fields count depends on `type`. */
  channel: channelDocument,
  /** Of the document, for `channels.save`. */
  revision: z.number(),
  state: z.enum(channelStates),
  heldBy: z.enum(['quiet-hours', 'rate']).nullable(),
  /** Alerts that wait to be told, or for their end to be; those of the message under way are not among them. */
  waiting: z.number(),
  /** When the next message may go; null: nothing waits. */
  nextAt: at.nullable(),
  /** The message under way; `attempts` that failed. */
  underWay: z.object({ messageId: z.string(), madeAt: at, alerts: z.number(), attempts: z.number() }).nullable(),
  retryAt: at.nullable(),
  /** Messages the other side has taken, and those that were given up. */
  sent: z.number(),
  givenUp: z.number(),
  lastSentAt: at.nullable(),
  /** Why the last attempt failed; null: it did not. */
  lastError: z.object({ at, code: z.string(), message: z.string() }).nullable(),
  /** Messages that were given up, the newest, at most 20. What still fires is told again by the next message. */
  deadLetters: z.array(
    z.object({
      messageId: z.string(),
      madeAt: at,
      at,
      alerts: z.number(),
      code: z.string(),
      message: z.string(),
    }),
  ),
})
export type ChannelView = z.infer<typeof channelView>

/**
 * How people are told of alerts: by webhook or by e-mail, at a master or standalone controller. The fields of a channel are those of `channelDocument`; what must
 * stay secret (`password`, `signingKey`, tokens in `headers`, a `url` that holds one) stands as `{secretRef: NAME}` and is set by `secrets.set`.
 */
export const channelOperations = {
  'channels.list': operation('viewer', false, none, z.array(channelView)),
  /** Fields of a channel; null removes one. A new one tells what is open. What is under way is tried again at once. `revision`: the editor saw that one. */
  'channels.save': operation(
    'admin',
    true,
    z.object({
      channel: channelRef,
      values: z.record(z.string().max(100), z.json()),
      create: z.boolean().default(false),
      revision: z.int().optional(),
    }),
    /** As it is now; `changed` false: it was so already. */
    z.object({ view: channelView, changed: z.boolean() }),
  ),
  /** What it has told and not told is forgotten. */
  'channels.remove': operation('admin', true, z.object({ channel: channelRef }), none),
  /** Sends a test message now, once, even where the channel is off, and tells what the other side said. Counts for nothing else. */
  'channels.test': operation(
    'operator',
    true,
    z.object({ channel: channelRef }),
    z.object({
      delivered: z.boolean(),
      /** `ok`, or why not: `unreachable`, `certificate`, `tls`, `login`, `addresses`, `no-secret`, `http-404`, `smtp-550`, ... */
      code: z.string(),
      /** In the words of the other side. */
      answer: z.string(),
      durationMs: z.number(),
    }),
  ),
} as const
