import {
  ALERTS_TOLD_MAX,
  GROUP_ALERTS_TOLD_MAX,
  GROUP_EDGES_TOLD_MAX,
  type AlertGroup,
  type AlertIncident,
  type AlertsBody,
} from '../../shared/console/alert-views'
import { alertSeverities, type AlertSeverity } from '../../shared/model/alerts'
import { alertInEnglish } from '../../shared/text/alert-english'
import type { KeptAlert } from '../alerts/alerts'
import type { AlertState, AlertWords, Incident } from '../core/alerts/alert-state'
import type { AlertGroup as Group } from '../core/alerts/groups'

/** Whose it is, by which names. */
export interface ShownSubject extends Pick<KeptAlert, 'key' | 'ruleId' | 'edgeId' | 'series'> {
  readonly ruleName: string
  readonly edgeName: string
}

/** An incident as the console shows it, but for the silence that keeps it quiet. `state` null: as it was written. */
export function incidentView(
  id: string,
  { ruleId, ruleName, edgeId, edgeName, series }: ShownSubject,
  incident: Incident,
  state: AlertState | null,
  over: Pick<KeptAlert, 'resolvedAt' | 'resolvedBecause'> | null,
): Omit<AlertIncident, 'silenced'> {
  const { severity, value, since, firedAt, lastAt, unknownSince, episodes, acknowledged } = incident
  const isUnknown = state === null ? unknownSince !== null : state.kind === 'unknown'
  const isOver = over !== null && over.resolvedAt !== null
  return {
    ...{ id, ruleId, ruleName, edgeId, edgeName, series, severity, value },
    ...wordsOf(incident),
    ...{ since, firedAt, lastAt, unknownSince, episodes },
    state: isOver ? 'resolved' : isUnknown ? 'unknown' : 'firing',
    resolvedAt: over?.resolvedAt ?? null,
    resolvedBecause: over?.resolvedBecause ?? null,
    acknowledged: acknowledged === null ? null : { ...acknowledged },
  }
}

/** By key, for whoever shows it in another language, and in English. */
const wordsOf = ({ said, text }: AlertWords) => ({ said, text: alertInEnglish({ said, text }) })

/** One whose wait is not over yet. It has no number of its own. */
export function pendingView(
  subject: ShownSubject,
  { since, evidence }: Extract<AlertState, { kind: 'pending' }>,
): Omit<AlertIncident, 'silenced'> {
  const { ruleId, ruleName, edgeId, edgeName, series } = subject
  return {
    ...{ id: `pending ${subject.key}`, ruleId, ruleName, edgeId, edgeName, series, ...evidence, ...wordsOf(evidence) },
    ...{ state: 'pending', since, firedAt: null, resolvedAt: null, resolvedBecause: null, lastAt: since },
    ...{ unknownSince: null, episodes: 1, acknowledged: null },
  }
}

/** Everything that is not over, worst and newest first. `all`: newest first. */
export function bodyOf(
  all: readonly AlertIncident[],
  silences: AlertsBody['silences'],
  refused: AlertsBody['refused'],
): AlertsBody {
  const firing = all.filter(({ state }) => state !== 'pending')
  const counts = (among: readonly AlertIncident[]) => {
    const of = (severity: AlertSeverity) => among.filter((alert) => alert.severity === severity).length
    return { critical: of('critical'), warning: of('warning'), info: of('info') }
  }
  const rank = ({ state, severity }: AlertIncident) => (state === 'pending' ? -1 : alertSeverities.indexOf(severity))
  return {
    open: counts(firing.filter(({ acknowledged, silenced }) => acknowledged === null && silenced === null)),
    firing: counts(firing),
    pending: all.length - firing.length,
    acknowledged: firing.filter(({ acknowledged }) => acknowledged !== null).length,
    silenced: firing.filter(({ silenced }) => silenced !== null).length,
    unknown: firing.filter(({ state }) => state === 'unknown').length,
    total: all.length,
    active: [...all].sort((a, b) => rank(b) - rank(a)).slice(0, ALERTS_TOLD_MAX),
    silences,
    refused,
  }
}

/** A group as the console shows it. Nothing of it is over. */
export function groupView({ alerts, ruleId, cause, severity }: Group<AlertIncident>): AlertGroup {
  const [first, last] = [alerts[0]!, alerts.at(-1)!]
  const worst = alerts.findLast((alert) => alert.severity === severity)!
  const states = new Set(alerts.map(({ state }) => state))
  const edges = new Map(alerts.map(({ edgeId, edgeName }) => [edgeId, edgeName]))
  return {
    ...{ id: first.id, ruleId, ruleName: last.ruleName, cause, severity },
    state: states.has('firing') ? 'firing' : states.has('unknown') ? 'unknown' : 'pending',
    ...{ text: worst.text, said: worst.said ?? null },
    count: alerts.length,
    open: alerts.filter(({ acknowledged, silenced }) => acknowledged === null && silenced === null).length,
    acknowledged: alerts.filter(({ acknowledged }) => acknowledged !== null).length,
    silenced: alerts.filter(({ silenced }) => silenced !== null).length,
    ...{ firstSince: first.since, lastSince: last.since, edges: edges.size },
    edgeNames: [...edges.values()].slice(0, GROUP_EDGES_TOLD_MAX),
    alerts: alerts.slice(0, GROUP_ALERTS_TOLD_MAX).map(({ id }) => id),
  }
}
