import type { StatusView } from '../../shared/console/views'
import type { ActivityEntry } from './activity'
import { eventEntry } from './entries'

type Link = StatusView['link']['state']

/** What of a status is compared with the next one. */
export interface Glance {
  readonly links: ReadonlyMap<string, { state: Link; since: number; reason: string | null; name: string }>
  readonly needs: ReadonlyMap<string, StatusView['needs'][number] & { edgeName: string | null }>
}

/** Links are worth an entry when they stand or are gone; the attempts between are not. */
const settled = new Set<Link>(['connected', 'lost', 'refused'])

export function glanceAt(status: Pick<StatusView, 'role' | 'link' | 'name' | 'needs' | 'edges'>): Glance {
  const edges = status.edges ?? []
  // The master's side of each link; a standalone controller has both sides, and one of them is enough.
  const links =
    status.role === 'edge'
      ? [['', { ...status.link, name: status.name }] as const]
      : edges.map(({ id, name, link }) => [id, { ...link, name }] as const)
  const nameOf = new Map(edges.map(({ id, name }) => [id, name]))
  return {
    links: new Map(links.map(([id, { state, since, reason, name }]) => [id, { state, since, reason, name }])),
    needs: new Map(status.needs.map((need) => [need.id, { ...need, edgeName: nameOf.get(need.edgeId ?? '') ?? null }])),
  }
}

/** What became of links and of what needs a person, in no status of its own: the difference of two. `now`: when an end was noticed. */
export function whatHappened(before: Glance, after: Glance, now: number): ActivityEntry[] {
  return [...linkEvents(before, after), ...needEvents(before, after, now)]
}

function linkEvents(before: Glance, after: Glance): ActivityEntry[] {
  return [...after.links].flatMap(([id, { state, since, reason, name }]) => {
    const was = before.links.get(id)
    if (!settled.has(state) || was === undefined || was.state === state) return []
    const edgeId = id === '' ? null : id
    const whom = edgeId === null ? 'the master' : name
    const why = reason === null ? '' : ` (${reason})`
    return [
      eventEntry({
        ...{ at: since, kind: 'link', outcome: state, edgeId, edgeName: edgeId === null ? null : name },
        text: `The link with ${whom} is ${state}${why}`,
        object: { kind: 'link', id: edgeId ?? 'master', name: whom },
      }),
    ]
  })
}

function needEvents(before: Glance, after: Glance, now: number): ActivityEntry[] {
  const begun = [...after.needs.values()].filter(({ id }) => !before.needs.has(id))
  const over = [...before.needs.values()].filter(({ id }) => !after.needs.has(id))
  const event = (need: (typeof begun)[number], outcome: 'firing' | 'resolved', at: number): ActivityEntry =>
    eventEntry({
      ...{ at, kind: 'alert', outcome, edgeId: need.edgeId, edgeName: need.edgeName },
      text: outcome === 'firing' ? need.text : `Over: ${need.text}`,
      object: { kind: 'incident', id: need.id, name: null },
      details: { code: need.code, severity: need.severity, since: need.since },
    })
  return [
    ...begun.map((need) => event(need, 'firing', need.since)),
    ...over.map((need) => event(need, 'resolved', now)),
  ]
}
