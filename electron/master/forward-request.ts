import type { ForwarderDocument } from '../../shared/model/documents'
import type { TelemetryCategory } from '../../shared/model/telemetry'
import type { ForwardAnswer, ForwardRequest } from '../forwarding/forwarding'
import type { KeptEntry } from '../telemetry/telemetry'

export type ForwardSignal = 'metrics' | 'traces' | 'logs'
export const forwardSignals: readonly ForwardSignal[] = ['metrics', 'traces', 'logs']

/** Makes requests of entries; `unfit`: places of those that OTLP has no form for. */
export interface ForwardEncoder {
  signalOf(category: TelemetryCategory): ForwardSignal
  /** A promise where the encoder is still to be loaded. */
  encode(
    signal: ForwardSignal,
    entries: readonly KeptEntry[],
    edge: { readonly id: string; readonly name: string },
    compression: 'gzip' | 'none',
  ): Encoded | Promise<Encoded>
}
interface Encoded {
  readonly body: Uint8Array
  readonly records: number
  readonly unfit: readonly number[]
}

/** To a destination as it is now. `misconfigured`: a secret is missing here that its headers name. */
export function forwardRequest(
  { url, headers, compression }: ForwarderDocument,
  signal: ForwardSignal,
  body: Uint8Array,
  secret: (name: string) => string | null,
): ForwardRequest | Extract<ForwardAnswer, { kind: 'misconfigured' }> {
  const values: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const text = typeof value === 'string' ? value : secret(value.secretRef)
    if (text === null) {
      const message = `The secret of the header "${name}" is not known on this controller.`
      return { kind: 'misconfigured', code: 'no-secret', message }
    }
    values[name] = text
  }
  return { url: `${url.replace(/\/$/, '')}/v1/${signal}`, headers: values, body, isGzip: compression === 'gzip' }
}
