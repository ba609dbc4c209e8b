import type { EdgeView, StatusView } from '../../shared/console/views'
import { age, translate, type Locale, type TextKey } from '../../shared/text/text'

export const trayStates = ['edge', 'working', 'master', 'degraded', 'attention'] as const
export type TrayState = (typeof trayStates)[number]

/** What the desktop knows of its controller. Instants are epoch ms. */
export interface Seen {
  /** The last one; null: none yet. */
  readonly status: StatusView | null
  /** Since when the controller is not heard; null: it is. */
  readonly lostSince: number | null
  readonly controller: 'own' | 'attached'
}

export interface TrayModel {
  readonly state: TrayState
  /** Site, who drives and since when. */
  readonly title: string
  /** Link, backlog, what needs a person: below the title, and with it the tooltip. */
  readonly facts: readonly string[]
  /** Null: not possible now. */
  readonly restore: { readonly edge: string; readonly expectedEpoch: number } | { readonly place: string } | null
  readonly failover: { readonly place: string } | null
  readonly pause: { readonly place: string } | null
  readonly resume: { readonly edge: string } | null
  /** What stops when the desktop quits. */
  readonly stops: string
}

/** A site as both an edge and a master tell of it. */
type Site = Pick<EdgeView, 'id' | 'name' | 'link' | 'control' | 'failover' | 'paused' | 'needs' | 'sync' | 'modules'>

/** Tooltips of Windows end there. */
const TOOLTIP_MAX = 127

export function trayModel({ status, lostSince, controller }: Seen, locale: Locale, now: number): TrayModel {
  const say = (key: TextKey, params?: Record<string, string | number>) => translate(locale, key, params)
  const stops = say(stopsKey(status, controller))
  const idle = { restore: null, failover: null, pause: null, resume: null, stops }
  if (lostSince !== null)
    return { state: 'attention', title: say('tray.lost', { age: age(locale, now - lostSince) }), facts: [], ...idle }
  if (status === null) return { state: 'working', title: say('tray.waiting'), facts: [], ...idle }
  const sites = sitesOf(status)
  const needs = needsOf(status, sites)
  const [only] = sites
  const single = sites.length === 1 ? only : undefined
  const facts = [
    ...(single ? [linkText(single, locale, now), backlogText(single, locale)] : []),
    ...(needs.length === 0 ? [] : [needs.length === 1 ? say('tray.oneNeed') : say('tray.needs', { n: needs.length })]),
  ]
  return {
    state: stateOf(status, sites, needs),
    title: single ? siteTitle(single, locale, now) : sitesTitle(status, sites, locale),
    facts,
    stops,
    ...(single ? actionsOf(single, status) : elsewhere(sites)),
  }
}

export function tooltipOf({ title, facts }: Pick<TrayModel, 'title' | 'facts'>): string {
  const text = [title, ...facts].join('\n')
  return text.length > TOOLTIP_MAX ? `${text.slice(0, TOOLTIP_MAX - 1)}…` : text
}

/** An edge is one site, first-hand; so is a standalone controller, whose master half tells of the same. */
export function sitesOf(status: StatusView): Site[] {
  if (status.role === 'master') return status.edges ?? []
  const { name, link, control, failover, paused, needs, sync, modules } = status
  const id = status.edges?.[0]?.id ?? ''
  return [{ id, name, link, control, failover, paused, needs, sync, modules }]
}

/** Each need once: a master lists those of its edges with them, and perhaps its own beside them. */
export function needsOf(status: StatusView, sites: readonly Site[] = sitesOf(status)): StatusView['needs'] {
  const all = [...status.needs, ...sites.flatMap((site) => site.needs)]
  return [...new Map(all.map((need) => [need.id, need])).values()]
}

function stateOf(status: StatusView, sites: readonly Site[], needs: StatusView['needs']): TrayState {
  if (needs.some(({ severity }) => severity === 'critical')) return 'attention'
  const isWorking = ({ control, link, sync }: Site): boolean =>
    control.handOver !== null || link.state === 'connecting' || sync?.state === 'catching up'
  if (!status.booted || sites.some(isWorking)) return needs.length > 0 ? 'degraded' : 'working'
  const isDegraded = ({ control, link }: Site): boolean =>
    control.degraded || control.holder === 'none' || link.state === 'lost' || link.state === 'refused'
  if (needs.length > 0 || sites.some(isDegraded)) return 'degraded'
  return sites.some(({ control }) => control.holder === 'master') ? 'master' : 'edge'
}

function siteTitle({ name, control }: Site, locale: Locale, now: number): string {
  const { handOver } = control
  if (handOver !== null) {
    const target = translate(locale, `side.${handOver.target}`)
    return translate(locale, 'tray.handingOver', { name, target, age: age(locale, now - handOver.since) })
  }
  const holder = translate(locale, `holder.${control.holder}`)
  return translate(locale, 'tray.site', { name, holder, age: age(locale, now - control.since) })
}

function sitesTitle({ name }: StatusView, sites: readonly Site[], locale: Locale): string {
  if (sites.length === 0) return translate(locale, 'tray.noSites', { name })
  const drivenBy = (side: string): number => sites.filter(({ control }) => control.holder === side).length
  return translate(locale, 'tray.sites', {
    name,
    n: sites.length,
    edge: drivenBy('edge'),
    master: drivenBy('master'),
  })
}

function linkText({ link }: Site, locale: Locale, now: number): string {
  return translate(locale, 'tray.link', {
    state: translate(locale, `link.${link.state}`),
    age: age(locale, now - link.since),
  })
}

function backlogText({ sync }: Site, locale: Locale): string {
  const n = sync?.pendingEntries ?? 0
  return n === 0
    ? translate(locale, 'tray.noBacklog')
    : translate(locale, 'tray.backlog', { n: n.toLocaleString(locale) })
}

function actionsOf(site: Site, { role }: StatusView): Pick<TrayModel, 'restore' | 'failover' | 'pause' | 'resume'> {
  const { id, control, link, failover, paused } = site
  // An edge tells of no id of its own: without one, its own site is meant.
  const edge = role === 'edge' ? '' : id
  const place = `/site/${encodeURIComponent(edge)}`
  const mayMove = link.state === 'connected' && control.handOver === null && failover
  return {
    restore: mayMove && control.holder === 'master' ? { edge, expectedEpoch: control.epoch } : null,
    failover: mayMove && control.holder === 'edge' ? { place } : null,
    pause: paused === null && failover ? { place } : null,
    resume: paused === null ? null : { edge },
  }
}

/** Of several sites one has to be chosen first. */
function elsewhere(sites: readonly Site[]): Pick<TrayModel, 'restore' | 'failover' | 'pause' | 'resume'> {
  const place = sites.length === 0 ? null : { place: '/' }
  return { restore: place, failover: place, pause: place, resume: null }
}

function stopsKey(status: StatusView | null, controller: Seen['controller']): TextKey {
  if (controller === 'attached') return 'tray.stopsNothing'
  if (status?.role === 'edge') return 'tray.stopsEdge'
  return status?.role === 'master' ? 'tray.stopsMaster' : 'tray.stopsStandalone'
}

export type TrayTheme = 'light' | 'dark' | 'template'

/** `dark` is drawn for dark desktops. The 2x image beside it is found by its name. */
export const trayImage = (state: TrayState, theme: TrayTheme): string => `tray/${state}-${theme}.png`

export function trayTheme(platform: string, isDark: boolean): TrayTheme {
  if (platform === 'darwin') return 'template'
  return isDark ? 'dark' : 'light'
}
