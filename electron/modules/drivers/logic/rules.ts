import type { Json, PeerView } from '../../contract'
import type { Condition } from './settings'

/** The present view of each watched module; missing: nothing is known yet. */
export type Views = ReadonlyMap<string, PeerView>

/** Null: cannot be said, because the module is not running, not connected or has no such variable. Unknown never fires a rule. */
export type Verdict = boolean | null

export function valueOf(views: Views, at: { module: string; variable: string }): Json | undefined {
  const view = views.get(at.module)
  if (!view || view.state === 'unknown') return undefined
  if (at.variable === '@connected') return view.connected
  // What a device said before it went away is not what it says now.
  if (!view.connected) return undefined
  return Object.hasOwn(view.status, at.variable) ? view.status[at.variable] : undefined
}

export function holds(condition: Condition, value: Json | undefined): Verdict {
  if (value === undefined || value === null)
    return condition.op === 'eq' && condition.value === null && value === null ? true : null
  const { op, value: wanted } = condition
  switch (op) {
    case 'eq':
      return same(value, wanted)
    case 'ne':
      return !same(value, wanted)
    case 'in':
      return Array.isArray(wanted) && wanted.some((one) => same(value, one))
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le':
      return compared(op, value, wanted)
  }
}

function compared(op: 'gt' | 'ge' | 'lt' | 'le', value: Json, wanted: Json | undefined): Verdict {
  if (typeof value !== 'number' || typeof wanted !== 'number') return null
  if (op === 'gt') return value > wanted
  if (op === 'ge') return value >= wanted
  return op === 'lt' ? value < wanted : value <= wanted
}

const same = (a: Json | undefined, b: Json | undefined) => JSON.stringify(a) === JSON.stringify(b)

/** All of them: false as soon as one is false, unknown as long as one is. */
export function all(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false
  return verdicts.includes(null) ? null : true
}

export function any(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(true)) return true
  return verdicts.includes(null) ? null : false
}

/**
 * One condition over time.
 * `trueSince`: monotonic ms since when it holds, null: it does not.
 */
export interface Held {
  readonly trueSince: number | null
}

/** A condition with `forMs` holds only after it was true that long without a break. `wakeAt`: when to look again; null: at the next change. */
export function heldLongEnough(
  was: Held,
  verdict: Verdict,
  forMs: number,
  now: number,
): { held: Held; verdict: Verdict; wakeAt: number | null } {
  if (verdict !== true) return { held: { trueSince: null }, verdict, wakeAt: null }
  const trueSince = was.trueSince ?? now
  const dueAt = trueSince + forMs
  return { held: { trueSince }, verdict: now >= dueAt, wakeAt: now >= dueAt ? null : dueAt }
}

/**
 * One rule over time.
 * `last`: the last verdict that was not unknown; null: none yet.
 * `firedAt`: monotonic ms of the firings within the window.
 */
export interface RuleState {
  readonly last: boolean | null
  readonly firedAt: readonly number[]
}

export interface RuleLimits {
  readonly firesMax: number
  readonly windowMs: number
  /** Whether the first known verdict fires when it is true, or only sets what a change is measured against. */
  readonly atStart: boolean
}

/** A rule fires when it becomes true, at most `firesMax` times in a window: two rules that answer each other must not run for ever. */
export function judged(
  was: RuleState,
  verdict: Verdict,
  now: number,
  limits: RuleLimits,
): { state: RuleState; outcome: 'rest' | 'fire' | 'suspend' } {
  const firedAt = was.firedAt.filter((at) => now - at < limits.windowMs)
  if (verdict === null) return { state: { last: was.last, firedAt }, outcome: 'rest' }
  const becameTrue = verdict && (was.last === false || (was.last === null && limits.atStart))
  if (!becameTrue) return { state: { last: verdict, firedAt }, outcome: 'rest' }
  if (firedAt.length >= limits.firesMax) return { state: { last: verdict, firedAt }, outcome: 'suspend' }
  return { state: { last: verdict, firedAt: [...firedAt, now] }, outcome: 'fire' }
}

/** A number made of others; null while one of them is unknown. */
export function aggregate(of: 'min' | 'max' | 'sum' | 'average', values: readonly (Json | undefined)[]): number | null {
  const numbers = values.filter((value) => typeof value === 'number')
  if (numbers.length === 0 || numbers.length < values.length) return null
  if (of === 'min') return Math.min(...numbers)
  if (of === 'max') return Math.max(...numbers)
  const sum = numbers.reduce((total, value) => total + value, 0)
  return of === 'sum' ? sum : sum / numbers.length
}
