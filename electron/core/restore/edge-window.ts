import type { EdgeDocument } from '../../../shared/model/documents'
import { HoldfastError } from '../../../shared/model/failures'
import type { WallMs } from '../../../shared/model/time'
import { checkSchedule } from './check'
import { nextOpenings, windowAt, type Opening, type WindowSchedule, type WindowState } from './window'

/** The window of an edge's document as a console shows it: the next five openings, and the zone they are meant in. */
export interface EdgeWindow {
  open: boolean
  nextOpenAt: number | null
  closesAt: number | null
  timeZone: string | null
  next: number[]
}

const NEXT_SHOWN = 5
/** As the document's schema allows. */
const LENGTH_S_MIN = 60
const LENGTH_S_MAX = 604_800

/** `zone`: of schedules that name none. Null: control comes back by hand only. */
export function windowOf(edge: EdgeDocument | null, zone: string, now: WallMs): (WindowState & WindowSchedule) | null {
  if (!edge?.windowStart || edge.windowLengthS === undefined) return null
  const { windowStart, windowLengthS, windowTimeZone: timeZone = zone } = edge
  const schedule = { windowStart, windowLengthS, timeZone }
  return { ...schedule, ...windowAt(schedule, now) }
}

/** `zone`: of schedules that name none. */
export function edgeWindow(edge: EdgeDocument | null, zone: string, now: WallMs): EdgeWindow {
  const window = windowOf(edge, zone, now)
  if (window === null) return { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] }
  const { open, nextOpenAt, closesAt, timeZone } = window
  return {
    open,
    nextOpenAt,
    closesAt,
    timeZone,
    next: nextOpenings(window, now, NEXT_SHOWN).map((one) => one.opensAt),
  }
}

/** The next openings of a schedule that is being edited. Throws `HoldfastError('invalid')` that names the field, its value and what it may be. */
export function openingsOf(schedule: WindowSchedule & { readonly stableForMs: number }, now: WallMs): Opening[] {
  const { windowLengthS } = schedule
  const isLength = Number.isInteger(windowLengthS) && windowLengthS >= LENGTH_S_MIN && windowLengthS <= LENGTH_S_MAX
  const lengthProblem = {
    field: 'windowLengthS',
    value: windowLengthS,
    allowed: `${LENGTH_S_MIN}..${LENGTH_S_MAX}`,
    message: 'The length is not a whole number of seconds in that range.',
  }
  const problems = isLength ? checkSchedule(schedule, now) : [lengthProblem]
  const [first] = problems
  if (first === undefined) return [...nextOpenings(schedule, now, NEXT_SHOWN)]
  throw new HoldfastError('invalid', `${first.field}: ${first.message}`, {
    hint: `Allowed: ${first.allowed}`,
    details: { problems: problems.map(({ field, value, allowed, message }) => ({ field, value, allowed, message })) },
  })
}
