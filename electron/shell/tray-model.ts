import { isHearsay, needsOf, sitesOf, staysAtMaster, type Site } from '../../shared/console/sites'
import { standingOfAll, type Standing } from '../../shared/console/standing'
import type { StatusView } from '../../shared/console/views'
import type { Locale, TextKey } from '../../shared/text/text'
import { age, translate } from '../../shared/text/translate'

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
  const needs = needsOf(status)
  const [only] = sites
  const single = sites.length === 1 ? only : undefined
  const facts = [
    ...(single ? [linkText(single, locale, now), backlogText(single, locale)] : []),
    ...(needs.length === 0 ? [] : [needs.length === 1 ? say('tray.oneNeed') : say('tray.needs', { n: needs.length })]),
  ]
  return {
    state: stateOf(standingOfAll(status)),
    title: single ? siteTitle(single, locale, now) : sitesTitle(status, sites, locale),
    facts,
    stops,
    ...(single ? actionsOf(single) : elsewhere(sites)),
  }
}

export function tooltipOf({ title, facts }: Pick<TrayModel, 'title' | 'facts'>): string {
  const text = [title, ...facts].join('\n')
  return text.length > TOOLTIP_MAX ? `${text.slice(0, TOOLTIP_MAX - 1)}…` : text
}

/** A master without sites is no worse than one whose sites are all well. */
function stateOf(standing: Standing | null): TrayState {
  if (standing === null) return 'edge'
  return standing === 'critical' ? 'attention' : standing
}

function siteTitle(site: Site, locale: Locale, now: number): string {
  const { name, control } = site
  const { handOver } = control
  if (handOver !== null) {
    const target = translate(locale, `side.${handOver.target}`)
    return translate(locale, 'tray.handingOver', { name, target, age: age(locale, now - handOver.since) })
  }
  const holder = translate(locale, `holder.${control.holder}`)
  return translate(locale, isHearsay(site) ? 'tray.siteHearsay' : 'tray.site', {
    name,
    holder,
    age: age(locale, now - control.since),
  })
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

function actionsOf(site: Site): Pick<TrayModel, 'restore' | 'failover' | 'pause' | 'resume'> {
  const { ref, control, link, failover, paused } = site
  const edge = ref ?? ''
  const place = `/site/${encodeURIComponent(edge)}`
  const mayMove = link.state === 'connected' && control.handOver === null && failover
  return {
    restore:
      mayMove && control.holder === 'master' && !staysAtMaster(site) ? { edge, expectedEpoch: control.epoch } : null,
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
