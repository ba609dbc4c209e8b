import { describe, expect, it } from 'vitest'
import { offlineFrom, reachOf, type Heard } from '../../../electron/core/fleet/reach'
import { monoMs } from '../../../shared/model/time'

const heard = (heardAt: number | null, listeningFrom = 0, offlineAfterMs: number | null = null): Heard => ({
  ...{ heardAt: heardAt === null ? null : monoMs(heardAt), listeningFrom: monoMs(listeningFrom), offlineAfterMs },
})

describe('how far a node is within reach', () => {
  const cases: [string, Heard, number, ReturnType<typeof reachOf>][] = [
    ['heard now', heard(1_000), 1_000, 'online'],
    ['four heartbeats missing', heard(1_000), 10_999, 'online'],
    ['five heartbeats missing', heard(1_000), 11_000, 'degraded'],
    ['just before the threshold', heard(1_000), 90_999, 'degraded'],
    ['at the threshold', heard(1_000), 91_000, 'offline'],
    ['never heard, and nobody listened for long', heard(null), 89_999, 'unknown'],
    ['never heard in all that time', heard(null), 90_000, 'offline'],
    ['heard before the machine slept', heard(1_000, 500_000), 500_001, 'unknown'],
    ['not heard since it woke', heard(1_000, 500_000), 590_000, 'offline'],
    ['heard since it woke', heard(500_500, 500_000), 500_600, 'online'],
    ['with a threshold of its own', heard(1_000, 0, 300_000), 300_999, 'degraded'],
    ['with a threshold shorter than being late', heard(1_000, 0, 4_000), 4_999, 'online'],
    ['past it', heard(1_000, 0, 4_000), 5_000, 'offline'],
  ]
  it.each(cases)('%s', (_, of, now, reach) => {
    expect(reachOf(of, monoMs(now))).toBe(reach)
  })

  it('is offline from the instant its threshold was passed, however late that is noticed', () => {
    for (const of of [heard(1_000), heard(null), heard(0, 5_000), heard(2_000, 0, 12_345)]) {
      const from = offlineFrom(of)
      expect(reachOf(of, from)).toBe('offline')
      expect(reachOf(of, monoMs(from - 1))).not.toBe('offline')
    }
  })
})
