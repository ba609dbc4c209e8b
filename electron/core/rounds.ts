/**
 * Work that is done one round at a time. Asked for while a round runs, it is done once more afterwards, and all who asked meanwhile share that round: what
 * they asked for may have come too late for the one that runs.
 */
export class Rounds {
  readonly #work: () => Promise<void>
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Resolves or rejects with the first round that began after this call. */
  run(): Promise<void> {
    if (this.#running === null && this.#next === null) return this.#begin()
    this.#next ??= (this.#running ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.#next = null
        return this.#begin()
      })
    return this.#next
  }

  #begin(): Promise<void> {
    const round = this.#work().finally(() => {
      if (this.#running === round) this.#running = null
    })
    this.#running = round
    return round
  }
}
