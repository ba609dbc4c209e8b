/**
 * Which module lives in which host, and what follows when a host ends. Decides only: the supervisor forks, sends and waits.
 *
 * A host that ends names the start that was running (its last words). That module moves to a host of its own for as long as its document stays
 * as it is, and comes back after a delay; its neighbours start again at once, together. If nobody was named, everybody starts again together
 * once; if that happens again within a minute, the suspects are halved into hosts of their own until one is left: the culprit.
 */
export const BACKOFF_FIRST_MS = 1_000
export const BACKOFF_CAP_MS = 60_000
/** A module that ran this long without a fault counts as sound again; suspicion lasts as long. */
export const SOUND_AFTER_MS = 60_000
/** Hosts for a single culprit each. When one driver ends host after host, further culprits share hosts with each other. */
const ALONE_MAX = 20
/** A module that throws this often in a row moves to a host of its own: what it left behind ends with that host. */
const FAULTS_BEFORE_ALONE = 3

export interface Placed {
  readonly id: string
  readonly isolated: boolean
}

/** Modules that belong into one host; `isFresh`: it has to be forked. */
export interface Group {
  readonly host: number
  readonly isFresh: boolean
  readonly ids: readonly string[]
}

export interface HostEnding {
  /** Named by the last words; null: nobody. */
  readonly culprit: string | null
  /** False: it ended before it could run anything. */
  readonly wasReady: boolean
  /** The controller ended it (gate not confirmed in time, silence): nobody is to blame. */
  readonly wasKilled: boolean
}

export interface Verdict {
  /** Start again now; each list together in one host. */
  readonly restart: readonly (readonly string[])[]
  readonly backOff: readonly { id: string; delayMs: number; isCulprit: boolean }[]
}

interface Place {
  host: number | null
  isAlone: boolean
  faults: number
  startedAt: number
  suspectUntil: number
}

interface Room {
  readonly ids: Set<string>
  /** `open` takes any module in, `shared-by-culprits` further culprits, `closed` nobody. */
  readonly kind: 'open' | 'closed' | 'alone' | 'shared-by-culprits'
}

export class Placement {
  readonly #perHost: number
  readonly #places = new Map<string, Place>()
  readonly #rooms = new Map<number, Room>()
  #lastHost = 0

  constructor(perHost: number) {
    this.#perHost = perHost
  }

  hostOf(id: string): number | null {
    return this.#places.get(id)?.host ?? null
  }

