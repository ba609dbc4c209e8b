import { GROUPS_TOLD_MAX, type AlertIncident, type AlertRuleView } from '../../shared/console/alert-views'
import type { OperationOutput } from '../../shared/console/contract'
import { alertSeverities, type AlertState } from '../../shared/model/alerts'
import { suggestedId } from '../../shared/model/document-id'
import { readDocument } from '../../shared/model/document-reading'
import type { AlertRuleDocument, DocumentChange, DocumentKind } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import { alertInEnglish } from '../../shared/text/alert-english'
import type { AlertStore } from '../alerts/alerts'
import type { OperationHandlers } from '../console/operations'
import { previewOf, type PastEvent } from '../core/alerts/preview'
import { isDefaultId, type AlertRule } from '../core/alerts/alert-rule'
import { groupsOf, type AlertGroup } from '../core/alerts/groups'
import { matches } from '../core/alerts/series'
import type { Journal } from '../journal/journal'
import type { Clock } from '../platform/ports'
import type { TelemetryStores } from '../telemetry/telemetry'
import { acknowledgeAll, partlyChanged } from './acknowledging'
import { AlertAuthority, forbidden, type SilenceMatcher } from './alert-authority'
import { groupView } from './alert-view'
import type { Alerts } from './alerts'
import { refusalOf } from './refusal'

const PREVIEW_INCIDENTS_MAX = 100
/** Looked at in one preview, of all edges together. */
const PREVIEW_VALUES_MAX = 200_000
const PREVIEW_SERIES_MAX = 1_000
const PREVIEW_AT_ONCE = 10_000

type AlertHandlers = Pick<OperationHandlers, Extract<keyof OperationHandlers, `alerts.${string}`>>

export interface AlertOperationsParts {
  readonly alerts: Alerts
  readonly store: AlertStore
  readonly journal: Journal
  readonly telemetry: TelemetryStores
  readonly clock: Clock
}

