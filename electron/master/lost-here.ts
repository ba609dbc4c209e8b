import { TELEMETRY_LOST } from '../../shared/model/telemetry'
import type { ArrivedBatch } from '../telemetry/telemetry'

/** What an edge says of this master: it no longer holds what it had acknowledged. Null: nothing. */
export function lostHere({ lane, entries }: ArrivedBatch): string | null {
  if (lane !== 'alerts') return null
  for (const { text, isBytes } of entries) {
    if (isBytes || !text.includes(TELEMETRY_LOST)) continue
    const body = JSON.parse(text) as { readonly name?: unknown; readonly state?: unknown; readonly text?: unknown }
    if (body.name === TELEMETRY_LOST && body.state === 'firing') return typeof body.text === 'string' ? body.text : ''
  }
  return null
}
