import { Bell, Cable, FileClock, FilePen, GitCompareArrows, KeyRound, Power, ShieldX } from '@lucide/vue'
import type { Component } from 'vue'
import type { ActivityItem, ActivityKind } from '../../../shared/console/activity-operations'
import type { StatusView } from '../../../shared/console/views'
import type { Tone } from '../../ui/tone'

export const kindIcons: Readonly<Record<ActivityKind, Component>> = {
  change: FilePen,
  refusal: ShieldX,
  document: FileClock,
  decision: GitCompareArrows,
  alert: Bell,
  enrolment: KeyRound,
  link: Cable,
  controller: Power,
}

/** Newest first; what happened in the same millisecond in the order of its coming. */
export const newestFirst = (a: ActivityItem, b: ActivityItem): number => b.at - a.at || b.id - a.id

const toneOfOutcome: Readonly<Record<string, Tone>> = {
  done: 'edge',
  connected: 'edge',
  resolved: 'edge',
  open: 'working',
  connecting: 'working',
  refused: 'degraded',
  failed: 'critical',
  firing: 'critical',
  lost: 'degraded',
}
export const outcomeTone = ({ outcome }: ActivityItem): Tone => toneOfOutcome[outcome] ?? 'quiet'

/** `cli:kim` is kim; `system` has nobody behind it. */
export const personOf = ({ actor }: Pick<ActivityItem, 'actor'>): string | null =>
  actor === 'system' ? null : actor.replace(/^[a-z]+:/, '')

/** What ids are called now: sites, this controller, and modules. */
export function namesOf(status: StatusView | null): ReadonlyMap<string, string> {
  if (!status) return new Map()
  const modules = [...status.modules, ...(status.edges ?? []).flatMap((edge) => edge.modules)]
  return new Map([
    ...modules.map(({ id, name }) => [id, name] as const),
    [status.nodeId, status.name],
    ...(status.edges ?? []).map(({ id, name }) => [id, name] as const),
  ])
}

/** The line of text with names where it has ids; longer ids first, for one may be the beginning of another. */
export function named(text: string, names: ReadonlyMap<string, string>): string {
  const ids = [...names.keys()].filter((id) => id !== '' && text.includes(id)).sort((a, b) => b.length - a.length)
  if (ids.length === 0) return text
  const any = ids.map((id) => id.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  return text.replace(new RegExp(`(?<![\\w-])(?:${any})(?![\\w-])`, 'g'), (id) => names.get(id) ?? id)
}
