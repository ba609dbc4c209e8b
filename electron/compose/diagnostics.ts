import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir, hostname, networkInterfaces, userInfo } from 'node:os'
import path from 'node:path'
import { BUNDLE_TEXT_SHOWN, type CheckingView, type CheckView } from '../../shared/console/diagnostics-operations'
import type { StatusView } from '../../shared/console/views'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { isSecretName } from '../../shared/model/secret-names'
import { after, type MonoMs } from '../../shared/model/time'
import type { Settings } from '../../shared/settings/settings'
import type { ActivityRecorder } from '../activity/recorder'
import { LiveTopic } from '../console/live-topic'
import type { Caller, OperationHandlers } from '../console/operations'
import { tarGz, type ArchivedFile } from '../diagnostics/archive'
import { bundleFiles, type Sensitive } from '../diagnostics/bundle'
import { Checking } from '../diagnostics/checking'
import { databaseFiles, databaseReader } from '../diagnostics/databases'
import type { LastStop } from '../diagnostics/judge-data'
import type { RecentLine } from '../diagnostics/recent-lines'
import type { Clock, Logger, NamedSecrets, Random, Secrets } from '../platform/ports'
import { fileSecrets } from '../platform/secrets'
import { readStored, SETTINGS_FILE } from '../platform/settings-file'
import type { SettingsStore } from '../platform/settings-store'
import { systemClock } from '../platform/clock'
import { checksOf, type CheckedPlace, type RunningSite } from './checks'

const PREVIEW_VALID_MS = 10 * 60_000
const DECISIONS_MAX = 500
const ACTIVITY_MAX = 500
/** Edges whose clocks are asked for, and decisions taken from. */
const EDGES_MAX = 100
/** For all statistics of the databases together; what is not read by then is left out. */
const STATISTICS_MS = 3_000

type DiagnosticsHandlers = Pick<OperationHandlers, Extract<keyof OperationHandlers, `diagnostics.${string}`>>
type SiteHandlers = Pick<OperationHandlers, 'sync.status' | 'telemetry.status' | 'documents.export' | 'decisions.list'>

export interface DiagnosticsParts {
  readonly dataDir: string
  readonly mainDir: string
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly secrets: Secrets
  readonly namedSecrets: Pick<NamedSecrets, 'list' | 'value'>
  readonly settings: Pick<SettingsStore, 'current' | 'set'>
  readonly ignoredSettings: readonly string[]
  readonly timeZone: string
  readonly lastStop: LastStop
  readonly recorder: ActivityRecorder
  lines(): readonly RecentLine[]
  status(): StatusView
  handlers(): SiteHandlers
}

export interface Diagnostics extends Disposable {
  readonly handlers: DiagnosticsHandlers
  subscribe(listener: (body: CheckingView) => void): () => void
}

/** The controller asks itself as anybody with full rights could. */
const self: Caller = { actor: 'system:diagnostics', role: 'admin' }

export function openDiagnostics(parts: DiagnosticsParts): Diagnostics {
  const { clock, log, random } = parts
  let topic: LiveTopic<CheckingView> | null = null
  const checking = new Checking({
    clock,
    checks: () => checksOf(placeOf(parts), runningSite(parts)),
    changed: () => topic?.changed(),
  })
  topic = new LiveTopic(
    clock,
    () => checking.view,
    (error) => log.log('warn', 'The checks could not be told', failureOf(error)),
  )
  let preview: { id: string; at: number; until: MonoMs; files: readonly ArchivedFile[] } | null = null
  const make = async (): Promise<{ at: number; files: readonly ArchivedFile[] }> => {
    const at = clock.wall()
    return { at, files: await filesOf(parts, at, await checking.run()) }
  }
  return {
    subscribe: (listener) => topic.subscribe(listener),
    [Symbol.dispose]: () => topic[Symbol.dispose](),
    handlers: {
      'diagnostics.checks': async ({ only }) => {
        const checks = only === undefined ? await checking.run() : await checking.runSome(only)
        return { at: clock.wall(), checks: [...checks] }
      },
      'diagnostics.fix': ({ check }) => checking.mend(check),
      'diagnostics.preview': async () => {
        const { at, files } = await make()
        preview = { id: random.id(), at, until: after(clock.mono(), PREVIEW_VALID_MS), files }
        const shown = files.map(({ name, text }) => ({
          ...{ name, bytes: Buffer.byteLength(text), text: text.slice(0, BUNDLE_TEXT_SHOWN) },
          isCut: text.length > BUNDLE_TEXT_SHOWN,
        }))
        const bytes = shown.reduce((sum, file) => sum + file.bytes, 0)
        return { previewId: preview.id, name: bundleName(at), at, bytes, files: shown }
      },
      'diagnostics.bundle': async ({ previewId }) => {
        if (previewId !== undefined && (preview?.id !== previewId || clock.mono() > preview.until)) {
          throw new HoldfastError('not-found', 'This preview is not kept any more.', { hint: 'Make it again.' })
        }
        const { at, files } = previewId !== undefined && preview !== null ? preview : await make()
        const packed = await tarGz(files, at)
        return {
          ...{ name: bundleName(at), bytes: packed.length, base64: packed.toString('base64') },
          sha256: createHash('sha256').update(packed).digest('hex'),
        }
      },
    },
  }
}

