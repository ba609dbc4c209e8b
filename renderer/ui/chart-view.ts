import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { chartTable, type ChartSeries } from './chart-data'

/** The drawing of a time chart, apart from Vue. Follows its place's width and the theme. */
export interface OpenChart {
  draw(shown: ChartShown): void
  close(): void
}
export interface ChartShown {
  readonly series: readonly ChartSeries[]
  readonly gapMs: number | undefined
  readonly fromZero: boolean | undefined
  readonly area: boolean | undefined
  readonly range: readonly [number, number] | undefined
}
export interface ChartOptions {
  readonly height: number
  format(value: number): string
  locale(): string
  pointed(at: { at: number; values: (number | null)[] } | null): void
}

const colours = ['--chart-1', '--chart-2', '--chart-3', '--chart-4']
const AXIS_FONT = '11px "Inter Variable", system-ui, sans-serif'
/** Below this length of time the axis tells seconds. */
const SECONDS_BELOW_S = 600
const DAYS_ABOVE_S = 2 * 86_400

export function openChart(place: HTMLElement, options: ChartOptions): OpenChart {
  let shown: ChartShown | null = null
  let plot: uPlot | null = null
  const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

  function timeText(seconds: number, lengthS: number): string {
    const date = new Date(seconds * 1_000)
    if (lengthS > DAYS_ABOVE_S) return date.toLocaleDateString(options.locale(), { day: 'numeric', month: 'short' })
    const second = lengthS < SECONDS_BELOW_S ? ({ second: '2-digit' } as const) : {}
    return date.toLocaleTimeString(options.locale(), {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...second,
    })
  }
  function axis(more: Partial<uPlot.Axis>): uPlot.Axis {
    return {
      stroke: () => colourOf('--ink-faint'),
      grid: { stroke: () => colourOf('--chart-grid'), width: 1 },
      ticks: { show: false },
      font: AXIS_FONT,
      ...more,
    }
  }
  function make(now: ChartShown): uPlot {
    const current = () => shown ?? now
    return new uPlot(
      {
        width: Math.max(40, place.clientWidth),
        height: options.height,
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        scales: {
          x: { range: (_plot, min, max) => scaleOf(current(), min, max) },
          y: { range: (_plot, min, max) => valueRange(min, max, now.fromZero ?? false) },
        },
        axes: [
          axis({
            size: 26,
            space: 80,
            grid: { show: false },
            values: (self, splits) => {
              const { min = 0, max = 0 } = self.scales['x'] ?? {}
              return splits.map((split) => timeText(split, (max ?? 0) - (min ?? 0)))
            },
          }),
          axis({
            space: 28,
            size: (_self, values) => Math.max(24, 12 + 6.5 * Math.max(0, ...(values ?? []).map((text) => text.length))),
            values: (_self, splits) => splits.map(options.format),
          }),
        ],
        series: [
          {},
          ...now.series.map((item, index): uPlot.Series => {
            const colour = colours[index % colours.length]!
            return {
              label: item.name,
              stroke: () => colourOf(colour),
              width: 1.5,
              ...(now.area && index === 0
                ? { fill: () => `color-mix(in oklab, ${colourOf(colour)} 14%, transparent)` }
                : {}),
              points: {
                show: true,
                size: 5,
                width: 1.25,
                fill: () => colourOf('--surface'),
                // Only what came late, and what stands alone between two gaps.
                filter: (self) => {
                  const late = lateOf(current().series[index])
                  return Array.from(self.data[0]).flatMap((at, row) =>
                    isMarked(self, index + 1, row, late, at) ? [row] : [],
                  )
                },
              },
            }
          }),
        ],
        hooks: {
          setCursor: [
            (self) => {
              const { idx } = self.cursor
              const at = idx == null ? undefined : self.data[0][idx]
              options.pointed(
                idx == null || at === undefined
                  ? null
                  : { at: at * 1_000, values: now.series.map((_, index) => self.data[index + 1]?.[idx] ?? null) },
              )
            },
          ],
        },
      },
      dataOf(now),
      place,
    )
  }
  const dataOf = (now: ChartShown): uPlot.AlignedData => {
    const { times, values } = chartTable(now.series, now.gapMs)
    return [times, ...values] as uPlot.AlignedData
  }
  const sameLook = (a: ChartShown, b: ChartShown) =>
    a.fromZero === b.fromZero &&
    a.area === b.area &&
    a.series.length === b.series.length &&
    a.series.every(({ name }, index) => name === b.series[index]?.name)

  const resized = new ResizeObserver(() => {
    if (plot && place.clientWidth > 0) plot.setSize({ width: place.clientWidth, height: options.height })
  })
  resized.observe(place)
  const themed = new MutationObserver(() => plot?.redraw(false, true))
  themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme', 'lang'] })

  return {
    draw(next) {
      const isSame = shown !== null && sameLook(shown, next)
      shown = next
      // uPlot keeps its options: with other series it is another chart.
      if (isSame && plot) return plot.setData(dataOf(next))
      plot?.destroy()
      plot = make(next)
    },
    close() {
      resized.disconnect()
      themed.disconnect()
      plot?.destroy()
    },
  }
}

const lateOf = (series: ChartSeries | undefined): ReadonlySet<number> =>
  new Set(series?.points.flatMap(({ at, late }) => (late ? [at / 1_000] : [])))

function scaleOf(now: ChartShown, min: number, max: number): [number, number] {
  if (now.range) return [now.range[0] / 1_000, now.range[1] / 1_000]
  return min === max ? [min - 30, max + 30] : [min, max]
}

/** Some air above and below; a flat line lies in the middle, or on the floor when it is zero. */
export function valueRange(min: number | null, max: number | null, fromZero: boolean): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1]
  const low = fromZero ? Math.min(0, min) : min
  if (low === max) return max === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, max + Math.abs(max) * 0.1]
  const air = (max - low) * 0.08
  return [fromZero && low === 0 ? 0 : low - air, max + air]
}

function isMarked(plot: uPlot, series: number, row: number, late: ReadonlySet<number>, at: number): boolean {
  const column = plot.data[series]
  if (column?.[row] == null) return false
  return late.has(at) || (neighbour(column, row, -1) === null && neighbour(column, row, 1) === null)
}
/** The next value of the same series; undefined cells belong to other series. Beyond the ends there is none. */
function neighbour(column: ArrayLike<number | null | undefined>, row: number, by: 1 | -1): number | null {
  for (let at = row + by; at >= 0 && at < column.length; at += by) {
    const value = column[at]
    if (value !== undefined) return value
  }
  return null
}
