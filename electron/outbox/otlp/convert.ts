import type { TelemetryCategory } from '../../../shared/model/telemetry'
import type { WallMs } from '../../../shared/model/time'

export const signals = ['logs', 'traces', 'metrics'] as const
export type Signal = (typeof signals)[number] & TelemetryCategory

/** What becomes of a record. `record`: the body without resource and scope; `records`: how many records (of metrics: data points) of the request it holds. */
export type Converted =
  | { readonly record: object; readonly at: WallMs; readonly records: number }
  | { readonly refused: number; readonly message: string }
