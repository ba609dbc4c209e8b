/** A repeatable source of chance. */
export class Chance {
  #a: number
  constructor(seed: number) {
    this.#a = seed >>> 0
    for (let i = 0; i < 4; i++) this.fraction()
  }
  fraction(): number {
    this.#a = (this.#a + 0x6d2b79f5) | 0
    let t = Math.imul(this.#a ^ (this.#a >>> 15), 1 | this.#a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1))
  }
  pick<T>(of: readonly T[]): T {
    return of[this.between(0, of.length - 1)] as T
  }
  happens(probability: number): boolean {
    return this.fraction() < probability
  }
}

export interface Happening {
  at: number
  readonly order: number
  run: (() => void) | null
}

/** Simulated time: what is due happens in order of time, then of being arranged. */
export class Timeline {
  now = 0
  #order = 0
  readonly #heap: Happening[] = []

  at(at: number, run: () => void): Happening {
    const happening: Happening = { at: at < this.now ? this.now : at, order: this.#order++, run }
    const heap = this.#heap
    let i = heap.length
    heap.push(happening)
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up] as Happening
      if (before(parent, happening)) break
      heap[i] = parent
      i = up
    }
    heap[i] = happening
    return happening
  }

  in(delayMs: number, run: () => void): Happening {
    return this.at(this.now + delayMs, run)
  }

  /** Lets everything happen that is due until then. */
  until(end: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop()
      if (next.run === null) continue
      this.now = next.at
      next.run()
    }
    this.now = end
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Happening
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Happening, heap[child] as Happening)) child++
      if (before(last, heap[child] as Happening)) break
      heap[i] = heap[child] as Happening
      i = child
    }
    heap[i] = last
  }
}

function before(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
