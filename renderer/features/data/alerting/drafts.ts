import type { OperationInput } from '../../../../shared/console/contract'
import {
  alertAggregates,
  type AlertAggregate,
  type AlertComparison,
  type AlertSeverity,
  type AlertWatch,
  type ChannelType,
} from '../../../../shared/model/alerts'
import type { AlertRuleDocument, ChannelDocument, ForwarderDocument } from '../../../../shared/model/documents'
import { tagsIn } from '../../nodes/nodes'
import { telemetryCategories, type TelemetryCategory } from '../../../../shared/model/telemetry'

/** Rules, destinations and channels while they are edited: texts as they are typed, lengths in ms (null: empty, NaN: not a number). */
export type Values = OperationInput<'alerts.setRule'>['values']

/** What is asked for: the fields that are not as they are stored; null removes one. `stored` null: there is nothing yet. */
export function changesOf(wanted: Values, stored: object | null): Values {
  const before = (stored ?? {}) as Readonly<Record<string, unknown>>
  const isSame = (field: string, value: unknown) =>
    JSON.stringify(value ?? null) === JSON.stringify(before[field] ?? null)
  return Object.fromEntries(Object.entries(wanted).filter(([field, value]) => !isSame(field, value)))
}

export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** `name=value`, one a line; null: a line is no such pair. */
export function pairsOf(text: string, sign: '=' | ':'): Record<string, string> | null {
  const pairs = linesOf(text).map((line) => [line.indexOf(sign), line] as const)
  if (pairs.some(([at]) => at < 1)) return null
  return Object.fromEntries(pairs.map(([at, line]) => [line.slice(0, at).trim(), line.slice(at + 1).trim()]))
}

/** What must stay secret is typed, and shown, as `@NAME`, on the command line as here. */
const SECRET = '@'
type Secretive = string | { secretRef: string }
export const shownOf = (value: Secretive): string => (typeof value === 'string' ? value : SECRET + value.secretRef)
export const meantBy = (text: string): Secretive =>
  text.startsWith(SECRET) ? { secretRef: text.slice(SECRET.length).trim() } : text
