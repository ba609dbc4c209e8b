import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Blame } from '../../../electron/modules/blame'
import { SharedState } from '../../../electron/modules/host-shared'

const LIMIT = 100_000_000

/** A thread in its own time, with a heap of its own. */
class Thread {
  now = 0
  heap = 10_000_000
  readonly marks: number[] = []
  readonly shared = new SharedState()
  readonly blame = new Blame({
    ...{ shared: this.shared, mark: (slot) => void this.marks.push(slot), heapBytesMax: LIMIT },
    ...{ heapBytes: () => this.heap, mono: () => this.now },
  })
  /** A callback of this slot that keeps so many bytes. */
  call(slot: number, bytes = 0): void {
    this.now += 10
    this.blame.run(slot, () => void (this.heap += bytes))
  }
}

describe('whose code runs', () => {
  let thread: Thread
  beforeEach(() => (thread = new Thread()))
  afterEach(() => thread.blame.end())

  it('is marked while it runs, innermost first', () => {
    thread.blame.run(3, () => {
      expect(thread.shared.get('running')).toBe(3)
      thread.blame.run(4, () => expect(thread.shared.get('running')).toBe(4))
      expect(thread.blame.current()).toBe(3)
    })
    expect(thread.shared.get('running')).toBe(0)
    expect(thread.marks).toEqual([3, 4, 3, 0])
  })

  it('is nobody after it ended, as long as there is memory', () => {
    thread.call(3, 20_000_000)
    expect([thread.shared.get('pressure'), thread.shared.mostGrown(), thread.marks.at(-1)]).toEqual([0, 0, 0])
  })

  it('names who makes a heap full within a few callbacks, whoever asks for the last bytes', () => {
    for (let calls = 0; calls < 20; calls++) {
      thread.call(7, 4_000_000)
      thread.call(5, 100_000)
    }
    expect(thread.heap).toBeLessThan(LIMIT)
    expect(thread.shared.get('pressure')).toBe(1)
    expect(thread.shared.mostGrown()).toBe(7)
    thread.call(0)
    expect(thread.shared.get('running')).toBe(0)
    expect(thread.marks.at(-1)).toBe(7)
  })

  it('forgets the pressure when the heap is small again', () => {
    thread.call(7, 60_000_000)
    thread.call(5)
    thread.call(5)
    expect(thread.shared.get('pressure')).toBe(1)
    thread.heap = 10_000_000
    thread.call(5)
    thread.call(5)
    thread.call(5)
    expect([thread.shared.get('pressure'), thread.marks.at(-1)]).toEqual([0, 0])
  })
})
