import type { ControlMessage } from '../../../shared/wire/control'
import type { Decision } from '../../../shared/model/control'
import type { Failure, FailureCode } from '../../../shared/model/failures'
import type { MonoMs, WallMs } from '../../../shared/model/time'
import type { StoredControl } from './stored'

/**
 * What a control machine asks its driver to do, in this order. A `persist`, when there is one, comes first: if it fails, the driver drops the whole
 * step and feeds `storageFailed` to the state before it, so that nothing is half done.
 */
export type ControlOutput =
  | {
      readonly type: 'persist'
      readonly stored: StoredControl
      readonly decision: Decision | null
      /** What became of an earlier hand-over whose answer never came; null: nothing new. */
      readonly settled: Settlement | null
    }
  /** Could not be written with the step it belongs to, which happened all the same: kept until a later `persist` succeeds. */
  | { readonly type: 'keep'; readonly decision: Decision | null; readonly settled: Settlement | null }
  | { readonly type: 'send'; readonly message: ControlMessage }
  | { readonly type: 'dial' }
  | { readonly type: 'abandonAttempt' }
  | { readonly type: 'closeLink'; readonly reason: string }
  /** The permit changed: pass it on now. What it is, `permit()` says. */
  | { readonly type: 'openGate'; readonly epoch: number }
  /** Done when every module host has closed its gate or is dead (100 ms); what follows waits for that. */
  | { readonly type: 'closeGate' }
  | { readonly type: 'startModules' }
  /** Answered by the input `modulesStopped` when every host has stopped or is dead. */
  | { readonly type: 'stopModules' }
  | {
      readonly type: 'answerSwitch'
      readonly requestId: string
      readonly decisionId: string | null
      readonly failure: Failure | null
    }
  | { readonly type: 'report'; readonly event: ControlEvent; readonly detail: string }
  | { readonly type: 'refused'; readonly reason: string }

/** Known at the next link: whether what was granted had been taken. Written over the open decision with `settledDecision`. */
export interface Settlement {
  readonly decisionId: string
  readonly outcome: 'done' | 'cancelled'
  readonly winner: Decision['winner']
  readonly at: WallMs
}

export function settledDecision(open: Decision, { outcome, winner, at }: Settlement): Decision {
  return { ...open, outcome, winner, finishedAt: at, detail: 'settled with the next link' }
}

/** Things worth a log line or a person's attention. */
export type ControlEvent =
  | 'disagreement'
  | 'lease-lost'
  | 'hand-over-failed'
  | 'took-control'
  | 'lost-control'
  | 'stale-record'
  | 'link-refused'
  | 'time-gap'
  | 'not-persisted'

/** What both machines keep on disk. */
interface Persisted {
  readonly stored: StoredControl
  /** The record could not be written and lives in memory; null: it is on disk. Otherwise when to try again. */
  readonly retryPersistAt: MonoMs | null
}

/** Collects the state and the outputs of one step. */
export class Turn<State extends Persisted> {
  outputs: ControlOutput[] = []
  state: State
  #decision: Decision | null = null
  #settled: Settlement | null = null
  #persists = false
  constructor(state: State) {
    this.state = state
  }
  set(patch: Partial<State>): this {
    this.state = { ...this.state, ...patch }
    return this
  }
  out(...outputs: ControlOutput[]): this {
    // Most steps have one: an array that grows takes room for many.
    if (this.outputs.length === 0) this.outputs = outputs
    else this.outputs.push(...outputs)
    return this
  }
  refuse(reason: string): this {
    return this.out({ type: 'refused', reason })
  }
  send(message: ControlMessage): this {
    return this.out({ type: 'send', message })
  }
  /** The record is written in this step, with this decision. A later decision replaces an earlier one of the same step. */
  persist(decision: Decision | null): this {
    this.#persists = true
    this.#decision = decision ?? this.#decision
    return this
  }
  settle(settlement: Settlement): this {
    this.#persists = true
    this.#settled = settlement
    return this
  }
  /** Ends the step: whatever changed in the record is written before anything else happens; one write a step. */
  finish(before: State): readonly ControlOutput[] {
    if (!this.#persists && this.state.stored === before.stored) return this.outputs
    this.set({ retryPersistAt: null } as Partial<State>)
    const stored = this.state.stored
    return [{ type: 'persist', stored, decision: this.#decision, settled: this.#settled }, ...this.outputs]
  }
  /** Ends a step whose write has failed: everything but the write happens, the record lives in memory and is tried again at `retryPersistAt`. */
  finishUnwritten(retryPersistAt: MonoMs): readonly ControlOutput[] {
    this.set({ retryPersistAt } as Partial<State>)
    if (this.#decision === null && this.#settled === null) return this.outputs
    return [{ type: 'keep', decision: this.#decision, settled: this.#settled }, ...this.outputs]
  }
  /** What was decided in this step so far did not happen. */
  undecide(): void {
    this.#decision = null
    this.#settled = null
  }
}

/** A negotiation is over this soon: whoever asked meanwhile asks again. */
export const NEGOTIATION_PASSES_MS = 100

export function refuseSwitch(
  turn: { out(...outputs: ControlOutput[]): unknown },
  requestId: string,
  code: FailureCode,
  message: string,
  retryAfterMs?: number,
): void {
  const failure: Failure = { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  turn.out({ type: 'answerSwitch', requestId, decisionId: null, failure })
}
