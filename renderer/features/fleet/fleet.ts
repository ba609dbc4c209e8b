import { connectedOf, devicesOf, type Site } from '../../../shared/console/sites'
import { standingOf, standings, type Standing } from '../../../shared/console/standing'

/** How far a site is from what its documents want. */
export interface FleetDrift {
  /** Changes that its copy of the documents lacks; null: it has not told since this master started. */
  readonly behind: number | null
  /** Modules that do not run. */
  readonly off: number
}
export interface FleetRow {
  readonly site: Site
  /** `quiet`: it was never there. */
  readonly state: Standing | 'quiet'
  readonly drift: FleetDrift
}
/** What an administrator does to an edge as a member of the fleet. */
export type EdgeDeed = 'rotate' | 'revoke' | 'remove'
/** What a row counts as: the states a site can be in, and the two that say that it is not (any more) one of the fleet. */
export const fleetStates = [...standings, 'waiting', 'revoked'] as const
export type FleetState = (typeof fleetStates)[number]

const rowsKept = new WeakMap<Site, FleetRow>()
/** Of the same site the very same row: of thousands only those that changed are made anew. */
export const fleetRowsOf = (sites: readonly Site[]): FleetRow[] =>
  sites.map((site) => rowsKept.get(site) ?? rowOf(site))

function rowOf(site: Site): FleetRow {
  const row: FleetRow = { site, state: isWaiting(site) ? 'quiet' : standingOf(site), drift: driftOf(site) }
  rowsKept.set(site, row)
  return row
}

const notRunning = new Set(['stopped', 'failed', 'backing-off'])
function driftOf({ documentsSeq, documentsHead, modules }: Site): FleetDrift {
  let off = 0
  for (const { state } of modules) if (notRunning.has(state)) off += 1
  return { behind: documentsSeq === null ? null : Math.max(0, documentsHead - documentsSeq), off }
}

const isWaiting = (site: Site) => !site.enrolled && !site.revoked
export function fleetStateOf({ site, state }: FleetRow): FleetState {
  if (site.revoked) return 'revoked'
  if (isWaiting(site) || state === 'quiet') return 'waiting'
  return state
}
/** Since when a site is as it is shown: the younger of what control and link say. */
export const stateSince = ({ site }: FleetRow): number =>
  Math.max(site.control.handOver?.since ?? site.control.since, site.link.since)

export function countsOf(rows: readonly FleetRow[]): Record<FleetState, number> {
  const counts = Object.fromEntries(fleetStates.map((state) => [state, 0])) as Record<FleetState, number>
  for (const row of rows) counts[fleetStateOf(row)] += 1
  return counts
}

const rank = ({ state }: FleetRow) => (state === 'quiet' ? standings.length : standings.indexOf(state))
const orders = {
  state: (a, b) => rank(a) - rank(b),
  name: () => 0,
  control: (a, b) => a.site.control.holder.localeCompare(b.site.control.holder),
  link: (a, b) => a.site.link.state.localeCompare(b.site.link.state) || a.site.link.since - b.site.link.since,
  devices: (a, b) => missing(a.site) - missing(b.site) || devicesOf(a.site).length - devicesOf(b.site).length,
  drift: (a, b) => weightOf(a.drift) - weightOf(b.drift),
  backlog: (a, b) => (a.site.sync?.pendingEntries ?? -1) - (b.site.sync?.pendingEntries ?? -1),
} satisfies Record<string, (a: FleetRow, b: FleetRow) => number>
export type FleetOrder = keyof typeof orders
/** What is known to be off weighs more than what is not known. */
const weightOf = ({ behind, off }: FleetDrift) => (behind ?? 0.5) + off
const missing = (site: Site) => devicesOf(site).length - connectedOf(site)

/** Rows that contain all the words and are in the state asked for (null: any), in order; equal ones by name. */
export function pickRows(
  rows: readonly FleetRow[],
  { words, state }: { words: string; state: FleetState | null },
  { key, descending }: { key: string; descending: boolean },
  places: ReadonlyMap<string, number>,
): FleetRow[] {
  const wanted = words.toLocaleLowerCase().split(/\s+/).filter(Boolean)
  const order = orders[key as FleetOrder] ?? orders.state
  const sign = descending ? -1 : 1
  const byName = ({ site: a }: FleetRow, { site: b }: FleetRow) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0)
  return rows
    .filter((row) => {
      if (state !== null && fleetStateOf(row) !== state) return false
      if (wanted.length === 0) return true
      const text = `${row.site.name} ${row.site.id} ${row.site.link.url ?? ''}`.toLocaleLowerCase()
      return wanted.every((word) => text.includes(word))
    })
    .sort((a, b) => sign * (order(a, b) || (key === 'name' ? byName(a, b) : 0)) || byName(a, b))
}

/** Names typed or pasted one per line; the same name counts once. */
export function namesIn(text: string): string[] {
  const names = text.split(/[\n;]/).map((line) => line.trim())
  return [...new Set(names.filter(Boolean))]
}
