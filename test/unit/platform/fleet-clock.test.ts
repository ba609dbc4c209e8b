import { describe, expect, it } from 'vitest'
import { after } from '../../../shared/model/time'
import { FleetClock } from '../../support/fleet/fleet-clock'
import { peakToMean, spreadOf } from '../../support/fleet/rates'

describe('the clock of a simulated fleet', () => {
  it('leaps half an hour, calls each timer at its instant and in order, and goes on from there', async () => {
    using clock = new FleetClock()
    const began = clock.mono()
    const called: number[] = []
    const every = (ms: number, times: number): void => {
      clock.at(after(clock.mono(), ms), (lateMs) => {
        expect(lateMs).toBe(0)
        called.push(clock.mono() - began)
        if (times > 1) void Promise.resolve().then(() => every(ms, times - 1))
      })
    }
    every(3_000, 1_000)
    every(7_000, 1_000)
    clock.at(after(began, 60_000), () => called.push(-1))[Symbol.dispose]()
    await clock.leap(1_800_000)
    expect(called).toHaveLength(Math.floor(1_800_000 / 3_000) + Math.floor(1_800_000 / 7_000))
    expect(called).toEqual(called.toSorted((a, b) => a - b))
    expect(clock.mono() - began).toBeGreaterThanOrEqual(1_800_000)
    // What was armed before the leap waits for nothing any more.
    const late = await new Promise<number>((resolve) => clock.at(after(clock.mono(), 5), resolve))
    expect(late).toBeLessThan(1_500)
  })
})

describe('how evenly things happen', () => {
  it('is one for an even rate, and many times as much for a crowd at one instant', () => {
    const even = Array.from({ length: 1_000 }, (_, index) => index * 3)
    expect(peakToMean(even, 300).ratio).toBeCloseTo(1, 1)
    const crowd = [
      ...Array.from({ length: 900 }, () => 1_500),
      ...Array.from({ length: 100 }, (_, index) => index * 30),
    ]
    expect(peakToMean(crowd, 300).ratio).toBeGreaterThan(8)
    // A peak on the border of two windows is none the smaller.
    expect(peakToMean([0, 290, 295, 300, 305, 310, 1_000], 100)).toMatchObject({ peakPerS: 50 })
    expect(spreadOf([1, 2, 3, 4])).toMatchObject({ p50: 3, max: 4 })
  })
})