export function alertOperations(parts: AlertOperationsParts): AlertHandlers {
  const { alerts, store, journal } = parts
  const authority = new AlertAuthority(journal, () => alerts.rules())
  // Of an edge or node that was removed there are still alerts.
  const edgeIdOf = (reference: string): string => alerts.subjectOf(reference) ?? reference
  const ruleOf = (reference: string): AlertRule | null =>
    alerts.rules().find(({ document: { id, name } }) => id === reference || name === reference) ?? null
  const ruleIdOf = (reference: string): string => ruleOf(reference)?.document.id ?? reference
  const requiredRule = (reference: string): AlertRule => {
    const rule = ruleOf(reference)
    if (rule) return rule
    throw new HoldfastError('not-found', `There is no rule "${reference}".`, {
      hint: 'holdfast alerts rules list shows the rules.',
    })
  }
  const membersOf = (group: string, edge: string | undefined): readonly AlertIncident[] => {
    const { alerts: all } = alerts.groupOf(alertOf(parts, group))
    if (edge === undefined) return all
    const edgeId = edgeIdOf(edge)
    const there = all.filter((alert) => alert.edgeId === edgeId)
    if (there.length > 0) return there
    throw new HoldfastError('not-found', `Nothing of this cause is open at "${edge}".`, {
      hint: `holdfast alerts list --group ${group} shows where it is.`,
    })
  }
  return {
    'alerts.list': (asked) => {
      const { states = ['pending', 'firing', 'unknown'], severityMin, edge, rule, text, before, limit } = asked
      const query = {
        severities:
          severityMin === undefined ? alertSeverities : alertSeverities.slice(alertSeverities.indexOf(severityMin)),
        ...(edge === undefined ? {} : { edgeId: edgeIdOf(edge) }),
        ...(rule === undefined ? {} : { ruleId: ruleIdOf(rule) }),
        ...(text === undefined ? {} : { text }),
      }
      if (asked.group !== undefined) {
        const { alerts: all } = alerts.groupOf(alertOf(parts, asked.group))
        // Among hundreds of one cause they are told apart by their place.
        const { text: words = '', ...others } = query
        const isMeant = (alert: AlertIncident) =>
          alert.edgeName.toLowerCase().includes(words.toLowerCase()) || isOf(alert, query)
        const members = all
          .filter((alert) => states.includes(alert.state) && isOf(alert, others) && isMeant(alert))
          .sort((a, b) => b.since - a.since || (a.id < b.id ? 1 : -1))
        // One that is over by now has no place any more: it begins anew.
        const from = before === undefined ? 0 : members.findIndex(({ id }) => id === before) + 1
        const page = members.slice(from, from + limit)
        const next = from + limit < members.length ? (page.at(-1)?.id ?? null) : null
        return { alerts: page, total: members.length, next }
      }
      if (before !== undefined && !/^\d{1,15}$/.test(before))
        throw new HoldfastError('invalid', 'before: a pending alert has no place in the list.')
      if (asked.grouped === true) {
        const sought = alerts.active().filter((alert) => states.includes(alert.state) && isOf(alert, query))
        const groups = groupsOf(sought, (ruleId) => alerts.watchOf(ruleId)).slice(0, GROUPS_TOLD_MAX)
        return { alerts: [], groups: groups.map(groupView), total: sought.length, next: null }
      }
      const written = states.filter((state): state is Exclude<AlertState, 'pending'> => state !== 'pending')
      // What fires may be unknown by now, and what was unknown may fire: the state that is written follows a little later.
      const { alerts: kept, total } = store.list({
        ...query,
        states: written,
        limit,
        ...(before === undefined ? {} : { before }),
      })
      const pending =
        states.includes('pending') && before === undefined
          ? alerts.active().filter((alert) => alert.state === 'pending' && isOf(alert, query))
          : []
      return {
        alerts: [...pending, ...kept.map((each) => alerts.presented(each))].slice(0, Math.max(limit, pending.length)),
        total: total + pending.length,
        next: kept.length < limit ? null : (kept.at(-1)?.id ?? null),
      }
    },
    'alerts.show': ({ id }) => {
      const alert = alertOf(parts, id)
      const rule = ruleOf(alert.ruleId)
      return { alert, rule: rule === null ? null : ruleView(parts, rule) }
    },
    'alerts.acknowledge': ({ ids = [], group, edge, note, on }, caller) => {
      if (group === undefined && (ids.length === 0 || edge !== undefined))
        throw new HoldfastError('invalid', 'Say which: ids of alerts, or the id of one of a group.')
      const named = new Set(ids)
      const open = ids.length === 0 ? [] : alerts.active().filter(({ id }) => named.has(id))
      const meant = [...open, ...(group === undefined ? [] : membersOf(group, edge))]
      const { allowed, barred } = authority.allowed('alerts.acknowledge', meant, caller)
      if (barred !== null && allowed.length === 0) throw forbidden(barred)
      const chosen = meant.length === 0 ? ids : allowed.map(({ id }) => id)
      const done = acknowledgeAll(alerts, chosen, caller.actor, note, on)
      if (barred === null) return done
      return done.then(({ changed }) => {
        throw partlyChanged(changed, meant.length, forbidden(barred))
      })
    },
    'alerts.silence': ({ alert, group, rule, edge, series, forMs, reason }, caller) => {
      const silenced = (about: SilenceMatcher) => {
        authority.requireSilence('alerts.silence', about, caller)
        return alerts.silence(about, forMs, caller.actor, reason)
      }
      if (group !== undefined) {
        if (alert !== undefined || rule !== undefined || series !== undefined)
          throw new HoldfastError('invalid', 'group: it says by itself what to keep quiet.')
        const about = aboutGroup(alerts.groupOf(alertOf(parts, group)))
        const at = edge === undefined ? about : { ...about, edgeId: edgeIdOf(edge), edgeIds: null }
        return silenced(at)
      }
      const of = alert === undefined ? null : alertOf(parts, alert)
      const matcher = {
        ruleId: rule === undefined ? (of?.ruleId ?? null) : requiredRule(rule).document.id,
        edgeId: edge === undefined ? (of?.edgeId ?? null) : edgeIdOf(edge),
        series: series ?? (of === null || of.series === '' ? null : of.series),
        edgeIds: null,
      }
      if (matcher.ruleId === null && matcher.edgeId === null && matcher.series === null)
        throw new HoldfastError('invalid', 'Say what to keep quiet: an alert, a rule, an edge or a series.')
      return silenced(matcher)
    },
    'alerts.unsilence': ({ id }, caller) => {
      const silence = alerts.silenceOf(id)
      if (silence !== null) authority.requireSilence('alerts.unsilence', silence, caller)
      alerts.unsilence(id)
      return {}
    },
    'alerts.silences': () => alerts.silences(),
    'alerts.rules': () => alerts.rules().map((rule) => ruleView(parts, rule)),
    'alerts.setRule': ({ rule, values, create, revision, dryRun }, { actor }) => {
      const known = ruleOf(rule)
      if (known === null && !create) requiredRule(rule)
      const base = known?.document ?? { id: suggestedId('alertRule', rule), name: rule }
      const change = edited(journal, 'alertRule', base, values, revision)
      return changed(journal, change, actor, dryRun)
    },
    'alerts.removeRule': ({ rule }, { actor }) => {
      const { document, isDefault } = requiredRule(rule)
      if (isDefault)
        throw new HoldfastError('refused', `The rule "${document.name}" comes with the program.`, {
          hint: `It can be switched off: holdfast alerts rules set ${document.id} enabled=false`,
        })
      return changed(journal, { op: 'delete', kind: 'alertRule', id: document.id }, actor, false)
    },
    'alerts.preview': ({ rule, edge, overMs }) => {
      const document = typeof rule === 'string' ? requiredRule(rule).document : drafted(rule)
      return preview(parts, document, edge === undefined ? null : edgeIdOf(edge), overMs)
    },
  }
}

