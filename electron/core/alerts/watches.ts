import type { AlertEnding } from '../../../shared/model/alerts'
import type { AlertRuleDocument } from '../../../shared/model/documents'
import type { MonoMs } from '../../../shared/model/time'
import { restored, step, wakeAtOf } from './alert'
import { policyOf } from './alert-rule'
import {
  CALM,
  type AlertInput,
  type AlertNow,
  type AlertOutput,
  type AlertPolicy,
  type AlertState,
  type Incident,
} from './alert-state'
import type { AlertSubject, BookChange, Refusals, WatchedEdge } from './seen'
import { SampleWindow } from './sample-window'

/** Alerts and windows kept at once, in all and of one rule. Beyond it what is new is refused and counted. */
export const WATCHED_MAX = 10_000
export const WATCHED_PER_RULE_MAX = 1_000
/** So long an edge's report of something that has happened is shown. */
export const MOMENT_MS = 3_600_000
/** Begins the series of momentary alerts of edges: it must be known after a restart, too. */
const MOMENT = '!'
/** The series of an alert of an edge that has no end of its own. */
export const momentary = (series: string): string => `${MOMENT}${series}`

type Refused = Extract<AlertOutput, { type: 'refused' }>['reason']
/** Null: it is of a node. */
type Whose = Pick<WatchedEdge, 'timeoutMs'> | null

/** One machine and what it is fed from. */
export interface Watch extends AlertSubject {
  rule: AlertRuleDocument
  policy: AlertPolicy
  state: AlertState
  window: SampleWindow | null
  /** Absence: when data came last while there was a link; null: there is none, so nothing is absent. */
  heardAt: MonoMs | null
  /** Alerts of an edge: when it said so, by its calendar; null: not since the start. */
  toldAt: number | null
}

/**
 * The machines of a book by rule, edge (or node) and series, within their limits. Steps them and keeps what comes of it, in order, until it is `taken`. What is calm and has
 * nothing to remember takes no place.
 */
export class Watches {
  readonly #byKey = new Map<string, Watch>()
  readonly #perRule = new Map<string, number>()
  readonly #refused = new Map<string, Refusals>()
  readonly #max: number
  #changes: BookChange[] = []

  constructor(max = WATCHED_MAX) {
    this.#max = max
  }

  /** Each may be forgotten while they are walked. */
  values(): Iterable<Watch> {
    return this.#byKey.values()
  }

  of(ruleId: string, edgeId: string, seriesKey = ''): Watch | undefined {
    return this.#byKey.get(keyOf(ruleId, edgeId, seriesKey))
  }

  byKey(key: string): Watch | undefined {
    return this.#byKey.get(key)
  }

  refusedOf(ruleId: string): Refusals | null {
    return this.#refused.get(ruleId) ?? null
  }

  /** When the next wait is over; null: none runs. */
  wakeAt(): MonoMs | null {
    let earliest: MonoMs | null = null
    for (const { state, policy, heardAt, rule } of this.#byKey.values()) {
      const absentAt = heardAt === null || state.kind !== 'calm' ? null : ((heardAt + rule.forMs) as MonoMs)
      for (const at of [wakeAtOf(state, policy), absentAt])
        if (at !== null && (earliest === null || at < earliest)) earliest = at
    }
    return earliest
  }

  /** The one there is, or a new one; null: there are too many, which is counted. */
  wanted(
    rule: AlertRuleDocument,
    edge: Pick<WatchedEdge, 'id' | 'timeoutMs'>,
    seriesKey: string,
    series: string,
    now: AlertNow,
  ): Watch | null {
    const key = keyOf(rule.id, edge.id, seriesKey)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const ofRule = this.#perRule.get(rule.id) ?? 0
    // Rules that have one alert for each edge grow with the fleet, not with what somebody sends.
    const isPerSeries = seriesKey !== ''
    const isFull = this.#byKey.size >= this.#max
    if (isFull || (isPerSeries && ofRule >= WATCHED_PER_RULE_MAX)) {
      const reason = isFull
        ? `More than ${this.#max} alerts at once.`
        : `More than ${WATCHED_PER_RULE_MAX} alerts of one rule at once.`
      this.#refused.set(rule.id, { count: (this.#refused.get(rule.id)?.count ?? 0) + 1, lastAt: now.wall, reason })
      return null
    }
    return this.#add({ key, ruleId: rule.id, edgeId: edge.id, series }, rule, edge)
  }