  membersOf(host: number): readonly string[] {
    return [...(this.#rooms.get(host)?.ids ?? [])]
  }

  /** Gives every module a host, in the order given; they count as started at `now`. */
  assign(modules: readonly Placed[], now: number): readonly Group[] {
    const groups = new Map<number, { isFresh: boolean; ids: string[] }>()
    for (const { id, isolated } of modules) {
      const place = this.#place(id)
      const kind = isolated ? 'closed' : place.isAlone ? this.#kindForCulprits() : 'open'
      const open = this.#roomOf(kind)
      const host = open ?? this.#newRoom(kind)
      this.#enter(id, host, now)
      const group = groups.get(host) ?? { isFresh: open === undefined, ids: [] }
      group.ids.push(id)
      groups.set(host, group)
    }
    return [...groups].map(([host, group]) => ({ host, ...group }))
  }

  /** A group that stays together in a fresh host which takes nobody else in. */
  assignTogether(ids: readonly string[], now: number): Group {
    const isSuspicious = ids.some((id) => this.#place(id).suspectUntil > now)
    const host = this.#newRoom(isSuspicious ? 'closed' : 'open')
    for (const id of ids) this.#enter(id, host, now)
    return { host, isFresh: true, ids }
  }

  /** The module left its host. True: the host is empty now. */
  leave(id: string): { host: number; isEmpty: boolean } | null {
    const place = this.#places.get(id)
    if (!place || place.host === null) return null
    const { host } = place
    const room = this.#rooms.get(host)
    place.host = null
    room?.ids.delete(id)
    return { host, isEmpty: room?.ids.size === 0 }
  }

  /** Its document changed or went: what was held against it is forgotten. */
  forget(id: string): void {
    if (this.#places.get(id)?.host === null) this.#places.delete(id)
    else this.#places.set(id, { ...this.#place(id), isAlone: false, faults: 0, suspectUntil: 0 })
  }

  dropHost(host: number): void {
    for (const id of this.membersOf(host)) this.#place(id).host = null
    this.#rooms.delete(host)
  }

  /** It threw and was ended alone; the host lives on. */
  faulted(id: string, meantToExit: boolean, now: number): { delayMs: number } {
    const delayMs = this.#hold(id, now)
    const place = this.#place(id)
    if (meantToExit || place.faults >= FAULTS_BEFORE_ALONE) place.isAlone = true
    return { delayMs }
  }

  hostEnded(host: number, ending: HostEnding, now: number): Verdict {
    const ids = this.membersOf(host)
    this.dropHost(host)
    if (!ending.wasReady)
      return { restart: [], backOff: ids.map((id) => ({ id, delayMs: this.#hold(id, now), isCulprit: false })) }
    if (ending.wasKilled) return { restart: together(ids), backOff: [] }
    const culprit = ending.culprit ?? (ids.length === 1 ? (ids[0] ?? null) : null)
    if (culprit !== null) return this.#withCulprit(ids, culprit, now)
    const isSecondTime = ids.some((id) => this.#place(id).suspectUntil > now)
    for (const id of ids) this.#place(id).suspectUntil = now + SOUND_AFTER_MS
    if (!isSecondTime) return { restart: together(ids), backOff: [] }
    const half = Math.ceil(ids.length / 2)
    return { restart: [...together(ids.slice(0, half)), ...together(ids.slice(half))], backOff: [] }
  }

  #withCulprit(ids: readonly string[], culprit: string, now: number): Verdict {
    const neighbours = ids.filter((id) => id !== culprit)
    // Found: the others are no longer under suspicion.
    for (const id of neighbours) this.#place(id).suspectUntil = 0
    if (!ids.includes(culprit)) return { restart: together(neighbours), backOff: [] }
    const delayMs = this.#hold(culprit, now)
    this.#place(culprit).isAlone = true
    return { restart: together(neighbours), backOff: [{ id: culprit, delayMs, isCulprit: true }] }
  }

  /** Counts one more fault and says how long to wait. */
  #hold(id: string, now: number): number {
    const place = this.#place(id)
    if (now - place.startedAt > SOUND_AFTER_MS) place.faults = 0
    place.faults += 1
    return Math.min(BACKOFF_FIRST_MS * 2 ** (place.faults - 1), BACKOFF_CAP_MS)
  }

  #place(id: string): Place {
    const known = this.#places.get(id)
    if (known) return known
    const place: Place = { host: null, isAlone: false, faults: 0, startedAt: 0, suspectUntil: 0 }
    this.#places.set(id, place)
    return place
  }

  #enter(id: string, host: number, now: number): void {
    const place = this.#place(id)
    place.host = host
    place.startedAt = now
    this.#rooms.get(host)?.ids.add(id)
  }

  #kindForCulprits(): Room['kind'] {
    const alone = [...this.#rooms.values()].filter(({ kind }) => kind === 'alone')
    return alone.length < ALONE_MAX ? 'alone' : 'shared-by-culprits'
  }

  #roomOf(kind: Room['kind']): number | undefined {
    if (kind === 'closed' || kind === 'alone') return undefined
    for (const [host, room] of this.#rooms) if (room.kind === kind && room.ids.size < this.#perHost) return host
    return undefined
  }

  #newRoom(kind: Room['kind']): number {
    const host = ++this.#lastHost
    this.#rooms.set(host, { ids: new Set(), kind })
    return host
  }
}

const together = (ids: readonly string[]) => (ids.length > 0 ? [ids] : [])
