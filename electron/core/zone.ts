/**
 * Wall time and instants, both in whole seconds. A *wall time* is the reading of a clock in a zone, written as if it were UTC; it has no offset.
 * Only `Intl` knows the zones, so every question is asked of it; answers are remembered per zone, never per instant.
 */
export type WallS = number
export type InstantS = number

const DAY_S = 86_400
/** Zones whose formatter is kept. Far above what one master's edges use. */
const ZONES_KEPT = 1_000
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  if (formats.size >= ZONES_KEPT) formats.clear()
  formats.set(zone, format)
  return format
}

/** Whether `zone` names an IANA zone. Bare offsets such as `+02:00` are none: they know no DST. */
export function isTimeZone(zone: string): boolean {
  if (!/^[A-Za-z]/.test(zone)) return false
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

/** What a clock in `zone` shows at `instant`. */
export function wallOf(zone: string, instant: InstantS): WallS {
  const field: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of formatOf(zone).formatToParts(instant * 1_000)) field[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = field
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1_000
}

/** Seconds to add to UTC to get the wall time. */
export function offsetAt(zone: string, instant: InstantS): number {
  return wallOf(zone, instant) - instant
}

/** The first instant in (`from`, `to`] whose offset differs from the one at `from`. There must be exactly one change between them. */
export function changeBetween(zone: string, from: InstantS, to: InstantS): InstantS {
  const before = offsetAt(zone, from)
  let last = from
  let first = to
  while (first - last > 1) {
    const middle = Math.floor((last + first) / 2)
    if (offsetAt(zone, middle) === before) last = middle
    else first = middle
  }
  return first
}

/**
 * When a clock in `zone` first shows `wall`: a wall time that occurs twice is the first of the two, one that does not occur is the first
 * instant after the gap. Never falls as `wall` rises.
 */
export function instantOf(zone: string, wall: WallS): InstantS {
  // No zone changes twice within two days, so these are the only offsets that can be in force.
  const before = offsetAt(zone, wall - DAY_S)
  const after = offsetAt(zone, wall + DAY_S)
  const early = wall - Math.max(before, after)
  if (before === after || offsetAt(zone, early) === wall - early) return early
  const late = wall - Math.min(before, after)
  if (offsetAt(zone, late) === wall - late) return late
  return changeBetween(zone, early, late)
}

/** The highest wall time whose `instantOf` is not after `instant`: in the second pass of a repeated hour the end of that hour, else what the clock shows. */
export function reachedWall(zone: string, instant: InstantS): WallS {
  const shown = wallOf(zone, instant)
  const first = instantOf(zone, shown)
  if (first === instant) return shown
  return wallOf(zone, changeBetween(zone, first, instant) - 1)
}
