import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'

interface Place {
  readonly end: string
  readonly network: string
  readonly deadline: Disposable
  drop(): void
}

/**
 * The places of connections that have proven nothing yet. While there is room everybody gets one, e.g. a fleet behind one router; when they are full, whoever comes from a network with
 * fewer of them gets the newest place of the network with the most: one that floods is in nobody's way but its own.
 */
export class UnprovenPlaces {
  readonly #clock: Pick<Clock, 'mono' | 'at'>
  readonly #max: number
  readonly #deadlineMs: number
  /** By the far end's address and port. */
  readonly #places = new Map<string, Place>()
  /** Of each network, in the order in which they came. */
  readonly #networks = new Map<string, Set<Place>>()

  constructor(options: { clock: Pick<Clock, 'mono' | 'at'>; max: number; deadlineMs: number }) {
    this.#clock = options.clock
    this.#max = options.max
    this.#deadlineMs = options.deadlineMs
  }

  get size(): number {
    return this.#places.size
  }

  /** False: there is no room for it. `drop` ends the connection, which then gives its place back: at the deadline, or for somebody else. */
  take(end: string, network: string, drop: () => void): boolean {
    if (this.#places.size >= this.#max && !this.#makeRoom(network)) return false
    const deadline = this.#clock.at(after(this.#clock.mono(), this.#deadlineMs), drop)
    const place: Place = { end, network, deadline, drop }
    this.#places.set(end, place)
    const own = this.#networks.get(network)
    if (own === undefined) this.#networks.set(network, new Set([place]))
    else own.add(place)
    return true
  }

  has(end: string): boolean {
    return this.#places.has(end)
  }

  /** The connection has proven itself, is another's business, or is gone. */
  give(end: string): void {
    const place = this.#places.get(end)
    if (place === undefined) return
    this.#places.delete(end)
    place.deadline[Symbol.dispose]()
    const own = this.#networks.get(place.network)
    own?.delete(place)
    if (own?.size === 0) this.#networks.delete(place.network)
  }

  #makeRoom(network: string): boolean {
    let fullest: Set<Place> = new Set()
    for (const places of this.#networks.values()) if (places.size > fullest.size) fullest = places
    // Else the two would only change places.
    if (fullest.size <= (this.#networks.get(network)?.size ?? 0) + 1) return false
    const last = [...fullest].at(-1)!
    this.give(last.end)
    last.drop()
    return true
  }
}
