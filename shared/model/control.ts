import { z } from 'zod'
import type { WallMs } from './time'

export const sides = ['edge', 'master'] as const
export type Side = (typeof sides)[number]
/** Who drives an edge's modules now; `none` while a hand-over runs or nobody drives. */
export const holders = ['edge', 'master', 'none'] as const
export type Holder = (typeof holders)[number]

/** The row of the negotiation table that decided. */
export const negotiationRules = ['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8'] as const
export type NegotiationRule = (typeof negotiationRules)[number]

/**
 * Why control is where it is: a row of the table, or one of the moves outside it.
 * `enrolled` a new edge begins with control · `autonomy` the edge's 3 s rule · `take-over` the master's timer ·
 * `restore` / `fail-over` asked by a person · `force` asked by a person while the other side was unreachable · `resume` own control after a restart.
 */
export const decisionRules = [
  ...negotiationRules,
  'enrolled',
  'autonomy',
  'take-over',
  'restore',
  'fail-over',
  'force',
  'resume',
] as const
export type DecisionRule = (typeof decisionRules)[number]

const epoch = z.int().min(0)

/** A hand-over that was begun and not finished: control was granted to `to` under `epoch`. */
export const intent = z.strictObject({ to: z.enum(sides), epoch, decisionId: z.string().max(64) })
export type Intent = z.infer<typeof intent>

/** What one side remembers about one edge's control. Persisted with `synchronous=FULL` before it is used or sent. */
export const controlRecord = z.strictObject({
  /** By this side's knowledge. `none`: granted away and not yet answered. */
  holder: z.enum(holders),
  /** Odd while the edge holds control, even while the master does. */
  epoch,
  /** The highest epoch both sides have persisted over a link. */
  agreedEpoch: epoch,
  decisionId: z.string().max(64).nullable(),
  intent: intent.nullable(),
})
export type ControlRecord = z.infer<typeof controlRecord>

/** What the edge supplies to a negotiation. */
export const edgeFacts = z.strictObject({
  /** Modules started and at least one device connected. */
  devicesUp: z.boolean(),
  devicesConnected: z.int().min(0),
  devicesTotal: z.int().min(0),
  record: controlRecord,
  /** Highest epoch the edge ever heard of. */
  floor: epoch,
  instanceId: z.string().max(64),
  bootId: z.string().max(64),
  /** The journal position the edge has applied. */
  journalSeq: z.int().min(0),
  /** How long the edge's gate has been open (ms), null when closed: for the contested interval. */
  drivingForMs: z.int().min(0).nullable(),
})
export type EdgeFacts = z.infer<typeof edgeFacts>

/** What the master adds. `window`: `unset` = by hand only. */
export const masterFacts = z.strictObject({
  record: controlRecord,
  floor: epoch,
  loading: z.boolean(),
  window: z.enum(['in', 'out', 'unset']),
  paused: z.boolean(),
  failover: z.boolean(),
  stable: z.boolean(),
  docRevision: z.int().min(0),
  drivingForMs: z.int().min(0).nullable(),
})
export type MasterFacts = z.infer<typeof masterFacts>

/** The one record both sides evaluate. */
export const negotiationFacts = z.strictObject({ edge: edgeFacts, master: masterFacts })
export type NegotiationFacts = z.infer<typeof negotiationFacts>

export const contested = z.strictObject({ from: z.int(), to: z.int() })

/** One line of the decision log; the same id on both sides. Instants are epoch ms of the side that stores it. */
export const decision = z.strictObject({
  id: z.string().max(64),
  edgeId: z.string().max(64),
  rule: z.enum(decisionRules),
  winner: z.enum(holders),
  epoch,
  /** Who asked: `system`, `console:<user>`, `edge:<id>/<user>`. */
  actor: z.string().max(200),
  facts: negotiationFacts.nullable(),
  outcome: z.enum(['open', 'done', 'refused', 'cancelled', 'failed']),
  /** Catalogue key or text that says why it was refused or failed; null when it went well. */
  detail: z.string().max(500).nullable(),
  startedAt: z.int(),
  finishedAt: z.int().nullable(),
  /** Both sides drove during this interval; null: they did not. */
  contested: contested.nullable(),
})
export type Decision = z.infer<typeof decision> & { startedAt: number }

/** Answers to "where is the restore window". */
export interface WindowView {
  open: boolean
  /** Null: no schedule, or none in sight. */
  nextOpenAt: WallMs | null
  closesAt: WallMs | null
}
