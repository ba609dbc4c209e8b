import { describe, expect, test } from 'vitest'
import { nextOpenings, windowAt } from '../../../electron/core/restore/window'
import type { WindowSchedule } from '../../../electron/core/restore/window'
import { wallMs } from '../../../shared/model/time'

const at = (iso: string) => wallMs(Date.parse(iso))
const iso = (instant: number | null) =>
  instant === null ? null : new Date(instant).toISOString().replace('.000Z', 'Z')
const berlin = (windowStart: string, windowLengthS = 3_600): WindowSchedule => ({
  windowStart,
  windowLengthS,
  timeZone: 'Europe/Berlin',
})
const opens = (schedule: WindowSchedule, from: string, count: number) =>
  nextOpenings(schedule, at(from), count).map(({ opensAt }) => iso(opensAt))

describe('a window every night at 02:00 for an hour in Berlin', () => {
  const nightly = berlin('0 2 * * *')

  test('is open from its first instant and closed at the instant its length has passed', () => {
    expect(windowAt(nightly, at('2024-01-10T00:59:59.999Z')).open).toBe(false)
    expect(windowAt(nightly, at('2024-01-10T01:00:00Z'))).toEqual({
      open: true,
      lastOpeningAt: at('2024-01-10T01:00:00Z'),
      closesAt: at('2024-01-10T02:00:00Z'),
      nextOpenAt: at('2024-01-11T01:00:00Z'),
    })
    expect(windowAt(nightly, at('2024-01-10T01:59:59.999Z')).open).toBe(true)
    expect(windowAt(nightly, at('2024-01-10T02:00:00Z'))).toEqual({
      open: false,
      lastOpeningAt: at('2024-01-10T01:00:00Z'),
      closesAt: null,
      nextOpenAt: at('2024-01-11T01:00:00Z'),
    })
  })

  test('opens at the first instant after the gap on the night 02:00 does not exist', () => {
    expect(opens(nightly, '2024-03-29T12:00:00Z', 4)).toEqual([
      '2024-03-30T01:00:00Z',
      '2024-03-31T01:00:00Z',
      '2024-04-01T00:00:00Z',
      '2024-04-02T00:00:00Z',
    ])
    expect(windowAt(nightly, at('2024-03-31T00:59:59Z')).open).toBe(false)
    expect(iso(windowAt(nightly, at('2024-03-31T01:00:00Z')).closesAt)).toBe('2024-03-31T02:00:00Z')
  })

  test('opens once, at the first of the two, on the night 02:00 happens twice, for an hour of elapsed time', () => {
    expect(opens(nightly, '2024-10-26T12:00:00Z', 3)).toEqual([
      '2024-10-27T00:00:00Z',
      '2024-10-28T01:00:00Z',
      '2024-10-29T01:00:00Z',
    ])
    expect(windowAt(nightly, at('2024-10-27T00:59:59Z')).open).toBe(true)
    expect(windowAt(nightly, at('2024-10-27T01:00:00Z')).open).toBe(false)
    expect(iso(windowAt(nightly, at('2024-10-27T01:30:00Z')).lastOpeningAt)).toBe('2024-10-27T00:00:00Z')
  })

  test('gives the same answer whichever way the clock is stepped', () => {
    const instants = [
      '2024-03-31T01:30:00Z',
      '2024-03-30T01:30:00Z',
      '2024-03-31T12:00:00Z',
      '2024-03-30T00:59:00Z',
      '2024-03-31T01:30:00Z',
    ]
    const answers = instants.map((instant) => windowAt(nightly, at(instant)).open)
    expect(answers).toEqual([true, true, false, false, true])
  })
})

