import type { AlertIncident, AlertRuleView } from '../../../shared/console/alert-views'
import type { AlertSeverity } from '../../../shared/model/alerts'
import type { Tone } from '../../ui/tone'

/** What a person may want to see of the alerts; `open`: firing or unknown, and nobody has said anything about it. */
export const incidentStates = ['open', 'pending', 'acknowledged', 'silenced', 'resolved'] as const
export type IncidentState = (typeof incidentStates)[number]

/** One each: a silenced one is quiet even where somebody has acknowledged it. */
export function stateOfIncident(alert: AlertIncident): IncidentState {
  if (alert.state === 'resolved') return 'resolved'
  if (alert.silenced) return 'silenced'
  if (alert.acknowledged) return 'acknowledged'
  return alert.state === 'pending' ? 'pending' : 'open'
}

export const severityTones: Readonly<Record<AlertSeverity, Tone>> = {
  critical: 'critical',
  warning: 'degraded',
  info: 'working',
}
export function toneOfIncident(alert: AlertIncident): Tone {
  return stateOfIncident(alert) === 'open' ? severityTones[alert.severity] : 'quiet'
}

/** What a rule watches, as its document says it: a metric, words, or the name of what it looks for. */
export function subjectOf({ rule }: AlertRuleView): string {
  if (rule.watch === 'metric' && rule.metric !== undefined)
    return [rule.aggregate === 'last' ? '' : rule.aggregate, rule.metric].filter(Boolean).join(' ')
  if (rule.watch === 'logs') return rule.text ?? ''
  return rule.metric ?? ''
}

/** Who acts on what is of no one site: alerts, silences, destinations, channels. The people a site names operate that site alone. */
export const isOperator = (role: string): boolean => role === 'operator' || role === 'admin'
