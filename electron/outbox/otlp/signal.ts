import type { TelemetryCategory } from '../../../shared/model/telemetry'
import type { Signal } from './convert'

/** The request that entries of a category go out with. */
export const signalOf = (category: TelemetryCategory): Signal =>
  category === 'metrics' || category === 'traces' ? category : 'logs'
