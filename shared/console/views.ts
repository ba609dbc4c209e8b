import { z } from 'zod'
import { decision, decisionRules, holders, negotiationFacts, negotiationRules, sides } from '../model/control'
import { moduleView } from '../model/modules'
import { syncBrief } from './data-views'

/** What the console shows. All instants are epoch milliseconds of the controller that answers; null means unknown or not applicable. */
export const linkStates = ['connecting', 'connected', 'lost', 'refused', 'unknown'] as const

export const linkView = z.object({
  state: z.enum(linkStates),
  since: z.number(),
  /** What an edge dials; on a master the far address. Null: none. */
  url: z.string().nullable(),
  /** Why it is lost or refused, in words. */
  reason: z.string().nullable(),
  /** When the far side was last heard. */
  lastHeardAt: z.number().nullable(),
})
export type LinkView = z.infer<typeof linkView>

export const controlView = z.object({
  holder: z.enum(holders),
  epoch: z.number(),
  since: z.number(),
  rule: z.enum(decisionRules).nullable(),
  /** The rule in words (catalogue). */
  reason: z.string(),
  /** A hand-over that runs now. */
  handOver: z.object({ decisionId: z.string(), target: z.enum(sides), step: z.string(), since: z.number() }).nullable(),
  /** The record could not be persisted; it lives in memory. */
  degraded: z.boolean(),
})
export type ControlView = z.infer<typeof controlView>

export const windowView = z.object({
  open: z.boolean(),
  nextOpenAt: z.number().nullable(),
  closesAt: z.number().nullable(),
  timeZone: z.string().nullable(),
  /** The next five openings. */
  next: z.array(z.number()).max(5),
})

/** Something a person should look at; `id` is stable for the incident. One of a status whose id is its code stands for those of that code at all sites. */
export const needView = z.object({
  id: z.string(),
  severity: z.enum(['warning', 'critical']),
  code: z.string(),
  text: z.string(),
  edgeId: z.string().nullable(),
  since: z.number(),
})

export const edgeView = z.object({
  id: z.string(),
  name: z.string(),
  link: linkView,
  control: controlView,
  /** When the master will take over unless the edge is back; null: no timer runs. */
  takeOverAt: z.number().nullable(),
  /** When automatic hand-back becomes possible by stability; null: not waiting. */
  stableAt: z.number().nullable(),
  window: windowView,
  failover: z.boolean(),
  /** Its node of the fleet is to have no work: control stays with the master, and a restore is refused. Absent: no. */
  draining: z.boolean().optional(),
  paused: z.object({ until: z.number().nullable(), reason: z.string() }).nullable(),
  enrolled: z.boolean(),
  revoked: z.boolean(),
  modules: z.array(moduleView),
  /** Number of the newest change its copy of the documents has, as it told last; null: not since this master started. */
  documentsSeq: z.number().nullable(),
  needs: z.array(needView),
  /** The way of its telemetry, as it told last; null: not since this master started. */
  sync: syncBrief.nullable(),
})
export type EdgeView = z.infer<typeof edgeView>

export const statusView = z.object({
  role: z.enum(['edge', 'master', 'standalone']),
  nodeId: z.string(),
  name: z.string(),
  version: z.string(),
  /** When this status was made. */
  at: z.number(),
  startedAt: z.number(),
  /** Master: false while it loads and waits for its edges. */
  booted: z.boolean(),
  link: linkView,
  control: controlView,
  modules: z.array(moduleView),
  window: windowView,
  paused: z.object({ until: z.number().nullable(), reason: z.string() }).nullable(),
  failover: z.boolean(),
  /** Edge: when it will drive by itself unless the master answers; null: no such timer. */
  autonomyAt: z.number().nullable(),
  /** Where browsers of other machines reach the console, e.g. `https://holdfast.example:7421/`; null: nowhere. */
  consoleUrl: z.string().nullish(),
  /** Number of the newest change of the documents; at an edge, of its copy. */
  documentsHead: z.number(),
  needs: z.array(needView),
  /** The way of telemetry to the master; null at a master, which keeps none of its own. */
  sync: syncBrief.nullable(),
  /** Master and standalone. */
  edges: z.array(edgeView).optional(),
})
export type StatusView = z.infer<typeof statusView>

export const previewView = z.object({
  edgeId: z.string(),
  rule: z.enum(negotiationRules),
  winner: z.enum(sides),
  reason: z.string(),
  facts: negotiationFacts,
  /** The next thing that would change control by itself, and when. */
  next: z.object({ what: z.string(), at: z.number().nullable() }).nullable(),
})
export type PreviewView = z.infer<typeof previewView>

export const decisionView = decision
