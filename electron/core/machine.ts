import type { MonoMs } from '../../shared/model/time'

/**
 * What every machine returns: the next state, what to do about it (in this order: persist, then send, then acknowledge), and when to be woken
 * at the latest; null means only by an input. A failed persist stops the outputs after it.
 */
export interface Step<State, Output> {
  readonly state: State
  readonly outputs: readonly Output[]
  readonly wakeAt: MonoMs | null
}

/** The end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
