import type { AlertsBody } from '../../shared/console/alert-views'
import type { DesktopSettings, NoticeClass } from '../../shared/console/desktop'
import { isHostWait } from '../../shared/console/host-waits'
import { needsOf } from '../../shared/console/sites'
import type { StatusView } from '../../shared/console/views'
import { nodeOfSubject } from '../../shared/model/alerts'
import { english } from '../../shared/text/english'

/**
 * When a person is told, and of what. One incident has one notice: shown when it gets worse than it was, changed in place without a sound when only its
 * parts change, replaced by word of its recovery. Pure; `now` is monotonic ms.
 */

/** Something a person should look at, as the status tells of it. */
export interface Need {
  readonly id: string
  readonly severity: 'warning' | 'critical'
  readonly code: string
  readonly text: string
  readonly edgeId: string | null
  /** Needs of one cause are one incident, whichever site they are about. Missing: those of a site and class are. */
  readonly cause?: string
  /** It is there, and nobody is to be disturbed about it: what was shown of it goes without word of an end. */
  readonly isQuiet?: boolean
}

/** Of needs that are alerts; no status has one. */
export const ALERT_CODE = 'alert'

const classes: Readonly<Record<string, NoticeClass>> = {
  'edge-lost': 'link',
  'master-lost': 'link',
  'master-refused': 'link',
  'link-refused': 'link',
  'controller-lost': 'link',
  disagreement: 'control',
  'hand-over-failed': 'control',
  'lease-lost': 'control',
  'stale-record': 'control',
  'not-persisted': 'control',
  contestedNow: 'control',
  contested: 'control',
  // Nobody drives: at a site that is lost as well, that is what the loss has led to and not the same news.
  'host-waits-memory': 'control',
  'host-waits-load': 'control',
  'host-waits-turn': 'control',
  'no-device': 'devices',
  'module-fault': 'devices',
  [ALERT_CODE]: 'alerts',
  'duplicate-edge': 'security',
  'unproven-dial': 'security',
  revoked: 'security',
  removed: 'security',
}
export const classOf = (code: string): NoticeClass => classes[code] ?? 'other'

/**
 * How long something has to last before it is told. A link is lost when an attempt after 3,000 ms, with a tenth of jitter, has failed as well: one reconnect is
 * no news. A host of modules that ended is back within 3 s.
 */
const graceMs: Readonly<Record<NoticeClass, number>> = {
  link: 3_600,
  control: 0,
  devices: 5_000,
  // Rules of alerts have waits of their own.
  alerts: 0,
  security: 0,
  other: 0,
}
/** A recovery counts when it has lasted this long. */
export const STEADY_MS = 10_000
/** The same trouble again within this time belongs to the same incident: a link that flaps for an hour is told once. */
export const SAME_INCIDENT_MS = 15 * 60_000
/** Incidents at once; what goes beyond shows in the window alone. */
export const INCIDENTS_MAX = 50

interface Incident {
  readonly key: string
  readonly class: NoticeClass
  /** The parts that last long enough to be told; empty while it is over or not told yet. */
  readonly needs: readonly Need[]
  readonly startedAt: number
  /** The worst that was shown; null: nothing was. */
  readonly told: Need['severity'] | null
  /** What the notice says now. */
  readonly shown: string | null
  /** Since when there is nothing to tell; null: there is. */
  readonly quietSince: number | null
  /** Its recovery was told. */
  readonly isClosed: boolean
}

export interface NoticeState {
  readonly incidents: ReadonlyMap<string, Incident>
  /** When each need was seen first. */
  readonly seenAt: ReadonlyMap<string, number>
}
export const noNotices: NoticeState = { incidents: new Map(), seenAt: new Map() }

export interface Notice {
  readonly key: string
  readonly class: NoticeClass
  readonly severity: Need['severity']
  readonly needs: readonly Need[]
  /** The place it is about; null: no single site. */
  readonly edgeId: string | null
  readonly lastedMs: number
}

