import type { ActivityItem } from '../../shared/console/activity-operations'
import type { ActivityFilter } from './activity'

type Searched = Pick<
  ActivityItem,
  'kind' | 'actor' | 'actorName' | 'op' | 'object' | 'edgeId' | 'edgeName' | 'outcome' | 'code' | 'text'
>

/** What a search for words looks through, in lower case. */
export function wordsOf({
  kind,
  actor,
  actorName,
  op,
  object,
  edgeId,
  edgeName,
  outcome,
  code,
  text,
}: Searched): string {
  const told = [
    kind,
    actor,
    actorName,
    op,
    object?.kind,
    object?.id,
    object?.name,
    edgeId,
    edgeName,
    outcome,
    code,
    text,
  ]
  return told
    .filter((part) => part !== null && part !== undefined)
    .join('\n')
    .toLowerCase()
}

/** What a search for whoever did it looks through. */
export const actorWordsOf = ({ actor, actorName }: Pick<ActivityItem, 'actor' | 'actorName'>): string =>
  [actor, ...(actorName === undefined ? [] : [actorName])].join('\n').toLowerCase()

/** The same judgement as the store's, for what comes live. */
export function fits(item: ActivityItem, { actor, edge, kind, text }: ActivityFilter): boolean {
  if (kind !== undefined && !kind.includes(item.kind)) return false
  if (edge !== undefined && edge !== item.edgeId && edge !== item.edgeName) return false
  if (actor !== undefined && !actorWordsOf(item).includes(actor.toLowerCase())) return false
  const words = (text ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const searched = wordsOf(item)
  return words.every((word) => searched.includes(word))
}
