import { z } from 'zod'
import type { EdgeFacts, NegotiationFacts } from '../../shared/model/control'
import { HoldfastError } from '../../shared/model/failures'
import type { PreviewView } from '../../shared/console/views'
import { english } from '../../shared/text/english'
import { takeOverAt } from '../core/control/master-state'
import { masterFactsOf } from '../core/control/master-negotiation'
import { negotiate, tableFacts } from '../core/control/negotiate'
import type { Clock } from '../platform/ports'
import type { EdgeSite } from './edge-site'

/** What a drill may assume instead of what is. */
const assumptions = z.object({
  link: z.enum(['connected', 'lost']).optional(),
  window: z.enum(['in', 'out', 'unset']).optional(),
  paused: z.boolean().optional(),
  devices: z.enum(['up', 'down']).optional(),
  loading: z.boolean().optional(),
  failover: z.boolean().optional(),
  stable: z.boolean().optional(),
  holder: z.enum(['edge', 'master']).optional(),
})

/** Who would win a negotiation now, by which rule, from which facts; the same function decides when it is not a drill. */
export function previewOf(site: EdgeSite, assume: unknown, clock: Clock): PreviewView {
  const read = assumptions.safeParse(assume ?? {})
  if (!read.success) {
    const [issue] = read.error.issues
    throw new HoldfastError('invalid', `${issue?.path.join('.') ?? 'assume'}: ${issue?.message ?? 'not valid'}`)
  }
  const assumed = read.data
  const facts = assumedFacts(currentFacts(site, clock), assumed)
  const verdict = negotiate(tableFacts(facts))
  return {
    edgeId: site.edgeId,
    rule: verdict.rule,
    winner: verdict.winner,
    reason: english(`rule.${verdict.rule}`),
    facts,
    next: nextChange(site, clock, assumed),
  }
}

function currentFacts(site: EdgeSite, clock: Clock): NegotiationFacts {
  const { state } = site.control
  const master = masterFactsOf(state, site.control.context())
  const { link, stored } = state
  const views = site.views().filter((view) => view.role === 'device')
  const connected = views.filter((view) => view.connected).length
  const drives = stored.record.holder === 'edge' && link.kind === 'linked'
  const known: EdgeFacts | null = link.kind === 'linked' ? link.edge : null
  const edge: EdgeFacts = {
    devicesUp: drives && (connected > 0 || views.length === 0),
    devicesConnected: drives ? connected : 0,
    devicesTotal: views.length,
    record: known?.record ?? stored.record,
    floor: stored.floor,
    instanceId: known?.instanceId ?? '',
    bootId: known?.bootId ?? '',
    journalSeq: state.edgeJournalSeq,
    drivingForMs: drives ? Math.max(0, clock.wall() - stored.since) : null,
  }
  return { edge, master }
}

function assumedFacts(facts: NegotiationFacts, assumed: z.infer<typeof assumptions>): NegotiationFacts {
  const { edge, master } = facts
  return {
    edge: { ...edge, devicesUp: assumed.devices === undefined ? edge.devicesUp : assumed.devices === 'up' },
    master: {
      ...master,
      record:
        assumed.holder === undefined
          ? master.record
          : { ...master.record, holder: assumed.holder, epoch: Math.max(master.record.epoch, edge.record.agreedEpoch) },
      window: assumed.window ?? master.window,
      paused: assumed.paused ?? master.paused,
      loading: assumed.loading ?? master.loading,
      failover: assumed.failover ?? master.failover,
      stable: assumed.stable ?? master.stable,
    },
  }
}

function nextChange(site: EdgeSite, clock: Clock, assumed: z.infer<typeof assumptions>): PreviewView['next'] {
  const { state } = site.control
  const standing = site.standing()
  const wallOf = (mono: number): number => clock.wall() + (mono - clock.mono())
  if (assumed.link === 'lost' && standing.failover && !(assumed.paused ?? standing.paused) && !site.control.drives) {
    return { what: 'take-over', at: clock.wall() + standing.timeoutMs }
  }
  const due = takeOverAt(state, standing.timeoutMs)
  if (due !== null) return { what: 'take-over', at: wallOf(due) }
  const window = standing.window()
  if (site.control.drives && window !== null && !standing.paused && window.nextChangeAt !== null && !window.open)
    return { what: 'window-opens', at: window.nextChangeAt }
  return null
}
