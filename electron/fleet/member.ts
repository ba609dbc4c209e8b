import type { FleetNodeView, FleetSort } from '../../shared/console/fleet-operations'
import type { FleetReach, FleetStatus } from '../../shared/model/fleet'
import { wallMs, type MonoMs, type WallMs } from '../../shared/model/time'
import { memberInEnglish } from '../../shared/text/member-said'
import type { Heartbeat } from '../../shared/wire/fleet'
import { badnessOf, memberCauseOf, memberStatusOf, type MemberFacts } from '../core/fleet/member'
import { offlineFrom, reachOf } from '../core/fleet/reach'
import type { Clock } from '../platform/ports'
import type { KeptMember } from './members'

/** What the master knows of the edges that are nodes. */
export interface FleetEdges {
  /** By id or name; null: there is none. */
  edgeOf(reference: string): string | null
  /** Null: there is no such edge. */
  nameOf(edgeId: string): string | null
  isPaused(edgeId: string): boolean
  /** When its link was heard last; null: not since this master started. */
  linkHeardAt(edgeId: string): MonoMs | null
}

/** One line of a list. */
export interface FleetRow {
  readonly id: string
  readonly status: FleetStatus
  readonly role: FleetNodeView['role']
  /** What a person may look for, in lower case. */
  words(): string
  sortKey(by: FleetSort): string | number | null
  view(): FleetNodeView
}

type DrainProgress = Pick<NonNullable<FleetNodeView['drain']>, 'state' | 'detail'>
export interface MemberSurroundings {
  readonly clock: Clock
  readonly edges: FleetEdges
  drainOf(member: Member): DrainProgress
}

/** A node of the fleet while this controller runs. */
export class Member implements FleetRow {
  kept: KeptMember
  status: FleetStatus = 'unknown'
  statusSince: WallMs
  /** Its last heartbeat; of an edge of an earlier version the last that was heard of its link. Null: not since this process began. */
  heardAt: MonoMs | null = null
  /** Since when somebody listens to it without a break. */
  listeningFrom: MonoMs
  /** Its version of the link knows no heartbeats: the link itself says when it was heard. */
  isSilent = false
  /** When what it told was written last. */
  writtenAt: MonoMs
  isDirty = false
  readonly #around: MemberSurroundings

  constructor(kept: KeptMember, around: MemberSurroundings) {
    const { clock } = around
    this.kept = kept
    this.#around = around
    this.listeningFrom = clock.mono()
    this.writtenAt = clock.mono()
    this.statusSince = clock.wall()
    this.judge()
  }

  get id(): string {
    return this.kept.id
  }
  get edgeId(): string | null {
    return this.kept.edgeId
  }
  get address(): string {
    return this.kept.address
  }
  get port(): number | null {
    return this.kept.port
  }
  get role(): FleetNodeView['role'] {
    return this.kept.role
  }
  /** As the machine says of itself, else as somebody wrote it down. */
  get hostname(): string {
    return this.kept.told?.hostname ?? this.kept.hostname
  }
  get edgeName(): string | null {
    return this.edgeId === null ? null : this.#around.edges.nameOf(this.edgeId)
  }

  heard(told: Heartbeat | null): void {
    const { clock } = this.#around
    this.heardAt = clock.mono()
    this.kept = { ...this.kept, lastSeenAt: clock.wall(), told: told ?? this.kept.told }
    this.isDirty = true
  }

  /** Heard by its link alone. */
  heardOfLink(at: MonoMs): void {
    if (this.heardAt !== null && at <= this.heardAt) return
    const { clock } = this.#around
    this.heardAt = at
    this.kept = { ...this.kept, lastSeenAt: wallMs(Math.round(clock.wall() - (clock.mono() - at))) }
    this.isDirty = true
  }

  /** Whether its status is another one now. */
  judge(): boolean {
    const { clock } = this.#around
    const status = memberStatusOf(this.#facts())
    if (status === this.status) return false
    this.status = status
    const isOffline = status === 'offline'
    // Noticed at the next look; it was so from this instant on.
    this.statusSince = isOffline
      ? wallMs(Math.round(clock.wall() - (clock.mono() - offlineFrom(this.#heard()))))
      : (this.kept.drain?.since ?? clock.wall())
    return true
  }

  words(): string {
    const { told, address, port } = this.kept
    return [this.edgeName ?? '', this.hostname, `${address}:${port ?? ''}`, told?.version ?? '']
      .join('\n')
      .toLowerCase()
  }

  sortKey(by: FleetSort): string | number | null {
    const { told, lastSeenAt } = this.kept
    switch (by) {
      case 'name':
        return (this.edgeName ?? this.hostname).toLowerCase()
      case 'address':
        return this.address
      case 'status':
        return badnessOf(this.status)
      case 'role':
        return this.role
      case 'lastSeen':
        return lastSeenAt
      case 'since':
        return this.statusSince
      case 'version':
      case 'cpu':
      case 'memory':
      case 'disk':
      case 'systems':
      case 'modules':
        return told?.[by] ?? null
    }
  }

  view(): FleetNodeView {
    const { id, edgeId, address, port, role, offlineAfterMs, registeredAt, registeredBy, drain, lastSeenAt, told } =
      this.kept
    const facts = this.#facts()
    const said = memberCauseOf(facts)
    return {
      ...{ id, hostname: this.hostname, address, port, role, status: this.status, statusSince: this.statusSince },
      ...{ reach: facts.reach, cause: said && memberInEnglish(said), said, lastSeen: lastSeenAt },
      ...{ version: told?.version ?? null, cpu: told?.cpu ?? null, memory: told?.memory ?? null },
      ...{ disk: told?.disk ?? null, systems: told?.systems ?? null, modules: told?.modules ?? null },
      ...{ isLocal: false, edgeId, edgeName: this.edgeName, offlineAfterMs, registeredAt, registeredBy },
      drain: drain === null ? null : { ...drain, ...this.#around.drainOf(this) },
    }
  }

  get reach(): FleetReach {
    return reachOf(this.#heard(), this.#around.clock.mono())
  }

  #facts(): MemberFacts {
    const { edgeId, drain, role } = this.kept
    return {
      reach: this.reach,
      isDraining: drain !== null,
      isPaused: edgeId !== null && this.#around.edges.isPaused(edgeId),
      role,
      runsAs: edgeId === null ? null : 'slave',
    }
  }

  #heard() {
    return { heardAt: this.heardAt, listeningFrom: this.listeningFrom, offlineAfterMs: this.kept.offlineAfterMs }
  }
}