const bundleName = (at: number): string =>
  `holdfast-diagnostics-${new Date(at).toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-')}.tar.gz`

function placeOf({
  dataDir,
  version,
  clock,
  secrets,
  mainDir,
  settings,
  ignoredSettings,
}: DiagnosticsParts): CheckedPlace {
  const known = { settings: settings.current, ignoredSettings, settingsError: null }
  return { dataDir, version, clock, secrets, mainDir, ...known, isDeep: false }
}

function runningSite({ timeZone, lastStop, status, handlers, settings }: DiagnosticsParts): RunningSite {
  return {
    ...{ timeZone, lastStop, status },
    sync: async () => await quietly(async () => await handlers()['sync.status']({}, self)),
    schedules: () => {
      try {
        const answer = handlers()['documents.export']({ kinds: ['edge'] }, self)
        if (answer instanceof Promise) return null
        return new Set(answer.documents.filter(({ body }) => body['windowStart'] != null).map(({ id }) => id))
      } catch {
        return null
      }
    },
    skews: async () => {
      const edges = (status().edges ?? []).slice(0, EDGES_MAX)
      const told = edges.map(({ id }) => quietly(async () => await handlers()['telemetry.status']({ edge: id }, self)))
      return (await Promise.all(told)).flatMap((one) => one?.skewMs ?? [])
    },
    collectAll: async () => {
      const values = { collectMetrics: true, collectLogs: true, collectTraces: true, collectEvents: true }
      await settings.set(values)
    },
  }
}

/** Null: it was refused, or failed. */
async function quietly<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch {
    return null
  }
}

async function filesOf(parts: DiagnosticsParts, at: number, checks: readonly CheckView[]): Promise<ArchivedFile[]> {
  const { settings, status, handlers, recorder, version } = parts
  const now = status()
  const exported = await quietly(
    async () => await handlers()['documents.export']({ kinds: ['edge', 'system', 'module'] }, self),
  )
  const documents = exported?.documents ?? []
  const edges = now.edges?.slice(0, EDGES_MAX).map(({ id }) => ({ edge: id })) ?? [{}]
  const decided = await Promise.all(
    edges.map((edge) =>
      quietly(
        async () =>
          await handlers()['decisions.list']({ ...edge, limit: Math.ceil(DECISIONS_MAX / edges.length) }, self),
      ),
    ),
  )
  return bundleFiles({
    ...{ at, checks, status: now, documents, decisions: decided.flatMap((some) => some ?? []) },
    settings: { ...settings.current },
    activity: recorder.page({ limit: ACTIVITY_MAX }).items,
    lines: parts.lines(),
    versions: {
      ...{ holdfast: version, node: process.versions.node, platform: `${process.platform}-${process.arch}` },
      ...{
        electron: process.versions['electron'] ?? '-',
        openssl: process.versions.openssl,
        zones: process.versions['tz'] ?? '-',
      },
    },
    databases: await statisticsOf(parts),
    sync: await quietly(async () => await handlers()['sync.status']({}, self)),
    sensitive: await sensitiveOf(
      parts,
      documents.map(({ body }) => body),
    ),
  })
}

async function statisticsOf({ dataDir, mainDir, clock }: DiagnosticsParts): Promise<Record<string, unknown>> {
  const workerPath = path.join(mainDir, 'database-worker.js')
  const found: Record<string, unknown> = {}
  const files = (await databaseFiles(dataDir)).slice(0, EDGES_MAX)
  for (const { file, bytes } of files) found[file] = { bytes }
  if (!existsSync(workerPath)) return found
  using reader = databaseReader(workerPath)
  using _late = clock.at(after(clock.mono(), STATISTICS_MS), () => reader[Symbol.dispose]())
  for (const { file, bytes } of files) {
    const sizes = await quietly(() => reader.ask('sizes', path.join(dataDir, file)))
    if (sizes !== null) found[file] = { bytes, ...sizes }
  }
  return found
}

