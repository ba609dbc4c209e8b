import { describe, expect, it } from 'vitest'
import { isTimeZone } from '../../../electron/core/zone'
import { machineTimeZone } from '../../../electron/platform/time-zone'

describe("the machine's time zone", () => {
  it('is one that schedules can be read in, and means what the calendar means', () => {
    const zone = machineTimeZone({})
    expect(isTimeZone(zone)).toBe(true)
    const inZone = new Date(0).toLocaleString('en', { timeZone: zone })
    expect(inZone).toBe(
      new Date(0).toLocaleString('en', { timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone }),
    )
  })
})
