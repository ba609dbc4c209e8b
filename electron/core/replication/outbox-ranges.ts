import type { SeqRange } from '../../../shared/model/telemetry'

/** Ranges in order that neither touch nor overlap. */
export type SeqRanges = readonly SeqRange[]

/** Everything in either. `more` may come in any order and overlap. */
export function unite(ranges: SeqRanges, more: SeqRanges): SeqRanges {
  const united: [number, number][] = []
  for (const [from, to] of [...ranges, ...more].sort((a, b) => a[0] - b[0])) {
    const last = united.at(-1)
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else united.push([from, to])
  }
  return united
}

/** What of `from..to` lies in none of the ranges. */
export function complement(ranges: SeqRanges, from: number, to: number): SeqRanges {
  const free: SeqRange[] = []
  let next = from
  for (const [first, last] of ranges) {
    if (last < next) continue
    if (first > to) break
    if (first > next) free.push([next, first - 1])
    next = last + 1
  }
  if (next <= to) free.push([next, to])
  return free
}

/** What of `from..to` lies in one of the ranges. */
export function within(ranges: SeqRanges, from: number, to: number): SeqRanges {
  return ranges
    .filter(([first, last]) => last >= from && first <= to)
    .map(([first, last]) => [Math.max(first, from), Math.min(last, to)] as const)
}

/** At most `max` ranges that hold all of them: the closest neighbours are joined, so as little as possible is claimed that is not so. */
export function joined(ranges: SeqRanges, max: number): { ranges: SeqRanges; isExact: boolean } {
  if (ranges.length <= max) return { ranges, isExact: true }
  const distances = ranges.slice(1).map(([from], index) => ({ before: index + 1, size: from - ranges[index]![1] }))
  const kept = distances.sort((a, b) => b.size - a.size || a.before - b.before).slice(0, max - 1)
  const starts = [0, ...kept.map(({ before }) => before).sort((a, b) => a - b)]
  const coarse = starts.map((start, index) => [ranges[start]![0], ranges[(starts[index + 1] ?? ranges.length) - 1]![1]])
  return { ranges: coarse as unknown as SeqRanges, isExact: false }
}

/** What the master has of a feed: everything up to `through`, and the ranges beyond it. */
export interface Acknowledged {
  readonly through: number
  readonly ranges: SeqRanges
}

/** Both together; `through` moves over the ranges it reaches. Beyond `rangesMax` the oldest ranges are forgotten: they are sent as gaps again. */
export function settle(known: Acknowledged, more: Acknowledged, rangesMax: number): Acknowledged {
  let through = Math.max(known.through, more.through)
  const open: SeqRange[] = []
  for (const [from, to] of unite(known.ranges, more.ranges)) {
    if (from <= through + 1) through = Math.max(through, to)
    else open.push([from, to])
  }
  return { through, ranges: open.slice(-rangesMax) }
}
