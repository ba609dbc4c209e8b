import type { ControlMessage } from '../../../shared/wire/control'
import type { Decision } from '../../../shared/model/control'
import type { Failure } from '../../../shared/model/failures'
import type { StoredControl } from './stored'

/**
 * What a control machine asks its driver to do, in this order. A `persist`, when there is one, comes first: if it fails, the driver drops the whole
 * step and feeds `storageFailed` to the state before it, so that nothing is half done.
 */
export type ControlOutput =
  | { readonly type: 'persist'; readonly stored: StoredControl; readonly decision: Decision | null }
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

/** Collects the state and the outputs of one step. */
export class Turn<State> {
  readonly outputs: ControlOutput[] = []
  state: State
  constructor(state: State) {
    this.state = state
  }
  set(patch: Partial<State>): this {
    this.state = { ...this.state, ...patch }
    return this
  }
  out(...outputs: ControlOutput[]): this {
    this.outputs.push(...outputs)
    return this
  }
  refuse(reason: string): this {
    return this.out({ type: 'refused', reason })
  }
  send(message: ControlMessage): this {
    return this.out({ type: 'send', message })
  }
  /** One persist a step, always first; a second one in the same step replaces the first, keeping its decision if the later has none. */
  persist(stored: StoredControl, decision: Decision | null): this {
    const at = this.outputs.findIndex((output) => output.type === 'persist')
    const earlier = at < 0 ? undefined : this.outputs[at]
    const kept = decision ?? (earlier?.type === 'persist' ? earlier.decision : null)
    if (at >= 0) this.outputs.splice(at, 1)
    this.outputs.unshift({ type: 'persist', stored, decision: kept })
    return this
  }
}
