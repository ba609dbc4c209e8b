import { failureOf } from '../../shared/model/failures'
import type { AlertBook } from '../core/alerts/alert-book'
import type { AlertNow } from '../core/alerts/alert-state'
import type { BookChange, LogSeen, MetricSeen } from '../core/alerts/seen'
import type { ArrivedBatch, ArrivedEntry } from '../telemetry/telemetry'

/** What search and charts read from bodies, rules read, too. Null: the body is no metric. */
export interface TelemetryBodies {
  metricOf(body: unknown, at: number): MetricSeen | null
  logOf(body: unknown): LogSeen
  alertOf(body: unknown): { readonly severity: string; readonly state: string; readonly text: string }
}

const NAME_LENGTH_MAX = 200

/**
 * What a batch that was stored just now says to the rules. Entries that came late, or under another number before, speak of the past: charts show them, rules
 * do not see them. A loss is told when it is known, whenever it happened.
 */
export function fed(
  book: AlertBook,
  edgeId: string,
  batch: ArrivedBatch,
  bodies: TelemetryBodies,
  now: AlertNow,
  failed: (message: string) => void,
): BookChange[] {
  const changes: BookChange[] = []
  const lost = batch.gaps.reduce((sum, { from, to, reason }) => sum + (reason === 'lost' ? to - from + 1 : 0), 0)
  if (lost > 0)
    changes.push(
      ...book.happened(edgeId, 'telemetry-lost', lost, (n) => ({ key: 'telemetryLost', params: { n } }), now),
    )
  const isLate = (entry: ArrivedEntry) => batch.historical || entry.origin !== undefined
  const metrics = book.rules.flatMap(({ document: { enabled, metric } }) =>
    enabled && metric !== undefined ? [JSON.stringify(metric)] : [],
  )
  const hasLogRules = book.looksAt('logs', edgeId).length > 0
  let isHeard = false
  for (const entry of batch.entries) {
    const { category, text, at, isBytes, rejection } = entry
    if (rejection !== undefined || isBytes) continue
    const late = isLate(entry)
    if (!late && !isHeard) {
      isHeard = true
      changes.push(...book.heard(edgeId, now))
    }
    try {
      if (category === 'alerts') changes.push(...edgeAlert(book, edgeId, bodies, entry, late, now))
      else if (late) continue
      // Most bodies are of no interest: a look for the name is cheaper than reading them.
      else if (category === 'metrics' && metrics.some((name) => text.includes(name))) {
        const metric = bodies.metricOf(JSON.parse(text), at)
        if (metric !== null) changes.push(...book.metric(edgeId, metric, now))
      } else if (hasLogRules && (category === 'logs' || category === 'events'))
        changes.push(...book.log(edgeId, bodies.logOf(JSON.parse(text)), now))
    } catch (error) {
      failed(failureOf(error).message)
    }
  }
  return changes
}

function edgeAlert(
  book: AlertBook,
  edgeId: string,
  bodies: TelemetryBodies,
  { text: json, at }: ArrivedEntry,
  isLate: boolean,
  now: AlertNow,
): BookChange[] {
  const body = JSON.parse(json) as { readonly name?: unknown; readonly isMomentary?: unknown } | null
  const { severity, state, text } = bodies.alertOf(body)
  const name = typeof body?.name === 'string' && body.name !== '' ? body.name : text
  if (name === '') return []
  return book.edgeAlert(
    edgeId,
    {
      ...{ name: name.slice(0, NAME_LENGTH_MAX), text, severity, isOver: state === 'resolved', at, isLate },
      isMomentary: body?.isMomentary === true,
    },
    now,
  )
}
