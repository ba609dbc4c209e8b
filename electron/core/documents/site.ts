import type { EdgeDocument, ModuleDocument, SystemDocument } from '../../../shared/model/documents'

/** The modules a controller runs for one owner (an edge's id, or null for the master's own), in the order of their systems; a module listed twice runs once. */
export function modulesOfOwner(
  owner: string | null,
  systems: readonly SystemDocument[],
  module: (id: string) => ModuleDocument | null,
): ModuleDocument[] {
  const found = new Map<string, ModuleDocument>()
  for (const system of systems) {
    if ((system.edgeId ?? null) !== owner) continue
    for (const id of system.modules) {
      const document = module(id)
      if (document?.enabled) found.set(id, document)
    }
  }
  return [...found.values()]
}

/** The owner of a module: an edge's id, null for the master's own, undefined when no system lists it. */
export function ownerOfModule(id: string, systems: readonly SystemDocument[]): string | null | undefined {
  const system = systems.find((one) => one.modules.includes(id))
  return system === undefined ? undefined : (system.edgeId ?? null)
}

/** Automatic failover is paused at `wall`: until when (null: without expiry) and why; null: it is not. */
export function pauseOf(edge: EdgeDocument, wall: number): { until: number | null; reason: string } | null {
  if (edge.pausedUntil === undefined) return null
  const reason = edge.pauseReason ?? ''
  if (edge.pausedUntil === 0) return { until: null, reason }
  return edge.pausedUntil > wall ? { until: edge.pausedUntil, reason } : null
}
