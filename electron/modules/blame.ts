import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { getHeapStatistics } from 'node:v8'
import type { SharedState } from './host-shared'

/**
 * Whose code runs. Every call into a driver happens inside `run`, and what follows from it (timers, sockets, promises) inherits the slot. The
 * hook keeps the slot in shared memory while it runs, for the watch thread; under memory pressure it also books who makes the heap grow.
 */
export class Blame {
  readonly #slots = new AsyncLocalStorage<number>()
  readonly #shared: SharedState
  /** Where the slot outlives the process. */
  readonly #mark: (slot: number) => void
  #marked = 0
  /** Slots of nested callbacks, innermost last, and the heap at their begin. */
  readonly #stack: { slot: number; heap: number }[] = []

  constructor(shared: SharedState, mark: (slot: number) => void) {
    this.#shared = shared
    this.#mark = mark
    createHook({ before: () => this.#enter(this.current()), after: () => this.#leave() }).enable()
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

  #enter(slot: number): void {
    const heap = this.#shared.get('pressure') === 1 ? getHeapStatistics().used_heap_size : 0
    this.#stack.push({ slot, heap })
    this.#shared.count('entries')
    this.#show(slot)
  }

  #leave(): void {
    const left = this.#stack.pop()
    if (left && left.heap > 0 && left.slot > 0) {
      const growth = getHeapStatistics().used_heap_size - left.heap
      if (growth > 0) this.#shared.bookGrowth(left.slot, growth)
    }
    this.#show(this.#stack.at(-1)?.slot ?? 0)
  }

  #show(slot: number): void {
    this.#shared.set('running', slot)
    if (slot === this.#marked) return
    this.#marked = slot
    this.#mark(slot)
  }
}
