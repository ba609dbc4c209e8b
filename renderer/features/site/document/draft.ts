import type { OperationInput } from '../../../../shared/console/contract'

type Values = OperationInput<'edges.set'>['values']
export type StoredDocument = Readonly<Values>

/** An edge document while it is edited, in the units of the fields. Null: an empty number field; NaN: not a number. */
export interface EdgeDraft {
  name: string
  description: string
  failover: boolean
  timeoutMs: number | null
  stableForMs: number | null
  /** Control comes back by itself in a window; without one only by hand. */
  hasWindow: boolean
  windowStart: string
  windowLengthMs: number | null
  /** Null: the zone of the edge's own machine. */
  windowTimeZone: string | null
}

const USUAL_START = '0 2 * * *'
const USUAL_LENGTH_MS = 2 * 3_600_000
const SECOND_MS = 1_000

const text = (value: unknown) => (typeof value === 'string' ? value : '')
const number = (value: unknown) => (typeof value === 'number' ? value : null)

export function draftOf(document: StoredDocument): EdgeDraft {
  const lengthS = number(document['windowLengthS'])
  const hasWindow = document['windowStart'] !== undefined
  return {
    name: text(document['name']),
    description: text(document['description']),
    failover: document['failover'] !== false,
    timeoutMs: number(document['timeoutMs']),
    stableForMs: number(document['stableForMs']),
    hasWindow,
    windowStart: hasWindow ? text(document['windowStart']) : USUAL_START,
    windowLengthMs: lengthS === null ? USUAL_LENGTH_MS : lengthS * SECOND_MS,
    windowTimeZone: text(document['windowTimeZone']) || null,
  }
}

/** What `edges.set` is asked for: the fields that differ from the stored document; null removes one. */
export function changesOf(draft: EdgeDraft, document: StoredDocument): Values {
  const { hasWindow, windowLengthMs, windowStart, windowTimeZone, ...rest } = draft
  const wanted: Values = {
    ...rest,
    name: rest.name.trim(),
    windowStart: hasWindow ? windowStart.trim() : null,
    windowLengthS: hasWindow && windowLengthMs !== null ? windowLengthMs / SECOND_MS : null,
    windowTimeZone: hasWindow ? windowTimeZone : null,
  }
  const isSame = (field: string, value: unknown) =>
    (value ?? null) === (document[field] ?? null) || (field === 'description' && value === '' && !document[field])
  return Object.fromEntries(Object.entries(wanted).filter(([field, value]) => !isSame(field, value)))
}

/** Fields that hold no number where one is needed: the controller is not asked before they do. */
export const isReadable = (draft: EdgeDraft): boolean =>
  [draft.timeoutMs, draft.stableForMs, ...(draft.hasWindow ? [draft.windowLengthMs] : [])].every(
    (value) => value !== null && !Number.isNaN(value),
  )
