import { wallMs } from '../../../shared/model/time'
import type { WallMs } from '../../../shared/model/time'
import { firedBy, firesAfter, readSchedule } from './schedule'
import type { Schedule } from './schedule'
import { instantOf, isTimeZone, reachedWall } from '../zone'

/** A restore window as an edge's document states it. `timeZone`: the document's, or the edge's own. */
export interface WindowSchedule {
  readonly windowStart: string
  readonly windowLengthS: number
  readonly timeZone: string
}

export interface WindowState {
  readonly open: boolean
  /** The last opening at or before now; null: there never was one. */
  readonly lastOpeningAt: WallMs | null
  /** Null: not open. */
  readonly closesAt: WallMs | null
  /** The first opening after now; null: none in sight. */
  readonly nextOpenAt: WallMs | null
}

/** A schedule that `checkSchedule` refuses opens nothing: control then comes back by hand only. */
const neverOpen: WindowState = { open: false, lastOpeningAt: null, closesAt: null, nextOpenAt: null }

/**
 * An answer stays right until the next opening or closing, in both directions of a clock step, so the last one per schedule is kept with the
 * interval [`from`, `until`) in which it holds. A memory of a pure function: it changes the cost, never the answer.
 */
interface Remembered {
  readonly from: number
  readonly until: number
  readonly state: WindowState
}
const STATES_KEPT = 1_000
const remembered = new Map<string, Remembered>()

/** Where `now` lies: in the window iff the last opening at or before now + length > now. */
export function windowAt(schedule: WindowSchedule, now: WallMs): WindowState {
  const key = `${schedule.windowStart}\n${schedule.windowLengthS}\n${schedule.timeZone}`
  const known = remembered.get(key)
  if (known && known.from <= now && now < known.until) return known.state
  const fresh = evaluate(schedule, now)
  if (!known && remembered.size >= STATES_KEPT) remembered.clear()
  remembered.set(key, fresh)
  return fresh.state
}

function evaluate(schedule: WindowSchedule, now: WallMs): Remembered {
  const reading = readSchedule(schedule.windowStart)
  if ('refused' in reading || !isTimeZone(schedule.timeZone))
    return { from: -Infinity, until: Infinity, state: neverOpen }
  const reached = reachedWall(schedule.timeZone, Math.floor(now / 1_000))
  const lastOpeningAt = opening(schedule.timeZone, firedBy(reading, reached))
  const nextOpenAt = opening(schedule.timeZone, firesAfter(reading, reached))
  const shuts = lastOpeningAt === null ? -Infinity : lastOpeningAt + schedule.windowLengthS * 1_000
  const open = lastOpeningAt !== null && shuts > now
  const next = nextOpenAt ?? Infinity
  return {
    from: open ? lastOpeningAt : shuts,
    until: open ? Math.min(shuts, next) : next,
    state: { open, lastOpeningAt, closesAt: open ? wallMs(shuts) : null, nextOpenAt },
  }
}

function opening(zone: string, wall: number | null): WallMs | null {
  return wall === null ? null : wallMs(instantOf(zone, wall) * 1_000)
}

export interface Opening {
  readonly opensAt: WallMs
  readonly closesAt: WallMs
}

/** The first `count` (at most 100) openings after `from`, ascending. */
export function nextOpenings(schedule: WindowSchedule, from: WallMs, count: number): readonly Opening[] {
  const reading = readSchedule(schedule.windowStart)
  if ('refused' in reading || !isTimeZone(schedule.timeZone)) return []
  const openings: Opening[] = []
  for (const opensAt of openingsAfter(reading, schedule.timeZone, from)) {
    if (openings.length >= Math.min(count, OPENINGS_MAX)) break
    openings.push({ opensAt, closesAt: wallMs(opensAt + schedule.windowLengthS * 1_000) })
  }
  return openings
}
const OPENINGS_MAX = 100

function* openingsAfter(schedule: Schedule, zone: string, from: WallMs): Generator<WallMs> {
  let wall = firesAfter(schedule, reachedWall(zone, Math.floor(from / 1_000)))
  let last: WallMs | null = null
  while (wall !== null) {
    const at = opening(zone, wall)
    // All wall times inside a gap open at its end, which is one opening.
    if (at !== null && at !== last) yield at
    last = at
    wall = firesAfter(schedule, wall)
  }
}
