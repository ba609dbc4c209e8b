import { CHANGES_MAX, type SiteChange, type SiteKind } from '../model/documents'
import { bytesInParts, inParts } from './parts'

/** What is referred to comes before what refers to it. */
const kindsInOrder: readonly SiteKind[] = ['edge', 'module', 'system']

/** Changes of documents in steps that can be stored one after the other, each as one message of at most `bytesMax`: what is referred to first, deletions last. */
export function documentParts(changes: readonly SiteChange[], bytesMax: number): SiteChange[][] {
  return inParts(inOrder(changes), bytesMax, CHANGES_MAX)
}

/** Of one kind as they came; deletions last, the other way round. */
function inOrder(changes: readonly SiteChange[]): SiteChange[] {
  const rank = ({ kind, op }: SiteChange): number => {
    const at = kindsInOrder.includes(kind) ? kindsInOrder.indexOf(kind) : kindsInOrder.length
    return op === 'put' ? at : 2 * (kindsInOrder.length + 1) - at
  }
  return [...changes].sort((a, b) => rank(a) - rank(b))
}

/**
 * The same changes for a dry run, where no step finds what an earlier one stored: each document is tried together with those of the changes that it names, so
 * some come more than once. One that does not fit into a message together with them is left out: it is judged when it is stored.
 */
export function trialParts(changes: readonly SiteChange[], bytesMax: number): SiteChange[][] {
  const byKey = new Map<string, SiteChange[]>()
  for (const change of changes) {
    const key = keyOf(change)
    const same = byKey.get(key)
    if (same) same.push(change)
    else byKey.set(key, [change])
  }
  const parts: Set<SiteChange>[] = []
  const tried = new Set<SiteChange>()
  let bytes = 0
  // What names others comes first, so that what it names is not tried once more alone.
  for (const change of inOrder(changes).reverse()) {
    if (tried.has(change)) continue
    // A document that is there twice is a fault that only shows in one piece.
    const group = [keyOf(change), ...namedBy(change)].flatMap((key) => byKey.get(key) ?? [])
    const whole = sumOf(group)
    for (const one of group) tried.add(one)
    if (whole + BRACKETS > bytesMax || group.length > CHANGES_MAX) continue
    const last = parts.at(-1)
    const missing = last === undefined ? group : group.filter((one) => !last.has(one))
    const added = sumOf(missing)
    if (last === undefined || bytes + added > bytesMax || last.size + missing.length > CHANGES_MAX) {
      parts.push(new Set(group))
      bytes = whole + BRACKETS
    } else {
      for (const one of missing) last.add(one)
      bytes += added
    }
  }
  return parts.map((part) => [...part])
}

const BRACKETS = 1
const sumOf = (changes: readonly SiteChange[]): number => changes.reduce((sum, change) => sum + bytesInParts(change), 0)

const keyOf = (change: SiteChange): string => {
  const id = change.op === 'put' ? change.body['id'] : change.id
  return `${change.kind} ${typeof id === 'string' ? id : ''}`
}

/** A body is as somebody wrote it: the controller judges it. */
function namedBy(change: SiteChange): string[] {
  if (change.op === 'delete') return []
  const { edgeId, edges, modules } = change.body
  const all = (kind: SiteKind, ids: unknown) =>
    (Array.isArray(ids) ? ids : [ids]).flatMap((id) => (typeof id === 'string' ? [`${kind} ${id}`] : []))
  return [...new Set([...all('edge', edgeId), ...all('edge', edges), ...all('module', modules)])]
}
