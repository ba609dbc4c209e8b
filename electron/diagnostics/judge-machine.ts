import { bytesText, fail, pass, timeText, unknown, warn, type Verdict } from './verdict'

/** Judgements of what a machine offers: pure, each over the facts in its parameter. */

const NODE_MAJOR_MIN = 24
const DAY_MS = 86_400_000
const YEAR_MS = 365 * DAY_MS
/** No copy of this program is older. */
const MADE_AT = Date.UTC(2026, 0, 1)
const ZONE_DATA_YEARS_MAX = 2
const LOW_BYTES = 1024 ** 3
const OUT_BYTES = 100 * 1024 ** 2

export function judgeVersions({
  version,
  node,
  platform,
}: {
  version: string
  node: string
  platform: string
}): Verdict {
  return Number(node.split('.')[0]) >= NODE_MAJOR_MIN
    ? pass('versions.fine', { version, node, platform })
    : fail('versions.old-node', { version, node, needed: NODE_MAJOR_MIN }, 'fix.node')
}

export function judgeClock({ now }: { now: number }): Verdict {
  const time = timeText(now)
  if (now < MADE_AT) return fail('clock.past', { time }, 'fix.clock')
  if (now > MADE_AT + 20 * YEAR_MS) return warn('clock.future', { time }, 'fix.clock')
  return pass('clock.fine', { time })
}

/** `data`: the IANA release, e.g. `2026a`; empty: not told. `before`: when the controller started; null: none runs. */
export function judgeTimeZone(facts: {
  zone: string
  isKnown: boolean
  data: string
  before: string | null
  now: number
}): Verdict {
  const { zone, data, before } = facts
  if (!facts.isKnown) return fail('time-zone.unknown', { zone }, 'fix.zone')
  if (before !== null && before !== zone) return warn('time-zone.changed', { zone, before }, 'fix.restart')
  const age = new Date(facts.now).getUTCFullYear() - Number.parseInt(data, 10)
  if (age > ZONE_DATA_YEARS_MAX) return warn('time-zone.old', { zone, data }, 'fix.update')
  return pass('time-zone.fine', { zone, data: data === '' ? '?' : data })
}

export function judgeFreeSpace({ free, total }: { free: number; total: number }): Verdict {
  const params = { free: bytesText(free), total: bytesText(total) }
  if (free < OUT_BYTES) return fail('free-space.out', params, 'fix.space')
  if (free < LOW_BYTES) return warn('free-space.low', params, 'fix.space')
  return pass('free-space.fine', params)
}

/** The buffer is not useful when the disk is full before its own cap is reached. */
export function judgeOutboxRoom({ cap, used, free }: { cap: number; used: number; free: number }): Verdict {
  const room = used + Math.max(0, free - OUT_BYTES)
  if (room < cap) return warn('outbox-room.short', { cap: bytesText(cap), room: bytesText(room) }, 'fix.cap')
  return pass('outbox-room.fine', { cap: bytesText(cap), used: bytesText(used), free: bytesText(free) })
}

/** `state`: whether it could be bound, and why not (an errno). `isOurs`: the running controller holds it. */
export function judgePort({
  port,
  isOurs,
  refusal,
}: {
  port: number
  isOurs: boolean
  refusal: string | null
}): Verdict {
  if (isOurs) return pass('port.ours', { port })
  if (port === 0) return pass('port.any')
  return refusal === null ? pass('port.free', { port }) : warn('port.taken', { port, reason: refusal }, 'fix.port')
}

/** `notAfter` null: the stored one cannot be read. Undefined: none has been made. */
export function judgeCertificate({ notAfter, now }: { notAfter: number | null | undefined; now: number }): Verdict {
  if (notAfter === undefined) return unknown('certificate.none')
  if (notAfter === null) return fail('certificate.unreadable', {}, 'fix.restore-secrets')
  const days = Math.floor((notAfter - now) / DAY_MS)
  if (days < 0) return fail('certificate.over', { days: -days }, 'fix.renew')
  // Renewed 130 days before its end: this one was not.
  return days < 100 ? warn('certificate.soon', { days }, 'fix.renew') : pass('certificate.fine', { days })
}
