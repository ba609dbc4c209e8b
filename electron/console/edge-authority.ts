import type { EdgeNaming } from '../../shared/console/operation'
import { foldedName } from '../../shared/model/document-id'
import type { EdgeDocument, ModuleDocument, SystemDocument } from '../../shared/model/documents'

/** Whom a call is about: an edge with its admins, or null for what belongs to no edge. */
export type Concerned = Pick<EdgeDocument, 'id' | 'name' | 'admins'> | null

export interface SiteDocuments {
  edges(): readonly EdgeDocument[]
  systems(): readonly SystemDocument[]
  modules(): readonly ModuleDocument[]
}

/**
 * Every edge that a reference may mean, and never fewer than its operation will find: who may call it must be allowed to at each of them. Nothing named means
 * the only edge, or any.
 */
export function concernedBy(
  documents: SiteDocuments,
  naming: EdgeNaming,
  reference: string | undefined,
): readonly Concerned[] {
  const edges = documents.edges()
  if (reference === undefined) return edges.length === 0 ? [null] : edges
  const folded = foldedName(reference)
  const isMeant = ({ id, name }: { id: string; name: string }): boolean =>
    foldedName(id) === folded || foldedName(name) === folded
  const found = ((): readonly Concerned[] => {
    if (naming === 'edge') return edges.filter(isMeant)
    const ownerOf = ({ edgeId }: SystemDocument): Concerned => edges.find(({ id }) => id === edgeId) ?? null
    const systems = documents.systems()
    if (naming === 'system') return systems.filter(isMeant).map(ownerOf)
    const ids = new Set(
      documents
        .modules()
        .filter(isMeant)
        .map(({ id }) => id),
    )
    return systems.filter(({ modules }) => modules.some((id) => ids.has(id))).map(ownerOf)
  })()
  return found.length === 0 ? [null] : found
}
