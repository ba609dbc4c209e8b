import { LineCounter, isNode, isSeq, parseAllDocuments, stringify } from 'yaml'
import type { Document, Node } from 'yaml'
import { suggestedId } from '../../shared/model/document-id'
import { readDocument } from '../../shared/model/document-reading'
import { CHANGES_MAX, documentKinds, documentSchemas, siteKinds } from '../../shared/model/documents'
import type { DocumentKind, DocumentProblem, SiteChange, SiteKind } from '../../shared/model/documents'

/**
 * Documents as a file: several YAML documents, or lists, of `{kind: edge | system | module | ..., ...fields}`. An `id` may be left out: it is that of
 * the document of this name, else made from the name. A system may say `edge: NAME` instead of `edgeId: ID`, and list modules by name or id; so may
 * the `edges` of an alert rule or a forwarder.
 */
export interface DocumentFileProblem extends DocumentProblem {
  /** From 1; of the field, or of the document where the field is missing. */
  readonly line: number
  readonly column: number
}
export type DocumentFileReading =
  { readonly changes: readonly SiteChange[] } | { readonly problems: readonly DocumentFileProblem[] }

/** What the journal already has, so that names find the right ids. */
export interface KnownDocument {
  readonly kind: DocumentKind
  readonly id: string
  readonly name: string
}

export const DOCUMENT_FILE_BYTES_MAX = 5 * 1024 * 1024
/** Uses of one anchor, counted as the library does. Documents share little; a bomb shares a lot. */
const ALIASES_MAX = 100
const PROBLEMS_MAX = 100

interface Item {
  readonly kind: SiteKind
  readonly fields: Readonly<Record<string, unknown>>
  readonly at: Place
}
type Place = (path: readonly string[]) => { line: number; column: number }
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads a file of documents. Nothing is compared with what is stored, but for names: `known`. */
export function parseDocumentFile(text: string, known: readonly KnownDocument[] = []): DocumentFileReading {
  if (Buffer.byteLength(text) > DOCUMENT_FILE_BYTES_MAX) {
    const allowed = `at most ${DOCUMENT_FILE_BYTES_MAX} bytes`
    return {
      problems: [
        problemAt({ line: 1, column: 1 }, 'edge', '', '', null, allowed, `The file is too large: ${allowed}.`),
      ],
    }
  }
  const { items, problems } = itemsOf(text)
  if (items.length > CHANGES_MAX)
    problems.push(
      problemAt(
        { line: 1, column: 1 },
        'edge',
        '',
        '',
        items.length,
        `at most ${CHANGES_MAX} documents`,
        'Too many documents in one file.',
      ),
    )
  if (problems.length > 0) return { problems: problems.slice(0, PROBLEMS_MAX) }
  const names = namesOf(items, known)
  const changes = items.map((item): SiteChange => {
    const body = resolved(item, names)
    const reading = readDocument(item.kind, body)
    if (!reading.ok) {
      for (const problem of reading.problems)
        problems.push({ ...problem, ...located(item.at(problem.field.split('.')), problem.message) })
    }
    return { op: 'put', kind: item.kind, body: body as Extract<SiteChange, { op: 'put' }>['body'] }
  })
  return problems.length > 0 ? { problems: problems.slice(0, PROBLEMS_MAX) } : { changes }
}

const located = (place: { line: number; column: number }, message: string) => ({
  ...place,
  message: `line ${place.line}, column ${place.column}: ${message}`,
})

function problemAt(
  place: { line: number; column: number },
  kind: DocumentKind,
  id: string,
  field: string,
  value: unknown,
  allowed: string,
  message: string,
): DocumentFileProblem {
  return { kind, id, field, value, allowed, ...located(place, message) }
}

function itemsOf(text: string): { items: Item[]; problems: DocumentFileProblem[] } {
  const counter = new LineCounter()
  const items: Item[] = []
  const problems: DocumentFileProblem[] = []
  const placeOf = (offset: number) => {
    const { line, col } = counter.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: counter,
      resolveKnownTags: false,
      prettyErrors: false,
      logLevel: 'silent',
      stringKeys: true,
    })
    for (const document of Array.isArray(parsed) ? (parsed as Document.Parsed[]) : []) {
      for (const { pos, message } of [...document.errors, ...document.warnings])
        problems.push(problemAt(placeOf(pos[0]), 'edge', '', '', null, 'YAML 1.2', message))
      if (document.errors.length > 0 || document.contents === null) continue
      const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX })
      if (value === null) continue
      const list = isSeq(document.contents)
      for (const [index, fields] of (list ? (value as unknown[]) : [value]).entries()) {
        const base: (string | number)[] = list ? [index] : []
        const at: Place = (path) => placeOf(startOf(document, base, path))
        const kind = isObject(fields) ? siteKinds.find((name) => name === fields['kind']) : undefined
        if (isObject(fields) && kind) items.push({ kind, fields, at })
        else
          problems.push(
            problemAt(
              at(['kind']),
              'edge',
              '',
              'kind',
              isObject(fields) ? fields['kind'] : fields,
              siteKinds.join(' | '),
              'Every document needs its kind.',
            ),
          )
      }
    }
  } catch (error) {
    // The library recurses: a nesting nobody writes by hand ends its stack, and an alias bomb its count.
    const message =
      error instanceof RangeError
        ? 'The file is nested too deeply.'
        : error instanceof Error
          ? error.message
          : String(error)
    problems.push(problemAt({ line: 1, column: 1 }, 'edge', '', '', null, 'YAML 1.2 with few aliases', message))
  }
  return { items, problems }
}

