import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { barOf, observedStates, type Span } from '../../../electron/core/uptime/bar'
import { bucketEdges } from '../../../electron/core/uptime/grid'
import { withLook } from '../../../electron/core/uptime/looks'
import { wallMs } from '../../../shared/model/time'

const minute = 60_000
const hour = 60 * minute
const edges = (...hours: number[]) => hours.map((each) => wallMs(each * hour))
const span = (from: number, to: number, state: Span['state'], more: Partial<Span> = {}): Span => ({
  from: wallMs(from * hour),
  to: wallMs(to * hour),
  state,
  checks: Math.round((to - from) * 60),
  cause: null,
  said: null,
  ...more,
})

describe('an uptime bar', () => {
  it('splits a span over its buckets to the millisecond and to the look', () => {
    const { buckets } = barOf([span(0.5, 2.25, 'healthy')], edges(0, 1, 2, 3))
    expect(buckets.map(({ ms, checks, state }) => [ms.healthy / minute, checks, state])).toEqual([
      [30, 30, 'healthy'],
      [60, 60, 'healthy'],
      [15, 15, 'healthy'],
    ])
  })

  it('shows an observer that stopped as unknown, and keeps it out of the percentage', () => {
    const spans = [span(0, 1, 'healthy'), span(5, 6, 'healthy')]
    const { buckets, uptime } = barOf(spans, edges(0, 1, 2, 3, 4, 5, 6))
    expect(buckets.map(({ state }) => state)).toEqual(['healthy', ...Array<string>(4).fill('unknown'), 'healthy'])
    expect(uptime).toBe(1)
    expect(barOf([], edges(0, 1)).uptime).toBeNull()
  })

  it('counts paused time for nothing', () => {
    const { buckets, uptime } = barOf(
      [span(0, 1, 'paused'), span(1, 2, 'offline'), span(2, 3, 'healthy')],
      edges(0, 1, 2, 3),
    )
    expect(buckets.map(({ state }) => state)).toEqual(['paused', 'offline', 'healthy'])
    expect(uptime).toBe(0.5)
  })

  it('is degraded after a short outage, offline after a long one, and names the cause of the longest', () => {
    const short = [span(0, 0.9, 'healthy'), span(0.9, 1, 'offline', { cause: 'refused' })]
    expect(barOf(short, edges(0, 1)).buckets[0]).toMatchObject({
      state: 'degraded',
      downMs: 6 * minute,
      cause: 'refused',
    })
    const long = [
      span(0, 0.2, 'degraded', { cause: 'slow' }),
      span(0.2, 0.3, 'offline', { cause: 'reset' }),
      span(0.3, 1, 'offline', { cause: 'no route' }),
    ]
    expect(barOf(long, edges(0, 1)).buckets[0]).toMatchObject({ state: 'offline', cause: 'no route', incidents: 1 })
  })

  it('counts an outage once, in the bucket in which it began', () => {
    const spans = [
      span(0, 0.5, 'healthy'),
      span(0.5, 2.5, 'offline'),
      span(2.5, 2.7, 'healthy'),
      span(2.7, 3, 'offline'),
    ]
    expect(barOf(spans, edges(0, 1, 2, 3)).buckets.map(({ incidents }) => incidents)).toEqual([1, 0, 1])
    // It had begun before the first bucket.
    expect(barOf(spans, edges(1, 2)).buckets[0]?.incidents).toBe(0)
  })

  it('counts every observed millisecond and every look exactly once', () => {
    const draw = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 5 * hour }),
        fc.integer({ min: 1, max: 9 * hour }),
        fc.constantFrom(...observedStates),
      ),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(draw, (draws) => {
        const now = wallMs(Date.parse('2026-10-27T00:00:00Z'))
        const grid = bucketEdges('Europe/Berlin', now, 60, hour)
        const spans: Span[] = []
        let at = (grid[0] ?? 0) as number
        for (const [gap, length, state] of draws) {
          const to = Math.min(at + gap + length, grid.at(-1) ?? 0)
          if (to <= at + gap) break
          spans.push({
            from: wallMs(at + gap),
            to: wallMs(to),
            state,
            checks: (length % 50) + 1,
            cause: null,
            said: null,
          })
          at = to
        }
        const { buckets } = barOf(spans, grid)
        const sum = (values: number[]) => values.reduce((all, value) => all + value, 0)
        for (const state of observedStates)
          expect(sum(buckets.map(({ ms }) => ms[state]))).toBe(
            sum(spans.filter((each) => each.state === state).map(({ from, to }) => to - from)),
          )
        expect(sum(buckets.map(({ checks }) => checks))).toBe(
          sum(spans.filter(({ state }) => state !== 'paused').map(({ checks }) => checks)),
        )
        for (const { from, to, ms } of buckets) expect(sum(Object.values(ms))).toBeLessThanOrEqual(to - from)
      }),
      { numRuns: 300 },
    )
  })
})

describe('looks at a node', () => {
  const look = (at: number, state: Span['state'], cause: string | null = null) => ({
    at: wallMs(at * minute),
    state,
    ...{ cause, said: null },
  })
  function after(...looks: ReturnType<typeof look>[]): Span[] {
    const spans: Span[] = []
    for (const each of looks) {
      const written = withLook(spans.at(-1) ?? null, each, minute)
      if (written === null) continue
      if (written.kind === 'extend') spans.pop()
      else if (written.ended) spans.splice(-1, 1, written.ended)
      spans.push(written.span)
    }
    return spans
  }

  it('are one span while they find the same', () => {
    expect(after(look(0, 'healthy'), look(1, 'healthy'), look(2, 'healthy'))).toEqual([
      { from: 0, to: 3.5 * minute, state: 'healthy', checks: 3, cause: null, said: null },
    ])
  })

  it('end the span before where they find something else', () => {
    const spans = after(look(0, 'healthy'), look(1, 'offline', 'refused'))
    expect(spans.map(({ from, to, state }) => [from, to, state])).toEqual([
      [0, minute, 'healthy'],
      [minute, 2.5 * minute, 'offline'],
    ])
  })

  it('leave the time unknown in which nobody looked', () => {
    const spans = after(look(0, 'healthy'), look(60, 'healthy'))
    expect(spans.map(({ from, to }) => [from, to])).toEqual([
      [0, 1.5 * minute],
      [60 * minute, 61.5 * minute],
    ])
  })

  it('are left out while the calendar, set back, repeats what was observed', () => {
    const spans = after(look(10, 'healthy'), look(5, 'offline'), look(11, 'healthy'))
    expect(spans).toEqual([
      { from: 10 * minute, to: 12.5 * minute, state: 'healthy', checks: 2, cause: null, said: null },
    ])
  })
})
