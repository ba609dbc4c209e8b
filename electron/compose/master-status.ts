import type { StatusView } from '../../shared/console/views'
import type { Parts } from './parts'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import type { MasterRole } from '../master/master-role'
import { edgeViewOf, needsOfAll } from '../master/master-view'

/** The control plane's part of the status: its own systems and every edge. */
export function masterStatus(
  parts: Parts,
  master: MasterRole,
  desk: EnrolmentDesk,
  /** Since when this controller drives its own systems. */
  since: number,
): Omit<StatusView, 'at' | 'startedAt' | 'link' | 'documentsHead'> {
  const { clock } = parts
  const edges = [...master.sites.values()].map((site) => edgeViewOf(site, { clock, desk }))
  return {
    role: 'master',
    nodeId: parts.identity.nodeId,
    name: parts.settings.name ?? 'master',
    version: parts.version,
    booted: master.booted,
    control: {
      holder: 'master',
      epoch: 0,
      since,
      rule: null,
      reason: '',
      handOver: null,
      degraded: false,
    },
    modules: [...master.own.views()],
    window: { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] },
    paused: null,
    failover: true,
    autonomyAt: null,
    needs: needsOfAll(edges, master.own.waiting(), clock),
    sync: null,
    edges,
  }
}
