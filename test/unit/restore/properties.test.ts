import { CronExpressionParser } from 'cron-parser'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextOpenings, windowAt } from '../../../electron/core/restore/window'
import { instantOf, offsetAt, reachedWall, wallOf } from '../../../electron/core/zone'
import { wallMs } from '../../../shared/model/time'

/** Both hemispheres, half and three-quarter hours, changes at midnight, a change of half an hour, DST with a negative sign, none at all. */
const zones = [
  'Europe/Berlin',
  'Europe/Dublin',
  'America/New_York',
  'America/St_Johns',
  'America/Santiago',
  'America/Havana',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'Australia/Adelaide',
  'Pacific/Chatham',
  'Asia/Kolkata',
  'UTC',
] as const
const DAY_S = 86_400
const begin = Date.UTC(2024, 0, 1) / 1_000
const end = Date.UTC(2031, 0, 1) / 1_000

/** Every change of offset of 2024-2030, found day by day. */
const changes = zones.flatMap((zone) => {
  const found: { zone: string; at: number }[] = []
  for (let at = begin; at < end; at += DAY_S) {
    if (offsetAt(zone, at) === offsetAt(zone, at + DAY_S)) continue
    let first = at
    while (offsetAt(zone, first) === offsetAt(zone, at)) first += 900
    found.push({ zone, at: first })
  }
  return found
})

const zone = fc.constantFrom(...zones)
const instant = fc.integer({ min: begin, max: end })
const near = fc
  .tuple(fc.constantFrom(...changes), fc.integer({ min: -2 * DAY_S, max: 2 * DAY_S }))
  .map(([change, by]) => ({ zone: change.zone, at: change.at + by }))
const place = fc.oneof(near, fc.record({ zone, at: instant }))

const field = (low: number, high: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    {
      weight: 4,
      arbitrary: fc
        .uniqueArray(fc.integer({ min: low, max: high }), { minLength: 1, maxLength: 3 })
        .map((list) => list.join(',')),
    },
    { weight: 2, arbitrary: fc.integer({ min: 2, max: Math.min(15, high - low) }).map((step) => `*/${step}`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }))
        .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    },
  )
const hour = fc.oneof(fc.constantFrom('0', '1', '2', '3', '23', '1-3', '2,3'), field(0, 23))
const minute = fc.oneof(fc.constantFrom('0', '30', '15,45', '*/20'), field(0, 59))
const cron = fc.tuple(minute, hour, field(1, 28), field(1, 12), field(0, 6)).map((fields) => fields.join(' '))

test('there are changes to test with', () => {
  expect(changes.length).toBeGreaterThan(150)
})

test('a wall time that exists is shown at its instant, and never at an earlier one that day', () => {
  fc.assert(
    fc.property(place, ({ zone, at }) => {
      const wall = wallOf(zone, at)
      const first = instantOf(zone, wall)
      expect(wallOf(zone, first)).toBe(wall)
      expect(first).toBeLessThanOrEqual(at)
      expect(at - first).toBeLessThanOrEqual(2 * 3_600)
      if (first < at) expect(offsetAt(zone, first)).not.toBe(offsetAt(zone, at))
    }),
    { numRuns: 2_000 },
  )
})

test('a later wall time never comes earlier, and what was reached is exactly what lies behind', () => {
  fc.assert(
    fc.property(place, fc.integer({ min: 0, max: 3 * 3_600 }), ({ zone, at }, ahead) => {
      const wall = at + offsetAt(zone, at)
      expect(instantOf(zone, wall + ahead)).toBeGreaterThanOrEqual(instantOf(zone, wall))
      const reached = reachedWall(zone, at)
      expect(instantOf(zone, reached)).toBeLessThanOrEqual(at)
      expect(instantOf(zone, reached + 1)).toBeGreaterThan(at)
    }),
    { numRuns: 2_000 },
  )
})

