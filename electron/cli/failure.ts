import { failureOf, type Failure } from '../../shared/model/failures'
import { NotReachable } from '../console/client'
import { oneLine, painter, say, short } from './output'
import type { Terminal } from './terminal'

/** How the command line ends; scripts depend on these. */
export const exitCodes = { done: 0, failed: 1, usage: 2, notReachable: 3 } as const

/** The arguments make no sense together: exit code 2. */
export class UsageError extends Error {}

/** Tells what went wrong on standard error and gives the exit code. With `--json` as one JSON line. */
export function report(error: unknown, terminal: Terminal, isJson: boolean): number {
  const paint = painter(terminal)
  if (error instanceof UsageError) {
    if (isJson) terminal.err(`${JSON.stringify({ code: 'usage', message: error.message })}\n`)
    else terminal.err(`${paint('red', 'error')}: ${error.message}\n`)
    return exitCodes.usage
  }
  const failure = failureOf(error)
  const told: Failure = { ...failure, hint: failure.hint ?? say(`hint.${failure.code}`) }
  if (isJson) terminal.err(`${JSON.stringify(told)}\n`)
  else
    terminal.err(
      `${paint('red', 'error')} [${told.code}]: ${oneLine(told.message)}\n${detailLines(told)}${paint('dim', 'hint')}: ${told.hint}\n`,
    )
  return error instanceof NotReachable ? exitCodes.notReachable : exitCodes.failed
}

/** Problems of single fields, when the refusal lists them: `field: message`, with the value and what is allowed. */
function detailLines({ details }: Failure): string {
  const list = Array.isArray(details)
    ? details
    : typeof details === 'object' && details !== null && Array.isArray(details['problems'])
      ? details['problems']
      : []
  return list
    .filter((item) => typeof item === 'object' && item !== null && !Array.isArray(item))
    .map((item) => {
      const { kind, id, field, value, allowed, message, line, column } = item as Record<string, unknown>
      const where = typeof line === 'number' ? `line ${line}:${String(column)}: ` : ''
      const place = [kind, id, field].filter((part) => typeof part === 'string' && part !== '').join(' ')
      const text = typeof message === 'string' ? message : ''
      const range = typeof allowed !== 'string' || text.includes(allowed) ? '' : ` (allowed: ${allowed})`
      const given = value === undefined || value === null ? '' : ` is ${short(value)}`
      return `  ${oneLine(`${where}${place}${given}: ${text}${range}`)}\n`
    })
    .join('')
}
