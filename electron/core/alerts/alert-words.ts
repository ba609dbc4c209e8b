import type { AlertSaid } from '../../../shared/model/alerts'
import type { AlertRuleDocument } from '../../../shared/model/documents'
import type { Evidence } from './alert-state'
import type { WatchedNode } from './seen'
import { numberText } from './series'

export const lostEvidence = ({ severity }: AlertRuleDocument): Evidence => ({
  ...{ severity, said: { key: 'edgeLost', params: {} }, text: '', value: null },
})

export const offlineEvidence = (
  { severity }: AlertRuleDocument,
  { cause, said }: Pick<WatchedNode, 'cause' | 'said'>,
): Evidence => {
  const why = said === null ? {} : { ...said.params, why: said.key, step: said.step }
  return { severity, said: { key: 'nodeOffline', params: { cause: cause ?? '?', ...why } }, text: '', value: null }
}

export const keyEvidence = (
  { severity }: AlertRuleDocument,
  { of, fingerprint }: NonNullable<WatchedNode['offeredKey']>,
): Evidence => ({
  ...{ severity, text: '', value: null },
  said: { key: of === 'ssh' ? 'hostKeyChanged' : 'certificateChanged', params: { fingerprint } },
})

export const absentEvidence = ({ severity, metric }: AlertRuleDocument): Evidence => ({
  ...{ severity, text: '', value: null },
  said: metric === undefined ? { key: 'absent', params: {} } : { key: 'absentMetric', params: { metric } },
})

export function valueSaid(rule: AlertRuleDocument, series: string, value: number): AlertSaid {
  const { watch, text, overMs, aggregate, compare, threshold = 0 } = rule
  if (watch === 'logs') {
    const params = { n: numberText(value), within: numberText(overMs / 1_000) }
    return text === undefined ? { key: 'logs', params } : { key: 'logsWith', params: { ...params, words: text } }
  }
  const params = {
    what: series,
    of: aggregate,
    value: numberText(value),
    how: compare,
    threshold: numberText(threshold),
  }
  return { key: 'value', params }
}
