import type { AuditEntry } from '../console/dispatch'
import { networkOf } from '../platform/http/network'
import { RefusalLog } from '../platform/http/refusal-log'
import type { Parts } from './parts'

/** Writes down every change that was asked for, and every refusal: in the audit, and in the log. */
export function auditing(
  { activity, clock, log }: Pick<Parts, 'activity' | 'clock' | 'log'>,
  stack: AsyncDisposableStack,
): (entry: AuditEntry) => void {
  const lines = log.child('audit')
  const refusals = stack.use(new RefusalLog({ clock, log: lines }))
  return (entry) => {
    activity.audited(entry)
    const { actor, role, op, params, outcome, failure, from } = entry
    const fields = { actor, role, params, outcome, code: failure?.code, ...(from && { from }) }
    if (outcome === 'done') lines.log('info', op, fields)
    // Whoever is refused may ask again as often as it likes, for whatever it likes: of each one line a minute.
    else refusals.tell(`${actor} ${from === undefined ? '' : networkOf(from)}`, 'warn', 'refused', { op, ...fields })
  }
}
