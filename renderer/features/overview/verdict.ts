import { connectedOf, devicesOf, type Site } from '../site/site'

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
