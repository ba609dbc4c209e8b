import type { WallMs } from '../../../shared/model/time'
import { dayAfter, readSchedule } from './schedule'
import type { Schedule } from './schedule'
import type { WindowSchedule } from './window'
import { instantOf, isTimeZone, offsetAt, reachedWall } from '../zone'

/** Which field of the edge's document is wrong, and what it may be. */
export interface ScheduleProblem {
  readonly field: 'windowStart' | 'windowLengthS' | 'windowTimeZone' | 'stableForMs'
  readonly value: string | number
  readonly allowed: string
  readonly message: string
}

const DAY_S = 86_400
/** How far ahead openings are compared. Longer than a year, so that both changes of DST and every month are seen. */
const HORIZON_DAYS = 400

/** What speaks against a schedule, looking ahead from `from`; empty: nothing. */
export function checkSchedule(
  schedule: WindowSchedule & { readonly stableForMs: number },
  from: WallMs,
): readonly ScheduleProblem[] {
  const { windowStart, windowLengthS, timeZone, stableForMs } = schedule
  const problems: ScheduleProblem[] = []
  const reading = readSchedule(windowStart)
  if ('refused' in reading) {
    const allowed = 'a cron expression of 5 or 6 fields that fires, e.g. 0 2 * * *'
    problems.push({
      field: 'windowStart',
      value: windowStart,
      allowed,
      message: `The schedule "${windowStart}" ${describe(reading.refused)}.`,
    })
  }
  if (!isTimeZone(timeZone)) {
    const allowed = 'an IANA time zone, e.g. Europe/Berlin'
    problems.push({
      field: 'windowTimeZone',
      value: timeZone,
      allowed,
      message: `The time zone "${timeZone}" is not known.`,
    })
  }
  if (stableForMs >= windowLengthS * 1_000) {
    const allowed = `less than the window's ${windowLengthS * 1_000} ms`
    problems.push({
      field: 'stableForMs',
      value: stableForMs,
      allowed,
      message: 'A link cannot become stable before the window closes again.',
    })
  }
  if ('refused' in reading || !isTimeZone(timeZone)) return problems
  const shortest = shortestDistanceS(reading, timeZone, from)
  if (windowLengthS > shortest) {
    const allowed = `60..${shortest}`
    const message = `The window is longer than the shortest time between two openings in the next ${HORIZON_DAYS} days (${shortest} s).`
    problems.push({ field: 'windowLengthS', value: windowLengthS, allowed, message })
  }
  return problems
}

const describe = (refused: string) => (/^(has|never|cannot)/.test(refused) ? refused : `cannot be read: ${refused}`)

/** The shortest time between two openings in the next 400 days; `Infinity`: there is at most one. */
export function shortestDistanceS(schedule: Schedule, zone: string, from: WallMs): number {
  const { times } = schedule
  const [first = 0, last = 0] = [times[0], times.at(-1)]
  const withinDay = times.slice(1).reduce((least, time, index) => Math.min(least, time - (times[index] ?? 0)), Infinity)
  let shortest = Infinity
  let previous = -Infinity
  const visit = (instant: number) => {
    // Equal: wall times of one gap, which is one opening.
    if (instant !== previous) shortest = Math.min(shortest, instant - previous)
    previous = instant
  }
  const begin = Math.floor(from / 1_000)
  const end = begin + HORIZON_DAYS * DAY_S
  // From today on: what opened this morning may be closer to tomorrow's opening than any later pair.
  for (let day = dayAfter(schedule, reachedWall(zone, begin) - DAY_S); day !== null; day = dayAfter(schedule, day)) {
    if (day > end) break
    if (offsetAt(zone, day - 2 * DAY_S) === offsetAt(zone, day + 2 * DAY_S)) {
      // A day without a change: only its edges have to be placed.
      visit(instantOf(zone, day + first))
      shortest = Math.min(shortest, withinDay)
      previous = instantOf(zone, day + last)
    } else if (withinDay < 60) {
      // Too dense for any window, whatever the change does to it.
      return Math.min(shortest, withinDay)
    } else {
      for (const time of times) visit(instantOf(zone, day + time))
    }
  }
  return shortest
}
