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
  /** Slots of nested callbacks, innermost last, and the heap at their begin. */
  readonly #stack: { slot: number; heap: number }[] = []

  constructor(shared: SharedState) {
    this.#shared = shared
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
    this.#shared.set('running', slot)
  }

  #leave(): void {
    const left = this.#stack.pop()
    if (left && left.heap > 0 && left.slot > 0) {
      const growth = getHeapStatistics().used_heap_size - left.heap
      if (growth > 0) this.#shared.bookGrowth(left.slot, growth)
    }
    this.#shared.set('running', this.#stack.at(-1)?.slot ?? 0)
  }
}
