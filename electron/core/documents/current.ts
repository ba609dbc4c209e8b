import { documentKinds } from '../../../shared/model/documents'
import type { AnyDocument, DocumentByKind, DocumentKind, DocumentWrite } from '../../../shared/model/documents'

export interface CurrentDocument<K extends DocumentKind = DocumentKind> {
  readonly kind: K
  readonly id: string
  readonly revision: number
  readonly body: DocumentByKind[K]
}
/** The documents as they are; the journal's read side and an edge's copy both are this. */
export interface CurrentDocuments {
  get<K extends DocumentKind>(kind: K, id: string): CurrentDocument<K> | null
  list<K extends DocumentKind>(kind: K): readonly CurrentDocument<K>[]
}

/** The documents as they will be, without revisions. */
export interface DocumentBodies {
  get<K extends DocumentKind>(kind: K, id: string): DocumentByKind[K] | null
  list<K extends DocumentKind>(kind: K): readonly DocumentByKind[K][]
}

export function bodiesOf(current: CurrentDocuments): DocumentBodies {
  return {
    get: (kind, id) => current.get(kind, id)?.body ?? null,
    list: (kind) => current.list(kind).map(({ body }) => body),
  }
}

/** `current` once `writes` have happened. */
export function withWrites(current: CurrentDocuments, writes: readonly DocumentWrite[]): DocumentBodies {
  const written = Object.fromEntries(documentKinds.map((kind) => [kind, new Map()])) as unknown as Record<
    DocumentKind,
    Map<string, AnyDocument | null>
  >
  for (const write of writes) written[write.kind].set(write.id, write.op === 'put' ? write.body : null)
  return {
    get: <K extends DocumentKind>(kind: K, id: string) => {
      const body = written[kind].get(id)
      return body === undefined ? (current.get(kind, id)?.body ?? null) : (body as DocumentByKind[K] | null)
    },
    list: <K extends DocumentKind>(kind: K) => {
      const kept = current.list(kind).flatMap(({ id, body }) => (written[kind].has(id) ? [] : [body]))
      const put = [...written[kind].values()].filter((body) => body !== null) as DocumentByKind[K][]
      return [...kept, ...put]
    },
  }
}
