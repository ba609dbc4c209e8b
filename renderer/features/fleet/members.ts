import { fleetSorts, type FleetNodeView } from '../../../shared/console/fleet-operations'
import { fleetStatuses, type FleetStatus } from '../../../shared/model/fleet'
import { listFilter } from '../../found-list'
import type { Tone } from '../../ui/tone'

/** A controller of the fleet, in the words of the pages: the nodes of the page of nodes are machines that are looked at from outside. */
export type Member = FleetNodeView

/** What an administrator does to it. `register`: a new one. */
export type MemberDeed = 'drain' | 'undrain' | 'role' | 'remove' | 'register'

export const memberTones: Readonly<Record<FleetStatus, Tone>> = {
  offline: 'critical',
  degraded: 'degraded',
  unknown: 'quiet',
  draining: 'working',
  paused: 'quiet',
  online: 'edge',
}
export const memberFilter = listFilter(fleetSorts, fleetStatuses)

/** What people call it. */
export const memberName = ({ edgeName, hostname, address }: Member): string => edgeName ?? (hostname || address)

/** The load of a machine that matters: what is fullest, and everything by name. */
export const loadsOf = ({
  cpu,
  memory,
  disk,
}: Member): { readonly name: 'cpu' | 'memory' | 'disk'; readonly share: number }[] =>
  (['cpu', 'memory', 'disk'] as const).flatMap((name) => {
    const share = { cpu, memory, disk }[name]
    return share === null ? [] : [{ name, share: Math.min(1, Math.max(0, share)) }]
  })
/** From here on a share is worth a look. */
export const HIGH_SHARE = 0.9
