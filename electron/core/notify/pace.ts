import { CHANNEL_BURST } from '../../../shared/model/documents'

const HOUR_MS = 3_600_000
export const RETRY_MS = 5_000
export const RETRY_CAP_MS = 300_000
/** About half a day of attempts. */
export const ATTEMPTS_MAX = 300
/** Who is refused for good is to be changed by a person: about an hour. */
export const REFUSED_AGAIN_MS = 300_000
export const REFUSED_ATTEMPTS_MAX = 12

/**
 * The rate of one channel as one instant: when the messages sent so far would all have gone if they had gone evenly. Null: none has. Some may go ahead of their
 * time, so that a calm channel tells at once.
 */
export type PaceAt = number | null

/** Epoch ms from which on another message may go. */
export function freeAt(pace: PaceAt, perHourMax: number, now: number): number {
  const everyMs = HOUR_MS / perHourMax
  if (pace === null) return now
  // Farther ahead than that it was written before the clock went back.
  return Math.min(pace, now + CHANNEL_BURST * everyMs) - (CHANNEL_BURST - 1) * everyMs
}

export function paceAfter(pace: PaceAt, perHourMax: number, now: number): number {
  const everyMs = HOUR_MS / perHourMax
  return Math.max(Math.min(pace ?? now, now + CHANNEL_BURST * everyMs), now) + everyMs
}

/**
 * How long to wait after `failures` one after the other where the other side names no time: 5 s, doubled each time up to its cap, and of that by chance any part,
 * so that many who wait do not come back in step. `fraction`: 0 to 1.
 */
export function growingWaitMs(failures: number, fraction: number): number {
  return Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** Math.min(10, failures - 1)) * fraction
}

/** How long to wait after `attempts` that failed one after the other; null: it is given up. */
export function retryAfter(
  answer: { readonly kind: 'later' | 'refused'; readonly retryAfterMs: number | null },
  attempts: number,
  fraction: number,
): number | null {
  if (attempts >= (answer.kind === 'refused' ? REFUSED_ATTEMPTS_MAX : ATTEMPTS_MAX)) return null
  if (answer.kind === 'refused') return REFUSED_AGAIN_MS
  return answer.retryAfterMs ?? growingWaitMs(attempts, fraction)
}
