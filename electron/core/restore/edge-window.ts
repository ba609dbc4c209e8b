import type { EdgeDocument } from '../../../shared/model/documents'
import type { WallMs } from '../../../shared/model/time'
import { nextOpenings, windowAt } from './window'

/** The window of an edge's document as a console shows it: the next five openings, and the zone they are meant in. */
export interface EdgeWindow {
  open: boolean
  nextOpenAt: number | null
  closesAt: number | null
  timeZone: string | null
  next: number[]
}

const NEXT_SHOWN = 5

/** `zone`: of schedules that name none. */
export function edgeWindow(edge: EdgeDocument | null, zone: string, now: WallMs): EdgeWindow {
  if (!edge?.windowStart || edge.windowLengthS === undefined) {
    return { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] }
  }
  const timeZone = edge.windowTimeZone ?? zone
  const schedule = { windowStart: edge.windowStart, windowLengthS: edge.windowLengthS, timeZone }
  const { open, nextOpenAt, closesAt } = windowAt(schedule, now)
  return {
    open,
    nextOpenAt,
    closesAt,
    timeZone,
    next: nextOpenings(schedule, now, NEXT_SHOWN).map((one) => one.opensAt),
  }
}
