import { z } from 'zod'
import { decision, holders } from '../model/control'
import { difference } from './document-operations'
import { edgeRef, none, operation } from './operation'
import { edgeView, linkStates, previewView } from './views'

const handOver = z.object({
  decisionId: z.string(),
  epoch: z.number(),
  holder: z.enum(['edge', 'master', 'none']),
  outcome: z.string(),
  detail: z.string().nullable(),
})

/** Who drives: edges, their enrolment, hand-overs and the demo site. */
export const controlOperations = {
  /** In the order of their ids. Without `limit` all that fit the rest; `after`: the id of the last one that is known already. */
  'edges.list': operation(
    'viewer',
    false,
    z.object({
      /** A part of the id or the name, in letters of any size. */
      text: z.string().max(100).optional(),
      link: z.enum(linkStates).optional(),
      holder: z.enum(holders).optional(),
      /** True: only those that need a person. */
      needs: z.boolean().optional(),
      limit: z.number().int().min(1).max(1_000).optional(),
      after: z.string().max(64).optional(),
    }),
    z.array(edgeView),
  ),
  'edges.show': operation(
    'viewer',
    false,
    z.object({ edge: edgeRef }),
    z.object({ view: edgeView, document: z.record(z.string(), z.json()), revision: z.number() }),
  ),
  /** `create: true` makes a missing edge. Values arrive as JSON; `null` removes a field. */
  'edges.set': operation(
    'admin',
    true,
    z.object({
      edge: edgeRef,
      values: z.record(z.string(), z.json()),
      create: z.boolean().default(false),
      revision: z.number().optional(),
      dryRun: z.boolean().default(false),
    }),
    z.object({ head: z.number(), differences: z.array(difference) }),
  ),
  'edges.restore': operation(
    'operator',
    true,
    z.object({ edge: edgeRef.optional(), expectedEpoch: z.number().optional() }),
    handOver,
    'edge',
  ),
  'edges.failover': operation(
    'operator',
    true,
    z.object({ edge: edgeRef.optional(), expectedEpoch: z.number().optional() }),
    handOver,
    'edge',
  ),
  /** Only while the other side is unreachable; `confirm` is the site's name, typed. */
  'edges.force': operation('admin', true, z.object({ edge: edgeRef.optional(), confirm: z.string() }), handOver),
  'edges.pause': operation(
    'operator',
    true,
    z.object({
      edge: edgeRef.optional(),
      reason: z.string().min(1).max(500),
      forMs: z.number().int().min(1_000).nullable(),
    }),
    z.object({ until: z.number().nullable() }),
    'edge',
  ),
  'edges.resume': operation('operator', true, z.object({ edge: edgeRef.optional() }), none, 'edge'),
  'edges.preview': operation(
    'viewer',
    false,
    z.object({
      edge: edgeRef.optional(),
      assume: z
        .object({
          link: z.enum(['connected', 'lost']).optional(),
          window: z.enum(['in', 'out', 'unset']).optional(),
          paused: z.boolean().optional(),
          devices: z.enum(['up', 'down']).optional(),
          loading: z.boolean().optional(),
          failover: z.boolean().optional(),
          stable: z.boolean().optional(),
          holder: z.enum(['edge', 'master']).optional(),
        })
        .default({}),
    }),
    previewView,
  ),
  'edges.revoke': operation('admin', true, z.object({ edge: edgeRef, reason: z.string().max(500).default('') }), none),
  'edges.rotate': operation('admin', true, z.object({ edge: edgeRef }), z.object({ secretId: z.string() })),
  'invites.create': operation(
    'admin',
    true,
    z.object({
      edge: z.string().min(1).max(100),
      replace: z.boolean().default(false),
      validForMs: z.number().int().min(10_000).max(86_400_000).optional(),
    }),
    z.object({ code: z.string(), expiresAt: z.number(), tokenId: z.string(), edgeId: z.string() }),
  ),
  'invites.list': operation(
    'admin',
    false,
    none,
    z.array(
      z.object({
        tokenId: z.string(),
        edgeId: z.string(),
        edgeName: z.string(),
        madeBy: z.string(),
        madeAt: z.number(),
        expiresAt: z.number(),
        state: z.enum(['open', 'used', 'expired', 'revoked']),
      }),
    ),
  ),
  'invites.revoke': operation('admin', true, z.object({ tokenId: z.string() }), none),
  /** Edge: the master by its join code. Refused while it already belongs to one unless `replace`. */
  'enrolment.join': operation(
    'admin',
    true,
    z.object({
      code: z.string().max(4_000),
      replace: z.boolean().default(false),
      /** What the site buffered under earlier enrolments is given up and counted, instead of pushed to this master. */
      dropBacklog: z.boolean().default(false),
    }),
    z.object({ edgeId: z.string(), edgeName: z.string(), masterUrl: z.string() }),
  ),
  'decisions.list': operation(
    'viewer',
    false,
    z.object({
      edge: edgeRef.optional(),
      limit: z.number().int().min(1).max(500).default(50),
      before: z.number().optional(),
    }),
    z.array(decision),
  ),
  /** Next five openings of a schedule that is being edited. */
  'windows.preview': operation(
    'viewer',
    false,
    z.object({
      windowStart: z.string(),
      windowLengthS: z.number(),
      windowTimeZone: z.string().optional(),
      edge: edgeRef.optional(),
    }),
    z.object({ openings: z.array(z.object({ opensAt: z.number(), closesAt: z.number() })), timeZone: z.string() }),
  ),
  /** The demo site's two switches (standalone with the demo site only). */
  'demo.cable': operation('operator', true, z.object({ connected: z.boolean() }), none),
  'demo.power': operation('operator', true, z.object({ on: z.boolean() }), none),
} as const
