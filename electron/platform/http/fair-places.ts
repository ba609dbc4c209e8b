interface Place<K> {
  readonly key: K
  readonly whose: string
  drop(): void
}

/**
 * A number of places, e.g. for connections, that nobody can keep others from. While there is room everybody gets one, e.g. many behind one router; when they are full, whoever
 * comes from a network with fewer of them gets the newest place of the network with the most: one that floods is in nobody's way but its own.
 */
export class FairPlaces<K> {
  readonly #max: number
  readonly #places = new Map<K, Place<K>>()
  /** Those that may be taken away again, of each network, in the order in which they came. None is empty. */
  readonly #loose = new Map<string, Set<Place<K>>>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#places.size
  }

  has(key: K): boolean {
    return this.#places.has(key)
  }

  /** False: there is no room for it. `drop` is called when its place goes to somebody else. */
  take(key: K, whose: string, drop: () => void): boolean {
    if (this.#places.size >= this.#max && !this.#makeRoom(whose)) return false
    const place: Place<K> = { key, whose, drop }
    this.#places.set(key, place)
    const own = this.#loose.get(whose)
    if (own === undefined) this.#loose.set(whose, new Set([place]))
    else own.add(place)
    return true
  }

  /** It goes to nobody else any more. */
  keep(key: K): void {
    const place = this.#places.get(key)
    if (place !== undefined) this.#tie(place)
  }

  give(key: K): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#places.delete(key)
    this.#tie(place)
  }

  #makeRoom(whose: string): boolean {
    let most: Set<Place<K>> = new Set()
    for (const places of this.#loose.values()) if (places.size > most.size) most = places
    // Else the two would only change places.
    if (most.size <= (this.#loose.get(whose)?.size ?? 0) + 1) return false
    const last = [...most].at(-1)!
    this.give(last.key)
    last.drop()
    return true
  }

  #tie(place: Place<K>): void {
    const own = this.#loose.get(place.whose)
    own?.delete(place)
    if (own?.size === 0) this.#loose.delete(place.whose)
  }
}