/** What the rule says, second by second would be too slow: minute by minute, with another library deciding which wall times match. */
function openingsByDefinition(expression: string, zone: string, from: number, until: number): number[] {
  const matches = CronExpressionParser.parse(expression, { tz: 'UTC' })
  const isMatch = (wall: number) => matches.includesDate(new Date(wall * 1_000))
  const openings: number[] = []
  const seen = new Set<number>()
  // Earlier than `from`, so that the first pass of an hour has been seen when the second begins.
  let previous: number | null = null
  for (let at = Math.ceil((from - 3 * 3_600) / 60) * 60; at <= until; at += 60) {
    const wall = wallOf(zone, at)
    let isOpening = false
    if (previous !== null)
      for (let skipped = previous + 60; skipped < wall; skipped += 60) isOpening ||= isMatch(skipped)
    if (!seen.has(wall) && isMatch(wall)) isOpening = true
    seen.add(wall)
    previous = wall
    if (isOpening && at > from) openings.push(at)
  }
  return openings
}

function expectDefinedOpenings(windowStart: string, zone: string, around: number) {
  const [from, until] = [around - 6 * 3_600, around + 6 * 3_600]
  const expected = openingsByDefinition(windowStart, zone, from, until).slice(0, 40)
  const openings = nextOpenings({ windowStart, windowLengthS: 60, timeZone: zone }, wallMs(from * 1_000), 40)
  expect(openings.map(({ opensAt }) => opensAt / 1_000).filter((opening) => opening <= until)).toEqual(expected)
}

test.each(['0 2 * * *', '*/30 0-3,23 * * *'])(
  'the openings of "%s" are those of the definition at every change of 2024 to 2030',
  (windowStart) => {
    for (const { zone, at } of changes) expectDefinedOpenings(windowStart, zone, at)
  },
)

test('openings are those of the definition for any schedule near any change', () => {
  fc.assert(
    fc.property(cron, near, (windowStart, { zone, at }) => expectDefinedOpenings(windowStart, zone, at)),
    { numRuns: 150 },
  )
})

test('far from any change the next opening is the one another library finds', () => {
  fc.assert(
    fc.property(cron, instant, (windowStart, at) => {
      const schedule = { windowStart, windowLengthS: 60, timeZone: 'Asia/Kolkata' }
      const peer = CronExpressionParser.parse(windowStart, { tz: 'Asia/Kolkata', currentDate: new Date(at * 1_000) })
      const state = windowAt(schedule, wallMs(at * 1_000))
      expect(state.nextOpenAt).toBe(peer.next().getTime())
      const before = CronExpressionParser.parse(windowStart, {
        tz: 'Asia/Kolkata',
        currentDate: new Date(at * 1_000 + 1),
      })
      expect(state.lastOpeningAt).toBe(before.prev().getTime())
    }),
    { numRuns: 500 },
  )
})

test('an instant is in the window exactly when an opening lies less than the length before it', () => {
  fc.assert(
    fc.property(
      cron,
      place,
      fc.integer({ min: 60, max: 20_000 }),
      fc.integer({ min: 0, max: 999 }),
      (windowStart, { zone, at }, windowLengthS, ms) => {
        const schedule = { windowStart, windowLengthS, timeZone: zone }
        const now = wallMs(at * 1_000 + ms)
        const state = windowAt(schedule, now)
        const reach = wallMs(now - windowLengthS * 1_000)
        const [opening] = nextOpenings(schedule, reach, 1)
        expect(state.open).toBe(opening !== undefined && opening.opensAt <= now)
        if (state.open) expect(state.closesAt).toBe((state.lastOpeningAt ?? 0) + windowLengthS * 1_000)
        // The memory of earlier answers must not show: asked in between, the same again.
        windowAt(schedule, wallMs(now + 7 * DAY_S * 1_000))
        expect(windowAt(schedule, now)).toEqual(state)
      },
    ),
    { numRuns: 1_000 },
  )
})
