import { z } from 'zod'
import { DOCUMENT_DEPTH_MAX, DOCUMENT_LENGTH_MAX, documentSchemas } from './documents'
import type { DocumentByKind, DocumentKind, DocumentProblem } from './documents'

export type DocumentReading<K extends DocumentKind = DocumentKind> =
  | { readonly ok: true; readonly document: DocumentByKind[K] }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] }

/** Reads what a person wrote: unknown fields are refused, missing ones get their defaults. Problems name field, value and range. */
export function readDocument<K extends DocumentKind>(kind: K, raw: unknown): DocumentReading<K> {
  const id = idOf(raw)
  const problem = (field: string, value: unknown, allowed: string, message: string): DocumentProblem => ({
    kind,
    id,
    field,
    value,
    allowed,
    message,
  })
  const oversize = oversizeOf(raw)
  if (oversize) return { ok: false, problems: [problem('', null, oversize, `The document is too large: ${oversize}.`)] }
  const parsed = documentSchemas[kind].safeParse(raw)
  if (parsed.success) return { ok: true, document: parsed.data as DocumentByKind[K] }
  const problems = parsed.error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const known = `one of ${Object.keys(documentSchemas[kind].shape).join(', ')}`
      return issue.keys.map((key) =>
        problem(
          [...issue.path, key].join('.'),
          valueAt(raw, [...issue.path, key]),
          known,
          `There is no field "${key}".`,
        ),
      )
    }
    const value = valueAt(raw, issue.path)
    const allowed = issue.code === 'invalid_format' ? issue.message : allowedAt(kind, issue.path)
    const field = issue.path.join('.')
    return [
      problem(
        field,
        value,
        allowed,
        value === undefined ? `The field "${field}" is missing.` : `The field "${field}" is not ${allowed}.`,
      ),
    ]
  })
  return { ok: false, problems }
}

/**
 * Reads what a journal holds, perhaps written by a newer version: unknown fields are left out, missing ones get their defaults.
 * Null: not readable as this kind.
 */
export function readStoredDocument<K extends DocumentKind>(kind: K, stored: unknown): DocumentByKind[K] | null {
  const parsed = tolerant()[kind].safeParse(stored)
  return parsed.success ? (parsed.data as DocumentByKind[K]) : null
}

let tolerantSchemas: Record<DocumentKind, z.ZodType> | null = null
function tolerant(): Record<DocumentKind, z.ZodType> {
  const { edge, system, module, alertRule, forwarder, user, channel } = documentSchemas
  return (tolerantSchemas ??= {
    edge: z.object(edge.shape),
    system: z.object(system.shape),
    module: z.object(module.shape),
    alertRule: z.object(alertRule.shape),
    forwarder: z.object(forwarder.shape),
    user: z.object(user.shape),
    channel: z.object(channel.shape),
  })
}

function idOf(raw: unknown): string {
  const id = valueAt(raw, ['id'])
  return typeof id === 'string' ? id.slice(0, 64) : ''
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<PropertyKey, unknown>)[key]
        : undefined,
    raw,
  )
}

/** Before anything recursive looks at it. */
function oversizeOf(raw: unknown): string | null {
  if (isDeeper(raw, DOCUMENT_DEPTH_MAX)) return `at most ${DOCUMENT_DEPTH_MAX} levels deep`
  return (JSON.stringify(raw) ?? '').length > DOCUMENT_LENGTH_MAX
    ? `at most ${DOCUMENT_LENGTH_MAX} characters as JSON`
    : null
}
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

interface SchemaNode {
  readonly type?: string
  /** The rule in words where a pattern says nothing to a person. */
  readonly title?: string
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly items?: SchemaNode
  readonly properties?: Readonly<Record<string, SchemaNode>>
}
const nodes: Partial<Record<DocumentKind, SchemaNode>> = {}

/** The range or rule of a field in words, taken from the schema itself. */
function allowedAt(kind: DocumentKind, path: readonly PropertyKey[]): string {
  let node: SchemaNode | undefined = (nodes[kind] ??= z.toJSONSchema(documentSchemas[kind], {
    io: 'input',
  }) as SchemaNode)
  for (const key of path) node = typeof key === 'number' ? node?.items : node?.properties?.[String(key)]
  if (node?.enum) return node.enum.map(String).join(' | ')
  if (node?.title) return node.title
  switch (node?.type) {
    case 'integer':
    case 'number':
      return `a whole number, ${node.minimum ?? ''}..${node.maximum === Number.MAX_SAFE_INTEGER ? '' : (node.maximum ?? '')}`
    case 'string':
      return `text of ${node.minLength ?? 0}..${node.maxLength ?? ''} characters`
    case 'array':
      return `a list of at most ${node.maxItems ?? ''}`
    case 'boolean':
      return 'true or false'
    default:
      return 'an object of JSON values'
  }
}
