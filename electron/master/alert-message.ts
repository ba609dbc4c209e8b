import type { AlertIncident } from '../../shared/console/alert-views'
import type { AlertWatch } from '../../shared/model/alerts'
import { groupsOf, worstOf } from '../core/alerts/groups'
import type { Due } from '../core/notify/due'
import {
  ALERTS_PER_GROUP_MAX,
  GROUPS_PER_SECTION_MAX,
  type AlertMessage,
  type MessageGroup,
  type MessageSection,
} from '../notify/notify'

/** What is due, by cause: the same whenever it is sent. */
export function messageOf(
  id: string,
  due: Due,
  alertOf: ReadonlyMap<string, AlertIncident>,
  watchOf: (ruleId: string) => AlertWatch | null,
  at: number,
): AlertMessage {
  const sections = (['fired', 'reminded', 'resolved'] as const).flatMap((kind): MessageSection[] => {
    const alerts = due[kind].flatMap((one) => alertOf.get(one) ?? [])
    if (alerts.length === 0) return []
    const groups = groupsOf(alerts, watchOf).slice(0, GROUPS_PER_SECTION_MAX)
    return [{ kind, count: alerts.length, groups: groups.map(groupOf) }]
  })
  return {
    ...{ id, madeAt: at, isTest: false, sections },
    severity: worstOf(sections.flatMap(({ groups }) => groups.map(({ severity }) => severity))),
    count: sections.reduce((sum, { count }) => sum + count, 0),
  }
}

export const testMessage = (id: string, at: number): AlertMessage => ({
  ...{ id, madeAt: at, isTest: true, severity: 'info', count: 0, sections: [] },
})

function groupOf({
  alerts,
  ruleId,
  cause,
  severity,
}: ReturnType<typeof groupsOf<AlertIncident>>[number]): MessageGroup {
  return {
    ...{ ruleId, ruleName: alerts.at(-1)!.ruleName, cause, severity, count: alerts.length },
    edges: new Set(alerts.map(({ edgeId }) => edgeId)).size,
    ...{ firstSince: alerts[0]!.since, lastSince: alerts.at(-1)!.since },
    alerts: alerts.slice(0, ALERTS_PER_GROUP_MAX).map((alert) => ({
      ...{ id: alert.id, edgeId: alert.edgeId, edgeName: alert.edgeName, series: alert.series },
      ...{
        severity: alert.severity,
        text: alert.text,
        said: alert.said ?? null,
        value: alert.value,
        since: alert.since,
      },
      ...{ firedAt: alert.firedAt ?? alert.since, resolvedAt: alert.resolvedAt },
    })),
  }
}
