import { AsyncLocalStorage, createHook, type AsyncHook } from 'node:async_hooks'
import { getHeapStatistics } from 'node:v8'
import type { SharedState } from './host-shared'

/** Share of the heap limit from which growth is booked. */
const PRESSURE_SHARE = 0.5
/** The heap is looked at so often while callbacks run: a leak that fills half of it within a few of them has to be booked before. */
const LOOK_EVERY_MS = 20

export interface BlameOptions {
  readonly shared: SharedState
  /** Where the slot outlives the process. */
  readonly mark: (slot: number) => void
  readonly heapBytesMax: number
  /** Bytes of the heap in use. */
  readonly heapBytes?: () => number
  /** Milliseconds. */
  readonly mono: () => number
}

/**
 * Whose code runs. Every call into a driver happens inside `run`, and what follows from it (timers, sockets, promises) inherits the slot. The
 * hook keeps the slot in shared memory while it runs, for the watch thread; under memory pressure it also books who makes the heap grow.
 */
export class Blame {
  readonly #slots = new AsyncLocalStorage<number>()
  readonly #shared: SharedState
  readonly #options: BlameOptions
  readonly #heapBytes: () => number
  readonly #hook: AsyncHook
  #marked = 0
  #isTight = false
  #lookAt = 0
  /** Slots of nested callbacks, innermost last, and the heap at their begin. */
  readonly #stack: { slot: number; heap: number }[] = []

  constructor(options: BlameOptions) {
    this.#options = options
    this.#shared = options.shared
    this.#heapBytes = options.heapBytes ?? (() => getHeapStatistics().used_heap_size)
    this.#hook = createHook({ before: () => this.#enter(this.current()), after: () => this.#leave() }).enable()
  }

  end(): void {
    this.#hook.disable()
  }

  /** 0: the host's own code. */
  current(): number {
    return this.#slots.getStore() ?? 0
  }

  run<T>(slot: number, call: () => T): T {
    return this.#slots.run(slot, () => {
      this.#enter(slot)
      try {
        return call()
      } finally {
        this.#leave()
      }
    })
  }

  /** Whether the heap is getting full; also what the watch thread goes by. */
  look(): void {
    const { heapBytesMax, mono } = this.#options
    this.#lookAt = mono() + LOOK_EVERY_MS
    this.#isTight = this.#heapBytes() > heapBytesMax * PRESSURE_SHARE
    this.#shared.set('pressure', this.#isTight ? 1 : 0)
  }

  #enter(slot: number): void {
    if (this.#options.mono() >= this.#lookAt) this.look()
    this.#stack.push({ slot, heap: this.#isTight ? this.#heapBytes() : 0 })
    this.#shared.count('entries')
    this.#show(slot)
  }

  #leave(): void {
    const left = this.#stack.pop()
    if (left && left.heap > 0 && left.slot > 0) {
      const growth = this.#heapBytes() - left.heap
      if (growth > 0) this.#shared.bookGrowth(left.slot, growth)
    }
    this.#show(this.#stack.at(-1)?.slot ?? 0)
  }

  #show(slot: number): void {
    this.#shared.set('running', slot)
    // The last bytes of a full heap may be asked for by anybody.
    const marked = slot === 0 && this.#isTight ? this.#shared.mostGrown() : slot
    if (marked === this.#marked) return
    this.#marked = marked
    this.#options.mark(marked)
  }
}
