import { foldedName } from '../../../shared/model/document-id'
import type { DocumentProblem, UserDocument } from '../../../shared/model/documents'
import type { DocumentBodies } from './current'

/** A login may name an account by name or id, so no name may be another account's id either. */
export function userProblems(user: UserDocument, after: DocumentBodies): Omit<DocumentProblem, 'kind' | 'id'>[] {
  const keys = new Set([foldedName(user.name), foldedName(user.id)])
  const other = after
    .list('user')
    .find(({ id, name }) => id !== user.id && (keys.has(foldedName(name)) || keys.has(foldedName(id))))
  if (!other) return []
  return [
    {
      field: 'name',
      value: user.name,
      allowed: 'a name no other user has',
      message: `There is already a user "${other.name}" (${other.id}).`,
    },
  ]
}
