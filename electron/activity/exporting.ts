import type { ActivityItem } from '../../shared/console/activity-operations'

const columns = [
  ['at', ({ at }) => new Date(at).toISOString()],
  ['kind', ({ kind }) => kind],
  ['actor', ({ actor }) => actor],
  ['actor_name', ({ actorName }) => actorName],
  ['role', ({ role }) => role],
  ['via', ({ via }) => via],
  ['operation', ({ op }) => op],
  ['edge', ({ edgeName, edgeId }) => edgeName ?? edgeId],
  ['object_kind', ({ object }) => object?.kind],
  ['object_id', ({ object }) => object?.id],
  ['object_name', ({ object }) => object?.name],
  ['outcome', ({ outcome }) => outcome],
  ['code', ({ code }) => code],
  ['times', ({ times }) => times],
  ['duration_ms', ({ durationMs }) => durationMs],
  ['text', ({ text }) => text],
] as const satisfies readonly (readonly [string, (item: ActivityItem) => string | number | null | undefined])[]

/** One JSON object a line. */
export const asNdjson = (items: readonly ActivityItem[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')

/** RFC 4180. Instants are UTC. */
export function asCsv(items: readonly ActivityItem[], withHeader: boolean): string {
  const rows = items.map((item) => columns.map(([, of]) => cell(of(item) ?? '')))
  const head = withHeader ? [columns.map(([name]) => name)] : []
  return [...head, ...rows].map((row) => `${row.join(',')}\r\n`).join('')
}

/** A cell that begins like a formula would be one in a spreadsheet, and its text comes from elsewhere. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
