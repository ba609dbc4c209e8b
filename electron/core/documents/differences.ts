import type { AnyDocument, DocumentDifference, DocumentWrite, FieldDifference } from '../../../shared/model/documents'
import type { CurrentDocuments } from './current'

type JsonObject = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Equal as JSON; the order of keys does not count, a key with `undefined` is an absent one. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]))
  if (!isObject(a) || !isObject(b)) return false
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => isSame(a[key], b[key]))
}

/**
 * The fields in which two bodies differ, in the order of the fields. Objects are entered, lists are compared as wholes: taking the first of a
 * thousand modules away is one difference, not a thousand.
 */
export function fieldDifferences(before: unknown, after: unknown, path = ''): FieldDifference[] {
  if (isSame(before, after)) return []
  if (!isObject(before) || !isObject(after)) return [{ path, before, after }]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
    fieldDifferences(before[key], after[key], path ? `${path}.${key}` : key),
  )
}

const nothing: JsonObject = {}

/** What one write changes. A new or removed document is shown field by field, too. */
export function differenceOf(write: DocumentWrite, current: CurrentDocuments): DocumentDifference {
  const before: AnyDocument | null = current.get(write.kind, write.id)?.body ?? null
  const after = write.op === 'put' ? write.body : null
  const fields = fieldDifferences(before ?? nothing, after ?? nothing).filter(({ path }) => path !== 'id')
  const op = before === null ? 'create' : after === null ? 'delete' : fields.length === 0 ? 'same' : 'update'
  return { op, kind: write.kind, id: write.id, name: (after ?? before)?.name ?? write.id, fields }
}