  /** What an earlier process left firing, whatever the limits. */
  restore(subject: AlertSubject, rule: AlertRuleDocument, edge: Whose, incident: Incident, now: AlertNow): void {
    const watch = this.#add(subject, rule, edge)
    const { state, outputs } = restored(incident, watch.policy, now)
    watch.state = state
    for (const output of outputs) if (output.type !== 'refused') this.#changes.push({ ...subject, output, state })
  }

  /** What an earlier process left firing, and nothing watches any more. */
  end(subject: AlertSubject, incident: Incident, because: AlertEnding, now: AlertNow): void {
    this.#changes.push({ ...subject, state: CALM, output: { type: 'end', incident, because, at: now.wall } })
  }

  /** Its rule is another, or its edge has another timeout: what waits does so by them, what is open stays open. */
  follow(watch: Watch, rule: AlertRuleDocument, edge: Whose): void {
    if (rule.overMs !== watch.rule.overMs && watch.window !== null) watch.window = new SampleWindow(rule.overMs)
    watch.rule = rule
    watch.policy = policyFor(watch.key, rule, edge)
  }

  withdraw(watch: Watch, because: AlertEnding, now: AlertNow): void {
    watch.heardAt = null
    watch.window = null
    this.input(watch, { type: 'withdrawn', because }, now)
    this.#forget(watch)
  }

  /** Why not; null: it was no question, or it is done. */
  input(watch: Watch, input: AlertInput, now: AlertNow): Refused | null {
    const { state, outputs } = step(watch.state, input, watch.policy, now)
    watch.state = state
    let refused: Refused | null = null
    const { key, ruleId, edgeId, series } = watch
    for (const output of outputs) {
      if (output.type === 'refused') refused = output.reason
      else this.#changes.push({ key, ruleId, edgeId, series, output, state })
    }
    if (remembersNothing(watch)) this.#forget(watch)
    return refused
  }

  /** The input `wake`, for whoever it has anything to say to: of thousands that is hardly one at a time. */
  wake(watch: Watch, now: AlertNow): void {
    const dueAt = wakeAtOf(watch.state, watch.policy)
    if ((dueAt !== null && dueAt <= now.mono) || remembersNothing(watch)) this.input(watch, { type: 'wake' }, now)
  }

  /** The changes since this was last asked. */
  taken(): BookChange[] {
    const changes = this.#changes
    this.#changes = []
    return changes
  }

  #add(subject: AlertSubject, rule: AlertRuleDocument, edge: Whose): Watch {
    const policy = policyFor(subject.key, rule, edge)
    const { key, ruleId, edgeId, series } = subject
    const nothingYet = { state: CALM, window: null, heardAt: null, toldAt: null }
    const watch: Watch = { key, ruleId, edgeId, series, rule, policy, ...nothingYet }
    this.#byKey.set(key, watch)
    this.#perRule.set(rule.id, (this.#perRule.get(rule.id) ?? 0) + 1)
    return watch
  }

  #forget(watch: Watch): void {
    if (!this.#byKey.delete(watch.key)) return
    const left = (this.#perRule.get(watch.ruleId) ?? 1) - 1
    if (left > 0) this.#perRule.set(watch.ruleId, left)
    else this.#perRule.delete(watch.ruleId)
  }
}

const remembersNothing = ({ state, heardAt, window }: Watch): boolean =>
  state.kind === 'calm' && heardAt === null && (window?.isEmpty ?? true)

const keyOf = (ruleId: string, edgeId: string, seriesKey: string) => JSON.stringify([ruleId, edgeId, seriesKey])

function policyFor(key: string, rule: AlertRuleDocument, edge: Whose): AlertPolicy {
  const policy = policyOf(rule, edge ?? { timeoutMs: 0 })
  if (rule.watch !== 'edge-alerts' || !key.includes(`,"${MOMENT}`)) return policy
  return { ...policy, forMs: 0, keepFiringForMs: Math.max(MOMENT_MS, policy.keepFiringForMs), isMomentary: true }
}