const headersText = (headers: Readonly<Record<string, Secretive>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${shownOf(value)}`)
    .join('\n')
const headersOf = (text: string): Record<string, Secretive> =>
  Object.fromEntries(Object.entries(pairsOf(text, ':') ?? {}).map(([name, value]) => [name, meantBy(value)]))

const isLength = (value: number | null): boolean => value !== null && !Number.isNaN(value)

export interface RuleDraft {
  name: string
  description: string
  severity: AlertSeverity
  edges: readonly string[]
  /** With commas between them. */
  nodeTags: string
  watch: AlertWatch
  metric: string
  where: string
  aggregate: AlertAggregate
  overMs: number | null
  compare: AlertComparison
  threshold: number | null
  text: string
  /** '0': whatever its severity. */
  severityMin: string
  forMs: number | null
  keepFiringForMs: number | null
}
type RuleField =
  'metric' | 'where' | 'aggregate' | 'overMs' | 'compare' | 'threshold' | 'text' | 'severityMin' | 'forMs' | 'nodeTags'
/** Which fields count for what a rule watches. */
export const ruleFields: Readonly<Record<AlertWatch, readonly RuleField[]>> = {
  metric: ['metric', 'where', 'aggregate', 'overMs', 'compare', 'threshold', 'forMs'],
  logs: ['text', 'severityMin', 'threshold', 'overMs'],
  absence: ['metric', 'where', 'forMs'],
  'edge-lost': ['forMs'],
  'telemetry-lost': [],
  'both-drove': [],
  'edge-alerts': [],
  'node-offline': ['forMs', 'nodeTags'],
  'host-key-changed': ['forMs', 'nodeTags'],
}
export const aggregates = alertAggregates

export function draftOfRule(rule: AlertRuleDocument | null): RuleDraft {
  return {
    name: rule?.name ?? '',
    description: rule?.description ?? '',
    severity: rule?.severity ?? 'warning',
    edges: rule?.edges ?? [],
    nodeTags: (rule?.nodeTags ?? []).join(', '),
    watch: rule?.watch ?? 'metric',
    metric: rule?.metric ?? '',
    where: Object.entries(rule?.where ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
    aggregate: rule?.aggregate ?? 'last',
    overMs: rule?.overMs ?? 60_000,
    compare: rule?.compare ?? 'above',
    threshold: rule?.threshold ?? null,
    text: rule?.text ?? '',
    severityMin: String(rule?.severityMin ?? 0),
    forMs: rule?.forMs ?? 0,
    keepFiringForMs: rule?.keepFiringForMs ?? 0,
  }
}

/** The fields of the document; those that do not count for what it watches are left as they are. */
export function valuesOfRule(draft: RuleDraft): Values {
  const { watch } = draft
  const nodeTags = tagsIn(draft.nodeTags)
  const all: Record<RuleField, Values[string]> = {
    metric: draft.metric.trim() || null,
    where: pairsOf(draft.where, '=') ?? {},
    ...{ aggregate: draft.aggregate, overMs: draft.overMs, compare: draft.compare, threshold: draft.threshold },
    text: draft.text.trim() || null,
    severityMin: Number(draft.severityMin) || null,
    forMs: draft.forMs,
    nodeTags: nodeTags.length === 0 ? null : nodeTags,
  }
  return {
    ...{ name: draft.name.trim(), description: draft.description.trim(), severity: draft.severity, watch },
    ...{ edges: [...draft.edges], keepFiringForMs: draft.keepFiringForMs },
    ...Object.fromEntries(ruleFields[watch].map((field) => [field, all[field]])),
  }
}

export function isReadableRule(draft: RuleDraft): boolean {
  const counts = ruleFields[draft.watch]
  const lengths = [
    draft.keepFiringForMs,
    ...(counts.includes('forMs') ? [draft.forMs] : []),
    ...(counts.includes('overMs') ? [draft.overMs] : []),
  ]
  return lengths.every(isLength) && !Number.isNaN(draft.threshold ?? 0) && pairsOf(draft.where, '=') !== null
}

export interface ForwardDraft {
  name: string
  enabled: boolean
  url: string
  headers: string
  categories: readonly string[]
  compressed: boolean
  edges: readonly string[]
}
export function draftOfForwarder(stored: Partial<ForwarderDocument> | null): ForwardDraft {
  return {
    name: stored?.name ?? '',
    enabled: stored?.enabled ?? true,
    url: stored?.url ?? '',
    headers: headersText(stored?.headers ?? {}),
    categories: stored?.categories ?? telemetryCategories,
    compressed: (stored?.compression ?? 'gzip') === 'gzip',
    edges: stored?.edges ?? [],
  }
}
export const valuesOfForwarder = (draft: ForwardDraft): Values => ({
  ...{ name: draft.name.trim(), enabled: draft.enabled, url: draft.url.trim(), headers: headersOf(draft.headers) },
  categories: telemetryCategories.filter((one: TelemetryCategory) => draft.categories.includes(one)),
  ...{ compression: draft.compressed ? 'gzip' : 'none', edges: [...draft.edges] },
})

export interface ChannelDraft {
  name: string
  enabled: boolean
  type: ChannelType
  severityMin: AlertSeverity
  edges: readonly string[]
  rules: readonly string[]
  resolved: boolean
  groupForMs: number | null
  repeatEveryMs: number | null
  perHourMax: number | null
  isQuiet: boolean
  quietFrom: string
  quietTo: string
  language: string
  url: string
  headers: string
  signingKey: string | null
  host: string
  port: number | null
  security: string
  username: string
  password: string | null
  from: string
  to: string
}
export function draftOfChannel(stored: ChannelDocument | null): ChannelDraft {
  return {
    name: stored?.name ?? '',
    enabled: stored?.enabled ?? true,
    type: stored?.type ?? 'webhook',
    severityMin: stored?.severityMin ?? 'warning',
    edges: stored?.edges ?? [],
    rules: stored?.rules ?? [],
    resolved: stored?.resolved ?? true,
    groupForMs: stored?.groupForMs ?? 30_000,
    repeatEveryMs: stored?.repeatEveryMs ?? 4 * 3_600_000,
    perHourMax: stored?.perHourMax ?? 12,
    isQuiet: stored?.quiet !== undefined,
    quietFrom: stored?.quiet?.from ?? '22:00',
    quietTo: stored?.quiet?.to ?? '06:00',
    language: stored?.language ?? 'en',
    url: stored?.url === undefined ? '' : shownOf(stored.url),
    headers: headersText(stored?.headers ?? {}),
    signingKey: stored?.signingKey?.secretRef ?? null,
    host: stored?.host ?? '',
    port: stored?.port ?? null,
    security: stored?.security ?? 'starttls',
    username: stored?.username ?? '',
    password: stored?.password?.secretRef ?? null,
    from: stored?.from ?? '',
    to: (stored?.to ?? []).join('\n'),
  }
}
/** Fields of the other type are left as they are. `timeZone` of the quiet hours stays what it was. */
export function valuesOfChannel(draft: ChannelDraft, stored: ChannelDocument | null): Values {
  const secret = (name: string | null) => (name === null ? null : { secretRef: name })
  const zone = stored?.quiet?.timeZone
  const quiet = { from: draft.quietFrom, to: draft.quietTo, ...(zone === undefined ? {} : { timeZone: zone }) }
  const common = {
    ...{ name: draft.name.trim(), enabled: draft.enabled, type: draft.type, severityMin: draft.severityMin },
    ...{ edges: [...draft.edges], rules: [...draft.rules], resolved: draft.resolved, language: draft.language },
    ...{ groupForMs: draft.groupForMs, repeatEveryMs: draft.repeatEveryMs, perHourMax: draft.perHourMax },
    quiet: draft.isQuiet ? quiet : null,
  }
  if (draft.type === 'webhook')
    return {
      ...common,
      url: draft.url.trim() === '' ? null : meantBy(draft.url.trim()),
      ...{ headers: headersOf(draft.headers), signingKey: secret(draft.signingKey) },
    }
  return {
    ...common,
    ...{ host: draft.host.trim() || null, port: draft.port, security: draft.security },
    ...{ username: draft.username.trim() || null, password: secret(draft.password) },
    ...{ from: draft.from.trim() || null, to: linesOf(draft.to) },
  }
}
export const isReadableChannel = (draft: ChannelDraft): boolean =>
  [draft.groupForMs, draft.repeatEveryMs, draft.perHourMax].every(isLength) &&
  !Number.isNaN(draft.port ?? 0) &&
  (draft.type === 'email' || pairsOf(draft.headers, ':') !== null)
