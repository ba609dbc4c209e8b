import type { CurrentDocument, CurrentDocuments } from '../../electron/core/documents/current'
import type { DocumentContext } from '../../electron/core/documents/rules'
import { checkSchedule } from '../../electron/core/restore/check'
import { isTimeZone } from '../../electron/core/zone'
import type { DocumentByKind, DocumentChange, DocumentKind } from '../../shared/model/documents'
import { documentSchemas } from '../../shared/model/documents'
import { wallMs } from '../../shared/model/time'

/** The real schedule rules, and a driver rule that knows `tcp-line` with a `tcp://` address and `logic` without one. */
export const documentContext: DocumentContext = {
  defaultTimeZone: 'UTC',
  isTimeZone,
  checkSchedule: (schedule) => checkSchedule(schedule, wallMs(Date.UTC(2024, 1, 1))),
  checkModule: ({ id, driver, uri, role }) => {
    const problem = (field: string, value: unknown, allowed: string) => ({
      kind: 'module' as const,
      id,
      field,
      value,
      allowed,
      message: `${field} is wrong`,
    })
    if (driver !== 'tcp-line' && driver !== 'logic') return [problem('driver', driver, 'tcp-line, logic')]
    if ((driver === 'logic') !== (role === 'logic'))
      return [problem('role', role, driver === 'logic' ? 'logic' : 'device')]
    return driver === 'tcp-line' && !uri.startsWith('tcp://') ? [problem('uri', uri, 'tcp://HOST:PORT')] : []
  },
}

export const edge = (id: string, more: Record<string, unknown> = {}) => ({ id, name: id.toUpperCase(), ...more })
export const system = (id: string, edgeId: string | undefined, modules: string[] = []) => ({
  id,
  name: id,
  modules,
  ...(edgeId ? { edgeId } : {}),
})
export const module = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  name: id,
  driver: 'tcp-line',
  uri: 'tcp://127.0.0.1:1',
  ...more,
})

export const put = (kind: DocumentKind, body: Record<string, unknown>, revision?: number): DocumentChange =>
  ({ op: 'put', kind, body, ...(revision === undefined ? {} : { revision }) }) as DocumentChange
export const remove = (kind: DocumentKind, id: string, revision?: number): DocumentChange => ({
  op: 'delete',
  kind,
  id,
  ...(revision === undefined ? {} : { revision }),
})

/** Documents as they might be, revisions counted from 1. */
export function currentOf(documents: readonly (readonly [DocumentKind, Record<string, unknown>])[]): CurrentDocuments {
  const stored = documents.map(([kind, raw], index): CurrentDocument => {
    const body = documentSchemas[kind].parse(raw)
    return { kind, id: body.id, revision: index + 1, body }
  })
  return {
    get: <K extends DocumentKind>(kind: K, id: string) =>
      (stored.find((document) => document.kind === kind && document.id === id) ?? null) as CurrentDocument<K> | null,
    list: <K extends DocumentKind>(kind: K) =>
      stored.filter((document) => document.kind === kind) as CurrentDocument<K>[],
  }
}
export type Body<K extends DocumentKind> = DocumentByKind[K]
