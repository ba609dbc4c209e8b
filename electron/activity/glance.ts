import type { EdgeView, StatusView } from '../../shared/console/views'
import type { ActivityEntry } from './activity'
import { eventEntry } from './entries'

type Link = StatusView['link']
type Need = StatusView['needs'][number]

/** What of a status is compared with the next one. An edge of which nothing has changed is the same object in both, so that of thousands few are looked at. */
export type Glance = Pick<StatusView, 'role' | 'link' | 'name' | 'needs' | 'edges'>

/** Links are worth an entry when they stand or are gone; the attempts between are not. */
const settled = new Set<Link['state']>(['connected', 'lost', 'refused'])

export const glanceAt = ({ role, link, name, needs, edges }: Glance): Glance => ({ role, link, name, needs, edges })

/** What became of links and of what needs a person, in no status of its own: the difference of two. `now`: when an end was noticed. */
export function whatHappened(before: Glance, after: Glance, now: number): ActivityEntry[] {
  return [...linkEvents(before, after), ...needEvents(before, after, now)]
}

/** On the master's side of each link; a standalone controller has both sides, and one of them is enough. */
function linkEvents(before: Glance, after: Glance): ActivityEntry[] {
  if (after.role === 'edge') return before.role === 'edge' ? linkEvent(before.link, after.link, null) : []
  const older = before.edges ?? []
  let byId: Map<string, EdgeView> | null = null
  const beforeOf = (id: string, at: number): EdgeView | undefined => {
    if (older[at]?.id === id) return older[at]
    byId ??= new Map(older.map((edge) => [edge.id, edge]))
    return byId.get(id)
  }
  const events: ActivityEntry[] = []
  after.edges?.forEach((edge, at) => {
    if (edge === older[at]) return
    const was = beforeOf(edge.id, at)
    if (was !== undefined) events.push(...linkEvent(was.link, edge.link, edge))
  })
  return events
}

/** `edge`: at the far side; null: the master is. */
function linkEvent(was: Link, { state, since, reason }: Link, edge: EdgeView | null): ActivityEntry[] {
  if (!settled.has(state) || was.state === state) return []
  const whom = edge?.name ?? 'the master'
  const why = reason === null ? '' : ` (${reason})`
  return [
    eventEntry({
      ...{ at: since, kind: 'link', outcome: state, edgeId: edge?.id ?? null, edgeName: edge?.name ?? null },
      text: `The link with ${whom} is ${state}${why}`,
      object: { kind: 'link', id: edge?.id ?? 'master', name: whom },
    }),
  ]
}

function needEvents(before: Glance, after: Glance, now: number): ActivityEntry[] {
  const isSame =
    before.needs.length === after.needs.length && before.needs.every(({ id }, at) => id === after.needs[at]?.id)
  if (isSame) return []
  const event = (need: Need, glance: Glance, outcome: 'firing' | 'resolved', at: number): ActivityEntry => {
    const { id, edgeId, code, severity, since, text } = need
    const edgeName = glance.edges?.find((edge) => edge.id === edgeId)?.name ?? null
    return eventEntry({
      ...{ at, kind: 'alert', outcome, edgeId, edgeName },
      text: outcome === 'firing' ? text : `Over: ${text}`,
      object: { kind: 'incident', id, name: null },
      details: { code, severity, since },
    })
  }
  return [
    ...missing(after.needs, before.needs).map((need) => event(need, after, 'firing', need.since)),
    ...missing(before.needs, after.needs).map((need) => event(need, before, 'resolved', now)),
  ]
}

/** Those of `needs` that are not among the others. */
function missing(needs: readonly Need[], others: readonly Need[]): Need[] {
  const known = new Set(others.map(({ id }) => id))
  return needs.filter(({ id }) => !known.has(id))
}
