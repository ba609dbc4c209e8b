import type { SeriesView } from '../../../shared/console/data-views'
import { formatBytes } from '../../ui/amount'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
export const ranges = [
  { key: '1h', ms: HOUR_MS },
  { key: '24h', ms: DAY_MS },
  { key: '7d', ms: 7 * DAY_MS },
  { key: '30d', ms: 30 * DAY_MS },
] as const

export const widths = ['raw', 'hour', 'day'] as const
export type Width = (typeof widths)[number]
/** Values as they came for as long as a line can show them, then means. */
export const widthFor = (lengthMs: number): Width => (lengthMs <= DAY_MS ? 'raw' : 'hour')

export const attributesText = (attributes: SeriesView['attributes']): string =>
  Object.entries(attributes)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')

/** Longer without a value than this, and the line breaks. Values as they came have a pace of their own: the middle of the distances. */
export function gapOf(instants: readonly number[], width: Width): number {
  if (width === 'hour') return 1.5 * HOUR_MS
  if (width === 'day') return 1.5 * DAY_MS
  const distances = instants
    .slice(1)
    .map((at, index) => at - instants[index]!)
    .sort((a, b) => a - b)
  const middle = distances[Math.floor(distances.length / 2)] ?? 60_000
  return Math.max(5_000, 3.5 * middle)
}

/** Units as OpenTelemetry writes them: `By` bytes, `1` none, `{thing}` a count of things. */
export function valueText(value: number, unit: string | null, locale: string): string {
  if (unit === 'By') return formatBytes(value, locale)
  const size = Math.abs(value)
  const digits = size >= 1_000 ? 0 : size >= 10 ? 1 : 3
  const number = value.toLocaleString(locale, { maximumFractionDigits: digits })
  const name = unit === null || unit === '1' ? '' : unit.replace(/^\{(.*)\}$/, '$1')
  return name === '' ? number : `${number} ${name === 'Cel' ? '°C' : name}`
}
