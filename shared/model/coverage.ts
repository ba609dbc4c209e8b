/** Inclusive. */
export type Range = readonly [from: number, to: number]

/** Which numbers of a feed are done: everything up to `throughSeq`, and the ranges above it, in order, none touching its neighbour. */
export interface Coverage {
  readonly throughSeq: number
  readonly ranges: readonly Range[]
}

export const NOTHING: Coverage = { throughSeq: 0, ranges: [] }

/** The same numbers and `[from, to]`. */
export function withRange({ throughSeq, ranges }: Coverage, from: number, to: number): Coverage {
  if (to <= throughSeq) return { throughSeq, ranges }
  let [low, high] = [from, to]
  let through = throughSeq
  const rest: Range[] = []
  for (const range of ranges) {
    if (range[1] < low - 1 || range[0] > high + 1) rest.push(range)
    else [low, high] = [Math.min(low, range[0]), Math.max(high, range[1])]
  }
  if (low <= through + 1) {
    through = high
    return { throughSeq: through, ranges: rest.filter(([, end]) => end > through) }
  }
  const at = rest.findIndex(([start]) => start > high)
  rest.splice(at === -1 ? rest.length : at, 0, [low, high])
  return { throughSeq: through, ranges: rest }
}

export function covers({ throughSeq, ranges }: Coverage, from: number, to: number): boolean {
  if (to <= throughSeq) return true
  const low = Math.max(from, throughSeq + 1)
  return ranges.some(([start, end]) => start <= low && to <= end)
}

/** The part of `[from, to]` that is not covered, in order. */
export function missing(coverage: Coverage, from: number, to: number): Range[] {
  const holes: Range[] = []
  let next = Math.max(from, coverage.throughSeq + 1)
  for (const [start, end] of coverage.ranges) {
    if (end < next) continue
    if (start > to) break
    if (start > next) holes.push([next, start - 1])
    next = end + 1
  }
  if (next <= to) holes.push([next, to])
  return holes
}

export const highestOf = ({ throughSeq, ranges }: Coverage): number => ranges.at(-1)?.[1] ?? throughSeq
