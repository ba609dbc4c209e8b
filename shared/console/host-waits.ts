import type { HostWaitCause } from '../model/modules'
import { english } from '../text/english'
import type { StatusView } from './views'

type Need = StatusView['needs'][number]

/** Devices that nobody drives because the machine has no room for the process that would. `since`: epoch ms. */
export interface DevicesWait {
  readonly why: HostWaitCause
  readonly since: number
}

const codes = { memory: 'host-waits-memory', load: 'host-waits-load', turn: 'host-waits-turn' } as const
export type HostWaitCode = (typeof codes)[HostWaitCause]
const known: ReadonlySet<string> = new Set(Object.values(codes))

export const isHostWait = (code: string): code is HostWaitCode => known.has(code)

/** `site`: null for the systems of the controller itself. */
export function hostWaitNeed({ why, since }: DevicesWait, site: { id: string; name: string } | null): Need {
  const code = codes[why]
  const words = english(`need.${code}`)
  return {
    id: `${site?.id ?? 'own'}:${code}`,
    // Those that start before it end their wait by themselves; what a machine lacks, a person has to give it.
    severity: why === 'turn' ? 'warning' : 'critical',
    code,
    text: site === null ? words : `${site.name}: ${words}`,
    edgeId: site?.id ?? null,
    since,
  }
}

/** A machine without room for one host has none for thousands: of each cause one line, whose id stays while sites come and go. The others as they are. */
export function withWaitsTogether(needs: readonly Need[]): Need[] {
  const waits = needs.filter(({ code }) => isHostWait(code))
  if (waits.length === 0) return [...needs]
  const lines = [...Map.groupBy(waits, ({ code }) => code)].map(([code, same]): Need => {
    const first = same[0]!
    if (same.length === 1) return first
    const words = english(`need.${code as HostWaitCode}`)
    const since = same.reduce((oldest, need) => Math.min(oldest, need.since), Infinity)
    return { ...first, id: code, edgeId: null, since, text: english('need.atSites', { n: same.length, text: words }) }
  })
  return [...lines, ...needs.filter(({ code }) => !isHostWait(code))]
}