/** What this machine and this data directory have that nobody else is to know. */
export async function sensitiveOf(
  parts: Pick<DiagnosticsParts, 'dataDir' | 'mainDir' | 'secrets' | 'namedSecrets' | 'settings'>,
  bodies: readonly unknown[],
): Promise<Sensitive> {
  const { dataDir, secrets, namedSecrets, settings } = parts
  const nets = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const stored = await Promise.all(
    ['link/credentials', 'authority/ca', 'authority/leaf'].map((name) => quietly(() => secrets.get(name))),
  )
  const key = await quietly(() => readFile(path.join(dataDir, 'console.key'), 'utf8'))
  const urls = settings.current.masterUrls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname] : []))
  const isOwn = (address: string): boolean => !['127.0.0.1', '::1', '0.0.0.0'].includes(address)
  return {
    hosts: [hostname(), ...urls, ...stored.flatMap((text) => hostsOf(text ?? null))].filter(
      (host) => host !== 'localhost' && host !== '' && isOwn(host),
    ),
    addresses: nets
      .flatMap(({ address, mac }) => [address.split('%')[0]!, mac])
      .filter((one) => isOwn(one) && one !== '00:00:00:00:00:00'),
    users: [userName()].filter((name) => name !== ''),
    // The longest is replaced first, so that the home directory does not hide what lies below it.
    paths: [dataDir, path.dirname(process.execPath), parts.mainDir, homedir()].filter((place) => place.length > 3),
    secrets: [
      ...(key === null ? [] : [key.trim()]),
      ...stored.flatMap((text) => secretTexts(text ?? null)),
      ...bodies.flatMap((body) => secretsIn(body)),
      // A driver may have quoted one, and a person may have typed one where it does not belong.
      ...namedSecrets.list().flatMap(({ name }) => linesOf(namedSecrets.value(name) ?? '')),
    ],
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return ''
  }
}

const parsed = (text: string | null): unknown => {
  try {
    return text === null ? null : JSON.parse(text)
  } catch {
    return null
  }
}

function hostsOf(text: string | null): string[] {
  const urls = (parsed(text) as { masterUrls?: unknown } | null)?.masterUrls
  return Array.isArray(urls)
    ? urls.flatMap((url) => (typeof url === 'string' && URL.canParse(url) ? [new URL(url).hostname] : []))
    : []
}

/** Every text of a stored secret, line by line: keys are written in lines. */
function secretTexts(text: string | null): string[] {
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (typeof value === 'string')
      found.push(...value.split(/\s+/).filter((line) => line.length >= 16 && !/^-+|^\w+:\/\//.test(line)))
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit)
  }
  visit(parsed(text) ?? text)
  return found
}

const linesOf = (text: string): string[] => text.split(/[\r\n]+/).map((line) => line.trim())

/** Values of fields that are called like secrets, and passwords in addresses. */
function secretsIn(value: unknown, isSecret = false): string[] {
  if (typeof value === 'string') {
    if (isSecret) return [value]
    const inAddress = /\/\/([^/@:\s]*):([^/@\s]+)@/.exec(value)
    return inAddress ? [inAddress[2]!, decodeURIComponent(inAddress[2]!)] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) => secretsIn(item, isSecret || isSecretName(name)))
}

/** The checks of a place where no controller runs. */
export async function checkOffline(options: {
  dataDir: string
  mainDir: string
  version: string
  isDeep: boolean
}): Promise<CheckView[]> {
  const clock = systemClock()
  let settings: Partial<Settings> = {}
  let ignoredSettings: string[] = []
  let settingsError: string | null = null
  try {
    const { known, raw } = await readStored(path.join(options.dataDir, SETTINGS_FILE))
    settings = known as Partial<Settings>
    ignoredSettings = Object.keys(raw).filter((name) => !Object.hasOwn(known, name))
  } catch (error) {
    settingsError = failureOf(error).message
  }
  const secrets = fileSecrets(path.join(options.dataDir, 'secrets'))
  const place: CheckedPlace = { ...options, clock, secrets, settings, ignoredSettings, settingsError }
  const checking = new Checking({ clock, checks: () => checksOf(place, null) })
  return [...(await checking.run())]
}
