import type { SecretView } from '../../shared/console/secret-operations'
import type { ChannelDocument, ModuleDocument } from '../../shared/model/documents'
import type { StatusView } from '../../shared/console/views'
import { HoldfastError } from '../../shared/model/failures'
import { secretsIn, withSecretValues } from '../../shared/model/secrets'
import { english } from '../../shared/text/english'
import type { OperationHandlers } from '../console/operations'
import type { Documents } from '../journal/journal'
import type { NamedSecrets } from '../platform/ports'
import type { FileSecrets } from '../platform/secrets'

type SecretHandlers = Pick<OperationHandlers, `secrets.${'list' | 'set' | 'remove'}`>

/** The same on every controller: its own store, and who refers to what by its documents. */
export function secretOperations(secrets: NamedSecrets, documents: Pick<Documents, 'list'>): SecretHandlers {
  return {
    'secrets.list': () => {
      // Channels are at a master alone, as are the values they name.
      const users = [...documents.list('module'), ...documents.list('channel')]
      const uses = usesIn(users.map(({ body }) => body))
      const known = secrets.list().map(({ name, from, setAt, by }): SecretView => {
        return { name, state: from, setAt, by, usedBy: uses.get(name) ?? [] }
      })
      for (const { name } of known) uses.delete(name)
      const missing = [...uses].map(([name, usedBy]): SecretView => {
        return { name, state: 'missing', setAt: null, by: null, usedBy }
      })
      return [...known, ...missing].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    'secrets.set': async ({ name, secretValue }, { actor }) => {
      await secrets.set(name, secretValue, actor)
      return {}
    },
    'secrets.remove': async ({ name }) => {
      if (await secrets.remove(name)) return {}
      throw new HoldfastError('not-found', `The secret ${name} is not set on this controller.`, {
        hint: 'holdfast secret list shows where each secret comes from; one that the master gave is removed there.',
      })
    },
  }
}

/** Goes away with the last value that could not be opened. */
export function lockedNeed({ locked }: Pick<FileSecrets, 'locked'>, since: number): StatusView['needs'] {
  if (locked.length === 0) return []
  const text = english('need.secrets-locked')
  return [{ id: 'secrets-locked', severity: 'critical', code: 'secrets-locked', text, edgeId: null, since }]
}

function usesIn(users: readonly (ModuleDocument | ChannelDocument)[]): Map<string, SecretView['usedBy']> {
  const uses = new Map<string, SecretView['usedBy']>()
  for (const user of users)
    for (const secret of secretsIn('settings' in user ? user.settings : user))
      uses.set(secret, [...(uses.get(secret) ?? []), { id: user.id, name: user.name }])
  return uses
}

/** What a module host is given: texts in place of references, as far as they are known here. */
export const resolving =
  (secrets: NamedSecrets) =>
  (document: ModuleDocument): ModuleDocument => ({
    ...document,
    settings: withSecretValues(document.settings, (name) => secrets.value(name)),
  })
