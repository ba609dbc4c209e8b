import { z } from 'zod'
import { alertEndings, alertSaid, alertSeverities, alertStates, alertWatches } from '../model/alerts'
import { alertRuleDocument } from '../model/documents'

/** What the console shows of alerts and of forwarding. Instants are epoch ms of the master; null means unknown or not applicable. */
const at = z.number()

/** One incident: from the moment its cause was there for long enough until it is over. */
export const alertIncident = z.object({
  /** Stable for the incident; under this key lists are compared. A pending one has a text that is not the number of any incident. */
  id: z.string(),
  ruleId: z.string(),
  ruleName: z.string(),
  /** Of an alert about a node `subjectOfNode(id)`, with the node's name. */
  edgeId: z.string(),
  edgeName: z.string(),
  /** Which series, log filter or name it is about, in words; empty: the edge as a whole. */
  series: z.string(),
  severity: z.enum(alertSeverities),
  state: z.enum(alertStates),
  /** In English, or in the words of an edge. */
  text: z.string(),
  /** The same for every language: `saidText` of `shared/text/alert-said` puts it into words. Null: `text` is all there is. */
  said: alertSaid.nullable().optional(),
  /** The value that counted last; null: it is not about a number. */
  value: z.number().nullable(),
  /** When its cause was seen first, when it fired, when it was over. */
  since: at,
  firedAt: at.nullable(),
  resolvedAt: at.nullable(),
  resolvedBecause: z.enum(alertEndings).nullable(),
  /** When data last spoke of it. */
  lastAt: at,
  /** Since when nothing speaks of it any more; it counts as firing all the same. */
  unknownSince: at.nullable(),
  /** How often its cause came (back) within the incident. */
  episodes: z.number(),
  acknowledged: z.object({ at, by: z.string(), note: z.string() }).nullable(),
  /** The silence that keeps it quiet now. */
  silenced: z.object({ id: z.string(), until: at, by: z.string(), reason: z.string() }).nullable(),
})
export type AlertIncident = z.infer<typeof alertIncident>

export const alertMatcher = z.object({
  ruleId: z.string().nullable(),
  edgeId: z.string().nullable(),
  /** How that edge or node is called now; absent: it names none. */
  edgeName: z.string().optional(),
  /** Part of the series. */
  series: z.string().nullable(),
  /** It names so many edges one by one, besides `edgeId` (a group of alerts was silenced); absent: it does not. */
  edges: z.number().optional(),
})
export const alertSilence = z.object({
  id: z.string(),
  matcher: alertMatcher,
  until: at,
  at,
  by: z.string(),
  reason: z.string(),
})
export type AlertSilence = z.infer<typeof alertSilence>

/**
 * Alerts of one cause that are not over: of one rule and, within it, of one metric or one name that edges give; where links are lost or nothing comes, those
 * that began together (each within a minute of the one before).
 */
export const alertGroup = z.object({
  /** Of its oldest alert. Asked for by the id of any of its alerts. */
  id: z.string(),
  ruleId: z.string(),
  ruleName: z.string(),
  /** The metric, or the name edges give it; empty: the rule says it all. */
  cause: z.string(),
  /** The worst of them. */
  severity: z.enum(alertSeverities),
  /** `unknown`: nothing speaks of any of them any more; `pending`: all wait still. */
  state: z.enum(['pending', 'firing', 'unknown']),
  /** Of the newest of the worst, as of `alertIncident`. */
  text: z.string(),
  said: alertSaid.nullable().optional(),
  count: z.number(),
  /** Nobody has said anything about them: neither acknowledged nor silenced. */
  open: z.number(),
  /** Some may be both. */
  acknowledged: z.number(),
  silenced: z.number(),
  /** When the first and the last of them began. */
  firstSince: at,
  lastSince: at,
  /** Edges they are of: how many, and at most `GROUP_EDGES_TOLD_MAX` of them by name. */
  edges: z.number(),
  edgeNames: z.array(z.string()),
  /** Ids of the oldest, at most `GROUP_ALERTS_TOLD_MAX`. */
  alerts: z.array(z.string()),
})
export type AlertGroup = z.infer<typeof alertGroup>
export const GROUP_EDGES_TOLD_MAX = 5
export const GROUP_ALERTS_TOLD_MAX = 100
/** Groups told at once, the worst and newest. */
export const GROUPS_TOLD_MAX = 200

