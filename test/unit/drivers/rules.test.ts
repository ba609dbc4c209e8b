import { describe, expect, it } from 'vitest'
import {
  aggregate,
  all,
  any,
  heldLongEnough,
  holds,
  judged,
  valueOf,
  type RuleState,
  type Verdict,
} from '../../../electron/modules/drivers/logic/rules'

const view = (more: object = {}) => ({ id: 'm', state: 'running' as const, connected: true, status: { v: 1 }, ...more })
const condition = (more: object) => ({ module: 'm', variable: 'v', op: 'eq' as const, value: 1, forMs: 0, ...more })
const limits = { firesMax: 2, windowMs: 1_000, atStart: false }

describe('a condition', () => {
  it.each([
    [{ value: 1 }, 1, true],
    [{ value: 1 }, 2, false],
    [{ op: 'ne', value: 1 }, 2, true],
    [{ op: 'gt', value: 1 }, 2, true],
    [{ op: 'ge', value: 2 }, 2, true],
    [{ op: 'lt', value: 2 }, 2, false],
    [{ op: 'le', value: 2 }, 2, true],
    [{ op: 'gt', value: 1 }, 'high', null],
    [{ op: 'in', value: ['a', 'b'] }, 'b', true],
    [{ op: 'in', value: ['a', 'b'] }, 'c', false],
    [{ value: { a: [1] } }, { a: [1] }, true],
    [{ value: 1 }, undefined, null],
    [{ op: 'ne', value: 1 }, null, null],
    [{ value: null }, null, true],
  ] as const)('%j of %j is %j', (more, value, verdict) => {
    expect(holds(condition(more), value as never)).toBe(verdict)
  })

  it('knows nothing of a module that is unknown or not connected, but its connection', () => {
    const at = { module: 'm', variable: 'v' }
    const connected = { module: 'm', variable: '@connected' }
    expect(valueOf(new Map([['m', view()]]), at)).toBe(1)
    expect(valueOf(new Map(), at)).toBeUndefined()
    expect(valueOf(new Map([['m', view({ connected: false })]]), at)).toBeUndefined()
    expect(valueOf(new Map([['m', view({ connected: false })]]), connected)).toBe(false)
    expect(valueOf(new Map([['m', view({ state: 'unknown' })]]), connected)).toBeUndefined()
    expect(valueOf(new Map([['m', view()]]), { module: 'm', variable: 'toString' })).toBeUndefined()
  })

  it('holds only after it was true for long enough without a break', () => {
    const first = heldLongEnough({ trueSince: null }, true, 100, 1_000)
    expect(first).toEqual({ held: { trueSince: 1_000 }, verdict: false, wakeAt: 1_100 })
    expect(heldLongEnough(first.held, true, 100, 1_099).verdict).toBe(false)
    expect(heldLongEnough(first.held, true, 100, 1_100)).toEqual({
      held: { trueSince: 1_000 },
      verdict: true,
      wakeAt: null,
    })
    expect(heldLongEnough(first.held, null, 100, 1_050)).toEqual({
      held: { trueSince: null },
      verdict: null,
      wakeAt: null,
    })
  })
})

describe('several conditions', () => {
  it('are unknown while one that matters is', () => {
    expect([all([true, true]), all([true, null]), all([null, false])]).toEqual([true, null, false])
    expect([any([false, true]), any([null, true]), any([false, null]), any([false])]).toEqual([true, true, null, false])
  })

  it('make a number only when all of them are known', () => {
    expect([
      aggregate('min', [3, 1]),
      aggregate('max', [3, 1]),
      aggregate('sum', [3, 1]),
      aggregate('average', [3, 1]),
    ]).toEqual([1, 3, 4, 2])
    expect(aggregate('sum', [1, undefined])).toBeNull()
    expect(aggregate('sum', [])).toBeNull()
  })
})

describe('a rule', () => {
  const walk = (verdicts: readonly (readonly [Verdict, number])[], how = limits) => {
    let state: RuleState = { last: null, firedAt: [] }
    return verdicts.map(([verdict, now]) => {
      const next = judged(state, verdict, now, how)
      state = next.state
      return next.outcome
    })
  }

  it('fires when it becomes true, and not again until it was false', () => {
    expect(
      walk([
        [false, 0],
        [true, 1],
        [true, 2],
        [null, 3],
        [true, 4],
        [false, 5],
        [true, 6],
      ]),
    ).toEqual(['rest', 'fire', 'rest', 'rest', 'rest', 'rest', 'fire'])
  })

  it('does not fire for what was true from the start, unless it says so', () => {
    expect(
      walk([
        [null, 0],
        [true, 1],
      ]),
    ).toEqual(['rest', 'rest'])
    expect(
      walk(
        [
          [null, 0],
          [true, 1],
        ],
        { ...limits, atStart: true },
      ),
    ).toEqual(['rest', 'fire'])
  })

  it('rests when it fired too often, and fires again once the window has passed', () => {
    const flicker = (from: number) =>
      [
        [false, from],
        [true, from + 1],
      ] as const
    expect(
      walk([...flicker(0), ...flicker(10), ...flicker(20), ...flicker(1_002)]).filter((outcome) => outcome !== 'rest'),
    ).toEqual(['fire', 'fire', 'suspend', 'fire'])
  })
})
