import { describe, expect, it } from 'vitest'
import { calendarOf } from '../../../electron/core/calendar'
import { monoMs, wallMs } from '../../../shared/model/time'

function clocks() {
  const now = { mono: 1_000, wall: 1_800_000_000_000 }
  return { now, mono: () => monoMs(now.mono), wall: () => wallMs(now.wall) }
}

describe('the calendar of monotonic instants', () => {
  it('gives an instant the same time however the two clocks are rounded', () => {
    const clock = clocks()
    const first = calendarOf(clock)(monoMs(400))
    clock.now.mono += 5_000.7
    clock.now.wall += 5_000
    expect(calendarOf(clock)(monoMs(400))).toBe(first)
  })

  it('follows a calendar that was set', () => {
    const clock = clocks()
    const first = calendarOf(clock)(monoMs(400))
    clock.now.wall += 3_600_000
    expect(calendarOf(clock)(monoMs(400))).toBe(first + 3_600_000)
  })
})
