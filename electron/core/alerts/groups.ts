import type { AlertSeverity, AlertState, AlertWatch } from '../../../shared/model/alerts'
import { alertSeverities } from '../../../shared/model/alerts'

/** Links (and nodes) that are lost one after the other within this time are one cause: a line, a router, the master's own network. */
export const WAVE_GAP_MS = 60_000

/** As much of an alert as says what it belongs to. */
export interface Groupable {
  readonly id: string
  readonly ruleId: string
  readonly edgeId: string
  readonly series: string
  readonly severity: AlertSeverity
  readonly state: AlertState
  /** Epoch ms. */
  readonly since: number
}
export interface AlertGroup<A extends Groupable> {
  /** The oldest of them, newer ones after it. */
  readonly alerts: readonly A[]
  readonly ruleId: string
  /** What of the series all of them share: the metric, or the name an edge gave; empty: nothing but the rule. */
  readonly cause: string
  /** They belong together by their time as well: others of the same rule are groups of their own. */
  readonly isWave: boolean
  /** The worst of them. */
  readonly severity: AlertSeverity
}

/** `cpu.load {core=0}` is about `cpu.load`. */
export const causeOf = (series: string): string => series.split(' {', 1)[0]!

/** Whether alerts of such a rule have one cause only where they come together: links are lost for many reasons, and no series tells which. */
export const comesInWaves = (watch: AlertWatch | null): boolean =>
  watch === 'edge-lost' || watch === 'absence' || watch === 'node-offline'

const rank = (severity: AlertSeverity): number => alertSeverities.indexOf(severity)
export const worstOf = (severities: Iterable<AlertSeverity>): AlertSeverity => {
  let worst: AlertSeverity = 'info'
  for (const severity of severities) if (rank(severity) > rank(worst)) worst = severity
  return worst
}

/**
 * Alerts by their cause: the same rule and what of the series does not tell one place from another. The worst groups come first, of those the one that began
 * last. What waits still is in no group with what fires: nobody knows yet whether it will.
 */
export function groupsOf<A extends Groupable>(
  alerts: readonly A[],
  watchOf: (ruleId: string) => AlertWatch | null,
): AlertGroup<A>[] {
  const byCause = new Map<string, A[]>()
  for (const alert of alerts) {
    const key = JSON.stringify([alert.ruleId, causeOf(alert.series), alert.state === 'pending'])
    const some = byCause.get(key)
    if (some) some.push(alert)
    else byCause.set(key, [alert])
  }
  const groups = [...byCause.values()].flatMap((some) => {
    some.sort((a, b) => a.since - b.since)
    const isWave = comesInWaves(watchOf(some[0]!.ruleId))
    return (isWave ? wavesOf(some) : [some]).map((members): AlertGroup<A> => {
      const { ruleId, series } = members[0]!
      return {
        ...{ ruleId, isWave, alerts: members, cause: causeOf(series) },
        severity: worstOf(members.map(({ severity }) => severity)),
      }
    })
  })
  return groups.sort((a, b) => rank(b.severity) - rank(a.severity) || b.alerts[0]!.since - a.alerts[0]!.since)
}

/** In the order of their beginning. */
function wavesOf<A extends Groupable>(alerts: readonly A[]): A[][] {
  const waves: A[][] = []
  for (const alert of alerts) {
    const last = waves.at(-1)
    if (last !== undefined && alert.since - last.at(-1)!.since <= WAVE_GAP_MS) last.push(alert)
    else waves.push([alert])
  }
  return waves
}

/** The others that `alert` belongs with among `alerts`, whether or not it is one of them; null: none. */
export function groupWith<A extends Groupable>(
  alert: A,
  alerts: readonly A[],
  watchOf: (ruleId: string) => AlertWatch | null,
): AlertGroup<A> | null {
  const others = alerts.filter(({ id }) => id !== alert.id)
  const isThere = others.length < alerts.length
  const found = groupsOf([...others, alert], watchOf).find((group) => group.alerts.includes(alert))!
  const members = isThere ? found.alerts : found.alerts.filter((one) => one !== alert)
  return members.length === 0 ? null : { ...found, alerts: members }
}
