import type { ControlOutput } from '../../../electron/core/control/turn'
import type { Step } from '../../../electron/core/machine'

/**
 * What an input does in a state, in short: `state: outputs`, or `refused` (the state is the same and the reason is said), or `ignored: why`
 * (nothing changes and nothing is said; only for what is no event).
 */
export type Expected = `${string}/${string}: ${string}` | 'refused' | `ignored: ${string}`

export function inShort<State>(
  before: State,
  { state, outputs }: Step<State, ControlOutput>,
  kindOf: (state: State) => string,
): string {
  const names = outputs.map(nameOf)
  if (names.length === 1 && names[0] === 'refused' && state === before) return 'refused'
  if (names.length === 0 && state === before) return 'ignored'
  return `${kindOf(state)}: ${names.join(' ') || '-'}`
}

function nameOf(output: ControlOutput): string {
  if (output.type === 'send') return output.message.type === 'answer' ? output.message.result : output.message.type
  if (output.type === 'report') return `(${output.event})`
  if (output.type === 'answerSwitch') return output.failure ? `no:${output.failure.code}` : 'yes'
  return output.type
}

/** These inputs are refused: nothing changes, and the reason is said. */
export function refused<Kind extends string>(...kinds: readonly Kind[]): Record<Kind, 'refused'> {
  return Object.fromEntries(kinds.map((kind) => [kind, 'refused'])) as Record<Kind, 'refused'>
}

/** What a row expects, without the reason for which something is ignored. */
export function meantBy(expected: Expected): string {
  return expected.startsWith('ignored:') ? 'ignored' : expected
}
