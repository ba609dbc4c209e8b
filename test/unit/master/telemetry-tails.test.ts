import { describe, expect, test } from 'vitest'
import { TelemetryTails } from '../../../electron/master/telemetry-tails'
import type { LogTail, PointTail } from '../../../shared/console/data-views'
import { wallMs } from '../../../shared/model/time'
import type { LogLine } from '../../../electron/telemetry/telemetry'
import { SettlingClock } from '../../support/settling-clock'

const AT = wallMs(1_750_000_000_000)
const line = (id: number, more: Partial<LogLine> = {}): LogLine => ({
  ...{ id, at: AT, severity: 9, text: `line ${id}`, attributes: {}, service: null, traceId: null, historical: false },
  ...more,
})

describe('those who look on while telemetry becomes searchable', () => {
  test('get what fits their filter, together, soon', async () => {
    const clock = new SettlingClock(AT)
    using tails = new TelemetryTails(clock)
    const [all, some]: [LogTail[], LogTail[]] = [[], []]
    tails.logs('berlin', {}, (body) => all.push(body))
    tails.logs('berlin', { text: 'PUMP off', severityMin: 13 }, (body) => some.push(body))
    const pump = line(2, { text: 'The pump', attributes: { state: 'OFF' }, severity: 13 })
    tails.tell('berlin', { lines: [line(1), pump] })
    tails.tell('berlin', { lines: [line(3, { text: 'pump off' })] })
    tails.tell('oslo', { lines: [line(4)] })
    expect(all).toEqual([])
    await clock.pass(200)
    expect(all.map(({ lines }) => lines.map(({ id }) => id))).toEqual([[1, 2, 3]])
    expect(some).toEqual([{ lines: [pump], dropped: 0 }])
  })
  test('get the newest of a flood, and how many were left out', async () => {
    const clock = new SettlingClock(AT)
    using tails = new TelemetryTails(clock)
    const heard: LogTail[] = []
    tails.logs('berlin', {}, (body) => heard.push(body))
    for (let n = 0; n < 5; n++)
      tails.tell('berlin', { lines: Array.from({ length: 100 }, (_, i) => line(n * 100 + i)) })
    await clock.pass(1_000)
    expect(heard).toHaveLength(1)
    expect([heard[0]!.lines.length, heard[0]!.lines.at(-1)?.id, heard[0]!.dropped]).toEqual([200, 499, 300])
    tails.tell('berlin', { lines: [line(500)] })
    await clock.pass(1_000)
    expect(heard[1]).toMatchObject({ dropped: 0 })
  })
  test('get the points of their series, and cost nothing when they are gone', async () => {
    const clock = new SettlingClock(AT)
    using tails = new TelemetryTails(clock)
    const heard: PointTail[] = []
    const off = tails.points('berlin', [7], (body) => heard.push(body))
    expect(tails.of('berlin')).toEqual({ points: [] })
    const points = [1, 7, 7].map((series, n) => ({ series, at: AT + n, value: n }))
    tails.tell('berlin', { points })
    await clock.pass(200)
    expect(heard).toEqual([{ points: points.slice(1), dropped: 0 }])
    tails.tell('berlin', { points })
    off()
    expect([tails.of('berlin'), clock.timers]).toEqual([undefined, 0])
  })
})
