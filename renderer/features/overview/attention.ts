import type { StatusView } from '../../../shared/console/views'
import type { Tone } from '../../ui/tone'
import { actionsOf, type Viewer } from '../site/actions'
import { needsOf, sitesOf, staysAtMaster, type Site } from '../../../shared/console/sites'

/** What one can do about something, as a place to go to. `text`: key of the catalogue. */
export interface Remedy {
  readonly text: string
  readonly to: { name: string; params?: Record<string, string>; query?: Record<string, string> }
  /** The one that most likely is what it takes. */
  readonly isFirst: boolean
}
/** Something a person should look at: what the controller asks for, and what only a person can end. */
export interface Attention {
  readonly id: string
  readonly tone: Extract<Tone, 'critical' | 'degraded' | 'master'>
  /** A need of the controller: its code and its words in English. Null: `key` says it. */
  readonly need: { readonly code: string; readonly text: string } | null
  readonly key: 'heldByMaster' | 'draining' | 'paused' | null
  readonly detail: string | null
  readonly since: number | null
  readonly site: Site | null
  readonly remedies: readonly Remedy[]
}

const ranks = { critical: 0, degraded: 1, master: 2 }
const aboutData = new Set(['telemetry-lost'])
const aboutAccess = new Set(['link-refused', 'duplicate-edge', 'unproven-dial', 'revoked', 'removed', 'master-refused'])
const aboutMachine = new Set(['not-persisted', 'stale-record'])

/** Worst first, then oldest. `hasPage`: which pages exist to point to. `at`: with what is told of this site alone, where the status has one line for many. */
export function attentionOf(
  status: StatusView,
  viewer: Viewer,
  hasPage: (name: string) => boolean,
  at: Site | null = null,
): Attention[] {
  const sites = sitesOf(status)
  const paramsOf = (site: Site | null): Record<string, string> => (site?.ref === undefined ? {} : { edgeId: site.ref })
  const openSite = (site: Site | null): Remedy => ({
    text: 'overview.openSite',
    to: { name: 'site', params: paramsOf(site) },
    isFirst: false,
  })
  const restore = (site: Site | null): Remedy[] =>
    site !== null && site.control.holder === 'master' && actionsOf(site, viewer).restore === null
      ? [
          {
            text: 'site.restore',
            to: { name: 'site', params: paramsOf(site), query: { act: 'restore' } },
            isFirst: true,
          },
        ]
      : []
  function remediesOf(code: string, site: Site | null): Remedy[] {
    const more: Remedy[] = []
    const settings = (section: string, text: string) => {
      if (hasPage('settings')) more.push({ text, to: { name: 'settings', params: { section } }, isFirst: true })
    }
    if (aboutData.has(code))
      more.push({ text: 'overview.openData', to: { name: 'data', params: paramsOf(site) }, isFirst: true })
    if (aboutAccess.has(code)) settings('connection', 'overview.openConnection')
    if (aboutMachine.has(code)) settings('diagnostics', 'overview.openChecks')
    return [...restore(site), ...more, ...(site === null ? [] : [openSite(site)])]
  }

  const byId = new Map(sites.map((site) => [site.id, site]))
  const needs = needsOf(status, at).map((need): Attention => {
    const site = byId.get(need.edgeId ?? '') ?? (status.role === 'master' ? null : (sites[0] ?? null))
    const tone = need.severity === 'critical' ? 'critical' : 'degraded'
    const remedies = remediesOf(need.code, site)
    return { id: need.id, tone, need, key: null, detail: null, since: need.since, site, remedies }
  })
  const drained = sites.filter(staysAtMaster)
  const held = sites.filter(
    (site) =>
      site.control.holder === 'master' &&
      site.control.handOver === null &&
      site.link.state === 'connected' &&
      !site.window.open &&
      site.window.nextOpenAt === null &&
      !staysAtMaster(site),
  )
  const paused = sites.filter((site) => site.paused !== null)
  const base = { need: null, detail: null, since: null }
  return [
    ...needs,
    ...held.map((site): Attention => ({
      ...base,
      id: `${site.id}:held`,
      tone: 'master',
      key: 'heldByMaster',
      since: site.control.since,
      site,
      remedies: [...restore(site), openSite(site)],
    })),
    ...drained.map((site): Attention => ({
      ...base,
      id: `${site.id}:draining`,
      tone: 'master',
      key: 'draining',
      since: site.control.since,
      site,
      remedies: [openSite(site)],
    })),
    ...paused.map((site): Attention => ({
      ...base,
      id: `${site.id}:paused`,
      tone: 'degraded',
      key: 'paused',
      detail: site.paused?.reason ?? null,
      site,
      remedies: [openSite(site)],
    })),
  ].sort((a, b) => ranks[a.tone] - ranks[b.tone] || (a.since ?? Infinity) - (b.since ?? Infinity))
}
