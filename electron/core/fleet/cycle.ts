import { after, type MonoMs } from '../../../shared/model/time'
import { unreachable, type Step } from '../machine'

/** When all nodes are checked. Cycles never overlap: the next one begins an interval after the last one began, and never before that has ended. */
export interface CycleState {
  /** Nothing runs by itself unless checks are on and there is a node besides the controller itself. */
  readonly isOn: boolean
  readonly intervalMs: number
  /** Null: none runs. */
  readonly runningSince: MonoMs | null
  /** Null: the next one is due at once. */
  readonly lastBeganAt: MonoMs | null
  /** How long the last whole cycle took; null: there was none since the start or since the machine slept. */
  readonly lastTookMs: number | null
  /** What runs began before the machine slept: its findings are worth nothing. */
  readonly isStale: boolean
  readonly isStopped: boolean
}

export type CycleInput =
  | { readonly type: 'configured'; readonly isOn: boolean; readonly intervalMs: number }
  | { readonly type: 'woke' }
  /** Somebody wants all nodes checked now, also while checks are off. */
  | { readonly type: 'asked' }
  | { readonly type: 'finished' }
  | { readonly type: 'slept' }
  | { readonly type: 'stopped' }

export type CycleOutput = { readonly type: 'begin' }

export const noCycle: CycleState = {
  isOn: false,
  intervalMs: 60_000,
  runningSince: null,
  lastBeganAt: null,
  lastTookMs: null,
  isStale: false,
  isStopped: false,
}

export function stepCycle(state: CycleState, input: CycleInput, now: MonoMs): Step<CycleState, CycleOutput> {
  switch (input.type) {
    case 'configured':
      return settled({ ...state, isOn: input.isOn, intervalMs: input.intervalMs }, now)
    case 'woke':
      return settled(state, now)
    case 'asked':
      return state.isStopped || state.runningSince !== null ? idle(state) : begun(state, now)
    case 'finished': {
      if (state.runningSince === null) return idle(state)
      const lastTookMs = state.isStale ? null : now - state.runningSince
      return settled({ ...state, runningSince: null, lastTookMs, isStale: false }, now)
    }
    case 'slept':
      return settled({ ...state, lastBeganAt: null, lastTookMs: null, isStale: state.runningSince !== null }, now)
    case 'stopped':
      return idle({ ...state, isStopped: true })
    default:
      return unreachable(input)
  }
}

/** A look at a node holds until the next one is due: in a fleet that takes longer than the interval, that is when its cycle comes round. */
export const lookEveryMs = ({ intervalMs, lastTookMs }: CycleState): number => Math.max(intervalMs, lastTookMs ?? 0)

function settled(state: CycleState, now: MonoMs): Step<CycleState, CycleOutput> {
  const dueAt = dueOf(state)
  return dueAt !== null && dueAt <= now ? begun(state, now) : idle(state)
}

function dueOf({ isOn, isStopped, runningSince, lastBeganAt, intervalMs }: CycleState): MonoMs | null {
  if (!isOn || isStopped || runningSince !== null) return null
  return lastBeganAt === null ? (0 as MonoMs) : after(lastBeganAt, intervalMs)
}

const idle = (state: CycleState): Step<CycleState, CycleOutput> => ({ state, outputs: [], wakeAt: dueOf(state) })

const begun = (state: CycleState, now: MonoMs): Step<CycleState, CycleOutput> => ({
  state: { ...state, runningSince: now, lastBeganAt: now },
  outputs: [{ type: 'begin' }],
  wakeAt: null,
})
