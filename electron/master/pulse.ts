import type { MasterState } from '../core/control/master-state'

/** Of a state of control, what a ping and its answer change on a link that stands. */
const pulse = new Set(['link', 'nextPing'])
const pulseOfLink = new Set(['pings'])

/** Whether the states differ, and in nothing but the pings of one link. A step that changed nothing is no pulse: it was asked for. */
export function differsByPulse(before: MasterState, after: MasterState): boolean {
  const { link } = after
  if (before === after || before.link.kind === 'none' || link.kind === 'none' || before.link.pings === link.pings)
    return false
  return sameBut(before, after, pulse) && sameBut(before.link, link, pulseOfLink)
}

function sameBut(before: object, after: object, left: ReadonlySet<string>): boolean {
  const names = Object.keys(after)
  if (names.length !== Object.keys(before).length) return false
  const old = before as Record<string, unknown>
  const now = after as Record<string, unknown>
  return names.every((name) => left.has(name) || old[name] === now[name])
}
