import { alertSeverities, type AlertSeverity } from '../../../shared/model/alerts'

/** An incident as far as telling of it goes. Instants are epoch ms. */
export interface Tellable {
  readonly id: string
  readonly ruleId: string
  readonly edgeId: string
  readonly severity: AlertSeverity
  readonly firedAt: number
  /** Null: it is not over. */
  readonly resolvedAt: number | null
  /** Acknowledged or silenced: nobody is to be told now. */
  readonly isQuiet: boolean
}

/** What was told of an incident whose end has not been told. */
export interface Told {
  readonly severity: AlertSeverity
  readonly at: number
}

export interface TellPolicy {
  readonly severityMin: AlertSeverity
  /** Empty: all. */
  readonly edges: readonly string[]
  readonly rules: readonly string[]
  readonly resolved: boolean
  readonly groupForMs: number
  /** 0: never again. */
  readonly repeatEveryMs: number
}

export interface TellTimes {
  readonly now: number
  /** Quiet hours last until then; null: there are none now. */
  readonly quietUntil: number | null
  /** From when on another message may go. */
  readonly freeAt: number
}

/** What one message tells, by ids. */
export interface Due {
  readonly fired: readonly string[]
  readonly reminded: readonly string[]
  readonly resolved: readonly string[]
}
export interface Outlook {
  /** Null: nothing is to be sent now. */
  readonly due: Due | null
  /** When that may be another: null while nothing waits. */
  readonly nextAt: number | null
  /** Incidents that wait to be told, or for their end to be. */
  readonly waiting: number
  /** What keeps from telling what would be due. */
  readonly heldBy: 'quiet-hours' | 'rate' | null
  /** Told once, and nothing is to be told of them any more. */
  readonly dropped: readonly string[]
}

interface Candidate {
  readonly id: string
  readonly as: keyof Due
  readonly severity: AlertSeverity
  readonly dueAt: number
}

const rank = (severity: AlertSeverity): number => alertSeverities.indexOf(severity)

/** Thousands of alerts may be held against thousands of edges. */
function concerning({ severityMin, ...policy }: TellPolicy): (alert: Tellable) => boolean {
  const [edges, rules] = [new Set(policy.edges), new Set(policy.rules)]
  return ({ severity, edgeId, ruleId }) =>
    rank(severity) >= rank(severityMin) &&
    (edges.size === 0 || edges.has(edgeId)) &&
    (rules.size === 0 || rules.has(ruleId))
}

/**
 * What a channel has to tell, from what is so and what was told: whatever was missed meanwhile (a restart, quiet hours, a silence) is told by the next look, and
 * what came and went before it could be told is not. `alerts` holds all that is not over and all that was told.
 */
export function outlookOf(
  alerts: readonly Tellable[],
  told: ReadonlyMap<string, Told>,
  policy: TellPolicy,
  { now, quietUntil, freeAt }: TellTimes,
): Outlook {
  const concerns = concerning(policy)
  const known = new Set(alerts.map(({ id }) => id))
  const dropped = [...told.keys()].filter((id) => !known.has(id))
  const candidates: Candidate[] = []
  for (const alert of alerts) {
    const before = told.get(alert.id) ?? null
    const isOver = alert.resolvedAt !== null
    if (before !== null && (!concerns(alert) || (isOver && !policy.resolved))) dropped.push(alert.id)
    else if (concerns(alert)) candidates.push(...candidateOf(alert, before, policy, now))
  }
  const isHeld = ({ severity }: Candidate) => quietUntil !== null && severity !== 'critical'
  const open = candidates.filter((candidate) => !isHeld(candidate))
  const held = candidates.filter((candidate) => isHeld(candidate) && candidate.dueAt <= now)
  // A reminder that is not due yet is nothing that waits.
  const waiting = candidates.filter(({ as, dueAt }) => as !== 'reminded' || dueAt <= now).length
  const isReady = open.some(({ dueAt }) => dueAt <= now)
  const isPaced = isReady && freeAt > now
  const times = open.map(({ dueAt }) => (dueAt <= now && isPaced ? freeAt : dueAt))
  if (quietUntil !== null && candidates.length > open.length) times.push(quietUntil)
  return {
    due: isReady && !isPaced ? dueOf(open, now) : null,
    nextAt: isReady && !isPaced ? now : times.length === 0 ? null : firstOf(times),
    waiting,
    heldBy: isPaced ? 'rate' : held.length > 0 && !isReady ? 'quiet-hours' : null,
    dropped,
  }
}

/** `Math.min(...)` of ten thousand would end the stack of some engines. */
const firstOf = (times: readonly number[]): number => times.reduce((first, at) => (at < first ? at : first))

function candidateOf(alert: Tellable, before: Told | null, policy: TellPolicy, now: number): Candidate[] {
  const { id, severity, firedAt, resolvedAt, isQuiet } = alert
  // What lies ahead was written before the clock went back: nobody waits for that.
  const after = (at: number, waitMs: number) => (at > now ? now : at + waitMs)
  if (resolvedAt !== null) {
    if (before === null) return []
    return [{ id, as: 'resolved', severity: before.severity, dueAt: after(resolvedAt, policy.groupForMs) }]
  }
  if (isQuiet) return []
  if (before === null) return [{ id, as: 'fired', severity, dueAt: after(firedAt, policy.groupForMs) }]
  if (rank(severity) > rank(before.severity)) return [{ id, as: 'fired', severity, dueAt: now }]
  if (policy.repeatEveryMs === 0) return []
  return [{ id, as: 'reminded', severity, dueAt: after(before.at, policy.repeatEveryMs) }]
}

/** With what is due goes all that would be due soon: one message instead of two. */
function dueOf(candidates: readonly Candidate[], now: number): Due {
  const of = (as: keyof Due) =>
    candidates.filter((one) => one.as === as && (as !== 'reminded' || one.dueAt <= now)).map(({ id }) => id)
  return { fired: of('fired'), reminded: of('reminded'), resolved: of('resolved') }
}
