import path from 'node:path'
import type { DocumentChange } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import { accountOperations, withoutAccounts } from '../console/account-operations'
import { Accounts, type AccountDocuments } from '../console/accounts'
import { Attempts } from '../console/attempts'
import { concernedBy, type SiteDocuments } from '../console/edge-authority'
import type { OpenSessions } from '../console/login'
import type { Operations } from '../console/operations'
import { TokenUse } from '../console/token-use'
import type { ChangeOutcome, Journal } from '../journal/journal'
import type { Parts } from './parts'
import type { Site } from './site'

/** Who people are and what is theirs, as far as this controller keeps accounts. */
export async function openAccounts(
  site: Site,
  { clock, random, log, dataDir }: Pick<Parts, 'clock' | 'random' | 'log' | 'dataDir'>,
  stack: AsyncDisposableStack,
  sessions: OpenSessions,
) {
  const attempts = new Attempts(clock)
  if (site.journal === undefined) return { accounts: null, attempts, handlers: withoutAccounts, authority: {} }
  const documents = accountDocuments(site.journal)
  const use = stack.use(
    await TokenUse.open({
      ...{ file: path.join(dataDir, 'token-use.json'), clock, logger: log.child('tokens') },
      tokenIds: () => documents.users().flatMap(({ tokens }) => tokens.map(({ id }) => id)),
    }),
  )
  const accounts = stack.use(new Accounts({ documents, clock, random, used: (tokenId) => use.used(tokenId) }))
  const authority: Pick<Operations, 'concernedBy'> = {
    concernedBy: (naming, reference) => concernedBy(documents, naming, reference),
  }
  return {
    accounts,
    attempts,
    handlers: accountOperations(accounts, attempts, { sessions, lastUsedAt: (id) => use.lastUsedAt(id) }),
    authority,
  }
}

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
