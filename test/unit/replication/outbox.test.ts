import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isReportDue, mergeLosses, planDrop } from '../../../electron/core/replication/outbox'
import type { Sizes } from '../../../electron/core/replication/outbox'
import { complement, joined, settle, unite, within } from '../../../electron/core/replication/outbox-ranges'
import type { SeqRanges } from '../../../electron/core/replication/outbox-ranges'
import { dropOrder, RANGES_MAX } from '../../../shared/model/telemetry'
import type { Loss, SeqRange } from '../../../shared/model/telemetry'

const LAST = 60
const range = fc
  .tuple(fc.integer({ min: 1, max: LAST }), fc.integer({ min: 0, max: 8 }))
  .map(([from, more]): SeqRange => [from, Math.min(LAST, from + more)])
const ranges = fc.array(range, { maxLength: 12 })
const numbers = (among: SeqRanges) =>
  new Set(among.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n)))

describe('ranges', () => {
  test('united hold the numbers of both, in order, without touching', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const both = unite(unite(a, []), b)
        expect(numbers(both)).toEqual(new Set([...numbers(a), ...numbers(b)].sort((x, y) => x - y)))
        for (const [index, [from]] of both.slice(1).entries()) expect(from).toBeGreaterThan(both[index]![1] + 1)
      }),
    )
  })
  test('and their complement fill a range, each number once', () => {
    fc.assert(
      fc.property(ranges, range, (some, [from, to]) => {
        const clean = unite(some, [])
        const parts = [...within(clean, from, to), ...complement(clean, from, to)]
        const filled = parts.flatMap((part) => [...numbers([part])]).sort((a, b) => a - b)
        expect(filled).toEqual([...numbers([[from, to]])])
      }),
    )
  })
  test('joined to a few still hold every number, and say when they hold more', () => {
    fc.assert(
      fc.property(ranges, fc.integer({ min: 1, max: 4 }), (some, max) => {
        const clean = unite(some, [])
        const few = joined(clean, max)
        expect(few.ranges.length).toBeLessThanOrEqual(max)
        const held = numbers(few.ranges)
        for (const number of numbers(clean)) expect(held.has(number)).toBe(true)
        expect(few.isExact).toBe(held.size === numbers(clean).size)
      }),
    )
  })
  test('joined claim as little as possible', () => {
    expect(
      joined(
        [
          [1, 1],
          [3, 3],
          [50, 50],
          [52, 52],
        ],
        2,
      ),
    ).toEqual({
      ranges: [
        [1, 3],
        [50, 52],
      ],
      isExact: false,
    })
  })
  test('settled move the position over everything that follows it, and know the same whatever the order', () => {
    fc.assert(
      fc.property(ranges, ranges, fc.integer({ min: 0, max: LAST }), (a, b, through) => {
        const none = { through: 0, ranges: [] }
        const one = settle(settle(none, { through, ranges: a }, 99), { through: 0, ranges: b }, 99)
        const other = settle(settle(none, { through: 0, ranges: b }, 99), { through, ranges: a }, 99)
        expect(one).toEqual(other)
        const known = numbers([...(one.through > 0 ? [[1, one.through] as const] : []), ...one.ranges])
        const asked = numbers([...(through > 0 ? [[1, through] as const] : []), ...a, ...b])
        expect([...known].sort((x, y) => x - y)).toEqual([...asked].sort((x, y) => x - y))
        expect(known.has(one.through + 1)).toBe(false)
      }),
    )
  })
})

describe('dropping', () => {
  const size = fc.record({ entries: fc.integer({ min: 0, max: 9 }), bytes: fc.integer({ min: 0, max: 1_000 }) })
  const sizes = fc.record({ metrics: size, traces: size, logs: size, events: size, alerts: size })
  const total = (all: Sizes) => dropOrder.reduce((sum, category) => sum + all[category].bytes, 0)

  test('happens only over the cap, frees what is over it, and touches a class only when those below are empty', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 100 }), (all, cap, slack) => {
        const plan = planDrop(all, cap, slack)
        if (total(all) <= cap) {
          expect(plan).toEqual([])
          return
        }
        const freed = plan.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(freed).toBe(total(all) - Math.max(0, cap - slack))
        for (const [index, { category }] of plan.entries()) {
          const below = dropOrder.slice(0, dropOrder.indexOf(category))
          for (const lower of below)
            expect(plan.find((step) => step.category === lower)?.bytes ?? 0).toBe(all[lower].bytes)
          expect(index).toBeLessThan(dropOrder.length)
        }
      }),
    )
  })
})

describe('losses', () => {
  const loss = (more: Partial<Loss>): Loss => ({
    category: 'metrics',
    reason: 'bytes-cap',
    count: 1,
    bytes: 10,
    firstAt: 5,
    lastAt: 5,
    lostAt: 9,
    feedId: 'f',
    ranges: [],
    rangesAreExact: true,
    countIsExact: true,
    ...more,
  })

  test('of one kind are told together: counts add up, times span, ranges unite', () => {
    const merged = mergeLosses([
      loss({ count: 2, firstAt: 3, ranges: [[1, 2]] }),
      loss({ category: 'logs' }),
      loss({ count: 3, lastAt: 8, lostAt: 12, ranges: [[3, 5]] }),
    ])
    expect(merged).toEqual([
      loss({ count: 5, bytes: 20, firstAt: 3, lastAt: 8, lostAt: 12, ranges: [[1, 5]] }),
      loss({ category: 'logs' }),
    ])
  })
  test('list a limited number of ranges and keep the count exact', () => {
    const many = Array.from({ length: 300 }, (_, n) => loss({ ranges: [[n * 2 + 1, n * 2 + 1]] }))
    const [merged] = mergeLosses(many)
    expect(merged).toMatchObject({ count: 300, countIsExact: true, rangesAreExact: false })
    expect(merged!.ranges).toHaveLength(RANGES_MAX)
  })
  test('are told at once when no report waits, else after a while', () => {
    const facts = { hasPending: true, isReportWaiting: false, sinceReportMs: 0 }
    expect(isReportDue(facts, 100)).toBe(true)
    expect(isReportDue({ ...facts, isReportWaiting: true }, 100)).toBe(false)
    expect(isReportDue({ ...facts, isReportWaiting: true, sinceReportMs: 100 }, 100)).toBe(true)
    expect(isReportDue({ ...facts, hasPending: false }, 100)).toBe(false)
  })
})
