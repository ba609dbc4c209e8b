import type { SyncBrief } from '../../../shared/console/data-views'
import type { StatusView } from '../../../shared/console/views'
import type { Tone } from '../../ui/tone'
import { connectedOf, devicesOf, isHearsay, needsOf, sitesOf, type Site } from '../site/site'

/** Everything is as usual: the edge drives, the link is up, every device answers, nothing is switched off or counts down to a change. */
export function isCalm(site: Site): boolean {
  return (
    site.control.holder === 'edge' &&
    site.control.handOver === null &&
    !site.control.degraded &&
    site.link.state === 'connected' &&
    site.needs.length === 0 &&
    site.paused === null &&
    site.takeOverAt === null &&
    connectedOf(site) === devicesOf(site).length
  )
}

/** A site in one shape: what a person has to see first. The same order as in the tray. */
export function stateOf(site: Site): Tone {
  if (site.needs.some(({ severity }) => severity === 'critical')) return 'critical'
  if (site.control.handOver !== null || site.takeOverAt !== null) return 'working'
  if (site.control.holder === 'none') return 'critical'
  if (isHearsay(site) || site.control.degraded || site.needs.length > 0) return 'degraded'
  if (site.control.holder === 'master') return 'master'
  return site.link.state === 'connected' && connectedOf(site) === devicesOf(site).length ? 'edge' : 'degraded'
}

export const worstFirst: readonly Tone[] = ['critical', 'working', 'degraded', 'master', 'edge', 'quiet']

/** All sites of a controller in one shape. */
export function stateOfAll(status: StatusView): Tone {
  const states = new Set(sitesOf(status).map(stateOf))
  if (needsOf(status).some(({ severity }) => severity === 'critical')) return 'critical'
  if (needsOf(status).length > 0) states.add('degraded')
  return worstFirst.find((tone) => states.has(tone)) ?? 'quiet'
}

/** The way of telemetry, where it is not as usual: lost something, cannot get rid of it, or is at it. */
export function backlogTone(sync: SyncBrief): Tone | undefined {
  if (sync.dropped > 0 || sync.deadLetters > 0) return 'degraded'
  if (!sync.isReachable) return 'quiet'
  return sync.state === 'up to date' ? undefined : 'working'
}
