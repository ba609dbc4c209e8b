import type { SyncBrief } from '../../../shared/console/data-views'
import { connectedOf, devicesOf, type Site } from '../../../shared/console/sites'
import type { Tone } from '../../ui/tone'

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

/** The way of telemetry, where it is not as usual: lost something, cannot get rid of it, or is at it. */
export function backlogTone(sync: SyncBrief): Tone | undefined {
  if (sync.dropped > 0 || sync.deadLetters > 0) return 'degraded'
  if (!sync.isReachable) return 'quiet'
  return sync.state === 'up to date' ? undefined : 'working'
}
