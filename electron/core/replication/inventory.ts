import type { Reading, Resource, ResourceEventType, ResourceKind } from '../../../shared/model/inventory'
import type { WallMs } from '../../../shared/model/time'

/** What one look at a kind brought. What could not be read is named by the beginning of its ids (`''`: all of the kind), so that nothing of it is deleted. */
export interface Collected {
  readonly kind: ResourceKind
  readonly readings: readonly Reading[]
  readonly unread: readonly { readonly idPrefix: string; readonly reason: string }[]
}

/** `row` null: it is gone. */
export interface ResourceChange {
  readonly type: ResourceEventType
  readonly kind: ResourceKind
  readonly id: string
  readonly row: Resource | null
}

/** Rows of one look, at most; what is beyond them is not taken, and the look counts as failed for what it had before. */
export const READINGS_MAX = 20_000

/** The start of the machine is computed from a clock that may be set: within this it is the same start. */
const SAME_BOOT_MS = 120_000

/** What the look at `at` makes of the rows of its kind, in order of their ids. Nothing that only could not be read is deleted. */
export function changesOf(before: readonly Resource[], collected: Collected, at: WallMs): ResourceChange[] {
  const { kind } = collected
  const isCut = collected.readings.length > READINGS_MAX
  const unread = isCut
    ? [{ idPrefix: '', reason: `More than ${READINGS_MAX} of this kind` }, ...collected.unread]
    : collected.unread
  const known = new Map(before.map((row) => [row.id, row]))
  const seen = new Map(collected.readings.slice(0, READINGS_MAX).map((reading) => [reading.id, reading]))
  const changes: ResourceChange[] = []
  for (const reading of seen.values()) {
    const change = changeOf(known.get(reading.id) ?? null, { ...reading, asOf: at })
    if (change) changes.push(change)
  }
  for (const row of known.values()) {
    if (seen.has(row.id)) continue
    const failed = unread.find(({ idPrefix }) => row.id.startsWith(idPrefix))
    if (failed === undefined) changes.push({ type: `${kind}.removed`, kind, id: row.id, row: null })
    else if (row.state !== 'unknown') {
      const unknown = { ...row, state: 'unknown', reason: failed.reason.slice(0, 500), asOf: at }
      changes.push({ type: `${kind}.unknown`, kind, id: row.id, row: unknown })
    }
  }
  return changes.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Null: nothing that counts has changed. Of an unknown resource the last known attributes stay. */
function changeOf(before: Resource | null, read: Resource): ResourceChange | null {
  const { kind, id } = read
  const change = (what: What, row: Resource): ResourceChange => ({ type: `${kind}.${what}`, kind, id, row })
  if (before === null) return change('created', read)
  if (read.state === 'unknown') {
    if (before.state === 'unknown') return null
    return change('unknown', { ...read, attributes: { ...read.attributes, ...before.attributes } })
  }
  const row = { ...read, attributes: steadied(kind, before.attributes, read.attributes) }
  if (before.state === 'unknown') return change('recovered', row)
  if (before.state !== row.state) return change(wordOf(kind, row.state), row)
  if (before.name === row.name && sameValue(before.attributes, row.attributes)) return null
  return change(hasRestarted(before, row) ? 'started' : 'changed', row)
}

type What = ResourceEventType extends `${ResourceKind}.${infer W}` ? W : never

/** The event of coming into a state. */
const words: Readonly<Record<string, What>> = {
  running: 'started',
  stopped: 'stopped',
  paused: 'paused',
  failed: 'failed',
  up: 'up',
  down: 'down',
  connected: 'connected',
  disconnected: 'disconnected',
}
const wordOf = (kind: ResourceKind, state: string): What =>
  kind === 'storage' ? 'changed' : (words[state] ?? 'changed')

const hasRestarted = (before: Resource, { kind, attributes }: Resource): boolean =>
  kind === 'host' && before.attributes['bootedAt'] !== attributes['bootedAt']

function steadied(kind: ResourceKind, before: Resource['attributes'], read: Resource['attributes']) {
  if (kind !== 'host') return read
  const [was, is] = [before['bootedAt'], read['bootedAt']]
  const isSame = typeof was === 'number' && typeof is === 'number' && Math.abs(is - was) <= SAME_BOOT_MS
  return isSame ? { ...read, bootedAt: was } : read
}

/** Of two JSON values, whatever the order of their keys. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameValue(left[key], right[key]))
  )
}
