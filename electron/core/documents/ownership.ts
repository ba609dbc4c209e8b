import type { DocumentChange, DocumentWrite, SystemDocument } from '../../../shared/model/documents'
import { bodiesOf, withWrites } from './current'
import type { CurrentDocuments, DocumentBodies } from './current'

/** Who drives a module: an edge, or the master (`null`), by the systems that name it. */
export type Owner = string | null

/** Each module's owners. More than one is a fault of the documents. A module no system names is in nobody's list and driven by nobody. */
export function ownersOf(documents: DocumentBodies): Map<string, Set<Owner>> {
  const owners = new Map<string, Set<Owner>>()
  for (const system of documents.list('system')) {
    for (const moduleId of system.modules) {
      const known = owners.get(moduleId)
      if (known) known.add(system.edgeId ?? null)
      else owners.set(moduleId, new Set([system.edgeId ?? null]))
    }
  }
  return owners
}

export interface ModuleMove {
  readonly moduleId: string
  readonly from: Owner
  readonly to: Owner
}

/**
 * Modules that change their owner. While the old one is out of reach it goes on driving from its copy, and no epoch covers that: whoever carries
 * the change out must have both linked, and the old one must have acknowledged the new revision before the new one starts.
 */
export function movesBetweenEdges(
  changes: readonly DocumentChange[],
  current: CurrentDocuments,
): readonly ModuleMove[] {
  const before = ownersOf(bodiesOf(current))
  const after = ownersOf(withWrites(current, changes.flatMap(ownershipWrite)))
  const moves: ModuleMove[] = []
  for (const [moduleId, [from, ...others]] of before) {
    const to = after.get(moduleId)
    if (from === undefined || others.length > 0 || to === undefined) continue
    for (const owner of to) if (owner !== from) moves.push({ moduleId, from, to: owner })
  }
  return moves
}

/** As much of an unchecked change as says who owns what. */
function ownershipWrite(change: DocumentChange): DocumentWrite[] {
  if (change.kind !== 'system') return []
  if (change.op === 'delete') return [{ op: 'delete', kind: 'system', id: change.id }]
  const { id, edgeId, modules } = change.body
  if (typeof id !== 'string') return []
  const listed = Array.isArray(modules) ? modules.filter((moduleId) => typeof moduleId === 'string') : []
  const body: SystemDocument = {
    id,
    name: id,
    settings: {},
    modules: listed,
    ...(typeof edgeId === 'string' ? { edgeId } : {}),
  }
  return [{ op: 'put', kind: 'system', id, body }]
}

/** Work that an edge would get and does not have: a system, or a module of one. */
export interface NewWork {
  readonly edgeId: string
  readonly kind: 'system' | 'module'
  readonly id: string
}

export function newWorkOf(changes: readonly DocumentChange[], current: CurrentDocuments): readonly NewWork[] {
  return changes.flatMap(ownershipWrite).flatMap((write): NewWork[] => {
    if (write.op !== 'put' || write.kind !== 'system') return []
    const { edgeId, modules } = write.body as SystemDocument
    if (edgeId === undefined) return []
    const before = current.get('system', write.id)?.body
    if (before?.edgeId !== edgeId) return [{ edgeId, kind: 'system', id: write.id }]
    const known = new Set(before.modules)
    return modules.flatMap((id) => (known.has(id) ? [] : [{ edgeId, kind: 'module' as const, id }]))
  })
}

/** What takes something from an edge that the master may be driving: refused then, unless the edge is linked and control is handed back first. */
export interface EdgeLoss {
  readonly edgeId: string
  readonly why: 'deleted' | 'failover-off' | 'module-deleted'
  readonly moduleId: string | null
}

export function lossesOfEdges(changes: readonly DocumentChange[], current: CurrentDocuments): readonly EdgeLoss[] {
  const owners = ownersOf(bodiesOf(current))
  return changes.flatMap((change): EdgeLoss[] => {
    if (change.kind === 'edge') {
      if (change.op === 'delete') return [{ edgeId: change.id, why: 'deleted', moduleId: null }]
      const { id, failover } = change.body
      const isTurnedOff =
        failover === false && typeof id === 'string' && current.get('edge', id)?.body.failover === true
      return isTurnedOff ? [{ edgeId: id, why: 'failover-off', moduleId: null }] : []
    }
    if (change.kind !== 'module' || change.op !== 'delete') return []
    return [...(owners.get(change.id) ?? [])].flatMap((edgeId) =>
      edgeId === null ? [] : [{ edgeId, why: 'module-deleted' as const, moduleId: change.id }],
    )
  })
}
