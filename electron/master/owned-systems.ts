import type { DocumentKind, SystemDocument } from '../../shared/model/documents'
import type { Documents } from '../journal/journal'

interface Index {
  readonly head: number
  /** By the edge they belong to; null: the master's own. */
  readonly systems: ReadonlyMap<string | null, readonly SystemDocument[]>
  readonly ownerOfSystem: ReadonlyMap<string, string | null>
  readonly ownersOfModule: ReadonlyMap<string, readonly (string | null)[]>
}

/** Which systems belong to whom, looked through once for each change of the documents instead of once for each edge. */
export class OwnedSystems {
  readonly #documents: Pick<Documents, 'list' | 'head'>
  #now: Index
  /** As of the change that was asked about last. */
  #before: Index

  constructor(documents: Pick<Documents, 'list' | 'head'>) {
    this.#documents = documents
    this.#now = this.#before = indexOf(documents)
  }

  of(owner: string | null): readonly SystemDocument[] {
    return this.#current().systems.get(owner) ?? []
  }

  /** Whose documents these are, or were before this change. To be asked once for each change. */
  concerned(changed: readonly { readonly kind: DocumentKind; readonly id: string }[]): ReadonlySet<string | null> {
    const indexes = [this.#before, this.#current()]
    this.#before = this.#now
    const owners = new Set<string | null>()
    for (const { kind, id } of changed) {
      if (kind === 'edge') owners.add(id)
      for (const { ownerOfSystem, ownersOfModule } of indexes) {
        const owner = kind === 'system' ? ownerOfSystem.get(id) : undefined
        if (owner !== undefined) owners.add(owner)
        if (kind === 'module') for (const each of ownersOfModule.get(id) ?? []) owners.add(each)
      }
    }
    return owners
  }

  #current(): Index {
    if (this.#now.head !== this.#documents.head) this.#now = indexOf(this.#documents)
    return this.#now
  }
}

function indexOf(documents: Pick<Documents, 'list' | 'head'>): Index {
  const systems = new Map<string | null, SystemDocument[]>()
  const ownerOfSystem = new Map<string, string | null>()
  const ownersOfModule = new Map<string, (string | null)[]>()
  for (const { id, body } of documents.list('system')) {
    const owner = body.edgeId ?? null
    ownerOfSystem.set(id, owner)
    added(systems, owner, body)
    for (const module of body.modules) added(ownersOfModule, module, owner)
  }
  return { head: documents.head, systems, ownerOfSystem, ownersOfModule }
}

function added<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
