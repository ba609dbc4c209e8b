import type { Decision } from '../../shared/model/control'
import { ageBetween, lengthOf, oneLine, say, table, timeOf, type Paint } from './output'

function notes({ detail, contested }: Decision): string {
  const both = contested ? say('control.contested', { age: lengthOf(contested.to - contested.from) }) : ''
  return [detail === null ? '' : oneLine(detail), both].filter((part) => part !== '').join('; ')
}

export function decisionsText(decisions: readonly Decision[], now: number, paint: Paint): string {
  const rows = decisions.map((decision) => [
    timeOf(decision.startedAt),
    `${ageBetween(decision.startedAt, now)} ago`,
    decision.rule,
    say(`side.${decision.winner}`),
    String(decision.epoch),
    say(`outcome.${decision.outcome}`),
    decision.finishedAt === null ? '' : `${decision.finishedAt - decision.startedAt} ms`,
    oneLine(decision.actor),
    oneLine(decision.id),
    notes(decision),
  ])
  const head = ['AT', 'AGE', 'RULE', 'WINNER', 'EPOCH', 'OUTCOME', 'TOOK', 'ACTOR', 'DECISION', 'NOTES']
  return table(head, rows, paint)
}

/** One line, for following the log. */
export function decisionLine(decision: Decision, paint: Paint): string {
  const { winner, epoch, rule, outcome } = decision
  const what = `${paint('bold', say(`holder.${winner}`))}, epoch ${epoch}, ${rule}, ${say(`outcome.${outcome}`)}`
  const more = notes(decision)
  return `${timeOf(decision.startedAt)} ${what}, by ${oneLine(decision.actor)}, ${oneLine(decision.id)}${more === '' ? '' : `: ${more}`}\n`
}
