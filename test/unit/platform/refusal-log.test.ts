import { describe, expect, it } from 'vitest'
import { RefusalLog } from '../../../electron/platform/http/refusal-log'
import type { Logger } from '../../../electron/platform/ports'
import { manualClock } from '../../support/console-clock'

function begin() {
  const clock = manualClock()
  const lines: string[] = []
  const log: Logger = {
    log: (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    child: () => log,
  }
  return { clock, lines, refusals: new RefusalLog({ clock, log }) }
}

describe('refusals in the log', () => {
  it('are told once, then counted by the minute for as long as they come', () => {
    const { clock, lines, refusals } = begin()
    const tell = (n: number) => refusals.tell('192.0.2.1', 'warn', 'refused', { n })
    for (let n = 0; n < 1_000; n++) tell(n)
    expect(lines).toEqual(['warn refused {"n":0}'])
    clock.advance(60_000)
    expect(lines.slice(1)).toEqual(['warn refused {"n":999,"times":999}'])
    tell(1_000)
    tell(1_001)
    clock.advance(60_000)
    expect(lines.slice(2)).toEqual(['warn refused {"n":1001,"times":2}'])
    // Quiet for a minute: the next one is the first of its kind.
    clock.advance(120_000)
    expect([lines.length, clock.armed]).toEqual([3, 0])
    tell(7)
    expect(lines.slice(3)).toEqual(['warn refused {"n":7}'])
  })

  it('of one hide none of another, and those of ever so many fill no more than so many lines', () => {
    const { clock, lines, refusals } = begin()
    for (let n = 0; n < 10_000; n++) refusals.tell(`network ${n}`, 'warn', 'refused', { n })
    expect(lines).toHaveLength(257)
    expect(lines.at(1)).toContain('"n":1')
    clock.advance(60_000)
    expect(lines.slice(257)).toEqual(['warn refused {"n":9999,"times":9743,"of":"several"}'])
  })

  it('that were counted are written at the end, and nothing is armed any more', () => {
    const { clock, lines, refusals } = begin()
    for (let n = 0; n < 3; n++) refusals.tell('kim', 'warn', 'refused')
    refusals[Symbol.dispose]()
    expect(lines).toEqual(['warn refused {}', 'warn refused {"times":2}'])
    refusals.tell('kim', 'warn', 'refused')
    expect([lines.length, clock.armed]).toEqual([3, 0])
  })
})
