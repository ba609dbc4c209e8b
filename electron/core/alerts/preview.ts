import type { AlertRuleDocument } from '../../../shared/model/documents'
import { monoMs, wallMs, type MonoMs } from '../../../shared/model/time'
import { AlertBook } from './alert-book'
import type { AlertNow, AlertWords } from './alert-state'
import type { BookChange, LogSeen, MetricSeen } from './seen'

/** A stored value or line, at the instant it happened. */
export type PastEvent = { readonly at: number } & ({ readonly metric: MetricSeen } | { readonly log: LogSeen })

export interface PastIncident extends AlertWords {
  readonly series: string
  readonly from: number
  /** Null: it would be firing now. */
  readonly to: number | null
  readonly value: number | null
}

/** Looked at in a preview: more waits than that mean that the rule flaps with every value. */
const WAKES_MAX = 200_000

/**
 * What a rule would have made of the past of one edge: the same book, fed with stored values in the order of their time. It takes the edge for linked all along
 * (what was late then was still true), so that absence and links cannot be previewed.
 */
export function previewOf(
  rule: AlertRuleDocument,
  edgeId: string,
  events: readonly PastEvent[],
  span: { readonly from: number; readonly to: number },
): PastIncident[] {
  const book = new AlertBook()
  const at = (instant: number): AlertNow => ({ mono: monoMs(instant), wall: wallMs(instant) })
  const begin = at(span.from)
  const found: { key: string; incident: PastIncident }[] = []
  const take = (changes: readonly BookChange[]): void => {
    for (const { key, series, output } of changes) {
      if (output.type === 'raise') {
        const { firedAt, value, said, text } = output.incident
        found.push({ key, incident: { series, from: firedAt, to: null, value, said, text } })
      } else if (output.type === 'end') {
        const last = found.findLastIndex((each) => each.key === key)
        if (last !== -1) found[last] = { key, incident: { ...found[last]!.incident, to: output.at } }
      }
    }
  }
  let wakes = 0
  const passTo = (instant: number): void => {
    for (let due = book.wakeAt(); due !== null && due <= instant && wakes++ < WAKES_MAX;) {
      take(book.wake(at(due)))
      const next: MonoMs | null = book.wakeAt()
      due = next !== null && next > due ? next : null
    }
  }
  const enabled = { ...rule, enabled: true, edges: [] }
  // Long before: windows that add up have been watched from the first value on.
  const edge = { id: edgeId, timeoutMs: 0, link: 'linked', since: monoMs(span.from - rule.overMs) } as const
  take(book.setEdges([edge], begin))
  take(book.setRules([{ document: enabled, isDefault: false }], begin))
  for (const event of [...events].sort((a, b) => a.at - b.at)) {
    passTo(event.at)
    take(book.wake(at(event.at)))
    take(
      'metric' in event ? book.metric(edgeId, event.metric, at(event.at)) : book.log(edgeId, event.log, at(event.at)),
    )
  }
  passTo(span.to)
  take(book.wake(at(span.to)))
  return found.map(({ incident }) => incident).reverse()
}
