const SECOND_MS = 1_000
const units = [
  { name: 'day', ms: 86_400_000 },
  { name: 'hour', ms: 3_600_000 },
  { name: 'minute', ms: 60_000 },
  { name: 'second', ms: SECOND_MS },
] as const

/** Intl objects are dear to make and are asked for every second. */
function cached<T>(make: (locale: string) => T): (locale: string) => T {
  const made = new Map<string, T>()
  return (locale) => {
    const known = made.get(locale)
    if (known) return known
    const fresh = make(locale)
    made.set(locale, fresh)
    return fresh
  }
}
const relativeFormat = cached((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'long' }))
const clockFormat = cached(
  (locale) =>
    new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }),
)
const exactFormat = cached((locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' }))
const dayFormat = cached(
  (locale) =>
    new Intl.DateTimeFormat(locale, {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    }),
)
const unitFormats = cached((locale) => {
  const style = { style: 'unit', unitDisplay: locale.startsWith('zh') ? 'long' : 'short' } as const
  return Object.fromEntries(units.map(({ name }) => [name, new Intl.NumberFormat(locale, { ...style, unit: name })]))
})
const fineFormat = cached(
  (locale) =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit: 'second',
      maximumFractionDigits: 1,
      minimumFractionDigits: 1,
    }),
)
const milliFormat = cached(
  (locale) => new Intl.NumberFormat(locale, { style: 'unit', unit: 'millisecond', maximumFractionDigits: 0 }),
)

/** A length of time in its two largest units, e.g. `3 min 20 sec`; seconds are rounded up, so that a countdown ends at its end. */
export function formatDuration(ms: number, locale: string): string {
  const rest = Math.ceil(Math.max(0, ms) / SECOND_MS) * SECOND_MS
  const format = unitFormats(locale)
  const first = units.findIndex((unit) => rest >= unit.ms)
  if (first === -1) return format['second']?.format(0) ?? ''
  const [large, small] = [units[first], units[first + 1]]
  if (!large) return ''
  const text = format[large.name]?.format(Math.floor(rest / large.ms)) ?? ''
  const left = small ? Math.floor((rest % large.ms) / small.ms) : 0
  return small && left > 0 ? `${text} ${format[small.name]?.format(left) ?? ''}` : text
}

/** How long something took: milliseconds below a second, tenths below ten. */
export function formatTaken(ms: number, locale: string): string {
  if (ms < SECOND_MS) return milliFormat(locale).format(ms)
  if (ms < 10 * SECOND_MS) return fineFormat(locale).format(ms / SECOND_MS)
  return formatDuration(ms, locale)
}

/** How long ago, in one unit, e.g. `4 minutes ago`. Empty below `nowBelowMs`: the caller has a word for that. */
export function formatAge(ms: number, locale: string, nowBelowMs = 5_000): string {
  if (ms < nowBelowMs) return ''
  const unit = units.find(({ ms: length }) => ms >= length) ?? units[3]
  return relativeFormat(locale).format(-Math.floor(ms / unit.ms), unit.name)
}

/** How long something has been so, in its largest unit: `5 min`. */
export function formatLength(ms: number, locale: string): string {
  const unit = units.find(({ ms: length }) => ms >= length) ?? units[3]
  return unitFormats(locale)[unit.name]?.format(Math.max(1, Math.floor(ms / unit.ms))) ?? ''
}

/** hh:mm:ss of the viewer. */
export const formatClock = (at: number, locale: string): string => clockFormat(locale).format(at)
/** Everything, with the zone. */
export const formatExact = (at: number, locale: string): string => exactFormat(locale).format(at)
/** Day and time of something within the next weeks. */
export const formatDay = (at: number, locale: string): string => dayFormat(locale).format(at)

/** The viewer's zone as people name it, e.g. `Europe/Berlin, GMT+1`. */
export function zoneOf(locale: string): string {
  const format = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' })
  const short = format.formatToParts(new Date()).find(({ type }) => type === 'timeZoneName')?.value
  const { timeZone } = format.resolvedOptions()
  return short === undefined || short === timeZone ? timeZone : `${timeZone}, ${short}`
}
