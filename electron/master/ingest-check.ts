import { laneOf, ENTRY_BYTES_MAX, type TelemetryLane } from '../../shared/model/telemetry'
import { wallMs } from '../../shared/model/time'
import type { ReceivedEntry } from '../../shared/wire/payload'
import type { ArrivedEntry } from '../telemetry/telemetry'

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const NO_INSTANT = wallMs(0)

/** What can never be stored is rejected for good, with its reason; its neighbours go through. */
export function arrivedEntry(entry: ReceivedEntry, lane: TelemetryLane): ArrivedEntry {
  const rejection = rejectionOf(entry, lane)
  return rejection === null ? entry : { ...entry, at: NO_INSTANT, text: '', rejection }
}

function rejectionOf(
  { category, at, text, isBytes }: ReceivedEntry,
  lane: TelemetryLane,
): NonNullable<ArrivedEntry['rejection']> | null {
  const reject = (code: string, message: string) => ({ code, message })
  // Base64 is a third longer than its bytes; text in UTF-8 is at least as long as in memory.
  if (text.length > (isBytes ? Math.ceil(ENTRY_BYTES_MAX / 3) * 4 : ENTRY_BYTES_MAX))
    return reject('too-large', `An entry holds at most ${ENTRY_BYTES_MAX} bytes`)
  if (!Number.isSafeInteger(at)) return reject('invalid', 'The instant is no whole number of milliseconds')
  if (laneOf(category) !== lane) return reject('invalid', `${category} do not belong to this feed`)
  if (isBytes) return BASE64.test(text) ? null : reject('invalid', 'The body is not base64')
  try {
    JSON.parse(text)
    return null
  } catch {
    return reject('invalid', 'The body is not JSON')
  }
}
