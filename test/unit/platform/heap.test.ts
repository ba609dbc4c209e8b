import { describe, expect, it } from 'vitest'
import { giveBackWhenQuiet, ownHeap } from '../../../electron/platform/heap'
import { manualClock } from '../../support/console-clock'
import { until } from '../../support/until'

const MIB = 2 ** 20

function watched() {
  const clock = manualClock()
  const state = { young: 32 * MIB, busyMs: 0, collected: 0 }
  const heap = {
    young: () => state.young,
    busyMs: () => state.busyMs,
    collect: () => void state.collected++,
  }
  const watch = giveBackWhenQuiet(clock, heap)
  const pass = (seconds: number, busyShare: number) => {
    for (let n = 0; n < seconds; n++) {
      state.busyMs += busyShare * 1_000
      clock.advance(1_000)
    }
  }
  return { clock, state, pass, watch }
}

describe('the room for what is new', () => {
  it('is given back by a controller that is quiet', () => {
    const { pass, state } = watched()
    pass(30, 0.01)
    expect(state.collected).toBe(3)
  })

  it('is kept while the controller is busy, and given back when the work is done', () => {
    const { pass, state } = watched()
    pass(60, 0.4)
    expect(state.collected).toBe(0)
    pass(20, 0.01)
    expect(state.collected).toBe(2)
  })

  it('is left alone when it is small', () => {
    const { pass, state } = watched()
    state.young = 2 * MIB
    pass(60, 0.01)
    expect(state.collected).toBe(0)
  })

  it('is looked at no more when the controller has ended', () => {
    const { clock, watch } = watched()
    watch[Symbol.dispose]()
    expect(clock.armed).toBe(0)
  })

  it('of this process shrinks when it is collected and little was made lately', async () => {
    const heap = ownHeap()
    let kept: object[] = []
    for (let n = 0; n < 1_000_000; n++) {
      kept.push({ n })
      if (kept.length > 50_000) kept = []
    }
    expect(heap.young()).toBeGreaterThan(4 * MIB)
    expect(heap.busyMs()).toBeGreaterThan(0)
    await until('it is small', () => {
      heap.collect()
      return heap.young() <= 4 * MIB
    })
  })
})
