import { instantOf, wallOf } from '../zone'

const DAY_S = 86_400

export interface QuietHours {
  /** `22:00`; what ends before it begins goes over midnight. */
  readonly from: string
  readonly to: string
}

/** When the quiet hours that are now end (epoch ms); null: there are none now. By the calendar of `zone`, whose days may have 23 or 25 hours. */
export function quietUntil({ from, to }: QuietHours, zone: string, now: number): number | null {
  const wall = wallOf(zone, Math.floor(now / 1_000))
  const midnight = Math.floor(wall / DAY_S) * DAY_S
  const [begin, end] = [secondsOf(from), secondsOf(to)]
  for (const day of [midnight - DAY_S, midnight]) {
    const until = day + end + (end <= begin ? DAY_S : 0)
    if (day + begin <= wall && wall < until) return instantOf(zone, until) * 1_000
  }
  return null
}

function secondsOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 3_600 + minutes * 60
}
