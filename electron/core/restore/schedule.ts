import { Cron, CronPattern } from 'croner'
import type { WallS } from '../zone'

/**
 * A cron expression taken apart: the seconds of a day at which it fires, ascending, and the days on which it does. Both know no zone: they speak of
 * wall time. Croner reads the expression and finds the days; what DST does to the result is decided in `zone.ts`, so no library's rule about DST applies.
 */
export interface Schedule {
  readonly times: readonly number[]
  readonly days: Cron
}
export type ScheduleReading = Schedule | { readonly refused: string }

const DAY_S = 86_400
const SCHEDULES_KEPT = 1_000
const readings = new Map<string, ScheduleReading>()

/** Reads an expression of 5 fields (minute hour day month weekday) or 6 (second first). */
export function readSchedule(expression: string): ScheduleReading {
  const known = readings.get(expression)
  if (known) return known
  const reading = parse(expression)
  if (readings.size >= SCHEDULES_KEPT) readings.clear()
  readings.set(expression, reading)
  return reading
}

function parse(expression: string): ScheduleReading {
  const fields = expression.trim().split(/\s+/)
  // Checked here because croner also takes nicknames and single dates.
  if (fields.length !== 5 && fields.length !== 6)
    return { refused: `has ${expression.trim() ? fields.length : 0} fields` }
  try {
    const pattern = new CronPattern(expression, 'UTC', { mode: '5-or-6-parts' })
    const days = new Cron(`0 0 ${fields.slice(-3).join(' ')}`, { timezone: 'UTC', mode: '5-part', paused: true })
    if (days.nextRun(new Date(REFERENCE_MS)) === null) return { refused: 'never fires' }
    return { times: timesOf(pattern), days }
  } catch (error) {
    return { refused: error instanceof Error ? error.message.replace(/^CronPattern: /, '') : 'cannot be read' }
  }
}
/** 2024-01-01: whether an expression ever fires does not depend on where one starts to look. */
const REFERENCE_MS = 1_704_067_200_000

function timesOf(pattern: CronPattern): number[] {
  const set = (flags: readonly number[]) => flags.flatMap((flag, value) => (flag ? [value] : []))
  const [hours, minutes, seconds] = [set(pattern.hour), set(pattern.minute), set(pattern.second)]
  return hours.flatMap((hour) =>
    minutes.flatMap((minute) => seconds.map((second) => hour * 3_600 + minute * 60 + second)),
  )
}

const startOfDay = (wall: WallS) => Math.floor(wall / DAY_S) * DAY_S

/** The first matching day that begins after `wall`; null: none in croner's reach. */
export function dayAfter(schedule: Schedule, wall: WallS): WallS | null {
  const day = schedule.days.nextRun(new Date(wall * 1_000))
  return day ? day.getTime() / 1_000 : null
}
/** The last matching day that begins before `wall`. */
function dayBefore(schedule: Schedule, wall: WallS): WallS | null {
  const [day] = schedule.days.previousRuns(1, new Date(wall * 1_000))
  return day ? day.getTime() / 1_000 : null
}

/** The last wall time at or before `wall` at which the schedule fires; null: none in croner's reach. */
export function firedBy(schedule: Schedule, wall: WallS): WallS | null {
  const today = startOfDay(wall)
  const day = dayBefore(schedule, today + 1)
  if (day === null) return null
  if (day < today) return day + (schedule.times.at(-1) ?? 0)
  const time = schedule.times.findLast((second) => today + second <= wall)
  if (time !== undefined) return today + time
  const earlier = dayBefore(schedule, today)
  return earlier === null ? null : earlier + (schedule.times.at(-1) ?? 0)
}

/** The first wall time after `wall` at which the schedule fires. */
export function firesAfter(schedule: Schedule, wall: WallS): WallS | null {
  const today = startOfDay(wall)
  if (dayBefore(schedule, today + 1) === today) {
    const time = schedule.times.find((second) => today + second > wall)
    if (time !== undefined) return today + time
  }
  const day = dayAfter(schedule, today)
  return day === null ? null : day + (schedule.times[0] ?? 0)
}
