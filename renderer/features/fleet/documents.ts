import type { OperationInput, OperationOutput } from '../../../shared/console/contract'
import { siteKinds, type SiteKind } from '../../../shared/model/documents'
import { formatDuration } from '../../ui/duration'
import { changesOf, draftOf, type EdgeDraft } from '../site/document/draft'

export type StoredDocument = OperationOutput<'documents.export'>['documents'][number]
export type Change = OperationInput<'documents.apply'>['changes'][number]
/** What a file can say: it deletes nothing. */
export type PutChange = Extract<Change, { op: 'put' }>
export type Differences = OperationOutput<'documents.apply'>['differences']

/** What a bulk edit may change; the window goes as a whole. */
export const bulkFields = ['failover', 'timeoutMs', 'stableForMs', 'window'] as const
export type BulkField = (typeof bulkFields)[number]
const wordOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const windowKeys = ['windowStart', 'windowLengthS', 'windowTimeZone']
const keysOf = (field: BulkField): readonly string[] => (field === 'window' ? windowKeys : [field])

/**
 * Each document with the chosen fields as in the draft, the others as they are; those that have them already are left out. Each change names the revision that
 * it was made from, so that none overwrites what somebody changed meanwhile.
 */
export function bulkChanges(
  documents: readonly StoredDocument[],
  draft: EdgeDraft,
  fields: ReadonlySet<BulkField>,
): Change[] {
  const chosen = new Set([...fields].flatMap(keysOf))
  return documents.flatMap(({ kind, body, revision }) => {
    const wanted = changesOf({ ...draft, name: wordOf(body['name']) }, body)
    const changed = Object.entries(wanted).filter(([field]) => chosen.has(field))
    if (changed.length === 0) return []
    const next = { ...body }
    for (const [field, value] of changed) {
      if (value === null) delete next[field]
      else next[field] = value
    }
    return [{ op: 'put' as const, kind, body: next, revision }]
  })
}
/** Where a bulk edit begins: as the documents are, where all of them agree. */
export const commonDraft = (documents: readonly StoredDocument[]): EdgeDraft => draftOf(documents[0]?.body ?? {})

/** The documents of some sites: the edges, their systems and the modules of those. */
export function documentsOf(documents: readonly StoredDocument[], edges: ReadonlySet<string>): StoredDocument[] {
  const systems = documents.filter(({ kind, body }) => kind === 'system' && edges.has(wordOf(body['edgeId'])))
  const modules = new Set(systems.flatMap(({ body }) => (Array.isArray(body['modules']) ? body['modules'] : [])))
  return documents.filter(
    (document) =>
      (document.kind === 'edge' && edges.has(document.id)) ||
      systems.includes(document) ||
      (document.kind === 'module' && modules.has(document.id)),
  )
}

/** As a file that is read here and by `holdfast apply`. The library is fetched when somebody needs it. */
export async function fileOf(documents: readonly StoredDocument[]): Promise<string> {
  const { stringify } = await import('yaml')
  return documents
    .map(({ kind, body }) => `---\n${stringify({ kind, ...body }, { lineWidth: 0, aliasDuplicateObjects: false })}`)
    .join('')
}

export interface FileFault {
  /** From 1; null: of the whole file. */
  readonly document: number | null
  readonly code: 'unreadable' | 'kind' | 'id' | 'shape'
  readonly detail: string
}
/** Aliases stand for what is written once; a bomb multiplies them. */
const ALIASES_MAX = 100
const FAULTS_MAX = 20

/** YAML (so JSON as well): several documents, or lists of them. What is in the fields the controller judges. */
export async function changesInFile(text: string): Promise<{ changes: PutChange[]; faults: FileFault[] }> {
  const { parseAllDocuments } = await import('yaml')
  const faults: FileFault[] = []
  const changes: PutChange[] = []
  const items: unknown[] = []
  try {
    const parsed = parseAllDocuments(text, { prettyErrors: false, logLevel: 'silent', stringKeys: true })
    for (const one of Array.isArray(parsed) ? parsed : []) {
      for (const { message } of one.errors) faults.push({ document: null, code: 'unreadable', detail: message })
      if (one.errors.length > 0) continue
      const value: unknown = one.toJS({ maxAliasCount: ALIASES_MAX })
      if (Array.isArray(value)) items.push(...(value as unknown[]))
      else if (value !== null) items.push(value)
    }
  } catch (error) {
    faults.push({ document: null, code: 'unreadable', detail: error instanceof Error ? error.message : '' })
  }
  for (const [index, item] of items.entries()) {
    const fault = (code: FileFault['code'], detail = '') => faults.push({ document: index + 1, code, detail })
    if (typeof item !== 'object' || item === null || Array.isArray(item)) fault('shape')
    else {
      const { kind, ...body } = item as Record<string, unknown>
      const known = siteKinds.find((one): one is SiteKind => one === kind)
      if (known === undefined) fault('kind', wordOf(kind))
      else if (typeof body['id'] !== 'string' || body['id'] === '') fault('id', wordOf(body['name']))
      else changes.push({ op: 'put', kind: known, body: body as never })
    }
  }
  return { changes, faults: faults.slice(0, FAULTS_MAX) }
}

type Field = Differences[number]['fields'][number]
/** Lengths of time as people read them, as far as the field's name says that it is one. */
export function readable({ path, ...sides }: Field, locale: string): Field {
  if (!path.endsWith('Ms')) return { path, ...sides }
  const told = Object.entries(sides).map(([side, value]) => [
    side,
    typeof value === 'number' ? formatDuration(value, locale) : value,
  ])
  return { path, ...Object.fromEntries(told) } as Field
}

export const countsOf = (differences: Differences): Record<Differences[number]['op'], number> => {
  const counts = { create: 0, update: 0, delete: 0, same: 0 }
  for (const { op } of differences) counts[op] += 1
  return counts
}
