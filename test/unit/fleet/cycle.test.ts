import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lookEveryMs, noCycle, stepCycle, type CycleInput, type CycleState } from '../../../electron/core/fleet/cycle'
import { monoMs } from '../../../shared/model/time'

const EVERY = 60_000
const on: CycleInput = { type: 'configured', isOn: true, intervalMs: EVERY }

/** Steps through inputs at their times. */
function run(...inputs: readonly (readonly [at: number, input: CycleInput])[]) {
  let state: CycleState = noCycle
  let wakeAt: number | null = null
  const begun: number[] = []
  for (const [at, input] of inputs) {
    const step = stepCycle(state, input, monoMs(at))
    state = step.state
    wakeAt = step.wakeAt
    if (step.outputs.length > 0) begun.push(at)
  }
  return { state, wakeAt, begun }
}
const finished = { type: 'finished' } as const
const woke = { type: 'woke' } as const
const asked = { type: 'asked' } as const
const slept = { type: 'slept' } as const

describe('the cycle of checks', () => {
  test('runs once at the start, and again an interval after it began', () => {
    expect(run([5, on])).toMatchObject({ begun: [5], wakeAt: null })
    expect(run([5, on], [100, finished])).toMatchObject({ begun: [5], wakeAt: 5 + EVERY })
    expect(run([5, on], [100, finished], [5 + EVERY, woke]).begun).toEqual([5, 5 + EVERY])
  })

  test('that takes longer than the interval is followed at once, never overlapped', () => {
    expect(run([0, on], [EVERY, woke], [EVERY * 2, woke]).begun).toEqual([0])
    expect(run([0, on], [EVERY * 3, finished]).begun).toEqual([0, EVERY * 3])
  })

  test('does nothing by itself while there is nothing to watch, and is run when asked for', () => {
    const off: CycleInput = { type: 'configured', isOn: false, intervalMs: EVERY }
    expect(run([0, off], [EVERY, woke])).toMatchObject({ begun: [], wakeAt: null })
    expect(run([0, off], [7, asked], [9, finished])).toMatchObject({ begun: [7], wakeAt: null })
  })

  test('asked for while one runs is that one', () => {
    expect(run([0, on], [10, asked], [20, finished])).toMatchObject({ begun: [0], wakeAt: EVERY })
  })

  test('is due at once after the machine slept, when the one that ran has ended', () => {
    expect(run([0, on], [10, finished], [20, slept]).begun).toEqual([0, 20])
    expect(run([0, on], [10, slept], [30, finished]).begun).toEqual([0, 30])
  })

  test('follows another interval from the last beginning on', () => {
    const faster: CycleInput = { type: 'configured', isOn: true, intervalMs: 5_000 }
    expect(run([0, on], [10, finished], [1_000, faster])).toMatchObject({ begun: [0], wakeAt: 5_000 })
    expect(run([0, on], [10, finished], [9_000, faster]).begun).toEqual([0, 9_000])
  })

  test('never begins after the stop', () => {
    expect(run([0, on], [1, { type: 'stopped' }], [5, finished], [EVERY, woke], [EVERY, asked])).toMatchObject({
      begun: [0],
      wakeAt: null,
    })
  })

  test('a look holds as long as the last cycle took, unless the machine slept in it', () => {
    expect(lookEveryMs(run([0, on], [10, finished]).state)).toBe(EVERY)
    expect(lookEveryMs(run([0, on], [EVERY * 4, finished]).state)).toBe(EVERY * 4)
    expect(lookEveryMs(run([0, on], [10, slept], [EVERY * 900, finished]).state)).toBe(EVERY)
  })

  test('in any order of inputs two never run at once, and one that is on and idle is always woken', () => {
    const input = fc.oneof(
      fc.record({
        type: fc.constant('configured' as const),
        isOn: fc.boolean(),
        intervalMs: fc.integer({ min: 5_000, max: 99_000 }),
      }),
      fc.constantFrom<CycleInput>(woke, asked, finished, slept, { type: 'stopped' }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat(80_000)), { maxLength: 40 }), (inputs) => {
        let state = noCycle
        let now = 0
        for (const [given, later] of inputs) {
          now += later
          const wasRunning = state.runningSince !== null && given.type !== 'finished'
          const step = stepCycle(state, given, monoMs(now))
          if (wasRunning) expect(step.outputs).toEqual([])
          const { isOn, isStopped, runningSince } = (state = step.state)
          if (isOn && !isStopped && runningSince === null) expect(step.wakeAt).toBeGreaterThan(now)
          else expect(step.wakeAt).toBeNull()
        }
      }),
    )
  })
})
