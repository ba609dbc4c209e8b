import type { LogView } from '../../../shared/console/data-views'
import type { Tone } from '../../ui/tone'

/** The least number OpenTelemetry gives to each. */
export const severities = [
  { from: 1, name: 'trace' },
  { from: 5, name: 'debug' },
  { from: 9, name: 'info' },
  { from: 13, name: 'warn' },
  { from: 17, name: 'error' },
  { from: 21, name: 'fatal' },
] as const
/** Empty: it was not told. */
export const severityName = (severity: number): string =>
  severities.findLast(({ from }) => severity >= from)?.name ?? ''
export const severityTone = (severity: number): Tone =>
  severity >= 17 ? 'critical' : severity >= 13 ? 'degraded' : 'quiet'

/** Newest first. */
export const newestFirst = (a: Pick<LogView, 'at' | 'id'>, b: Pick<LogView, 'at' | 'id'>): number =>
  b.at - a.at || b.id - a.id

const MINUTE_MS = 60_000
/** How far back a search goes; null: as far as there is, or from one instant to another. */
export const spans = [
  { key: 'any', ms: null },
  { key: '15m', ms: 15 * MINUTE_MS },
  { key: '1h', ms: 60 * MINUTE_MS },
  { key: '24h', ms: 1_440 * MINUTE_MS },
  { key: '7d', ms: 7 * 1_440 * MINUTE_MS },
  { key: 'custom', ms: null },
] as const