function isOf(
  alert: AlertIncident,
  query: { severities: readonly string[]; edgeId?: string; ruleId?: string; text?: string },
): boolean {
  const { edgeId = alert.edgeId, ruleId = alert.ruleId, text = '' } = query
  return (
    query.severities.includes(alert.severity) &&
    alert.edgeId === edgeId &&
    alert.ruleId === ruleId &&
    `${alert.ruleName}\n${alert.series}\n${alert.text}`.toLowerCase().includes(text.toLowerCase())
  )
}

/** Of what came together by time alone, what comes later is another matter. */
function aboutGroup({ ruleId, cause, isWave, alerts }: AlertGroup<AlertIncident>) {
  return {
    ...{ ruleId, edgeId: null, series: cause === '' ? null : cause },
    edgeIds: isWave ? [...new Set(alerts.map(({ edgeId }) => edgeId))] : null,
  }
}

function alertOf({ alerts, store }: AlertOperationsParts, id: string): AlertIncident {
  const kept = store.alert(id)
  const found = kept === null ? alerts.active().find((alert) => alert.id === id) : alerts.presented(kept)
  if (found) return found
  throw new HoldfastError('not-found', `There is no alert "${id}".`, { hint: 'holdfast alerts list shows them.' })
}

function ruleView({ alerts, journal }: AlertOperationsParts, { document, isDefault }: AlertRule): AlertRuleView {
  const { id, watch } = document
  const states = [...alerts.book.alerts()].filter(({ ruleId }) => ruleId === id).map(({ state }) => state.kind)
  const pending = states.filter((kind) => kind === 'pending').length
  return {
    ...{ id, watch, isDefault, pending },
    rule: document,
    revision: journal.get('alertRule', id)?.revision ?? null,
    firing: states.length - pending,
    refused: alerts.book.refusedOf(id),
  }
}

/** The document with some fields replaced; null removes one. */
export function edited(
  journal: Journal,
  kind: Extract<DocumentKind, 'alertRule' | 'forwarder' | 'channel'>,
  base: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
  revision: number | undefined,
): DocumentChange {
  const id = String(base['id'])
  if (values['id'] !== undefined && values['id'] !== id)
    throw new HoldfastError('invalid', 'id: an id never changes; the name may.', { hint: 'Set name=... instead.' })
  const body = Object.fromEntries(Object.entries({ ...base, ...values }).filter(([, value]) => value !== null))
  // Revision 0: there was none when this was asked for.
  return { op: 'put', kind, body: body as never, revision: revision ?? journal.get(kind, id)?.revision ?? 0 }
}