/** Where the innermost part of `path` that exists begins; for a key its own place is that of its value. */
function startOf(document: Document.Parsed, base: readonly (string | number)[], path: readonly string[]): number {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = document.getIn([...base, ...path.slice(0, length)], true)
    if (isNode(node) && (node as Node).range) return (node as Node).range?.[0] ?? 0
  }
  return 0
}

type Names = (kind: DocumentKind, text: string) => string

/** Ids by id and by name: those of the file first, then those already stored. A text that is neither stands for itself. */
function namesOf(items: readonly Item[], known: readonly KnownDocument[]): Names {
  const ids = new Set<string>()
  const byName = new Map<string, string>()
  const add = (kind: DocumentKind, id: string, name: string) => {
    ids.add(`${kind} ${id}`)
    const key = `${kind} ${name.toLowerCase()}`
    if (!byName.has(key)) byName.set(key, id)
  }
  const stored = new Map(known.map(({ kind, id, name }) => [`${kind} ${name.toLowerCase()}`, id]))
  for (const { kind, fields } of items) {
    const { id, name } = fields
    if (typeof name !== 'string') continue
    add(
      kind,
      typeof id === 'string'
        ? id
        : (stored.get(`${kind} ${name.trim().toLowerCase()}`) ?? suggestedId(kind, name.trim())),
      name.trim(),
    )
  }
  for (const { kind, id, name } of known) add(kind, id, name)
  return (kind, text) =>
    ids.has(`${kind} ${text}`) ? text : (byName.get(`${kind} ${text.trim().toLowerCase()}`) ?? text)
}

/** The document an item stands for: without `kind`, with its id, its names turned into ids. What cannot be resolved is left for the check to refuse. */
function resolved({ kind, fields }: Item, names: Names): Record<string, unknown> {
  const { kind: _kind, edge, ...rest } = fields
  const body: Record<string, unknown> = rest
  const { id, name, modules, edges } = rest
  if (id === undefined && typeof name === 'string') body['id'] = names(kind, name)
  if ((kind === 'alertRule' || kind === 'forwarder') && Array.isArray(edges))
    body['edges'] = edges.map((one: unknown) => (typeof one === 'string' ? names('edge', one) : one))
  if (kind !== 'system') return edge === undefined ? body : { ...body, edge }
  if (typeof edge === 'string' && rest['edgeId'] === undefined) body['edgeId'] = names('edge', edge)
  else if (edge !== undefined) body['edge'] = edge
  if (Array.isArray(modules))
    body['modules'] = modules.map((module: unknown) => (typeof module === 'string' ? names('module', module) : module))
  return body
}

/** Documents as a file that `parseDocumentFile` takes back: always the same text for the same documents. */
export function formatDocumentFile(documents: readonly { kind: DocumentKind; id: string; body: unknown }[]): string {
  const sorted = [...documents].sort(
    (a, b) => documentKinds.indexOf(a.kind) - documentKinds.indexOf(b.kind) || (a.id < b.id ? -1 : 1),
  )
  const options = { lineWidth: 0, aliasDuplicateObjects: false, schema: 'core' } as const
  return sorted.map(({ kind, body }) => `---\n${stringify({ kind, ...ordered(kind, body) }, options)}`).join('')
}

/** In the order of the schema. What is empty is left out where a missing field means just that. */
function ordered(kind: DocumentKind, body: unknown): Record<string, unknown> {
  const fields = isObject(body) ? body : {}
  const shape: Record<string, { safeParse(value: unknown): { data?: unknown } }> = documentSchemas[kind].shape
  const keys = [...new Set([...Object.keys(shape), ...Object.keys(fields)])]
  const isImplied = (key: string) => isEmpty(fields[key]) && isEmpty(shape[key]?.safeParse(undefined).data)
  return Object.fromEntries(
    keys.filter((key) => fields[key] !== undefined && !isImplied(key)).map((key) => [key, fields[key]]),
  )
}
const isEmpty = (value: unknown) =>
  value === '' || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0)
