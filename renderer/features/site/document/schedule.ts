/** The schedules most sites have, as a person picks them: a time of day on some days of the week. */
export interface WeeklySchedule {
  readonly hour: number
  readonly minute: number
  /** 0 Sunday to 6 Saturday, rising; all seven: every day. */
  readonly days: readonly number[]
}

const everyDay = [0, 1, 2, 3, 4, 5, 6] as const
const names = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

function dayOf(word: string): number | null {
  const named = names.indexOf(word.toUpperCase())
  if (named >= 0) return named
  return /^[0-7]$/.test(word) ? Number(word) % 7 : null
}

function daysOf(field: string): readonly number[] | null {
  if (field === '*') return everyDay
  const days = new Set<number>()
  for (const part of field.split(',')) {
    const [from, to, ...more] = part.split('-').map(dayOf)
    if (from === undefined || from === null || to === null || more.length > 0) return null
    if (to !== undefined && to < from) return null
    for (let day = from; day <= (to ?? from); day += 1) days.add(day)
  }
  return [...days].sort((a, b) => a - b)
}

/** What a cron expression says, if it is one of these; null: it has to be shown as it is written. */
export function weeklyOf(cron: string): WeeklySchedule | null {
  const [minute = '', hour = '', dayOfMonth, month, weekday = '', ...more] = cron.trim().split(/\s+/)
  if (more.length > 0 || dayOfMonth !== '*' || month !== '*') return null
  if (!/^\d{1,2}$/.test(minute) || !/^\d{1,2}$/.test(hour) || Number(minute) > 59 || Number(hour) > 23) return null
  const days = daysOf(weekday)
  return days === null ? null : { hour: Number(hour), minute: Number(minute), days }
}

export function cronOf({ hour, minute, days }: WeeklySchedule): string {
  const isEveryDay = days.length === 0 || days.length === everyDay.length
  return `${minute} ${hour} * * ${isEveryDay ? '*' : days.join(',')}`
}
