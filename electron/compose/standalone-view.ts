import type { StatusView } from '../../shared/console/views'
import type { WallMs } from '../../shared/model/time'
import { english } from '../../shared/text/english'
import type { masterStatus } from './master-status'
import type { EdgeRole } from '../edge/edge-role'
import type { SiteStatus } from '../edge/edge-view'
import type { MasterRole } from '../master/master-role'
import { demoEdge as siteEdge } from '../modules/demo/demo-site'

/** Only here can both sides be asked at once: with the cable out longer than the timeout, both drive. */
export function contestedNow(
  role: MasterRole,
  site: EdgeRole | null,
  plane: Pick<ReturnType<typeof masterStatus>, 'edges'>,
  own: Pick<SiteStatus, 'control'>,
): StatusView['needs'] {
  const bothDrive =
    site?.control.state.tenure.kind === 'driving' && (role.sites.get(siteEdge.id)?.control.drives ?? false)
  if (!bothDrive) return []
  const text = `${siteEdge.name}: ${english('need.contestedNow')}`
  const seenThere = plane.edges?.find(({ id }) => id === siteEdge.id)
  return [
    {
      id: `${siteEdge.id}:contested-now`,
      severity: 'critical',
      code: 'contestedNow',
      text,
      edgeId: siteEdge.id,
      // Since the second of them began.
      since: Math.max(own.control.since, seenThere?.control.since ?? 0),
    },
  ]
}

/** The edge half is off: what is known of its site is what the other half knows, which may be driving it. */
export function withoutEdge(
  plane: ReturnType<typeof masterStatus>,
  since: WallMs,
): Pick<SiteStatus, 'link' | 'control' | 'window' | 'paused' | 'failover' | 'needs'> {
  const link = {
    state: 'lost',
    since,
    url: 'loopback:',
    reason: 'The edge is powered off.',
    lastHeardAt: since,
  } as const
  const site = plane.edges?.find(({ id }) => id === siteEdge.id)
  const { window, paused, failover, control } = site ?? plane
  return {
    link,
    // Epoch and rule are the edge half's own, and it has none while it is off.
    control: {
      holder: control.holder === 'master' && site !== undefined ? 'master' : 'none',
      epoch: 0,
      since: control.holder === 'master' ? control.since : since,
      rule: null,
      reason: 'The edge is powered off.',
      handOver: null,
      degraded: control.degraded,
    },
    window,
    paused,
    failover,
    needs: [],
  }
}
