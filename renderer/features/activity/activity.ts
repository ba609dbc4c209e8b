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
export const personOf = ({ actor, actorName }: Pick<ActivityItem, 'actor' | 'actorName'>): string | null =>
  actor === 'system' ? null : (actorName ?? actor.replace(/^[a-z]+:/, ''))

/** A browser that came in by a one-time key is called by the end of its session's id, which tells people nothing: it is whoever owns the controller. */
export const isOwner = ({ actor }: Pick<ActivityItem, 'actor'>): boolean => /^browser:[0-9a-f]{8}$/.test(actor)

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

/** What an item says in one line. `deed`: what its operation is called; null: there is no word for it, and the controller's own line is shown. */
export function sayingOf(item: ActivityItem, names: ReadonlyMap<string, string>, deed: string | null): string {
  const { op, object, text } = item
  if (op === null || deed === null) return named(text, names)
  const plain = object === null ? op : `${op} ${object.kind} ${object.id}`
  const about = object === null ? null : (object.name ?? names.get(object.id) ?? object.id)
  const why = text.startsWith(`${plain}: `) ? named(text.slice(plain.length + 2), names) : null
  return [about === null ? deed : `${deed}: ${about}`, why].filter((part) => part !== null).join(' · ')
}
