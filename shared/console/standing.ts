import { connectedOf, devicesOf, isHearsay, needsOf, sitesOf, type Site } from './sites'
import type { StatusView } from './views'

/**
 * How a site stands, in one word, the same in the tray, the header and every list; worst first. `critical`: a person is needed. `working`: it moves by itself.
 * `degraded`: not as it ought to be, or not known to be. `master`, `edge`: all is well, and who drives.
 */
export const standings = ['critical', 'working', 'degraded', 'master', 'edge'] as const
export type Standing = (typeof standings)[number]

const kept = new WeakMap<Site, Standing>()

export function standingOf(site: Site): Standing {
  const known = kept.get(site)
  if (known) return known
  const standing = judged(site)
  kept.set(site, standing)
  return standing
}

function judged(site: Site): Standing {
  const { control, link, needs, takeOverAt, autonomyAt, sync } = site
  if (needs.some(({ severity }) => severity === 'critical')) return 'critical'
  if (control.handOver !== null || takeOverAt !== null || autonomyAt !== null) return 'working'
  if (link.state === 'connecting') return 'working'
  if (control.holder === 'none') return 'critical'
  if (isHearsay(site) || control.degraded || needs.length > 0 || link.state !== 'connected') return 'degraded'
  if (connectedOf(site) < devicesOf(site).length) return 'degraded'
  if (sync?.state === 'catching up') return 'working'
  return control.holder
}

/** An edge that was invited and never came is nobody's trouble yet. */
const isAwaited = ({ enrolled, revoked }: Site): boolean => !enrolled && !revoked

/** All sites of a controller in one word, the worst of them; null: it has none, and nothing of its own to tell. */
export function standingOfAll(status: StatusView): Standing | null {
  const needs = needsOf(status)
  if (needs.some(({ severity }) => severity === 'critical')) return 'critical'
  if (!status.booted) return 'working'
  const sites = sitesOf(status).filter((site) => !isAwaited(site))
  const found = new Set<Standing>(sites.map(standingOf))
  if (needs.length > 0) found.add('degraded')
  return standings.find((standing) => found.has(standing)) ?? null
}
