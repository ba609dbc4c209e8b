import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketEdges, BUCKETS_MAX, countOf, intervalOf } from '../../../electron/core/uptime/grid'
import { instantOf, wallOf } from '../../../electron/core/zone'
import { wallMs } from '../../../shared/model/time'

const hour = 3_600_000
const day = 24 * hour
const at = (text: string) => wallMs(Date.parse(text))
const lengths = (edges: readonly number[]) => edges.slice(1).map((edge, index) => edge - (edges[index] ?? 0))

describe('the arguments of an uptime bar', () => {
  it.each([
    [undefined, day],
    [1, 300_000],
    [-5, 300_000],
    [300_000, 300_000],
    [449_999, 300_000],
    [450_000, 600_000],
    [hour + 1, hour],
    [10 * day, day],
    [Number.NaN, day],
    [Number.POSITIVE_INFINITY, day],
  ])('takes an interval of %s ms as %i ms', (asked, taken) => {
    expect(intervalOf(asked)).toBe(taken)
  })

  it.each([
    [undefined, day, 90, 90],
    [undefined, hour, 7, 168],
    [undefined, 300_000, 90, BUCKETS_MAX],
    [0, day, 90, 1],
    [-3, day, 90, 1],
    [2.9, day, 90, 2],
    [1e9, day, 90, BUCKETS_MAX],
  ])('takes %s buckets of %i ms in %i days as %i', (asked, intervalMs, days, taken) => {
    expect(countOf(asked, intervalMs, days)).toBe(taken)
  })
})

describe('the grid of an uptime bar', () => {
  it('begins its days at local midnight, whatever the time is now', () => {
    const edges = bucketEdges('Europe/Berlin', at('2026-07-10T13:37:11Z'), 3, day)
    expect(edges.map((edge) => new Date(edge).toISOString())).toEqual([
      '2026-07-07T22:00:00.000Z',
      '2026-07-08T22:00:00.000Z',
      '2026-07-09T22:00:00.000Z',
      '2026-07-10T22:00:00.000Z',
    ])
  })

  it('gives the days on which clocks change 23 and 25 hours', () => {
    const spring = bucketEdges('Europe/Berlin', at('2026-03-30T12:00:00Z'), 3, day)
    expect(lengths(spring)).toEqual([day, 23 * hour, day])
    const autumn = bucketEdges('Europe/Berlin', at('2026-10-26T12:00:00Z'), 3, day)
    expect(lengths(autumn)).toEqual([day, 25 * hour, day])
  })

  it('counts the hours of a changed day in elapsed time', () => {
    const spring = bucketEdges('Europe/Berlin', at('2026-03-29T21:30:00Z'), 23, hour)
    expect(lengths(spring)).toEqual(Array(23).fill(hour))
    expect(new Date(spring[0] ?? 0).toISOString()).toBe('2026-03-28T23:00:00.000Z')
    const autumn = bucketEdges('Europe/Berlin', at('2026-10-25T22:30:00Z'), 25, hour)
    expect(new Date(autumn[0] ?? 0).toISOString()).toBe('2026-10-24T22:00:00.000Z')
  })

  it('begins a day whose midnight does not exist where it begins', () => {
    // In Beirut the clock goes from 24:00 to 01:00 on this night.
    const edges = bucketEdges('Asia/Beirut', at('2026-03-29T12:00:00Z'), 1, day)
    expect(lengths(edges)).toEqual([23 * hour])
  })

  it('is the same for every instant of a bucket, has as many buckets as asked, and an edge at every midnight', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Asia/Beirut']
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: at('2024-01-01T00:00:00Z'), max: at('2027-12-31T00:00:00Z') }),
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 288 }),
        (zone, now, count, steps) => {
          const intervalMs = steps * 300_000
          const edges = bucketEdges(zone, wallMs(now), count, intervalMs)
          expect(edges).toHaveLength(count + 1)
          expect(lengths(edges).every((length) => length > 0)).toBe(true)
          const from = edges.at(-2) ?? 0
          const to = edges.at(-1) ?? 0
          expect(from <= now && now < to).toBe(true)
          for (const within of [from, to - 1])
            expect(bucketEdges(zone, wallMs(within), count, intervalMs)).toEqual(edges)
          const midnight = Math.floor(wallOf(zone, Math.floor(now / 1_000)) / 86_400) * 86_400
          const began = instantOf(zone, midnight) * 1_000
          if (began >= (edges[0] ?? 0)) expect(edges).toContain(began)
        },
      ),
      { numRuns: 300 },
    )
  })
})
