import type { FleetNodePage, FleetNodeView, FleetPage, FleetSummary } from '../../shared/console/fleet-operations'
import { HoldfastError, failureOf } from '../../shared/model/failures'
import { FLEET_NODES_MAX, HEARTBEAT_EVERY_MS, type FleetRole } from '../../shared/model/fleet'
import { after } from '../../shared/model/time'
import type { Heartbeat } from '../../shared/wire/fleet'
import { awaited, badnessOf, noTotals, registrationOf, worstFirst } from '../core/fleet/member'
import type { Clock, Logger, Random } from '../platform/ports'
import { Member, type FleetEdges, type FleetRow, type MemberSurroundings } from './member'
import type { Drain, KeptMember, MemberStore } from './members'

/** What a node told is written this seldom at most: after a crash it is that much behind. */
const WRITTEN_EVERY_MS = 60_000
/** Written in one go: some milliseconds. 5,000 nodes come round in 20 s. */
const WRITTEN_AT_ONCE = 500
/** Told of in a summary. */
const ATTENTION_MAX = 20

export interface RegistryOptions {
  readonly store: MemberStore
  readonly clock: Clock
  readonly random: Pick<Random, 'id'>
  readonly logger: Logger
  readonly edges: FleetEdges
  readonly drainOf: MemberSurroundings['drainOf']
  /** This controller as a node of its own fleet. */
  local(): FleetNodeView
  /** What lists show may be another. Called often: with each heartbeat. */
  shown(): void
}

/** Who is linked. */
export interface LinkedPeer {
  readonly address: string
  readonly programVersion: string
  /** Its version of the link knows no heartbeats. */
  readonly isSilent: boolean
}

export interface Registering {
  readonly address: string
  readonly port: number
  readonly hostname?: string | undefined
  readonly role?: FleetRole | undefined
  readonly offlineAfterMs?: number | null | undefined
  /** Id of an edge. */
  readonly edgeId?: string | undefined
}

/**
 * The nodes of the fleet. Nothing runs before there is one. A heartbeat changes memory alone: what it told is written later, some nodes at a time, while what
 * people say is written first.
 */
export class FleetRegistry implements AsyncDisposable {
  readonly #options: RegistryOptions
  readonly #members = new Map<string, Member>()
  readonly #byEdge = new Map<string, Member>()
  readonly #left: Set<string>
  /** Registered by linking, and not written yet. */
  readonly #unwritten = new Set<Member>()
  #timer: Disposable | null = null
  #ended = false

  constructor(options: RegistryOptions) {
    this.#options = options
    const { store, edges } = options
    this.#left = new Set(store.left())
    for (const kept of store.all()) {
      // Its edge was removed while nobody was there to notice.
      if (kept.edgeId !== null && edges.nameOf(kept.edgeId) === null) store.remove(kept.id)
      else this.#add(kept)
    }
  }

