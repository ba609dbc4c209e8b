/** How many places each of many has, e.g. each address: whoever hands them out looks before it does. Nothing is kept of who has none. */
export class Shares {
  readonly #taken = new Map<string, number>()

  of(key: string): number {
    return this.#taken.get(key) ?? 0
  }

  /** Gives the place back, once. */
  take(...keys: readonly string[]): () => void {
    for (const key of keys) this.#taken.set(key, this.of(key) + 1)
    let isGiven = false
    return () => {
      if (isGiven) return
      isGiven = true
      for (const key of keys) {
        const left = this.of(key) - 1
        if (left === 0) this.#taken.delete(key)
        else this.#taken.set(key, left)
      }
    }
  }
}
