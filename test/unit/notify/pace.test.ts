import { describe, expect, test } from 'vitest'
import {
  ATTEMPTS_MAX,
  freeAt,
  paceAfter,
  REFUSED_AGAIN_MS,
  REFUSED_ATTEMPTS_MAX,
  retryAfter,
  RETRY_CAP_MS,
  RETRY_MS,
  type PaceAt,
} from '../../../electron/core/notify/pace'
import { CHANNEL_BURST } from '../../../shared/model/documents'

const HOUR = 3_600_000
const NOW = 1_750_000_000_000

describe('the rate of a channel', () => {
  test('lets some go at once after a calm, then no more than it says in the long run', () => {
    const perHour = 12
    let pace: PaceAt = null
    let now = NOW
    const sent: number[] = []
    while (now < NOW + 10 * HOUR) {
      now = Math.max(now, freeAt(pace, perHour, now))
      sent.push(now)
      pace = paceAfter(pace, perHour, now)
    }
    expect(sent.filter((at) => at === NOW)).toHaveLength(CHANNEL_BURST)
    for (const begin of sent) {
      const within = sent.filter((at) => at >= begin && at < begin + HOUR).length
      expect(within).toBeLessThanOrEqual(perHour + CHANNEL_BURST)
    }
    expect(sent.length).toBeLessThanOrEqual(10 * perHour + CHANNEL_BURST + 1)
  })

  test('holds nothing for longer than a full burst when the clock has gone back', () => {
    const pace = paceAfter(null, 60, NOW + 24 * HOUR)
    expect(freeAt(pace, 60, NOW)).toBeLessThanOrEqual(NOW + 60_000)
    expect(paceAfter(pace, 60, NOW)).toBeLessThanOrEqual(NOW + (CHANNEL_BURST + 1) * 60_000)
  })
})

describe('the wait after a failure', () => {
  const later = { kind: 'later', retryAfterMs: null } as const
  test('doubles up to its cap and takes any part of that; who names a time is waited for', () => {
    expect([1, 2, 3, 50].map((attempts) => retryAfter(later, attempts, 1))).toEqual([
      ...[RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS, RETRY_CAP_MS],
    ])
    expect(retryAfter(later, 3, 0.25)).toBe(RETRY_MS)
    expect(retryAfter({ ...later, retryAfterMs: 42_000 }, 1, 0)).toBe(42_000)
  })

  test('is long where a person has to change something, and ends', () => {
    const refused = { kind: 'refused', retryAfterMs: null } as const
    expect(retryAfter(refused, 1, 0)).toBe(REFUSED_AGAIN_MS)
    expect(retryAfter(refused, REFUSED_ATTEMPTS_MAX, 0)).toBeNull()
    expect(retryAfter(later, ATTEMPTS_MAX - 1, 1)).toBe(RETRY_CAP_MS)
    expect(retryAfter(later, ATTEMPTS_MAX, 1)).toBeNull()
  })
})
