import {
  fleetStatuses,
  type FleetReach,
  type FleetRole,
  type FleetStatus,
  type MemberSaid,
} from '../../../shared/model/fleet'

export interface MemberFacts {
  readonly reach: FleetReach
  readonly isDraining: boolean
  /** Automatic fail-over of its edge is paused. */
  readonly isPaused: boolean
  readonly role: FleetRole
  /** As what its controller is linked; null: it is not known to be. */
  readonly runsAs: FleetRole | null
}

/**
 * First match wins. Draining stays whatever time says, so that a machine that is worked on does not turn into a fault; being out of reach goes before what people
 * set.
 */
export function memberStatusOf({ reach, isDraining, isPaused, role, runsAs }: MemberFacts): FleetStatus {
  if (isDraining) return 'draining'
  if (reach === 'offline' || reach === 'unknown') return reach
  if (reach === 'degraded' || (runsAs !== null && runsAs !== role)) return 'degraded'
  return isPaused ? 'paused' : 'online'
}

/** Null: nothing is wrong. */
export function memberCauseOf(facts: MemberFacts): MemberSaid | null {
  const { reach, role, runsAs } = facts
  if (reach === 'offline') return { key: 'offline', params: {} }
  if (reach === 'unknown') return { key: 'unheard', params: {} }
  if (reach === 'degraded') return { key: 'late', params: {} }
  if (runsAs !== null && runsAs !== role) return { key: 'otherRole', params: { role, runsAs } }
  if (facts.isDraining) return { key: 'draining', params: {} }
  return facts.isPaused ? { key: 'paused', params: {} } : null
}

export const noTotals = (): Record<FleetStatus, number> => ({
  ...{ offline: 0, degraded: 0, unknown: 0, draining: 0, paused: 0, online: 0 },
})

/** Worst first, without those that no node has. */
export const worstFirst = (
  totals: Readonly<Record<FleetStatus, number>>,
): { readonly status: FleetStatus; readonly nodes: number }[] =>
  fleetStatuses.flatMap((status) => (totals[status] > 0 ? [{ status, nodes: totals[status] }] : []))

export const badnessOf = (status: FleetStatus): number => fleetStatuses.indexOf(status)

/** What says which node is meant when one is registered. */
export interface Registered {
  readonly id: string
  readonly address: string
  /** Null: of an edge that registered itself by joining. */
  readonly port: number | null
  readonly edgeId: string | null
}
export type Registration =
  | { readonly kind: 'new' }
  | { readonly kind: 'same'; readonly id: string }
  /** The place and the edge are two nodes: nobody can say which id is to stay. */
  | { readonly kind: 'two'; readonly here: string; readonly ofEdge: string }
  /** The place is that of another edge's node. */
  | { readonly kind: 'taken'; readonly here: string }

/** Upsert on address and port; an edge's node is its own wherever it is. */
export function registrationOf(
  here: Registered | null,
  ofEdge: Registered | null,
  edgeId: string | undefined,
): Registration {
  if (here !== null && ofEdge !== null && here.id !== ofEdge.id)
    return { kind: 'two', here: here.id, ofEdge: ofEdge.id }
  if (here !== null && edgeId !== undefined && here.edgeId !== null && here.edgeId !== edgeId)
    return { kind: 'taken', here: here.id }
  const found = here ?? ofEdge
  return found === null ? { kind: 'new' } : { kind: 'same', id: found.id }
}

/**
 * The node somebody registered by hand for an edge that links for the first time: the only one without an edge at its address, or by its host name. Two
 * that could be meant are none.
 */
export function awaited<M extends Registered & { readonly hostname: string; readonly role: FleetRole }>(
  members: Iterable<M>,
  { address, hostname }: { address: string; hostname: string | null },
): M | null {
  const host = hostname?.toLowerCase() ?? null
  let found: M | null = null
  for (const member of members) {
    if (member.edgeId !== null || member.role !== 'slave') continue
    const isMeant =
      member.address === address || (host !== null && [member.address, member.hostname].some(isHost(host)))
    if (!isMeant) continue
    if (found !== null) return null
    found = member
  }
  return found
}

const isHost =
  (host: string) =>
  (name: string): boolean =>
    name.toLowerCase() === host