  get size(): number {
    return this.#members.size
  }
  draining(): Member[] {
    return [...this.#members.values()].filter(({ kept }) => kept.drain !== null)
  }
  ofEdge(edgeId: string): Member | null {
    return this.#byEdge.get(edgeId) ?? null
  }

  /** An edge is linked. One that tells nothing is a node from now on, the others with their first heartbeat. */
  linked(edgeId: string, { address, programVersion, isSilent }: LinkedPeer): void {
    const member = this.#byEdge.get(edgeId) ?? (isSilent ? this.#registeredByLinking(edgeId, address, null) : null)
    if (member === null) return
    member.isSilent = isSilent
    if (isSilent) member.kept = { ...member.kept, told: { version: programVersion } }
    // What dials from elsewhere has moved; what somebody wrote down stays.
    if (member.port === null && member.address !== address) {
      member.kept = { ...member.kept, address }
      this.#unwritten.add(member)
    }
    member.heard(null)
    this.#judged(member)
  }

  /** It told how it is: it is a node from now on, unless somebody removed it. */
  heard(edgeId: string, address: string, told: Heartbeat): void {
    const member = this.#byEdge.get(edgeId) ?? this.#registeredByLinking(edgeId, address, told.hostname)
    if (member === null) return
    member.heard(told)
    this.#judged(member)
  }

  #registeredByLinking(edgeId: string, address: string, hostname: string | null): Member | null {
    const { clock, random, edges, logger } = this.#options
    const name = edges.nameOf(edgeId)
    if (name === null || this.#left.has(edgeId)) return null
    const waiting = awaited(this.#members.values(), { address, hostname })
    if (waiting !== null) {
      waiting.kept = { ...waiting.kept, edgeId }
      this.#byEdge.set(edgeId, waiting)
      this.#unwritten.add(waiting)
      return waiting
    }
    if (this.#members.size >= FLEET_NODES_MAX) return null
    const member = this.#add({
      ...{ id: random.id(), edgeId, address, port: null, hostname: hostname ?? address, role: 'slave' },
      ...{ offlineAfterMs: null, registeredAt: clock.wall(), registeredBy: `edge:${edgeId}` },
      ...{ drain: null, lastSeenAt: null, told: null },
    })
    this.#unwritten.add(member)
    logger.log('info', 'An edge is a node of the fleet', { edge: edgeId, name })
    return member
  }

  /** It has joined (again): whoever removed it from the fleet removed another one. */
  joined(edgeId: string): void {
    if (!this.#left.has(edgeId)) return
    this.#options.store.setLeft(edgeId, false)
    this.#left.delete(edgeId)
  }

  /** The edge is removed, and with it its node. */
  edgeRemoved(edgeId: string): void {
    const member = this.#byEdge.get(edgeId)
    if (member !== undefined) this.#forget(member)
    this.joined(edgeId)
  }

  at(address: string, port: number): Member | null {
    return [...this.#members.values()].find((one) => one.address === address && one.port === port) ?? null
  }

  register(asked: Registering, by: string): { readonly member: Member; readonly isNew: boolean } {
    const { clock, random, store } = this.#options
    const { address, port, edgeId } = asked
    const here = this.at(address, port)
    const ofEdge = edgeId === undefined ? null : (this.#byEdge.get(edgeId) ?? null)
    const found = registrationOf(here, ofEdge, edgeId)
    if (found.kind === 'two' || found.kind === 'taken')
      throw new HoldfastError('conflict', `Another node is registered at ${address}:${port}.`, {
        hint: `Remove it first: holdfast fleet remove ${found.here}`,
      })
    const known = found.kind === 'same' ? this.#members.get(found.id)! : null
    if (known === null && this.#members.size >= FLEET_NODES_MAX)
      throw new HoldfastError('busy', `There are ${FLEET_NODES_MAX} nodes already.`, {
        hint: 'Remove those that are gone: holdfast fleet remove ID',
      })
    const base: KeptMember = known?.kept ?? {
      ...{ id: random.id(), edgeId: null, address, port, hostname: address, role: 'slave', offlineAfterMs: null },
      ...{ registeredAt: clock.wall(), registeredBy: by, drain: null, lastSeenAt: null, told: null },
    }
    const kept: KeptMember = {
      ...{ ...base, address, port },
      edgeId: edgeId ?? base.edgeId,
      hostname: asked.hostname ?? base.hostname,
      role: asked.role ?? base.role,
      offlineAfterMs: asked.offlineAfterMs === undefined ? base.offlineAfterMs : asked.offlineAfterMs,
    }
    store.save([kept])
    if (edgeId !== undefined) this.joined(edgeId)
    const member = known ?? this.#add(kept)
    this.#kept(member, kept)
    return { member, isNew: known === null }
  }

  setRole(member: Member, role: FleetRole): void {
    this.#saved(member, { ...member.kept, role })
  }

  setDrain(member: Member, drain: Drain | null): void {
    this.#saved(member, { ...member.kept, drain })
  }

  remove(member: Member): void {
    const { store } = this.#options
    if (member.edgeId !== null) {
      store.setLeft(member.edgeId, true)
      this.#left.add(member.edgeId)
    }
    this.#forget(member)
  }

  /** By id, edge, `address:port`, or an address or host name that only one has. Throws `not-found`, and `invalid` where several could be meant. */
  find(reference: string): Member {
    const direct = this.#members.get(reference) ?? this.#byEdge.get(this.#options.edges.edgeOf(reference) ?? '')
    if (direct !== undefined) return direct
    const asked = reference.toLowerCase()
    const meant = [...this.#members.values()].filter(
      ({ address, port, hostname }) =>
        [address.toLowerCase(), hostname.toLowerCase(), `${address}:${port ?? ''}`.toLowerCase()].includes(asked) ||
        `[${address}]:${port ?? ''}`.toLowerCase() === asked,
    )
    const [first, ...others] = meant
    if (first !== undefined && others.length === 0) return first
    if (first === undefined)
      throw new HoldfastError('not-found', `There is no node "${reference}" in the fleet.`, {
        hint: 'holdfast fleet list shows all.',
      })
    const ids = meant.slice(0, 10).map(({ id }) => id)
    throw new HoldfastError('invalid', `Several nodes are "${reference}".`, {
      hint: `Say which by its id: ${ids.join(', ')}`,
    })
  }

  /** Of the node that is meant; null: none is, several could be, or it is no edge's. */
  edgeIdOf(reference: string): string | null {
    try {
      return this.find(reference).edgeId
    } catch {
      return null
    }
  }

  /** This controller is a node as soon as there is another one. */
  isLocal(reference: string): boolean {
    if (this.size === 0) return false
    const { id, hostname, address, port } = this.#options.local()
    const isMine = reference === id || reference === 'local'
    if (isMine) return true
    const others = [...this.#members.values()]
    return (
      [`${address}:${port}`, address, hostname].includes(reference) &&
      !others.some((one) => [one.address, one.hostname, one.edgeName, `${one.address}:${one.port}`].includes(reference))
    )
  }

  list({ statuses, role, text, sort, isDescending, offset, limit }: FleetPage): FleetNodePage {
    const rows = this.#rows()
    const totals = noTotals()
    for (const { status } of rows) totals[status] += 1
    const words = text?.toLowerCase().split(/\s+/).filter(Boolean) ?? []
    const passing = rows.filter((row) => {
      if (statuses !== undefined && !statuses.includes(row.status)) return false
      if (role !== undefined && row.role !== role) return false
      if (words.length === 0) return true
      const has = row.words()
      return words.every((word) => has.includes(word))
    })
    const sign = isDescending ? -1 : 1
    const keyed = passing.map((row) => ({ row, key: row.sortKey(sort), name: row.sortKey('name') }))
    keyed.sort((a, b) => compared(a.key, b.key, sign) || compared(a.name, b.name, 1) || compared(a.row.id, b.row.id, 1))
    const nodes = keyed.slice(offset, offset + limit).map(({ row }) => row.view())
    return { nodes, total: passing.length, offset, totals }
  }

  summary(): FleetSummary {
    const rows = this.#rows()
    const totals = noTotals()
    for (const { status } of rows) totals[status] += 1
    const byStatus = worstFirst(totals)
    const attention = rows
      .filter(({ status }) => status !== 'online')
      .sort((a, b) => badnessOf(a.status) - badnessOf(b.status) || compared(a.sortKey('since'), b.sortKey('since'), 1))
      .slice(0, ATTENTION_MAX)
      .map((row) => {
        const { id, hostname, address, edgeId, edgeName, status, statusSince, lastSeen, cause, said } = row.view()
        return { id, hostname, address, edgeId, edgeName, status, statusSince, lastSeen, cause, said }
      })
    const leader = this.size === 0 ? null : this.#options.local()
    return {
      ...{ nodes: rows.length, totals, byStatus, worst: byStatus[0]?.status ?? null, attention },
      leader:
        leader === null
          ? null
          : { id: leader.id, hostname: leader.hostname, address: leader.address, port: leader.port },
    }
  }

  /** The machine slept or this process stood still: nobody listened meanwhile. */
  timeGap(): void {
    const now = this.#options.clock.mono()
    for (const member of this.#members.values()) {
      member.listeningFrom = now
      member.heardAt = null
      this.#judged(member)
    }
  }

  /** A pause or a name may be another. */
  documentsChanged(): void {
    for (const member of this.#members.values()) this.#judged(member)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    this.#rest()
    this.#write(
      [...this.#unwritten],
      [...this.#members.values()].filter(({ isDirty }) => isDirty),
    )
  }

  #rows(): FleetRow[] {
    if (this.size === 0) return []
    return [localRow(this.#options.local()), ...this.#members.values()]
  }

  #add(kept: KeptMember): Member {
    const member = new Member(kept, this.#options)
    this.#members.set(kept.id, member)
    if (kept.edgeId !== null) this.#byEdge.set(kept.edgeId, member)
    this.#arm()
    return member
  }

  #saved(member: Member, kept: KeptMember): void {
    this.#options.store.save([kept])
    this.#kept(member, kept)
  }

  #kept(member: Member, kept: KeptMember): void {
    if (member.edgeId !== null) this.#byEdge.delete(member.edgeId)
    if (kept.edgeId !== null) this.#byEdge.set(kept.edgeId, member)
    member.kept = kept
    this.#unwritten.delete(member)
    this.#judged(member)
  }

  #forget(member: Member): void {
    this.#options.store.remove(member.id)
    this.#members.delete(member.id)
    this.#unwritten.delete(member)
    if (member.edgeId !== null) this.#byEdge.delete(member.edgeId)
    if (this.size === 0) this.#rest()
    this.#options.shown()
  }

  #judged(member: Member): void {
    member.judge()
    this.#options.shown()
  }

  #rest(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
  }

  #arm(): void {
    const { clock } = this.#options
    if (this.#timer !== null || this.#ended || this.size === 0) return
    this.#timer = clock.at(after(clock.mono(), HEARTBEAT_EVERY_MS), () => {
      this.#timer = null
      this.#sweep()
      this.#arm()
    })
  }

  /** What time alone brings about, and what is to be written. */
  #sweep(): void {
    const { clock, edges } = this.#options
    const due: Member[] = []
    let hasChanged = false
    for (const member of this.#members.values()) {
      const linkHeardAt = member.isSilent && member.edgeId !== null ? edges.linkHeardAt(member.edgeId) : null
      if (linkHeardAt !== null) member.heardOfLink(linkHeardAt)
      hasChanged = member.judge() || hasChanged
      const isDue = member.isDirty && clock.mono() >= after(member.writtenAt, WRITTEN_EVERY_MS)
      if (isDue && due.length < WRITTEN_AT_ONCE) due.push(member)
    }
    this.#write([...this.#unwritten].slice(0, WRITTEN_AT_ONCE), due)
    if (hasChanged) this.#options.shown()
  }

  /** Nobody waits for it: what could not be written is tried again. */
  #write(fresh: readonly Member[], due: readonly Member[]): void {
    const { store, clock, logger } = this.#options
    try {
      if (fresh.length > 0) store.save(fresh.map(({ kept }) => kept))
      for (const member of fresh) this.#unwritten.delete(member)
      if (due.length > 0) store.seen(due.map(({ kept }) => kept))
    } catch (error) {
      logger.log('warn', 'What nodes of the fleet told could not be written', failureOf(error))
    }
    for (const member of due) {
      member.writtenAt = clock.mono()
      member.isDirty = false
    }
  }
}

/** What has no value comes last, whichever way. */
function compared(a: string | number | null, b: string | number | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return a < b ? -sign : a > b ? sign : 0
}

function localRow(view: FleetNodeView): FleetRow {
  const { id, status, role, hostname, address, port, version } = view
  return {
    ...{ id, status, role },
    words: () => [hostname, `${address}:${port ?? ''}`, version ?? ''].join('\n').toLowerCase(),
    sortKey: (by) => {
      switch (by) {
        case 'name':
          return hostname.toLowerCase()
        case 'status':
          return badnessOf(status)
        case 'since':
          return view.statusSince
        default:
          return view[by]
      }
    },
    view: () => view,
  }
}
