import type { Heartbeat } from '../../shared/wire/fleet'

/** What a master tells the fleet of its edges, and asks it. */
export interface FleetDesk {
  /** Both sides have agreed over a link of this version. */
  linked(
    edgeId: string,
    peer: { readonly address: string; readonly programVersion: string; readonly version: number },
  ): void
  /** The edge told how it is, over its proven link. Called some thousand times a second. */
  heard(edgeId: string, address: string, told: Heartbeat): void
  /** Asked at each decision. */
  isDraining(edgeId: string): boolean
}
