import { expect, test } from 'vitest'
import { checkSchedule } from '../../../electron/core/restore/check'
import { wallMs } from '../../../shared/model/time'

const from = wallMs(Date.parse('2024-02-01T12:00:00Z'))
const good = { windowStart: '0 2 * * *', windowLengthS: 3_600, timeZone: 'Europe/Berlin', stableForMs: 10_000 }
const fields = (change: Partial<typeof good>) =>
  checkSchedule({ ...good, ...change }, from).map(({ field, allowed }) => [field, allowed])

test('a sound schedule has no problem', () => {
  expect(checkSchedule(good, from)).toEqual([])
})

test.each([
  '',
  'soon',
  '0 2 * *',
  '61 * * * *',
  '0 24 * * *',
  '0 0 30 2 *',
  '@daily',
  '2030-01-01T00:00:00',
  '0 2 * * * * 2030',
])('the schedule "%s" is refused by its field', (windowStart) => {
  expect(checkSchedule({ ...good, windowStart }, from)).toEqual([
    expect.objectContaining({
      field: 'windowStart',
      value: windowStart,
      message: expect.stringContaining(`"${windowStart}"`) as string,
    }),
  ])
})

test('a schedule that never fires says so', () => {
  expect(checkSchedule({ ...good, windowStart: '0 0 31 4,6,9,11 *' }, from)[0]?.message).toMatch(/never fires/)
})

test.each(['Mars/Olympus', '+02:00', '', 'Europe/'])('the zone "%s" is refused', (timeZone) => {
  expect(fields({ timeZone })).toEqual([['windowTimeZone', 'an IANA time zone, e.g. Europe/Berlin']])
})

test('a link must be able to become stable inside the window', () => {
  expect(fields({ windowLengthS: 60, stableForMs: 60_000 })).toEqual([
    ['stableForMs', "less than the window's 60000 ms"],
  ])
  expect(fields({ windowLengthS: 60, stableForMs: 59_999 })).toEqual([])
})

test.each([
  ['a day of 23 hours', { windowStart: '0 12 * * *', windowLengthS: 86_400 }, '60..82800'],
  ['a day is a day without DST', { windowStart: '0 12 * * *', windowLengthS: 86_400, timeZone: 'UTC' }, null],
  ['exactly the shortest distance', { windowStart: '0 12 * * *', windowLengthS: 82_800 }, null],
  ['the gap shortens the way from 01:00 to 03:00', { windowStart: '0 1,3 * * *', windowLengthS: 7_200 }, '60..3600'],
  ['two opening times a day', { windowStart: '0 8,18 * * *', windowLengthS: 36_001 }, '60..36000'],
  ['over midnight', { windowStart: '0 1,23 * * *', windowLengthS: 7_201, timeZone: 'UTC' }, '60..7200'],
  ['every minute', { windowStart: '* * * * *', windowLengthS: 61, timeZone: 'UTC' }, '60..60'],
  ['every second', { windowStart: '* * * * * *', windowLengthS: 60, stableForMs: 1_000 }, '60..1'],
  ['from Saturday to Sunday', { windowStart: '0 12 * * 6,0', windowLengthS: 86_401, timeZone: 'UTC' }, '60..86400'],
  ['every leap day', { windowStart: '0 2 29 2 *', windowLengthS: 604_800 }, null],
] as const)('length: %s', (_what, change, allowed) => {
  expect(fields(change)).toEqual(allowed === null ? [] : [['windowLengthS', allowed]])
})

test('the opening of this morning counts when tomorrow is short', () => {
  const eve = wallMs(Date.parse('2024-03-30T10:00:00Z'))
  const once = { ...good, windowStart: '30 1,3 30,31 3 *', windowLengthS: 80_000 }
  expect(checkSchedule(once, eve).map(({ allowed }) => allowed)).toEqual(['60..3600'])
})

test('the densest schedule is checked in well under a second', () => {
  const began = performance.now()
  for (const windowStart of ['* * * * *', '*/5 * * * *', '* * * * * *', '0 0 * * *'])
    checkSchedule({ ...good, windowStart, windowLengthS: 60 }, from)
  expect(performance.now() - began).toBeLessThan(3_000)
})
