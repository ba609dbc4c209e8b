import type {
  DocumentKind,
  DocumentProblem,
  EdgeDocument,
  ModuleDocument,
  SystemDocument,
} from '../../../shared/model/documents'
import type { ScheduleProblem } from '../restore/check'
import type { DocumentBodies } from './current'
import { ownersOf } from './ownership'
import type { Owner } from './ownership'

/** What documents are checked against besides each other. */
export interface DocumentContext {
  /** Driver, role, address and settings, by the driver's own rules. */
  checkModule(document: ModuleDocument): readonly DocumentProblem[]
  checkSchedule(schedule: {
    windowStart: string
    windowLengthS: number
    timeZone: string
    stableForMs: number
  }): readonly ScheduleProblem[]
  isTimeZone(zone: string): boolean
  /** The zone of a schedule whose document names none. */
  readonly defaultTimeZone: string
}

type Problem = Omit<DocumentProblem, 'kind' | 'id'>

/** Who refers to whom in the documents as they will be; made once per call, so that 20,000 changes cost no more than one look at each document. */
export interface References {
  readonly owners: ReadonlyMap<string, ReadonlySet<Owner>>
  /** Edges by lower-case name and id. */
  readonly edgesByName: ReadonlyMap<string, readonly EdgeDocument[]>
  /** Systems by what they refer to. */
  readonly systemsOfEdge: ReadonlyMap<string, readonly string[]>
  readonly systemsOfModule: ReadonlyMap<string, readonly string[]>
}

export function referencesOf(after: DocumentBodies): References {
  const systems = after.list('system')
  return {
    owners: ownersOf(after),
    edgesByName: grouped(
      after
        .list('edge')
        .flatMap((edge) => [...new Set([edge.name.toLowerCase(), edge.id.toLowerCase()])].map((key) => [key, edge])),
    ),
    systemsOfEdge: grouped(systems.flatMap(({ id, edgeId }) => (edgeId === undefined ? [] : [[edgeId, id]]))),
    systemsOfModule: grouped(
      systems.flatMap(({ id, modules }) => modules.map((moduleId): [string, string] => [moduleId, id])),
    ),
  }
}
function grouped<T>(pairs: readonly (readonly [string, T])[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const [key, value] of pairs) {
    const group = groups.get(key)
    if (group) group.push(value)
    else groups.set(key, [value])
  }
  return groups
}

/** What an edge's document must be beyond the ranges of its fields. */
export function edgeProblems(edge: EdgeDocument, references: References, context: DocumentContext): Problem[] {
  return [...nameProblems(edge, references), ...windowProblems(edge, context), ...pauseProblems(edge)]
}

/** A command may name an edge by id or by name, so no name may be another edge's id either. */
function nameProblems(edge: EdgeDocument, references: References): Problem[] {
  const keys = [edge.name.toLowerCase(), edge.id.toLowerCase()]
  const other = keys.flatMap((key) => references.edgesByName.get(key) ?? []).find(({ id }) => id !== edge.id)
  if (!other) return []
  return [
    {
      field: 'name',
      value: edge.name,
      allowed: 'a name no other edge has',
      message: `There is already an edge "${other.name}" (${other.id}).`,
    },
  ]
}

function windowProblems(edge: EdgeDocument, context: DocumentContext): Problem[] {
  const { windowStart, windowLengthS, windowTimeZone, stableForMs } = edge
  if (windowStart !== undefined && windowLengthS !== undefined) {
    const timeZone = windowTimeZone ?? context.defaultTimeZone
    return context
      .checkSchedule({ windowStart, windowLengthS, timeZone, stableForMs })
      .map((problem) => ({ ...problem }))
  }
  const problems: Problem[] = []
  if (windowTimeZone !== undefined && !context.isTimeZone(windowTimeZone)) {
    const allowed = 'an IANA time zone, e.g. Europe/Berlin'
    problems.push({
      field: 'windowTimeZone',
      value: windowTimeZone,
      allowed,
      message: `The time zone "${windowTimeZone}" is not known.`,
    })
  }
  if (windowStart !== undefined) {
    problems.push({
      field: 'windowLengthS',
      value: undefined,
      allowed: '60..604800',
      message: 'A window that opens needs a length.',
    })
  }
  if (windowLengthS !== undefined) {
    const allowed = 'a cron expression of 5 or 6 fields that fires, e.g. 0 2 * * *'
    problems.push({ field: 'windowStart', value: undefined, allowed, message: 'A window with a length needs a start.' })
  }
  return problems
}

function pauseProblems({ pausedUntil, pauseReason }: EdgeDocument): Problem[] {
  if (pausedUntil !== undefined && !pauseReason?.trim()) {
    return [
      {
        field: 'pauseReason',
        value: pauseReason,
        allowed: 'text of 1..500 characters',
        message: 'A pause needs a reason.',
      },
    ]
  }
  if (pausedUntil === undefined && pauseReason !== undefined) {
    return [
      {
        field: 'pausedUntil',
        value: undefined,
        allowed: '0 (without expiry) or milliseconds since 1970',
        message: 'A reason for a pause needs its end.',
      },
    ]
  }
  return []
}

export function systemProblems(system: SystemDocument, after: DocumentBodies, { owners }: References): Problem[] {
  const problems: Problem[] = []
  if (system.edgeId !== undefined && !after.get('edge', system.edgeId)) {
    problems.push({
      field: 'edgeId',
      value: system.edgeId,
      allowed: 'the id of an edge',
      message: `There is no edge "${system.edgeId}".`,
    })
  }
  const seen = new Set<string>()
  for (const [index, moduleId] of system.modules.entries()) {
    const field = `modules.${index}`
    if (seen.has(moduleId))
      problems.push({
        field,
        value: moduleId,
        allowed: 'each module once',
        message: `The module "${moduleId}" is listed twice.`,
      })
    else if (!after.get('module', moduleId))
      problems.push({
        field,
        value: moduleId,
        allowed: 'the id of a module',
        message: `There is no module "${moduleId}".`,
      })
    else if ((owners.get(moduleId)?.size ?? 0) > 1) {
      const names = [...(owners.get(moduleId) ?? [])]
        .map((owner) => (owner === null ? 'the master' : `the edge ${owner}`))
        .sort()
      const allowed = 'a module of systems of one edge only'
      problems.push({
        field,
        value: moduleId,
        allowed,
        message: `The module "${moduleId}" would belong to ${names.join(' and ')}.`,
      })
    }
    seen.add(moduleId)
  }
  return problems
}

/** Who still refers to a document that is to go. */
export function deletionProblems(kind: DocumentKind, id: string, references: References): Problem[] {
  const referrers =
    (kind === 'edge' ? references.systemsOfEdge : kind === 'module' ? references.systemsOfModule : null)?.get(id) ?? []
  if (referrers.length === 0) return []
  const named = referrers.slice(0, 5)
  const rest = referrers.length > named.length ? ` and ${referrers.length - named.length} more` : ''
  const allowed = `${kind === 'edge' ? 'an edge' : 'a module'} no system refers to`
  return [{ field: 'id', value: id, allowed, message: `Still in use by the system ${named.join(', ')}${rest}.` }]
}
