import type { ActivityItem } from '../../shared/console/activity-operations'
import { BUNDLE_BYTES_MAX, type CheckView } from '../../shared/console/diagnostics-operations'
import type { StatusView } from '../../shared/console/views'
import type { Decision } from '../../shared/model/control'
import type { ArchivedFile } from './archive'
import {
  actor,
  allowed,
  fieldsOf,
  flag,
  list,
  map,
  name,
  number,
  Pseudonyms,
  record,
  scrub,
  text,
  word,
  type Rule,
} from './redact'
import type { RecentLine } from './recent-lines'

/** Everything a bundle is made from, as it is: nothing of it is redacted yet. */
export interface BundleFacts {
  readonly at: number
  readonly versions: Readonly<Record<string, string>>
  readonly status: StatusView
  readonly settings: Readonly<Record<string, unknown>>
  readonly documents: readonly {
    readonly kind: string
    readonly id: string
    readonly revision: number
    readonly body: Readonly<Record<string, unknown>>
  }[]
  readonly decisions: readonly Decision[]
  readonly activity: readonly ActivityItem[]
  readonly checks: readonly CheckView[]
  readonly lines: readonly RecentLine[]
  /** By file below the data directory. */
  readonly databases: Readonly<Record<string, unknown>>
  readonly sync: unknown
  /** What must not come out, wherever it may stand. */
  readonly sensitive: Sensitive
}

export interface Sensitive {
  readonly hosts: readonly string[]
  readonly addresses: readonly string[]
  readonly users: readonly string[]
  readonly paths: readonly string[]
  readonly secrets: readonly string[]
}

const link = record({ state: word, since: number, url: text, reason: text, lastHeardAt: number })
const control = record({
  ...{ holder: word, epoch: number, since: number, rule: word, reason: text, degraded: flag },
  handOver: record({ decisionId: name('id'), target: word, step: word, since: number }),
})
const module = record({
  ...{ id: name('module'), name: name('module'), driver: word, role: word, state: word, connected: flag },
  ...{ since: number, asOf: number, fault: text, restarts: number, retryAt: number },
})
const window = record({ open: flag, nextOpenAt: number, closesAt: number, timeZone: word, next: list(number) })
const needs = list(record({ severity: word, code: word, text, edgeId: name('site'), since: number }))
const paused = record({ until: number, reason: text })
const edge = record({
  ...{ id: name('site'), name: name('site'), link, control, takeOverAt: number, stableAt: number, window, needs },
  ...{ failover: flag, paused, enrolled: flag, revoked: flag, modules: list(module) },
})
const statusRule = record({
  ...{ role: word, nodeId: name('id'), name: name('site'), version: word, at: number, startedAt: number, booted: flag },
  ...{
    link,
    control,
    modules: list(module),
    window,
    paused,
    failover: flag,
    autonomyAt: number,
    needs,
    edges: list(edge),
  },
})

