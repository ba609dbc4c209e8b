import { z } from 'zod'
import { alertSeverities, alertStates } from '../model/alerts'
import { documentId } from '../model/documents'
import {
  alertGroup,
  alertIncident,
  alertPreview,
  alertRuleView,
  alertsBody,
  alertSilence,
  forwardView,
} from './alert-views'
import { difference } from './document-operations'
import { edgeRef, limited, none, operation } from './operation'

const SILENCE_MS_MAX = 30 * 86_400_000
const id = z.string().min(1).max(200)
const ids = z.array(id).min(1).max(1_000)
/** Id or name of a rule. */
const ruleRef = z.string().min(1).max(100)
const values = z.record(z.string().max(100), z.json())
const stored = z.object({ head: z.number(), differences: z.array(difference) })

/** An edge, or a node: by id or name. */
const subjectRef = edgeRef

/** Alerts of all edges and nodes of a master, their rules, and the forwarding of telemetry to elsewhere. */
export const alertOperations = {
  /**
   * Newest first. Without `states` those that are not over. `next`: ask on `before` it; null: that was all. With `grouped` there is no list: `groups` has all
   * that are not over and match, by cause, worst and newest first, `total` says how many alerts those are (and groups beyond `GROUPS_TOLD_MAX` are left out).
   * `group`: the id of one alert; those of its cause that are not over and match (`text` finds sites, too), the last to begin first.
   */
  'alerts.list': operation(
    'viewer',
    false,
    z.object({
      states: z.array(z.enum(alertStates)).min(1).optional(),
      severityMin: z.enum(alertSeverities).optional(),
      edge: subjectRef.optional(),
      rule: ruleRef.optional(),
      text: z.string().max(200).optional(),
      before: id.optional(),
      limit: limited(1_000, 100),
      grouped: z.boolean().optional(),
      group: id.optional(),
    }),
    z.object({
      alerts: z.array(alertIncident),
      total: z.number(),
      next: z.string().nullable(),
      groups: z.array(alertGroup).optional(),
    }),
  ),
  'alerts.show': operation(
    'viewer',
    false,
    z.object({ id }),
    z.object({ alert: alertIncident, rule: alertRuleView.nullable() }),
  ),
  /**
   * `on: false` takes it back. Those that are over are left as they are; answers how many were changed. `group`: the id of one alert, and all of its cause are
   * meant, however many; with `edge` those at that edge or node. At least one of `ids` and `group`. Those at edges that the caller may not operate are left as
   * they are: the others are changed, and the answer is `forbidden` with both numbers in `details`.
   */
  'alerts.acknowledge': operation(
    'operator',
    true,
    z.object({
      ids: ids.optional(),
      group: id.optional(),
      edge: subjectRef.optional(),
      note: z.string().max(500).default(''),
      on: z.boolean().default(true),
    }),
    z.object({ changed: z.number() }),
    'found',
  ),
  /**
   * Keeps quiet what matches, now and later, until the time is over; what fires then still is told. `alert`: what that one is about; `group`: what all of the
   * cause of that alert are about (at any edge; of links that were lost together: at those edges; with `edge`: at that one). At least one of the five. Refused
   * with the names where it would keep quiet an edge that the caller may not operate.
   */
  'alerts.silence': operation(
    'operator',
    true,
    z.object({
      alert: id.optional(),
      group: id.optional(),
      rule: ruleRef.optional(),
      edge: subjectRef.optional(),
      series: z.string().min(1).max(500).optional(),
      forMs: z.int().min(1_000).max(SILENCE_MS_MAX),
      reason: z.string().trim().min(1).max(500),
    }),
    alertSilence,
    'found',
  ),
  /** By whoever may make it. */
  'alerts.unsilence': operation('operator', true, z.object({ id }), none, 'found'),
  'alerts.silences': operation('viewer', false, none, z.array(alertSilence)),
  'alerts.rules': operation('viewer', false, none, z.array(alertRuleView)),
  /** Fields of a rule; null removes one. A default rule becomes a document with the first change. */
  'alerts.setRule': operation(
    'admin',
    true,
    z.object({
      rule: ruleRef,
      values,
      create: z.boolean().default(false),
      revision: z.int().optional(),
      dryRun: z.boolean().default(false),
    }),
    stored,
  ),
  /** A default rule is again as it came. */
  'alerts.removeRule': operation('admin', true, z.object({ rule: ruleRef }), stored),
  /** How often a rule (one there is, or fields of one there is not yet) would have fired over stored data. */
  'alerts.preview': operation(
    'viewer',
    false,
    z.object({
      rule: z.union([ruleRef, values]),
      edge: edgeRef.optional(),
      overMs: z
        .int()
        .min(60_000)
        .max(7 * 86_400_000)
        .default(86_400_000),
    }),
    alertPreview,
  ),
  'forwarding.status': operation('viewer', false, none, z.array(forwardView)),
  /** Fields of a destination; null removes one. It begins with what comes from then on. */
  'forwarding.set': operation(
    'admin',
    true,
    z.object({
      forwarder: z.string().min(1).max(100),
      values,
      create: z.boolean().default(false),
      revision: z.int().optional(),
    }),
    stored,
  ),
  'forwarding.remove': operation('admin', true, z.object({ forwarder: z.string().min(1).max(100) }), stored),
  /** Tries again now instead of waiting. */
  'forwarding.retry': operation('operator', true, z.object({ forwarder: documentId }), none),
  /**
   * Sends an empty request for each signal of its categories now, even where the destination is off, and tells what the other side said. Counts for nothing
   * else.
   */
  'forwarding.test': operation(
    'operator',
    true,
    z.object({ forwarder: z.string().min(1).max(100) }),
    z.object({
      delivered: z.boolean(),
      signals: z.array(
        z.object({
          signal: z.enum(['metrics', 'traces', 'logs']),
          delivered: z.boolean(),
          /** `ok`, or why not: `unreachable`, `no-secret`, `bad-header`, `http-401`, ... */
          code: z.string(),
          /** In the words of the other side, or why there are none. */
          answer: z.string(),
          durationMs: z.number(),
        }),
      ),
    }),
  ),
} as const

export const alertTopics = {
  /** At a master or standalone controller only. */
  alerts: { kind: 'snapshot', role: 'viewer', params: none, body: alertsBody },
} as const
