import { HoldfastError } from '../../shared/model/failures'
import type { ChangeOutcome } from '../journal/journal'

/** Why the journal did not take a change, typed: the first problem in words, all of them in the details. */
export function refusalOf(outcome: Extract<ChangeOutcome, { ok: false }>): HoldfastError {
  if ('problems' in outcome) {
    const [first] = outcome.problems
    return new HoldfastError(
      'invalid',
      first ? `${first.kind} "${first.id}": ${first.message}` : 'The documents are not valid.',
      { hint: 'Nothing was stored.', details: { problems: outcome.problems as never } },
    )
  }
  const { kind, id, yours, current } = outcome.conflict
  return new HoldfastError(
    'conflict',
    `${kind} "${id}" was changed meanwhile: you edited revision ${yours}, it is at ${current?.revision ?? 'none'}.`,
    {
      hint: 'Nothing was stored. Load it again and repeat the change.',
      details: { yours, current: (current ?? null) as never },
    },
  )
}
