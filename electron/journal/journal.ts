import type {
  AnyDocument,
  DocumentByKind,
  DocumentChange,
  DocumentDifference,
  DocumentKind,
  DocumentProblem,
  FieldDifference,
} from '../../shared/model/documents'
import type { FeedCursor, JournalEntry, RequestResult } from '../../shared/wire/requests'

export interface StoredDocument<K extends DocumentKind = DocumentKind> {
  readonly kind: K
  readonly id: string
  /** The seq of the entry that made it what it is. */
  readonly revision: number
  readonly body: DocumentByKind[K]
}

export type { DocumentDifference, FieldDifference }

export type ChangeOutcome =
  | { readonly ok: true; readonly head: number; readonly differences: readonly DocumentDifference[] }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] }
  /** Somebody else changed it meanwhile; both versions. */
  | {
      readonly ok: false
      readonly conflict: {
        readonly kind: DocumentKind
        readonly id: string
        readonly yours: number
        readonly current: StoredDocument | null
      }
    }

/** Read side of the documents: the master's and each edge's copy look the same. Reads are from memory (derived), cheap, and never throw. */
export interface Documents {
  get<K extends DocumentKind>(kind: K, id: string): StoredDocument<K> | null
  list<K extends DocumentKind>(kind: K): readonly StoredDocument<K>[]
  /** Highest seq applied. */
  readonly head: number
  readonly feedId: string
  /** Called after each commit with what changed; returns the unsubscriber. */
  onChange(
    listener: (change: {
      head: number
      changed: readonly { kind: DocumentKind; id: string; body: AnyDocument | null }[]
    }) => void,
  ): () => void
}

/** The system of record (master, standalone). */
export interface Journal extends Documents, AsyncDisposable {
  /** Validates, then appends all or nothing. `dryRun` only says what would change. */
  change(changes: readonly DocumentChange[], by: { actor: string; dryRun?: boolean }): ChangeOutcome
  /** Serves the feed `documents.read`. `kinds`: what the reader knows, a beginning of `documentKinds`; all if not given. */
  read(params: {
    cursor: FeedCursor | null
    snapshotAt: number | null
    offset: number
    kinds?: readonly DocumentKind[]
  }): RequestResult<'documents.read'>
  /** Newest first, for the audit. */
  entries(options: { limit: number; before?: number }): readonly JournalEntry[]
}

/** An edge's copy: changed only by the feed. Works offline. */
export interface DocumentsReplica extends Documents, AsyncDisposable {
  readonly cursor: FeedCursor | null
  /** Applies one answer of `documents.read`; says what to ask next, null when caught up. Atomic with the cursor; a broken snapshot is discarded whole. */
  apply(
    answer: RequestResult<'documents.read'>,
  ): { cursor: FeedCursor | null; snapshotAt: number | null; offset: number } | null
}
