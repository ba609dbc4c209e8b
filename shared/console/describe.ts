import type { ControlRecord, Decision, DecisionRule } from '../model/control'
import { english } from '../text/english'
import type { SyncStatus } from '../wire/push'
import type { SyncBrief } from './data-views'
import type { ControlView } from './views'

/** Control in English words of the catalogue. `rule`: of the decision that made the record what it is; null: unknown. */
export function describeControl(
  record: ControlRecord,
  more: {
    since: number
    rule: DecisionRule | null
    /** Nobody drives by the record's word, e.g. because the modules are still stopping. */
    holder?: Decision['winner']
    handOver?: ControlView['handOver']
    degraded?: boolean
  },
): ControlView {
  const { rule } = more
  return {
    holder: more.holder ?? record.holder,
    epoch: record.epoch,
    since: more.since,
    rule,
    reason: rule === null ? '' : english(`rule.${rule}`),
    handOver: more.handOver ?? null,
    degraded: more.degraded ?? false,
  }
}

/** Codes with which a master refuses an edge: dialling on does not help by itself. */
const refusals = /^(refused|revoked|removed|duplicate-edge|version-mismatch|wrong-authority|rate-limited):/

/** Whether a link was refused rather than lost, by the reason both machines keep: `code: message`. */
export function isLinkRefusal(reason: string): boolean {
  return refusals.test(reason)
}

/** The way of telemetry as it stands in a status. */
export function syncBriefOf(status: SyncStatus, asOf: number, isReachable: boolean): SyncBrief {
  const { state, pendingEntries, pendingBytes, oldestAt, lastAckAt, ratePerS, etaS, dropped, deadLetters } = status
  return {
    ...{ state, pendingEntries, pendingBytes, oldestAt, lastAckAt, ratePerS, etaS, dropped, deadLetters },
    ...{ asOf, isReachable },
  }
}