export function changed(journal: Journal, change: DocumentChange, actor: string, dryRun: boolean) {
  const outcome = journal.change([change], { actor, dryRun })
  if (!outcome.ok) throw refusalOf(outcome)
  return {
    head: outcome.head,
    differences: outcome.differences.map((one) => ({ ...one, fields: [...one.fields] })) as never,
  }
}

/** A rule that is not stored: only its own fields are checked. */
function drafted(values: Readonly<Record<string, unknown>>): AlertRuleDocument {
  const reading = readDocument('alertRule', { id: 'draft', name: 'Draft', ...values })
  if (reading.ok) return reading.document
  throw new HoldfastError('invalid', reading.problems[0]?.message ?? 'This is no rule.', {
    details: JSON.parse(JSON.stringify({ problems: reading.problems })) as never,
  })
}

async function preview(
  { telemetry, journal, clock }: AlertOperationsParts,
  rule: AlertRuleDocument,
  onlyEdge: string | null,
  overMs: number,
): Promise<OperationOutput<'alerts.preview'>> {
  if (rule.watch !== 'metric' && rule.watch !== 'logs')
    throw new HoldfastError('invalid', 'Only rules that watch a metric or logs can be tried over stored data.', {
      ...(isDefaultId(rule.id) ? { hint: 'holdfast alerts list --all shows when it fired.' } : {}),
    })
  const to = clock.wall()
  const from = to - overMs
  const stored = new Set(telemetry.edges())
  const edges = journal
    .list('edge')
    .filter(({ id }) => (onlyEdge === null ? rule.edges.length === 0 || rule.edges.includes(id) : id === onlyEdge))
  const found: OperationOutput<'alerts.preview'>['incidents'] = []
  let [series, values, isCut] = [0, 0, false]
  for (const { id } of edges) {
    if (!stored.has(id)) continue
    // A file each: links must be answered in between, however many there are.
    await new Promise<void>((resolve) => void setImmediate(resolve))
    const room = PREVIEW_VALUES_MAX - values
    if (room <= 0) {
      isCut = true
      break
    }
    const past = pastOf(telemetry.of(id), rule, from, to, room)
    series += past.series
    values += past.events.length
    isCut ||= past.isCut
    for (const incident of previewOf(rule, id, past.events, { from, to }))
      found.push({ edgeId: id, ...incident, text: alertInEnglish(incident) })
  }
  found.sort((a, b) => b.from - a.from)
  return { from, to, fired: found.length, incidents: found.slice(0, PREVIEW_INCIDENTS_MAX), series, values, isCut }
}

function pastOf(
  store: ReturnType<TelemetryStores['of']>,
  rule: AlertRuleDocument,
  from: number,
  to: number,
  room: number,
): { events: PastEvent[]; series: number; isCut: boolean } {
  if (rule.watch === 'logs') {
    const { text, severityMin } = rule
    const limit = Math.min(room, PREVIEW_AT_ONCE)
    const lines = store.logs({
      ...{ from, to, limit },
      ...(text === undefined ? {} : { text }),
      ...(severityMin === undefined ? {} : { severityMin }),
    })
    const events = lines.map(({ at, severity, text: said, attributes }): PastEvent => ({
      at,
      log: { severity, text: said, attributes: JSON.stringify(attributes) },
    }))
    return { events, series: events.length > 0 ? 1 : 0, isCut: lines.length === limit }
  }
  const name = rule.metric ?? ''
  const all = store.series({ name, limit: PREVIEW_SERIES_MAX })
  const sought = all.filter(({ attributes }) => matches(rule.where, {}, attributes))
  let isCut = all.length === PREVIEW_SERIES_MAX
  const events: PastEvent[] = []
  for (const { id, attributes } of sought) {
    const limit = Math.min(room - events.length, PREVIEW_AT_ONCE)
    if (limit <= 0) {
      isCut = true
      break
    }
    const points = store.points(id, { from, to, limit })
    if (points.length === limit) isCut = true
    for (const { at, value } of points)
      events.push({ at, metric: { name, resource: {}, points: [{ at, attributes, value }] } })
  }
  return { events, series: sought.length, isCut }
}
