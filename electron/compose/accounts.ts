import type { DocumentChange } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { AccountDocuments } from '../console/accounts'
import type { SiteDocuments } from '../console/edge-authority'
import type { ChangeOutcome, Journal } from '../journal/journal'

/** What the console needs of the journal to know people by. */
export function accountDocuments(journal: Journal): AccountDocuments & SiteDocuments {
  const bodies = <K extends 'user' | 'edge' | 'system' | 'module'>(kind: K) =>
    journal.list(kind).map(({ body }) => body)
  return {
    user: (id) => journal.get('user', id),
    users: () => bodies('user'),
    edges: () => bodies('edge'),
    systems: () => bodies('system'),
    modules: () => bodies('module'),
    change(changes: readonly DocumentChange[], actor) {
      const outcome = journal.change(changes, { actor })
      if (!outcome.ok) throw refusalOf(outcome)
    },
    onPeople: (listener) =>
      journal.onChange(({ changed }) => {
        if (changed.some(({ kind }) => kind === 'user' || kind === 'edge')) listener()
      }),
    onUser: (listener) =>
      journal.onChange(({ changed }) => {
        for (const { kind, id } of changed) if (kind === 'user') listener(id)
      }),
  }
}

/** Without the documents and values that other refusals carry: these hold what passwords and tokens are checked against. */
function refusalOf(outcome: Extract<ChangeOutcome, { ok: false }>): HoldfastError {
  if ('conflict' in outcome)
    return new HoldfastError('conflict', 'The user was changed by somebody else just now.', { hint: 'Try it again.' })
  const [first] = outcome.problems
  return new HoldfastError('invalid', first?.message ?? 'The user is not valid.', {
    ...(first === undefined ? {} : { hint: `${first.field}: ${first.allowed}` }),
  })
}