/**
 *   show      a new notice, with sound
 *   update    the one that stands there gets new words, silently
 *   recover   it is over: word of that takes its place, silently
 *   forget    its place may be cleared: it was switched off, silenced or taken up by somebody meanwhile
 */
export type NoticeOutput =
  | { readonly type: 'show' | 'update' | 'recover'; readonly notice: Notice }
  | { readonly type: 'forget'; readonly key: string }

export interface NoticeInput {
  readonly needs: readonly Need[]
  readonly settings: Pick<DesktopSettings, 'notices' | 'quietHours'>
  /** Minutes since midnight, local. */
  readonly minuteOfDay: number
}

export interface NoticeStep {
  readonly state: NoticeState
  readonly outputs: readonly NoticeOutput[]
  /** When to look again although nothing has changed; null: no need to. */
  readonly wakeAt: number | null
}

const ranks = { warning: 1, critical: 2 } as const
const worstOf = (needs: readonly Need[]): Need['severity'] =>
  needs.some(({ severity }) => severity === 'critical') ? 'critical' : 'warning'

/** Losses of links have one cause more often than many: they share a notice. Everything else is told by its cause, or by site. */
const keyOf = (need: Need): string => {
  const kind = classOf(need.code)
  return kind === 'link' ? 'link' : `${kind}:${need.cause ?? need.edgeId ?? ''}`
}

export function stepNotices(state: NoticeState, input: NoticeInput, now: number): NoticeStep {
  const seenAt = new Map(input.needs.map((need) => [need.id, state.seenAt.get(need.id) ?? now]))
  const due = (need: Need): number => (seenAt.get(need.id) ?? now) + graceMs[classOf(need.code)]
  const ripe = input.needs.filter((need) => due(need) <= now)
  // Devices of a site that cannot be reached are unknown, not broken: the loss is the cause.
  const lost = new Set(ripe.filter((need) => classOf(need.code) === 'link').map(({ edgeId }) => edgeId))
  const told = ripe.filter((need) => !(classOf(need.code) === 'devices' && lost.has(need.edgeId)))

  const byKey = Map.groupBy(
    told.filter(({ isQuiet }) => isQuiet !== true),
    keyOf,
  )
  const quieted = new Set(told.filter(({ isQuiet }) => isQuiet === true).map(keyOf))
  const wakes = input.needs.map(due).filter((at) => at > now)
  const incidents = new Map<string, Incident>()
  const outputs: NoticeOutput[] = []
  for (const key of new Set([...state.incidents.keys(), ...byKey.keys()])) {
    const before = state.incidents.get(key) ?? begun(key, now)
    const needs = byKey.get(key) ?? []
    if (needs.length > 0 && !state.incidents.has(key) && incidents.size >= INCIDENTS_MAX) continue
    if (needs.length === 0 && quieted.has(key)) {
      if (before.shown !== null) outputs.push({ type: 'forget', key })
      continue
    }
    const next = needs.length > 0 ? goesOn(before, needs, input, now, outputs) : isOver(before, now, outputs)
    if (next === null) continue
    incidents.set(key, next)
    if (next.quietSince !== null) wakes.push(next.quietSince + (next.isClosed ? SAME_INCIDENT_MS : STEADY_MS))
  }
  const held = [...incidents.values()].some(({ needs, told: was }) => needs.length > 0 && was === null)
  if (held && input.settings.quietHours !== null) wakes.push(now + 60_000)
  return { state: { incidents, seenAt }, outputs, wakeAt: wakes.length === 0 ? null : Math.min(...wakes) }
}

function begun(key: string, now: number): Incident {
  const kind = key.split(':')[0] as NoticeClass
  return { key, class: kind, needs: [], startedAt: now, told: null, shown: null, quietSince: null, isClosed: false }
}

