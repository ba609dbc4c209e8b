import { alertRuleDocument, type AlertRuleDocument } from '../../../shared/model/documents'
import { nodeOfSubject, type AlertComparison } from '../../../shared/model/alerts'
import type { AlertPolicy } from './alert-state'

/** Values come every 30 s or a minute at most sites: ten that did not come are no delay any more. */
export const STALE_AFTER_MS = 5 * 60_000

export interface AlertRule {
  readonly document: AlertRuleDocument
  readonly isDefault: boolean
}

const defaults = [
  {
    id: 'edge-unreachable',
    name: 'Edge unreachable',
    description: 'An edge has had no link for longer than its take-over timeout.',
    watch: 'edge-lost',
    severity: 'critical',
    keepFiringForMs: 30_000,
  },
  {
    id: 'telemetry-lost',
    name: 'Telemetry lost',
    description: 'An edge had to give up entries before they could be pushed.',
    watch: 'telemetry-lost',
    severity: 'warning',
    keepFiringForMs: 3_600_000,
  },
  {
    id: 'both-drove',
    name: 'Both sides drove',
    description: 'Edge and master drove the same devices for a while.',
    watch: 'both-drove',
    severity: 'critical',
    keepFiringForMs: 86_400_000,
  },
  {
    id: 'edge-alerts',
    name: 'Raised by an edge',
    description: 'What an edge reports as an alert, with the severity it gives.',
    watch: 'edge-alerts',
    severity: 'warning',
  },
  {
    id: 'node-offline',
    name: 'Node offline',
    description: 'Checks in a row did not reach a node within its offline threshold.',
    watch: 'node-offline',
    severity: 'warning',
    keepFiringForMs: 90_000,
  },
  {
    id: 'host-key-changed',
    name: 'Host key changed',
    description:
      'A node shows another host key (SSH) or certificate (health endpoint) than the pinned one: it may be another machine.',
    watch: 'host-key-changed',
    severity: 'critical',
  },
] as const

/** The rules that count: those of the program, each replaced by the document of its id, and all other documents. */
export function effectiveRules(documents: readonly AlertRuleDocument[]): AlertRule[] {
  const ids = new Set(documents.map(({ id }) => id))
  return [
    ...defaults
      .filter(({ id }) => !ids.has(id))
      .map((rule) => ({ document: alertRuleDocument.parse(rule), isDefault: true })),
    ...documents.map((document) => ({ document, isDefault: false })),
  ]
}
export const isDefaultId = (id: string): boolean => defaults.some((rule) => rule.id === id)

export const isAboutNodes = ({ watch }: Pick<AlertRuleDocument, 'watch'>): boolean =>
  watch === 'node-offline' || watch === 'host-key-changed'

/** Whether a rule about nodes is for one with these tags. */
export const choosesNode = ({ nodeTags = [] }: Pick<AlertRuleDocument, 'nodeTags'>, tags: readonly string[]): boolean =>
  nodeTags.length === 0 || nodeTags.some((tag) => tags.includes(tag))

/** `subject`: an edge, or a node (whether its tags are those of the rule says `choosesNode`). */
export const appliesTo = (rule: AlertRuleDocument, subject: string): boolean => {
  const { enabled, edges } = rule
  if (isAboutNodes(rule)) return enabled && nodeOfSubject(subject) !== null
  return enabled && nodeOfSubject(subject) === null && (edges.length === 0 || edges.includes(subject))
}

export function policyOf(rule: AlertRuleDocument, edge: { readonly timeoutMs: number }): AlertPolicy {
  const { watch, forMs, keepFiringForMs } = rule
  const isMomentary = watch === 'telemetry-lost' || watch === 'both-drove'
  return {
    forMs: isMomentary || watch === 'absence' ? 0 : watch === 'edge-lost' && forMs === 0 ? edge.timeoutMs : forMs,
    keepFiringForMs,
    staleAfterMs: watch === 'metric' ? Math.max(STALE_AFTER_MS, rule.overMs) : null,
    isMomentary,
  }
}

/** Whether a rule still speaks of the same thing: otherwise what it raised is over. */
export function isSameWatch(a: AlertRuleDocument, b: AlertRuleDocument): boolean {
  const of = ({ watch, metric, where, aggregate, text, severityMin }: AlertRuleDocument) =>
    JSON.stringify([watch, metric, Object.entries(where).sort(), aggregate, text, severityMin])
  return of(a) === of(b)
}

export function compares(value: number, how: AlertComparison, threshold: number): boolean {
  switch (how) {
    case 'above':
      return value > threshold
    case 'at-least':
      return value >= threshold
    case 'below':
      return value < threshold
    case 'at-most':
      return value <= threshold
  }
}
