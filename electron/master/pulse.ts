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

/** Called for each ping and each answer of every edge: it makes nothing that would have to be collected. */
function sameBut(before: object, after: object, left: ReadonlySet<string>): boolean {
  const old = before as Record<string, unknown>
  const now = after as Record<string, unknown>
  for (const name in now) if (old[name] !== now[name] && !left.has(name)) return false
  for (const name in old) if (!(name in now)) return false
  return true
}
