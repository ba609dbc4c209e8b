import { describe, expect, it } from 'vitest'
import { FailureCounter } from '../../../electron/link/failure-counter'
import { monoMs } from '../../../shared/model/time'

describe('failure counter', () => {
  it('limits the eleventh failure within five minutes and says how long', () => {
    const counter = new FailureCounter()
    for (let n = 0; n < 10; n++) expect(counter.failed(['a'], monoMs(n * 1_000))).toBeNull()
    expect(counter.failed(['a'], monoMs(10_000))).toBe(290_000)
    expect(counter.failed(['other'], monoMs(10_000))).toBeNull()
  })

  it('counts by address and by edge, whichever is worse', () => {
    const counter = new FailureCounter()
    for (let n = 0; n < 10; n++) counter.failed([`address ${n}`, 'edge berlin'], monoMs(0))
    expect(counter.failed(['address new', 'edge berlin'], monoMs(1))).toBe(299_999)
    expect(counter.failed(['address new', 'edge hamburg'], monoMs(1))).toBeNull()
  })

  it('lets go when the oldest failures are five minutes old, however much was tried meanwhile', () => {
    const counter = new FailureCounter()
    for (let n = 0; n < 10; n++) counter.failed(['a'], monoMs(n))
    for (let n = 0; n < 1_000; n++) expect(counter.failed(['a'], monoMs(100_000 + n))).not.toBeNull()
    expect(counter.failed(['a'], monoMs(300_010))).toBeNull()
  })

  it('holds a bounded number of keys and forgets the one that failed longest ago', () => {
    const counter = new FailureCounter()
    for (let n = 0; n < 9; n++) counter.failed(['persistent'], monoMs(0))
    for (let n = 0; n < 25_000; n++) {
      counter.failed([`one of many ${n}`], monoMs(1))
      if (n % 5_000 === 0) counter.failed(['persistent'], monoMs(1))
    }
    expect(counter.size).toBe(10_000)
    expect(counter.failed(['persistent'], monoMs(2))).not.toBeNull()
  })
})
