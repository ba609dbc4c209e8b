import { describe, expect, it } from 'vitest'
import { inTicks } from '../../../electron/platform/ticks'
import { monoMs } from '../../../shared/model/time'
import { manualClock } from '../../support/console-clock'

describe('a clock in ticks', () => {
  it('calls what is due within one tick together, late by less than a tick and never early', () => {
    const base = manualClock()
    const clock = inTicks(base, 20)
    const called: [string, number, number][] = []
    for (const at of [101, 119, 120, 121]) clock.at(monoMs(at), (lateMs) => called.push([`${at}`, base.mono(), lateMs]))
    expect(base.armed).toBe(2)
    base.advance(200)
    expect(called).toEqual([
      ['101', 120, 19],
      ['119', 120, 1],
      ['120', 120, 0],
      ['121', 140, 19],
    ])
    expect(base.armed).toBe(0)
  })

  it('calls at once what is due already', () => {
    const base = manualClock()
    base.advance(50)
    const late: number[] = []
    inTicks(base, 20).at(monoMs(10), (lateMs) => late.push(lateMs))
    base.advance(0)
    expect(late).toEqual([40])
  })

  it('never calls what was disposed of, also by another call of the same tick, and then keeps no timer', () => {
    const base = manualClock()
    const clock = inTicks(base, 20)
    const called: string[] = []
    const alone = clock.at(monoMs(30), () => called.push('alone'))
    alone[Symbol.dispose]()
    alone[Symbol.dispose]()
    expect(base.armed).toBe(0)
    let second: Disposable | null = null
    clock.at(monoMs(50), () => {
      called.push('first')
      second?.[Symbol.dispose]()
    })
    second = clock.at(monoMs(51), () => called.push('second'))
    base.advance(100)
    expect(called).toEqual(['first'])
  })

  it('takes a new timer in the tick that is being called as one of the next', () => {
    const base = manualClock()
    const clock = inTicks(base, 20)
    const called: number[] = []
    const again = () => {
      called.push(base.mono())
      if (called.length < 3) clock.at(monoMs(base.mono() + 20), again)
    }
    clock.at(monoMs(20), again)
    base.advance(100)
    expect(called).toEqual([20, 40, 60])
  })

  it('calls the others of a tick in which one throws, and throws then', () => {
    const base = manualClock()
    const clock = inTicks(base, 20)
    const called: string[] = []
    clock.at(monoMs(20), () => {
      throw new Error('broken')
    })
    clock.at(monoMs(20), () => called.push('the other'))
    expect(() => base.advance(20)).toThrow('broken')
    expect(called).toEqual(['the other'])
  })
})
