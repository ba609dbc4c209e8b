import type { AlertRuleDocument, DocumentProblem, ForwarderDocument } from '../../../shared/model/documents'
import { isSecretName } from '../../../shared/model/secret-names'
import type { DocumentBodies } from './current'

type Problem = Omit<DocumentProblem, 'kind' | 'id'>

/** What the rule of an alert must be beyond the ranges of its fields: what it watches decides which of them it needs. */
export function alertRuleProblems(rule: AlertRuleDocument, after: DocumentBodies): Problem[] {
  const { watch, metric, threshold, text, severityMin } = rule
  const problems = unknownEdges(rule.edges, after)
  const missing = (field: string, allowed: string, message: string) =>
    problems.push({ field, value: undefined, allowed, message })
  if (watch === 'metric' && metric === undefined)
    missing('metric', 'the name of a metric', 'A rule that watches a metric needs its name.')
  if (watch === 'metric' && threshold === undefined)
    missing('threshold', 'a number', 'A rule that watches a metric needs a number to compare with.')
  if (watch === 'logs' && text === undefined && severityMin === undefined)
    missing('text', 'words, or severityMin: 1..24', 'A rule that watches logs needs words or a least severity.')
  if (
    watch === 'logs' &&
    threshold !== undefined &&
    !(Number.isInteger(threshold) && threshold >= 1 && threshold <= LINES_MAX)
  )
    problems.push({
      field: 'threshold',
      value: threshold,
      allowed: `a whole number, 1..${LINES_MAX}`,
      message: 'The threshold of a rule that watches logs is a number of lines.',
    })
  if (watch === 'absence' && rule.forMs < ABSENCE_FOR_MS_MIN)
    problems.push({
      field: 'forMs',
      value: rule.forMs,
      allowed: `at least ${ABSENCE_FOR_MS_MIN}`,
      message: 'Edges push every 30 s: absence shows only after a minute.',
    })
  return problems
}

/** As many as a window of an alert holds. */
const LINES_MAX = 1_000
/** Two intervals of the push. */
const ABSENCE_FOR_MS_MIN = 60_000

/** What the request itself decides. */
const ownHeaders = /^(host|content-.*|transfer-encoding|connection|expect)$/i

export function forwarderProblems(forwarder: ForwarderDocument, after: DocumentBodies): Problem[] {
  return [...unknownEdges(forwarder.edges, after), ...headerProblems(forwarder.headers)]
}

export function headerProblems(headers: ForwarderDocument['headers']): Problem[] {
  const problems: Problem[] = []
  for (const [header, value] of Object.entries(headers)) {
    const field = `headers.${header}`
    if (ownHeaders.test(header))
      problems.push({
        field,
        value: null,
        allowed: 'a header that says nothing about the body or the connection',
        message: `The header "${header}" is set by the request itself.`,
      })
    // The value is not repeated: this message may be logged.
    else if (typeof value === 'string' && isSecretName(header))
      problems.push({
        field,
        value: null,
        allowed: '{secretRef: NAME}',
        message: `The header "${header}" looks like a secret, and documents hold none: store it and name it.`,
      })
  }
  return problems
}

export function unknownEdges(edges: readonly string[], after: DocumentBodies): Problem[] {
  return edges.flatMap((id, index) =>
    after.get('edge', id)
      ? []
      : [
          {
            field: `edges.${index}`,
            value: id,
            allowed: 'the id of an edge',
            message: `There is no edge "${id}".`,
          },
        ],
  )
}
