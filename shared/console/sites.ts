import type { Side } from '../model/control'
import type { ModuleView } from '../model/modules'
import type { SyncBrief } from './data-views'
import type { ControlView, EdgeView, LinkView, StatusView } from './views'

/** One site as the window and the tray show it, whichever side the controller is. */
export interface Site {
  /** What operations call it; undefined: the controller's own site. */
  readonly ref: string | undefined
  readonly id: string
  readonly name: string
  /** The side this controller sees it from. */
  readonly seenFrom: Side
  readonly link: LinkView
  readonly control: ControlView
  readonly takeOverAt: number | null
  readonly autonomyAt: number | null
  readonly stableAt: number | null
  readonly window: StatusView['window']
  readonly failover: boolean
  /** Absent: its node is to have work, or it is not known here. */
  readonly draining?: boolean | undefined
  readonly paused: StatusView['paused']
  readonly enrolled: boolean
  readonly revoked: boolean
  readonly modules: readonly ModuleView[]
  /** How far its copy of the documents is, and how far the documents are; null: not known here. */
  readonly documentsSeq: number | null
  readonly documentsHead: number
  readonly needs: StatusView['needs']
  /** The way of its telemetry; null: not known here. */
  readonly sync: SyncBrief | null
}

const sitesKept = new WeakMap<StatusView, readonly Site[]>()
const siteKept = new WeakMap<EdgeView, Site>()

/**
 * An edge has its own site; a master has those of its edges, and a standalone controller as well, with what its edge half knows besides. Views are not altered: of the
 * same view the very same site is made, so that among thousands those are found that changed.
 */
export function sitesOf(status: StatusView): readonly Site[] {
  const kept = sitesKept.get(status)
  if (kept) return kept
  const sites = makeSites(status)
  sitesKept.set(status, sites)
  return sites
}

function makeSites(status: StatusView): readonly Site[] {
  const edges = status.edges ?? []
  if (status.role === 'edge' || (status.role === 'standalone' && edges.length === 0)) return [ownSite(status)]
  const autonomyAt = status.role === 'standalone' && edges.length === 1 ? status.autonomyAt : null
  return edges.map((edge) => {
    const kept = siteKept.get(edge)
    if (kept && kept.documentsHead === status.documentsHead && kept.autonomyAt === autonomyAt) return kept
    const site: Site = { ...edge, ref: edge.id, documentsHead: status.documentsHead, seenFrom: 'master', autonomyAt }
    siteKept.set(edge, site)
    return site
  })
}

function ownSite(status: StatusView): Site {
  return {
    ref: undefined,
    id: status.nodeId,
    name: status.name,
    seenFrom: 'edge',
    link: status.link,
    control: status.control,
    takeOverAt: null,
    autonomyAt: status.autonomyAt,
    stableAt: null,
    window: status.window,
    failover: status.failover,
    paused: status.paused,
    enrolled: true,
    revoked: false,
    modules: status.modules,
    documentsSeq: status.documentsHead,
    documentsHead: status.documentsHead,
    needs: status.needs,
    sync: status.sync,
  }
}

/** The site an address names; without a name the first one. */
export function siteOf(status: StatusView, id: string | undefined): Site | null {
  const sites = sitesOf(status)
  return (id ? sites.find((site) => site.id === id || site.name === id) : sites[0]) ?? null
}

const needsKept = new WeakMap<StatusView, StatusView['needs']>()

/** Everything a person should look at, worst and oldest first. `at`: with all that is told of this site, where the status has one line for many. */
export function needsOf(status: StatusView, at: Site | null = null): StatusView['needs'] {
  const kept = needsKept.get(status) ?? ranked(allNeeds(status))
  needsKept.set(status, kept)
  return at === null ? kept : ranked([...kept, ...at.needs])
}

function allNeeds(status: StatusView): StatusView['needs'] {
  const all = [...status.needs]
  const together = new Set(all.flatMap(({ id, code }) => (id === code ? code : [])))
  for (const edge of status.edges ?? []) for (const need of edge.needs) if (!together.has(need.code)) all.push(need)
  return all
}

function ranked(needs: StatusView['needs']): StatusView['needs'] {
  const once = [...new Map(needs.map((need) => [need.id, need])).values()]
  const rank = (severity: string) => (severity === 'critical' ? 0 : 1)
  return once.sort((a, b) => rank(a.severity) - rank(b.severity) || a.since - b.since)
}

/** The master drives because the site's node is to have no work: neither a window nor a restore gives control back. */
export const staysAtMaster = ({ draining, control }: Pick<Site, 'draining' | 'control'>): boolean =>
  draining === true && control.holder === 'master'

export const devicesOf = (site: Site): ModuleView[] => site.modules.filter((module) => module.role === 'device')
export const connectedOf = (site: Site): number => devicesOf(site).filter((device) => device.connected).length

/** The other side held control when it was last heard, and cannot be asked now: nobody here knows whether it still does. */
export const isHearsay = ({ seenFrom, control, link }: Site): boolean =>
  control.handOver === null && control.holder !== 'none' && control.holder !== seenFrom && link.state !== 'connected'
