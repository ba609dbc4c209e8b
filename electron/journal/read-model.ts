import type { AnyDocument, DocumentKind } from '../../shared/model/documents'
import { documentKinds } from '../../shared/model/documents'
import type { Logger } from '../platform/ports'
import type { Documents, StoredDocument } from './journal'

export type ChangeListener = Parameters<Documents['onChange']>[0]
/** `stored: null`: deleted. */
export interface ModelChange {
  readonly kind: DocumentKind
  readonly id: string
  readonly stored: StoredDocument | null
}

/** The documents in memory: what both the journal and an edge's copy answer reads from. Bodies are frozen, so a reader cannot change history. */
export class ReadModel {
  private readonly documents: Record<DocumentKind, Map<string, StoredDocument>> = {
    edge: new Map(),
    system: new Map(),
    module: new Map(),
    alertRule: new Map(),
    forwarder: new Map(),
    user: new Map(),
    channel: new Map(),
  }
  /** Per kind, by id; null: to be sorted again. */
  private readonly sorted: Record<DocumentKind, readonly StoredDocument[] | null> = {
    edge: null,
    system: null,
    module: null,
    alertRule: null,
    forwarder: null,
    user: null,
    channel: null,
  }
  private readonly listeners = new Set<ChangeListener>()
  private readonly logger: Logger

  constructor(logger: Logger) {
    this.logger = logger
  }

  get<K extends DocumentKind>(kind: K, id: string): StoredDocument<K> | null {
    return (this.documents[kind].get(id) as StoredDocument<K> | undefined) ?? null
  }

  list<K extends DocumentKind>(kind: K): readonly StoredDocument<K>[] {
    const list = (this.sorted[kind] ??= [...this.documents[kind].values()].sort((a, b) => (a.id < b.id ? -1 : 1)))
    return list as readonly StoredDocument<K>[]
  }

  all(): readonly StoredDocument[] {
    return documentKinds.flatMap((kind) => [...this.list(kind)])
  }

  set(change: ModelChange) {
    this.sorted[change.kind] = null
    if (change.stored === null) this.documents[change.kind].delete(change.id)
    else this.documents[change.kind].set(change.id, deepFreeze(change.stored))
  }

  onChange(listener: ChangeListener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** After the commit: a listener that throws cannot undo what is on disk, so it is logged and the others are told all the same. */
  tell(head: number, changes: readonly ModelChange[]) {
    if (changes.length === 0) return
    const changed = changes.map(
      ({ kind, id, stored }): { kind: DocumentKind; id: string; body: AnyDocument | null } => ({
        kind,
        id,
        body: stored?.body ?? null,
      }),
    )
    for (const listener of [...this.listeners]) {
      try {
        listener({ head, changed })
      } catch (error) {
        this.logger.log('error', 'a listener for document changes failed', {
          error: error instanceof Error ? error.message : String(error),
        })
      }
    }
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
