import { feedRules, type StagedSnapshot } from '../../../electron/core/replication/feed'
import { understood } from '../../../electron/journal/document-table'
import type { Documents, DocumentsReplica, StoredDocument } from '../../../electron/journal/journal'
import { ReadModel, type ModelChange } from '../../../electron/journal/read-model'
import type { Logger, Secrets } from '../../../electron/platform/ports'
import type { ControlRecords, StoredControl } from '../../../electron/records/records'
import type { Decision } from '../../../shared/model/control'
import type { AnyDocument, DocumentKind } from '../../../shared/model/documents'
import type { FeedCursor, RequestResult } from '../../../shared/wire/requests'

/** Decisions that one simulated edge remembers. */
const DECISIONS_MAX = 20

/** What an edge keeps on disk, in memory: thousands of files would be the disk's bench. */
export function memoryRecords(): ControlRecords {
  const controls = new Map<string, StoredControl>()
  let decisions: Decision[] = []
  const keep = (decision: Decision): void => {
    decisions = [...decisions.filter(({ id }) => id !== decision.id), decision].slice(-DECISIONS_MAX)
  }
  return {
    load: (edgeId) => controls.get(edgeId) ?? null,
    all: () => controls,
    save(edgeId, control, decision) {
      controls.set(edgeId, control)
      if (decision) keep(decision)
    },
    saveDecision: keep,
    decision: (id) => decisions.find((one) => one.id === id) ?? null,
    decisions: (_edgeId, { limit }) => decisions.toReversed().slice(0, limit),
    untold: () => [],
    told: () => {},
    leaveOthers: () => [],
    standingAlerts: () => [],
    setStandingAlert: () => {},
    remove: (edgeId) => void controls.delete(edgeId),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

export function memorySecrets(): Secrets {
  const values = new Map<string, string>()
  return {
    get: (name) => Promise.resolve(values.get(name) ?? null),
    set: (name, value) => Promise.resolve(void values.set(name, value)),
    delete: (name) => Promise.resolve(void values.delete(name)),
  }
}

/**
 * The documents as the edges of a fleet know them: each has the whole copy, and thousands of whole copies are one here. What an edge has read is its own: cursor and
 * staged pieces go by the product's rules.
 */
export class FleetDocuments {
  readonly #model: ReadModel
  /** The highest number that any edge has brought. */
  #seq = 0
  /** Where an edge begins whose copy was made before; null: none was. */
  cursor: FeedCursor | null = null
  #ownSystems: Map<string, StoredDocument<'system'>[]> | null = null

  constructor(logger: Logger) {
    this.#model = new ReadModel(logger)
  }

  /** The copy of one edge. */
  replica(edgeId: string): DocumentsReplica {
    return new FleetReplica(edgeId, this)
  }

  get<K extends DocumentKind>(kind: K, id: string): StoredDocument<K> | null {
    return this.#model.get(kind, id)
  }

  /** Of the systems only those of the edge: looking through all of them is a cost of one edge, not of thousands in one process. */
  list<K extends DocumentKind>(kind: K, edgeId: string): readonly StoredDocument<K>[] {
    if (kind !== 'system') return this.#model.list(kind)
    this.#ownSystems ??= Map.groupBy(this.#model.list('system'), ({ body }) => body.edgeId ?? '')
    return (this.#ownSystems.get(edgeId) ?? []) as unknown as readonly StoredDocument<K>[]
  }

  take(changes: readonly ModelChange[], next: FeedCursor, isWhole: boolean): void {
    if (next.seq < this.#seq) return
    const kept = isWhole ? new Set(changes.map(({ kind, id }) => `${kind} ${id}`)) : null
    for (const { kind, id } of kept ? this.#model.all() : [])
      if (!kept?.has(`${kind} ${id}`)) this.#model.set({ kind, id, stored: null })
    for (const change of changes) {
      const known = this.#model.get(change.kind, change.id)
      if (known?.revision !== change.stored?.revision) this.#model.set(change)
    }
    this.#seq = next.seq
    this.#ownSystems = null
    this.cursor = next
  }
}

class FleetReplica implements DocumentsReplica {
  readonly #edgeId: string
  readonly #shared: FleetDocuments
  readonly #listeners = new Set<Parameters<Documents['onChange']>[0]>()
  #cursor: FeedCursor | null
  #staged: StagedSnapshot | null = null

  constructor(edgeId: string, shared: FleetDocuments) {
    this.#edgeId = edgeId
    this.#shared = shared
    this.#cursor = shared.cursor
  }

  get cursor(): FeedCursor | null {
    return this.#cursor
  }
  get head(): number {
    return this.#cursor?.seq ?? 0
  }
  get feedId(): string {
    return this.#cursor?.feedId ?? ''
  }
  get<K extends DocumentKind>(kind: K, id: string): StoredDocument<K> | null {
    return this.#shared.get(kind, id)
  }
  list<K extends DocumentKind>(kind: K): readonly StoredDocument<K>[] {
    return this.#shared.list(kind, this.#edgeId)
  }
  onChange(listener: Parameters<Documents['onChange']>[0]): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  apply(answer: RequestResult<'documents.read'>) {
    if (answer.mode === 'events') {
      this.#staged = null
      const step = feedRules.acceptEvents(this.#cursor, answer)
      if (step.kind === 'restart') return this.#fromStart()
      const changes = step.entries.map(({ kind, id, op, seq, body }) =>
        changeOf(kind, id, op === 'put' ? { revision: seq, body } : null),
      )
      if (changes.length > 0) this.#perform(changes, step.cursor, false)
      return answer.more ? { cursor: this.#cursor, snapshotAt: null, offset: 0 } : null
    }
    const step = feedRules.acceptPiece(this.#staged, answer)
    switch (step.kind) {
      case 'restart':
        return this.#fromStart()
      case 'staged':
        this.#staged = step.staged
        return { cursor: this.#cursor, snapshotAt: answer.seq, offset: step.staged.documents.length }
      case 'complete':
        this.#staged = null
        this.#perform(
          step.documents.map(({ kind, id, revision, body }) => changeOf(kind, id, { revision, body })),
          step.cursor,
          true,
        )
        return { cursor: this.#cursor, snapshotAt: null, offset: 0 }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  #fromStart() {
    this.#staged = null
    return { cursor: null, snapshotAt: this.#cursor?.seq ?? null, offset: 0 }
  }

  #perform(changes: readonly ModelChange[], next: FeedCursor, isWhole: boolean): void {
    this.#shared.take(changes, next, isWhole)
    this.#cursor = next
    const changed = changes.map(
      ({ kind, id, stored }): { kind: DocumentKind; id: string; body: AnyDocument | null } => ({
        ...{ kind, id },
        body: stored?.body ?? null,
      }),
    )
    for (const listener of this.#listeners) listener({ head: next.seq, changed })
  }
}

function changeOf(kind: DocumentKind, id: string, put: { revision: number; body: unknown } | null): ModelChange {
  const stored = put && understood({ kind, id, revision: put.revision, body: JSON.stringify(put.body) })
  return { kind, id, stored }
}
