import { readDocument } from '../../../shared/model/document-reading'
import { CHANGES_MAX } from '../../../shared/model/documents'
import type {
  AnyDocument,
  DocumentChange,
  DocumentDifference,
  DocumentKind,
  DocumentProblem,
  DocumentWrite,
} from '../../../shared/model/documents'
import { withWrites } from './current'
import type { CurrentDocument, CurrentDocuments } from './current'
import { differenceOf } from './differences'
import { channelProblems } from './channel-rules'
import { alertRuleProblems, forwarderProblems } from './data-rules'
import { userProblems } from './user-rules'
import { deletionProblems, edgeProblems, referencesOf, systemProblems } from './rules'
import type { DocumentContext } from './rules'

export type CheckOutcome =
  /** `writes` leaves out what would change nothing; `differences` has a line for every change that was asked for. */
  | {
      readonly ok: true
      readonly writes: readonly DocumentWrite[]
      readonly differences: readonly DocumentDifference[]
    }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] }
  | {
      readonly ok: false
      readonly conflict: {
        readonly kind: DocumentKind
        readonly id: string
        readonly yours: number
        readonly current: CurrentDocument | null
      }
    }

/** Problems told of one call; a file with a mistake in each of its lines is not worth more. */
const PROBLEMS_MAX = 100

/** Judges changes as one whole: what they would make of the documents must be sound, whatever their order. */
export function checkDocuments(
  changes: readonly DocumentChange[],
  current: CurrentDocuments,
  context: DocumentContext,
): CheckOutcome {
  const conflict = firstConflict(changes, current)
  if (conflict) return { ok: false, conflict }
  const { writes, problems } = readChanges(changes, current)
  if (problems.length === 0) problems.push(...problemsOfWhole(writes, current, context))
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, PROBLEMS_MAX) }
  const differences = writes.map((write) => differenceOf(write, current))
  return { ok: true, writes: writes.filter((_, index) => differences[index]?.op !== 'same'), differences }
}

function firstConflict(changes: readonly DocumentChange[], current: CurrentDocuments) {
  for (const change of changes) {
    if (change.revision === undefined) continue
    const id = change.op === 'delete' ? change.id : typeof change.body.id === 'string' ? change.body.id : ''
    const stored = current.get(change.kind, id)
    // Revision 0: the editor saw that there was none.
    if ((stored?.revision ?? 0) !== change.revision)
      return { kind: change.kind, id, yours: change.revision, current: stored }
  }
  return null
}

function readChanges(changes: readonly DocumentChange[], current: CurrentDocuments) {
  const writes: DocumentWrite[] = []
  const problems: DocumentProblem[] = []
  if (changes.length > CHANGES_MAX) {
    problems.push({
      kind: 'edge',
      id: '',
      field: '',
      value: changes.length,
      allowed: `at most ${CHANGES_MAX} changes`,
      message: `Too many changes at once: at most ${CHANGES_MAX}.`,
    })
    return { writes, problems }
  }
  const seen = new Set<string>()
  for (const change of changes) {
    const { kind } = change
    const reading = change.op === 'put' ? readDocument(kind, change.body) : null
    if (reading && !reading.ok) {
      problems.push(...reading.problems)
      continue
    }
    const write: DocumentWrite = reading
      ? putOf(kind, reading.document)
      : { op: 'delete', kind, id: change.op === 'delete' ? change.id : '' }
    const problem = (allowed: string, message: string) =>
      problems.push({ kind, id: write.id, field: 'id', value: write.id, allowed, message })
    if (seen.has(`${kind} ${write.id}`)) problem('each document once', `The ${kind} "${write.id}" is changed twice.`)
    else if (write.op === 'delete' && !current.get(kind, write.id))
      problem(`the id of ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`, `There is no ${kind} "${write.id}".`)
    seen.add(`${kind} ${write.id}`)
    writes.push(write)
  }
  return { writes, problems }
}

const putOf = (kind: DocumentKind, body: AnyDocument): DocumentWrite => ({ op: 'put', kind, id: body.id, body })

function problemsOfWhole(
  writes: readonly DocumentWrite[],
  current: CurrentDocuments,
  context: DocumentContext,
): DocumentProblem[] {
  const after = withWrites(current, writes)
  const references = referencesOf(after)
  return writes.flatMap((write): DocumentProblem[] => {
    const { kind, id } = write
    const name = (problems: readonly Omit<DocumentProblem, 'kind' | 'id'>[]) =>
      problems.map((problem) => ({ ...problem, kind, id }))
    if (write.op === 'delete') return name(deletionProblems(kind, id, references))
    switch (kind) {
      case 'edge': {
        const edge = after.get('edge', id)
        return edge ? name(edgeProblems(edge, references, context)) : []
      }
      case 'system': {
        const system = after.get('system', id)
        return system ? name(systemProblems(system, after, references)) : []
      }
      case 'module': {
        const module = after.get('module', id)
        return module ? [...context.checkModule(module)] : []
      }
      case 'alertRule': {
        const rule = after.get('alertRule', id)
        return rule ? name(alertRuleProblems(rule, after)) : []
      }
      case 'forwarder': {
        const forwarder = after.get('forwarder', id)
        return forwarder ? name(forwarderProblems(forwarder, after)) : []
      }
      case 'user': {
        const user = after.get('user', id)
        return user ? name(userProblems(user, after)) : []
      }
      case 'channel': {
        const channel = after.get('channel', id)
        return channel ? name(channelProblems(channel, after, context)) : []
      }
    }
  })
}
