/** One value at one time, epoch ms. `null`: there was none, the line breaks. */
export interface ChartPoint {
  readonly at: number
  readonly value: number | null
  /** It came later than it was measured: drawn as a ring. */
  readonly late?: boolean
}
export interface ChartSeries {
  readonly name: string
  readonly points: readonly ChartPoint[]
}

/** One time axis for all series, as uPlot wants it: seconds, ascending; null where a series breaks, undefined where it has no value of its own. */
export interface ChartTable {
  readonly times: number[]
  readonly values: (number | null | undefined)[][]
}

/** Points in any order; two of one instant: the last counts. Between points further apart than `gapMs` the line breaks. */
export function chartTable(series: readonly ChartSeries[], gapMs: number | undefined): ChartTable {
  const columns = series.map(({ points }) => {
    const sorted = [...points].sort((a, b) => a.at - b.at)
    const byTime = new Map<number, number | null>()
    sorted.forEach((point, index) => {
      const before = sorted[index - 1]
      if (gapMs !== undefined && before && point.at - before.at > gapMs) byTime.set(before.at + 1, null)
      byTime.set(point.at, point.value)
    })
    return byTime
  })
  const instants = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b)
  return {
    times: instants.map((at) => at / 1_000),
    values: columns.map((column) => instants.map((at) => column.get(at))),
  }
}

export interface ChartSummary {
  readonly count: number
  readonly last: number | null
  readonly min: number | null
  readonly max: number | null
}
export function chartSummary(points: readonly ChartPoint[]): ChartSummary {
  let count = 0
  let last: { at: number; value: number } | null = null
  let min = Infinity
  let max = -Infinity
  for (const { at, value } of points) {
    if (value === null) continue
    count += 1
    if (last === null || at >= last.at) last = { at, value }
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  return { count, last: last?.value ?? null, min: count ? min : null, max: count ? max : null }
}
