import type { OperationOutput } from '../../shared/console/contract'
import { oneLine, short, type Paint } from './output'

export type Differences = OperationOutput<'documents.apply'>['differences']

const SIGNS = { create: ['green', '+'], update: ['yellow', '~'], delete: ['red', '-'], same: ['dim', '='] } as const

/** One line per document, and one per field that changes. Unchanged documents are counted. */
export function differencesText(differences: Differences, paint: Paint): string {
  const changed = differences.filter(({ op }) => op !== 'same')
  const same = differences.length - changed.length
  if (changed.length === 0) return 'Nothing changes.\n'
  const lines = changed.flatMap((document) => {
    const [colour, sign] = SIGNS[document.op]
    const fields = document.fields.map(({ path, before, after }) => {
      if (document.op === 'create') return `    ${path}: ${short(after)}`
      return `    ${path}: ${before === undefined ? '(none)' : short(before)} -> ${after === undefined ? '(none)' : short(after)}`
    })
    const name = document.name === document.id ? '' : ` (${oneLine(document.name)})`
    return [
      paint(colour, `${sign} ${document.kind} ${oneLine(document.id)}${name}`),
      ...(document.op === 'delete' ? [] : fields),
    ]
  })
  return `${lines.join('\n')}\n${same > 0 ? paint('dim', `${same} unchanged\n`) : ''}`
}