/** Of documents: what decides, not what describes. Settings of drivers hold passwords and addresses and stay out whole. */
const documentRules: Readonly<Record<string, Rule>> = {
  edge: record({
    ...{
      id: name('site'),
      name: name('site'),
      failover: flag,
      timeoutMs: number,
      windowStart: word,
      windowLengthS: number,
    },
    ...{ windowTimeZone: word, stableForMs: number, pausedUntil: number, admins: list(name('user')) },
  }),
  system: record({ id: name('system'), name: name('system'), edgeId: name('site'), modules: list(name('module')) }),
  module: record({
    id: name('module'),
    name: name('module'),
    driver: word,
    uri: text,
    role: word,
    enabled: flag,
    isolated: flag,
  }),
}
const decisionRule = record({
  ...{
    id: name('id'),
    edgeId: name('site'),
    rule: word,
    winner: word,
    epoch: number,
    actor,
    outcome: word,
    detail: text,
  },
  ...{ startedAt: number, finishedAt: number, contested: record({ from: number, to: number }) },
})
const activityRule = record({
  ...{
    id: number,
    at: number,
    kind: word,
    actor,
    role: word,
    via: word,
    op: word,
    edgeId: name('site'),
    outcome: word,
  },
  ...{
    code: word,
    text,
    durationMs: number,
    times: number,
    lastAt: number,
    object: record({ kind: word, id: name('id') }),
  },
})
const checkRule = record({ id: word, group: word, result: word, text, fix: text, durationMs: number })
const settingsRule = record({
  ...{ role: word, name: name('site'), consolePort: number, linkPort: number, otlpPort: number, linkHost: text },
  ...{
    masterUrls: list(text),
    remoteConsole: flag,
    serveApi: flag,
    apiPort: number,
    apiHost: text,
    demo: flag,
    logLevel: word,
    outboxBytesMax: number,
    outboxAgeMaxMs: number,
  },
  ...{ collectMetrics: flag, collectLogs: flag, collectTraces: flag, collectEvents: flag },
})
const tally = record({ entries: number, bytes: number, lastAt: number })
const syncRule = record({
  ...{ edgeId: name('site'), asOf: number, isReachable: flag },
  status: record({
    ...{
      state: word,
      pendingEntries: number,
      pendingBytes: number,
      oldestAt: number,
      lastAckAt: number,
      ratePerS: number,
    },
    ...{ etaS: number, dropped: number, deadLetters: number, failedAttempts: number },
    lastError: record({ code: word, message: text, at: number }),
  }),
  buffer: record({
    ...{ state: word, byCategory: map(tally), dropped: map(tally), droppedBecause: map(number), fileBytes: number },
    ...{ deadLetterBytes: number, switchedOff: list(word) },
  }),
})
const databaseRule = record({ bytes: number, pages: number, pageBytes: number, version: number, tables: map(number) })
/** Fields of log lines that hold text of the program; of other texts only the length is told. */
const logTexts = new Set(['reason', 'message', 'hint', 'error'])
const logWords = new Set([
  'code',
  'state',
  'rule',
  'outcome',
  'op',
  'kind',
  'category',
  'side',
  'role',
  'driver',
  'winner',
  'holder',
  'signal',
  'version',
  'from',
  'to',
  'phase',
  'step',
])

const FILE_BYTES_MAX = BUNDLE_BYTES_MAX / 4

/**
 * The files of a bundle. Twice redacted: records go through lists of the fields that may pass, with pseudonyms for whatever names something; then every known name,
 * address and secret is looked for in the whole text once more.
 */
export function bundleFiles(facts: BundleFacts): ArchivedFile[] {
  const names = knownNames(facts)
  const of = (value: unknown, rule: Rule): unknown => allowed(value, rule, names)
  const documents = facts.documents.flatMap(({ kind, revision, body }) => {
    const rule = documentRules[kind]
    return rule === undefined ? [] : [{ kind, revision, body: of(body, rule) }]
  })
  const databases = Object.entries(facts.databases).map(([file, sizes]) => ({
    file: databaseName(file, names),
    ...(of(sizes, databaseRule) as object),
  }))
  const files: ArchivedFile[] = [
    json('versions.json', facts.versions),
    json('status.json', of(facts.status, statusRule)),
    json('settings.json', of(facts.settings, settingsRule)),
    json('checks.json', of(facts.checks, list(checkRule))),
    json('documents.json', documents),
    lines('decisions.ndjson', of(facts.decisions, list(decisionRule)) as unknown[]),
    lines('activity.ndjson', of(facts.activity, list(activityRule)) as unknown[]),
    json('buffer.json', of(facts.sync, syncRule)),
    json('databases.json', databases),
    lines(
      'log.ndjson',
      facts.lines.map((line) => logLine(line, names)),
    ),
  ]
  const clean = files.map((file) => ({ name: file.name, text: cut(names.replaceKnown(file.text, ownWords)) }))
  return [{ name: 'README.txt', text: readme(facts, names, clean) }, ...clean]
}

/** Words of the bundle itself: a site that is called like one of them gives nothing away by it. */
const ownWords = new Set([
  ...[
    statusRule,
    ...Object.values(documentRules),
    decisionRule,
    activityRule,
    checkRule,
    settingsRule,
    syncRule,
    databaseRule,
  ].flatMap(fieldsOf),
  ...[
    'edge',
    'master',
    'standalone',
    'system',
    'module',
    'kind',
    'body',
    'revision',
    'file',
    'fields',
    'level',
    'scope',
    'message',
    'demo',
  ],
])

