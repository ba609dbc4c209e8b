import type { AlertGroup } from '../../../shared/console/alert-views'
import type { AlertWatch } from '../../../shared/model/alerts'
import type { IncidentState } from './incidents'

/** How many of a group are in which state, as `stateOfIncident` says it of each; nothing of a group is over. */
export function countsOfGroup({
  state,
  count,
  open,
  silenced,
}: AlertGroup): Readonly<Record<Exclude<IncidentState, 'resolved'>, number>> {
  const isPending = state === 'pending'
  return {
    open: isPending ? 0 : open,
    pending: isPending ? open : 0,
    acknowledged: Math.max(0, count - open - silenced),
    silenced,
  }
}

/** Causes that are told by what they are about: the key of the catalogue with `{n}` sites or nodes. */
const together: Partial<Record<AlertWatch, string>> = {
  'edge-lost': 'alert.lostTogether',
  absence: 'alert.absentTogether',
  'node-offline': 'alert.nodesTogether',
  'host-key-changed': 'alert.keysTogether',
}
/** What several alerts of one cause are called. `watch` null: the rule is not known. */
export function titleOfGroup(
  { edges, count, cause, ruleName }: AlertGroup,
  watch: AlertWatch | null,
): { key: string; params: { n: number; what: string } } {
  const key = watch === null ? undefined : together[watch]
  // More than one of a site, so the number of sites would say too little.
  if (key !== undefined && edges === count) return { key, params: { n: edges, what: '' } }
  return { key: 'alert.manyOf', params: { n: count, what: cause === '' ? ruleName : cause } }
}

/** Where a group is found again in a later answer: its oldest alert, which names it, may be over by then. Null: all of it is over. */
export function groupAgain(groups: readonly AlertGroup[], before: AlertGroup): AlertGroup | null {
  const known = new Set([before.id, ...before.alerts])
  return (
    groups.find(({ id }) => id === before.id) ??
    groups.find(({ alerts }) => alerts.some((id) => known.has(id))) ??
    groups.find(
      ({ ruleId, cause, firstSince, lastSince }) =>
        ruleId === before.ruleId &&
        cause === before.cause &&
        firstSince <= before.lastSince &&
        lastSince >= before.firstSince,
    ) ??
    null
  )
}
