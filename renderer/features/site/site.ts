import type { SyncBrief } from '../../../shared/console/data-views'
import type { ControlView, LinkView, StatusView } from '../../../shared/console/views'
import type { Side } from '../../../shared/model/control'
import type { ModuleView } from '../../../shared/model/modules'
import type { Tone } from '../../ui/tone'

/** One site as the pages show it, whichever side the controller is. */
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

/** An edge has its own site; a master has those of its edges, and a standalone controller as well, with what its edge half knows besides. */
export function sitesOf(status: StatusView): Site[] {
  const edges = status.edges ?? []
  if (status.role === 'edge' || (status.role === 'standalone' && edges.length === 0)) return [ownSite(status)]
  return edges.map((edge) => ({
    ...edge,
    ref: edge.id,
    documentsHead: status.documentsHead,
    seenFrom: 'master',
    autonomyAt: status.role === 'standalone' && edges.length === 1 ? status.autonomyAt : null,
  }))
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

/** Everything a person should look at, worst and oldest first. */
export function needsOf(status: StatusView): StatusView['needs'] {
  const all = [...status.needs, ...(status.edges ?? []).flatMap((edge) => edge.needs)]
  const once = [...new Map(all.map((need) => [need.id, need])).values()]
  const rank = (severity: string) => (severity === 'critical' ? 0 : 1)
  return once.sort((a, b) => rank(a.severity) - rank(b.severity) || a.since - b.since)
}

export const devicesOf = (site: Site): ModuleView[] => site.modules.filter((module) => module.role === 'device')
export const connectedOf = (site: Site): number => devicesOf(site).filter((device) => device.connected).length

/** The other side held control when it was last heard, and cannot be asked now: nobody here knows whether it still does. */
export const isHearsay = ({ seenFrom, control, link }: Site): boolean =>
  control.handOver === null && control.holder !== 'none' && control.holder !== seenFrom && link.state !== 'connected'

export function holderTone(site: Site): Tone {
  const { control } = site
  if (control.handOver) return 'working'
  if (isHearsay(site)) return 'quiet'
  if (control.holder === 'edge') return 'edge'
  return control.holder === 'master' ? 'master' : 'critical'
}

export function linkTone(link: LinkView): Tone {
  switch (link.state) {
    case 'connected':
      return 'edge'
    case 'connecting':
      return 'working'
    case 'lost':
    case 'refused':
      return 'critical'
    case 'unknown':
      return 'quiet'
  }
}

export function moduleTone(module: ModuleView): Tone {
  if (module.state === 'failed' || module.state === 'backing-off') return 'critical'
  if (module.state === 'running') return module.connected ? 'edge' : 'critical'
  return module.state === 'starting' ? 'working' : 'quiet'
}

/** Something that will happen by itself. `key` is a text of the catalogue. */
export interface Countdown {
  readonly key: 'takeOver' | 'autonomy' | 'stable' | 'windowCloses' | 'windowOpens' | 'pauseEnds'
  readonly at: number
  readonly tone: Tone
}

/** What is going to happen, soonest first. The window counts down only where its opening changes something. */
export function countdownsOf(site: Site): Countdown[] {
  const isHeldByMaster = site.control.holder === 'master'
  const all: (Countdown | null)[] = [
    site.takeOverAt === null ? null : { key: 'takeOver', at: site.takeOverAt, tone: 'critical' },
    site.autonomyAt === null ? null : { key: 'autonomy', at: site.autonomyAt, tone: 'working' },
    site.stableAt === null ? null : { key: 'stable', at: site.stableAt, tone: 'working' },
    site.window.open && site.window.closesAt !== null
      ? { key: 'windowCloses', at: site.window.closesAt, tone: isHeldByMaster ? 'working' : 'quiet' }
      : null,
    !site.window.open && site.window.nextOpenAt !== null
      ? { key: 'windowOpens', at: site.window.nextOpenAt, tone: isHeldByMaster ? 'working' : 'quiet' }
      : null,
    site.paused?.until ? { key: 'pauseEnds', at: site.paused.until, tone: 'working' } : null,
  ]
  return all.filter((item) => item !== null).sort((a, b) => a.at - b.at)
}