function knownNames({ documents, status, settings, sensitive }: BundleFacts): Pseudonyms {
  const names = new Pseudonyms()
  for (const secret of sensitive.secrets) if (secret.length >= 4) names.of('secret', secret)
  for (const { kind, id, body } of documents) {
    const known = kind === 'edge' ? 'site' : kind === 'system' ? 'system' : 'module'
    names.together(known, [id, ...(typeof body['name'] === 'string' ? [body['name']] : [])])
    if (Array.isArray(body['admins'])) for (const admin of body['admins'] as unknown[]) names.of('user', String(admin))
    const host = typeof body['uri'] === 'string' && URL.canParse(body['uri']) ? new URL(body['uri']).hostname : ''
    if (host !== '') names.of('host', host.replace(/^\[|\]$/g, ''))
  }
  for (const { id, name: called } of status.edges ?? []) names.together('site', [id, called])
  for (const { id, name: called } of status.modules) names.together('module', [id, called])
  names.of('site', status.name)
  if (typeof settings['name'] === 'string') names.of('site', settings['name'])
  names.of('id', status.nodeId)
  for (const path of sensitive.paths) names.of('path', path)
  for (const host of sensitive.hosts) names.of('host', host)
  for (const address of sensitive.addresses) names.of('address', address)
  for (const user of sensitive.users) names.of('user', user)
  return names
}

function logLine({ at, level, scope, message, fields }: RecentLine, names: Pseudonyms): unknown {
  const shown = Object.entries(fields).map(([field, value]) => [field, logValue(field, value, names)])
  return {
    at: new Date(at).toISOString(),
    level,
    scope: scope.replace(/[^\w.-]/g, ''),
    message: scrub(message, names),
    fields: Object.fromEntries(shown) as unknown,
  }
}

function logValue(field: string, value: unknown, names: Pseudonyms): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (typeof value !== 'string') return Array.isArray(value) ? `${value.length} values` : '…'
  if (logTexts.has(field)) return scrub(value, names)
  if (logWords.has(field) && /^[A-Za-z0-9 ._-]{0,40}$/.test(value)) return scrub(value, names)
  return `${value.length} characters`
}

/** Stores of single edges are named after them. */
function databaseName(file: string, names: Pseudonyms): string {
  const parts = file.split(/[\\/]/)
  const isKnown = (part: string): boolean =>
    /^(edge|master|telemetry|fleet|cluster|content|journal|control|outbox|documents|inventory|activity|copies)(\.db)?$/.test(
      part,
    )
  return parts.map((part) => (isKnown(part) ? part : `${names.of('site', part.replace(/\.db$/, ''))}.db`)).join('/')
}

const json = (file: string, value: unknown): ArchivedFile => ({
  name: file,
  text: `${JSON.stringify(value, null, 2)}\n`,
})
const lines = (file: string, values: readonly unknown[]): ArchivedFile => ({
  name: file,
  text: values.map((value) => `${JSON.stringify(value)}\n`).join(''),
})
const cut = (content: string): string =>
  content.length <= FILE_BYTES_MAX
    ? content
    : `${content.slice(0, FILE_BYTES_MAX)}\n… cut at ${FILE_BYTES_MAX} characters\n`

function readme({ at, versions }: BundleFacts, names: Pseudonyms, files: readonly ArchivedFile[]): string {
  const replaced = Object.entries(names.counts()).map(([kind, count]) => `  ${kind}: ${count}`)
  return [
    `Holdfast diagnostics, made ${new Date(at).toISOString()} by version ${versions['holdfast'] ?? '?'}`,
    '',
    'Names of sites, systems, devices and people, host names, addresses, paths and keys are replaced by pseudonyms (site-1, host-2, ...).',
    'The same pseudonym means the same thing throughout this bundle, and nothing in another one. What stands for what is written nowhere.',
    '',
    'Replaced:',
    ...replaced,
    '',
    'Files:',
    ...files.map((file) => `  ${file.name}  ${Buffer.byteLength(file.text)} bytes`),
    '',
  ].join('\n')
}
