import type { OperationInput } from '../../../shared/console/contract'

type Assume = NonNullable<OperationInput<'edges.preview'>['assume']>
type Fact = keyof Assume
/** One text per fact as the form holds it; empty: as it is. */
export type Assumed = Record<Fact, string>

const yesNo = [
  { value: 'true', text: 'yes' },
  { value: 'false', text: 'no' },
]

/** What one may assume in a drill, with the texts of the catalogue's `drill` group. */
export const assumptions: readonly { fact: Fact; choices: readonly { value: string; text: string }[] }[] = [
  {
    fact: 'devices',
    choices: [
      { value: 'up', text: 'devicesUp' },
      { value: 'down', text: 'devicesDown' },
    ],
  },
  {
    fact: 'link',
    choices: [
      { value: 'connected', text: 'linkConnected' },
      { value: 'lost', text: 'linkLost' },
    ],
  },
  {
    fact: 'holder',
    choices: [
      { value: 'master', text: 'yes' },
      { value: 'edge', text: 'no' },
    ],
  },
  {
    fact: 'window',
    choices: [
      { value: 'in', text: 'windowIn' },
      { value: 'out', text: 'windowOut' },
      { value: 'unset', text: 'windowUnset' },
    ],
  },
  {
    fact: 'failover',
    choices: [
      { value: 'true', text: 'on' },
      { value: 'false', text: 'off' },
    ],
  },
  { fact: 'paused', choices: yesNo },
  { fact: 'stable', choices: yesNo },
  { fact: 'loading', choices: yesNo },
]

export const asIs = (): Assumed => Object.fromEntries(assumptions.map(({ fact }) => [fact, ''])) as Assumed

/** What was changed, as the controller wants it. */
export function assumeOf(assumed: Assumed): Assume {
  const chosen = Object.entries(assumed).filter(([, text]) => text !== '')
  return Object.fromEntries(
    chosen.map(([fact, text]) => [fact, text === 'true' ? true : text === 'false' ? false : text]),
  )
}