const noticeOf = ({ key, class: kind, startedAt }: Incident, needs: readonly Need[], now: number): Notice => ({
  key,
  class: kind,
  severity: worstOf(needs),
  needs,
  edgeId: needs.every(({ edgeId }) => edgeId === needs[0]?.edgeId) ? (needs[0]?.edgeId ?? null) : null,
  lastedMs: now - startedAt,
})

function goesOn(
  before: Incident,
  needs: readonly Need[],
  { settings, minuteOfDay }: NoticeInput,
  now: number,
  outputs: NoticeOutput[],
): Incident {
  const incident: Incident = { ...before, needs, quietSince: null, isClosed: false }
  const notice = noticeOf(incident, needs, now)
  const shown = needs.map(({ id, severity, text }) => `${id} ${severity} ${text}`).join('\n')
  if (settings.notices[before.class] === false) {
    if (before.shown !== null) outputs.push({ type: 'forget', key: before.key })
    return { ...incident, told: null, shown: null }
  }
  const isWorse = before.told === null || ranks[notice.severity] > ranks[before.told]
  if (isWorse) {
    if (isQuiet(settings.quietHours, minuteOfDay)) return incident
    outputs.push({ type: 'show', notice })
    return { ...incident, told: notice.severity, shown }
  }
  if (shown !== before.shown) outputs.push({ type: 'update', notice })
  return { ...incident, shown }
}

/** Null: nothing is left of it. */
function isOver(before: Incident, now: number, outputs: NoticeOutput[]): Incident | null {
  const quietSince = before.quietSince ?? now
  // Never told: nobody has to hear that it is over.
  if (before.told === null) return null
  if (before.isClosed) return now - quietSince >= SAME_INCIDENT_MS ? null : { ...before, quietSince }
  if (now - quietSince < STEADY_MS) return { ...before, quietSince }
  outputs.push({
    type: 'recover',
    notice: { ...noticeOf(before, before.needs, now), lastedMs: quietSince - before.startedAt },
  })
  return { ...before, needs: [], shown: null, quietSince, isClosed: true }
}

/** The route of what a notice is about; null: of several. */
export function placeOf(subject: string | null): string {
  if (subject === null) return '/'
  const nodeId = nodeOfSubject(subject)
  return nodeId === null ? `/site/${encodeURIComponent(subject)}` : `/nodes/${encodeURIComponent(nodeId)}`
}

/** What the status tells of. Sites whose devices wait for hosts are one incident, and how many there are is no news: it changes with each start. */
export function statusNeeds(status: StatusView): Need[] {
  return needsOf(status).map((need): Need => {
    if (!isHostWait(need.code)) return need
    return { ...need, text: need.edgeId === null ? english(`need.${need.code}`) : need.text, cause: 'host-waits' }
  })
}

/** The status tells of these in its own words. */
const toldByStatus = new Set(['edge-unreachable', 'both-drove'])

/** The alerts of a master as needs: of one rule, one incident. Those that only inform, or wait still, are none. */
export function alertNeeds({ active }: Pick<AlertsBody, 'active'>): Need[] {
  return active.flatMap(({ id, ruleId, ruleName, edgeId, edgeName, series, severity, state, ...alert }): Need[] => {
    if (severity === 'info' || state === 'pending' || state === 'resolved' || toldByStatus.has(ruleId)) return []
    // Neither values nor words that come with them: a notice that changes with each value is noise.
    const text = `${ruleName}: ${edgeName}${series === '' ? '' : ` (${series})`}`
    const isQuiet = alert.silenced !== null || alert.acknowledged !== null
    return [{ id: `alert:${id}`, severity, code: ALERT_CODE, text, edgeId, cause: ruleId, isQuiet }]
  })
}

export function isQuiet(hours: DesktopSettings['quietHours'], minuteOfDay: number): boolean {
  if (hours === null) return false
  const minutes = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
  const [from, to] = [minutes(hours.from), minutes(hours.to)]
  if (from === to) return false
  return from < to ? minuteOfDay >= from && minuteOfDay < to : minuteOfDay >= from || minuteOfDay < to
}
