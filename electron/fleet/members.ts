import type { FleetRole } from '../../shared/model/fleet'
import type { WallMs } from '../../shared/model/time'
import type { Heartbeat } from '../../shared/wire/fleet'

/** A person's or a rule's word that a node is to have no work. */
export interface Drain {
  readonly since: WallMs
  readonly by: string
  readonly reason: string
}

/** What a node told of itself; of an edge of an earlier version only its version is known. */
export type Told = { readonly [K in keyof Heartbeat]?: Heartbeat[K] | undefined }

/** A node of the fleet as it is kept. */
export interface KeptMember {
  readonly id: string
  /** The edge whose link proves that it is this node; null: none has. */
  readonly edgeId: string | null
  readonly address: string
  /** Null: it registered itself by joining. */
  readonly port: number | null
  readonly hostname: string
  readonly role: FleetRole
  /** Null: as usual. */
  readonly offlineAfterMs: number | null
  readonly registeredAt: WallMs
  readonly registeredBy: string
  readonly drain: Drain | null
  /** As written last: up to some minutes behind while this controller runs. Null: never. */
  readonly lastSeenAt: WallMs | null
  readonly told: Told | null
}

/** The nodes of the fleet, durable. Every method throws `HoldfastError('storage')`. */
export interface MemberStore extends AsyncDisposable {
  all(): readonly KeptMember[]
  /** Adds or replaces by id, all in one transaction. */
  save(members: readonly KeptMember[]): void
  remove(id: string): void
  /** One transaction; nodes that are gone are left out. */
  seen(seen: readonly Pick<KeptMember, 'id' | 'lastSeenAt' | 'told'>[]): void
  /** Edges that somebody removed from the fleet. */
  left(): ReadonlySet<string>
  setLeft(edgeId: string, hasLeft: boolean): void
}
