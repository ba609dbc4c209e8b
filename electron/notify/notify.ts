import { z } from 'zod'
import { alertSaid, alertSeverities } from '../../shared/model/alerts'
import type { WallMs } from '../../shared/model/time'
import type { PaceAt } from '../core/notify/pace'
import type { Told } from '../core/notify/due'

/** Dead letters kept of one channel. */
export const DEAD_KEPT = 100
export const GROUPS_PER_SECTION_MAX = 50
export const ALERTS_PER_GROUP_MAX = 20

const at = z.number()
const messageAlert = z.object({
  id: z.string(),
  edgeId: z.string(),
  edgeName: z.string(),
  series: z.string(),
  severity: z.enum(alertSeverities),
  text: z.string(),
  said: alertSaid.nullable(),
  value: z.number().nullable(),
  since: at,
  firedAt: at,
  /** Null: it is not over. */
  resolvedAt: at.nullable(),
})
const messageGroup = z.object({
  ruleId: z.string(),
  ruleName: z.string(),
  cause: z.string(),
  severity: z.enum(alertSeverities),
  /** How many alerts of how many edges, told or not. */
  count: z.number(),
  edges: z.number(),
  firstSince: at,
  lastSince: at,
  /** The oldest, at most `ALERTS_PER_GROUP_MAX`. */
  alerts: z.array(messageAlert),
})
/** `fired`: new, or worse than it was told; `reminded`: it fires still; `resolved`: it is over. */
const messageSection = z.object({
  kind: z.enum(['fired', 'reminded', 'resolved']),
  count: z.number(),
  /** The worst and newest, at most `GROUPS_PER_SECTION_MAX`. */
  groups: z.array(messageGroup),
})
/** What one message tells, as it is kept and sent: the same at each attempt. */
export const alertMessage = z.object({
  /** Goes with each attempt, for whoever wants to take it once. */
  id: z.string(),
  madeAt: at,
  isTest: z.boolean(),
  severity: z.enum(alertSeverities),
  /** Alerts in all. */
  count: z.number(),
  sections: z.array(messageSection),
})
export type AlertMessage = z.infer<typeof alertMessage>
export type MessageSection = z.infer<typeof messageSection>
export type MessageGroup = z.infer<typeof messageGroup>

export interface Outgoing {
  readonly message: AlertMessage
  /** That failed. */
  readonly attempts: number
}
export interface ChannelTotals {
  readonly sent: number
  readonly givenUp: number
  readonly lastSentAt: WallMs | null
  readonly pace: PaceAt
}
export interface DeadLetter {
  readonly messageId: string
  readonly madeAt: number
  readonly at: WallMs
  readonly alerts: number
  readonly code: string
  readonly message: string
}

/** What channels have told and what is under way, `synchronous=FULL`; each change is one transaction. Throws `HoldfastError('storage')`. */
export interface NotifyStore extends AsyncDisposable {
  told(channelId: string): ReadonlyMap<string, Told>
  outgoing(channelId: string): Outgoing | null
  totals(channelId: string): ChannelTotals
  /** Newest first. */
  deadLetters(channelId: string, limit: number): readonly DeadLetter[]
  /** The message is under way: what it tells is told, what it says is over (`over`) is forgotten. */
  queue(
    channelId: string,
    message: AlertMessage,
    told: ReadonlyMap<string, Told>,
    over: readonly string[],
    pace: number,
  ): void
  forgetTold(channelId: string, alertIds: readonly string[]): void
  failed(channelId: string, attempts: number): void
  sent(channelId: string, at: WallMs): void
  /** What the message told, and is not over, counts as untold. Gives the ids of that. */
  giveUp(channelId: string, letter: DeadLetter): readonly string[]
  forget(channelId: string): void
}

export interface WebhookPost {
  readonly url: string
  /** Besides those of the message itself. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Of the message: the same at each attempt. */
  readonly id: string
  /** Null: it is not signed. `at`: epoch ms. */
  readonly signing: { readonly key: string; readonly at: number } | null
  /** PEM, besides those of the program; null: none. */
  readonly ca: string | null
}
export interface Mail {
  readonly host: string
  readonly port: number
  readonly security: 'tls' | 'starttls' | 'none'
  /** Null: it asks for none. */
  readonly login: { readonly username: string; readonly password: string } | null
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  /** Of the message: the same at each attempt. */
  readonly id: string
  readonly at: number
  readonly ca: string | null
}
/** `taken`: with what the other side said; `refused`: a person has to change something; `later`: not now. */
export type SendAnswer =
  | { readonly kind: 'taken'; readonly answer: string }
  | {
      readonly kind: 'refused' | 'later'
      readonly code: string
      readonly message: string
      readonly retryAfterMs: number | null
    }
/** Neither rejects, nor settles before the connection is gone. */
export interface Senders {
  webhook(post: WebhookPost, signal: AbortSignal): Promise<SendAnswer>
  mail(mail: Mail, signal: AbortSignal): Promise<SendAnswer>
}