test.each([
  ['half past two, in the gap', '30 2 * * *', '2024-03-30T12:00:00Z', ['2024-03-31T01:00:00Z', '2024-04-01T00:30:00Z']],
  [
    'several times in the gap and its end are one opening',
    '*/20 2,3 * * *',
    '2024-03-30T12:00:00Z',
    ['2024-03-31T01:00:00Z', '2024-03-31T01:20:00Z'],
  ],
  ['half past two, twice', '30 2 * * *', '2024-10-26T12:00:00Z', ['2024-10-27T00:30:00Z', '2024-10-28T01:30:00Z']],
  [
    'every hour skips the repeated one',
    '0 * * * *',
    '2024-10-26T23:00:00Z',
    ['2024-10-27T00:00:00Z', '2024-10-27T02:00:00Z'],
  ],
  ['with a field for seconds', '30 0 2 * * *', '2024-01-09T12:00:00Z', ['2024-01-10T01:00:30Z']],
  ['on 29 February only', '0 2 29 2 *', '2023-01-01T00:00:00Z', ['2024-02-29T01:00:00Z', '2028-02-29T01:00:00Z']],
  ['about every 60 days', '0 2 1 */2 *', '2024-01-01T12:00:00Z', ['2024-03-01T01:00:00Z', '2024-05-01T00:00:00Z']],
  [
    'on the last day of the month',
    '0 2 L * *',
    '2024-02-01T12:00:00Z',
    ['2024-02-29T01:00:00Z', '2024-03-31T01:00:00Z'],
  ],
])('openings: %s', (_what, windowStart, from, expected) => {
  expect(opens(berlin(windowStart), from, expected.length)).toEqual(expected)
})

test('an answer given in the second pass of a repeated hour knows what opened in the first', () => {
  const state = windowAt(berlin('50 2 * * *', 3_600), at('2024-10-27T01:10:00Z'))
  expect([state.open, iso(state.lastOpeningAt), iso(state.nextOpenAt)]).toEqual([
    true,
    '2024-10-27T00:50:00Z',
    '2024-10-28T01:50:00Z',
  ])
})

test('a window over midnight and the end of the month is still open the next day', () => {
  const late = berlin('0 23 * * *', 4 * 3_600)
  expect(iso(windowAt(late, at('2024-02-29T23:30:00Z')).lastOpeningAt)).toBe('2024-02-29T22:00:00Z')
  expect(windowAt(late, at('2024-03-01T01:59:59Z')).open).toBe(true)
  expect(windowAt(late, at('2024-03-01T02:00:00Z')).open).toBe(false)
})

test('a window of a week keeps its length in elapsed time over the change', () => {
  const week = berlin('0 12 25 3 *', 604_800)
  expect(iso(windowAt(week, at('2024-03-31T12:00:00Z')).closesAt)).toBe('2024-04-01T11:00:00Z')
})

test('a window of another zone changes with that zone', () => {
  const sydney = { windowStart: '30 2 * * *', windowLengthS: 600, timeZone: 'Australia/Sydney' }
  expect(opens(sydney, '2024-10-05T00:00:00Z', 2)).toEqual(['2024-10-05T16:00:00Z', '2024-10-06T15:30:00Z'])
  const lordHowe = { windowStart: '15 2 * * *', windowLengthS: 600, timeZone: 'Australia/Lord_Howe' }
  expect(opens(lordHowe, '2024-10-05T00:00:00Z', 1)).toEqual(['2024-10-05T15:30:00Z'])
})

test('a day that a zone skipped opens when the next one begins', () => {
  const apia = { windowStart: '0 12 30 12 *', windowLengthS: 600, timeZone: 'Pacific/Apia' }
  expect(opens(apia, '2011-12-29T00:00:00Z', 1)).toEqual(['2011-12-30T10:00:00Z'])
})

test('a schedule that cannot be read or never fires opens nothing', () => {
  for (const windowStart of ['', 'soon', '61 * * * *', '0 0 30 2 *', '@daily', '2030-01-01T00:00:00']) {
    expect(windowAt(berlin(windowStart), at('2024-01-10T01:00:00Z'))).toEqual({
      open: false,
      lastOpeningAt: null,
      closesAt: null,
      nextOpenAt: null,
    })
    expect(nextOpenings(berlin(windowStart), at('2024-01-10T01:00:00Z'), 5)).toEqual([])
  }
  expect(windowAt({ ...berlin('0 2 * * *'), timeZone: 'Mars/Olympus' }, at('2024-01-10T01:00:00Z')).open).toBe(false)
})

test('asking again costs next to nothing', () => {
  const schedule = berlin('0 2 * * *')
  const start = at('2024-01-10T03:00:00Z')
  windowAt(schedule, start)
  const began = performance.now()
  for (let i = 0; i < 20_000; i++) windowAt(schedule, wallMs(start + i * 100))
  expect((performance.now() - began) / 20_000).toBeLessThan(0.05)
})