/** Causes that were seen and could not be watched, because a limit was reached; null: none since the start. */
export const alertRefusals = z.object({ count: z.number(), lastAt: at, reason: z.string() }).nullable()

export const alertRuleView = z.object({
  id: z.string(),
  rule: alertRuleDocument,
  watch: z.enum(alertWatches),
  /** It comes with the program; no document changes it. */
  isDefault: z.boolean(),
  /** Of the document; null: there is none. */
  revision: z.number().nullable(),
  firing: z.number(),
  pending: z.number(),
  refused: alertRefusals,
})
export type AlertRuleView = z.infer<typeof alertRuleView>

const counts = z.object({ critical: z.number(), warning: z.number(), info: z.number() })
/** Topic `alerts`: everything that is not over, worst and newest first, at most `ALERTS_TOLD_MAX`; `total` says how many there are. */
export const alertsBody = z.object({
  /** Firing or unknown, neither acknowledged nor silenced: what a badge shows. */
  open: counts,
  /** All that fire or are unknown. */
  firing: counts,
  pending: z.number(),
  acknowledged: z.number(),
  silenced: z.number(),
  unknown: z.number(),
  total: z.number(),
  active: z.array(alertIncident),
  silences: z.array(alertSilence),
  refused: alertRefusals,
})
export type AlertsBody = z.infer<typeof alertsBody>
export const ALERTS_TOLD_MAX = 200

/** What a rule would have done with stored data. */
export const alertPreview = z.object({
  from: at,
  to: at,
  fired: z.number(),
  /** At most 100, newest first; `to` null: it would be firing now. */
  incidents: z.array(
    z.object({
      edgeId: z.string(),
      series: z.string(),
      from: at,
      to: at.nullable(),
      value: z.number().nullable(),
      /** As of `alertIncident`. */
      text: z.string(),
      said: alertSaid.nullable().optional(),
    }),
  ),
  /** How much was looked at. */
  series: z.number(),
  values: z.number(),
  /** Not all that was stored could be looked at. */
  isCut: z.boolean(),
})
export type AlertPreview = z.infer<typeof alertPreview>

export const forwardStates = ['off', 'up to date', 'sending', 'waiting', 'misconfigured'] as const
const forwardError = z.object({ at, code: z.string(), message: z.string() })
export const forwardView = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  enabled: z.boolean(),
  /** `waiting`: for the next attempt; `misconfigured`: the endpoint refuses this sender, nothing is given up and it is tried again now and then. */
  state: z.enum(forwardStates),
  /** Entries it has not passed yet, whether or not they will be sent. */
  pendingEntries: z.number(),
  /** Records and data points the endpoint has taken since the destination was made. At least once: after a failure some are sent again. */
  sent: z.number(),
  /** Entries that were left inside: of other categories, or marked not to be propagated. */
  skipped: z.number(),
  /** Entries the endpoint will never take, or that OTLP cannot carry. */
  setAside: z.number(),
  /** Entries that retention deleted before they were sent. */
  lost: z.number(),
  /** The newest, at most 20. */
  setAsideReasons: z.array(
    z.object({ at, edgeId: z.string(), entries: z.number(), code: z.string(), message: z.string() }),
  ),
  lastSentAt: at.nullable(),
  lastError: forwardError.nullable(),
  failedAttempts: z.number(),
  retryAt: at.nullable(),
})
export type ForwardView = z.infer<typeof forwardView>
