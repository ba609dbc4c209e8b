import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { StatusView } from '../../shared/console/views'
import type { SyncView } from '../../shared/console/data-views'
import { CONSOLE_PORT, LINK_PORT, OTLP_PORT } from '../../shared/model/defaults'
import { failureOf } from '../../shared/model/failures'
import { OUTBOX_BYTES_CAP } from '../../shared/model/telemetry'
import type { Settings } from '../../shared/settings/settings'
import { readControllerFiles } from '../console/files'
import { databaseFacts } from '../diagnostics/databases'
import {
  closeDirectory,
  closeSecrets,
  directoryFacts,
  fileBytes,
  isKnownZone,
  portRefusal,
  secretFacts,
  spaceFacts,
} from '../diagnostics/collecting'
import * as data from '../diagnostics/judge-data'
import * as link from '../diagnostics/judge-link'
import * as machine from '../diagnostics/judge-machine'
import * as site from '../diagnostics/judge-site'
import { lookAtMaster } from '../diagnostics/master-way'
import { unknown, type Check, type Verdict } from '../diagnostics/verdict'
import { CredentialStore } from '../link/credentials'
import { lockDataDirectory } from '../platform/data-directory/sqlite'
import type { Clock, Secrets } from '../platform/ports'
import { commandEnvironment } from '../platform/settings-environment'
import { machineTimeZone } from '../platform/time-zone'

const LOOPBACK = '127.0.0.1'

/** What checks look at, with or without a running controller. */
export interface CheckedPlace {
  readonly dataDir: string
  readonly version: string
  readonly clock: Clock
  readonly secrets: Secrets
  /** Folder of the built entries. */
  readonly mainDir: string
  /** As stored; what a setting is not is its default. */
  readonly settings: Partial<Settings>
  readonly ignoredSettings: readonly string[]
  readonly settingsError: string | null
  /** Large databases as well. */
  readonly isDeep: boolean
}

/** What a running controller adds. */
export interface RunningSite {
  readonly timeZone: string
  readonly lastStop: data.LastStop
  status(): StatusView
  sync(): Promise<SyncView | null>
  /** Edges with a schedule, by id; null: not known here. */
  schedules(): ReadonlySet<string> | null
  /** How far the calendars of edges are ahead, ms; empty: none told. */
  skews(): Promise<readonly number[]>
  collectAll(): Promise<void>
}

/** The checks of a place, and of the controller that runs there. */
export function checksOf(place: CheckedPlace, running: RunningSite | null): readonly Check[] {
  const role = place.settings.role ?? 'standalone'
  return [
    ...machineChecks(place, running, role),
    ...dataChecks(place, running),
    ...(running === null ? portChecks(place, role) : []),
    ...linkChecks(place, running, role),
    ...(running === null ? [] : siteChecks(place, running, role)),
  ]
}

function machineChecks(place: CheckedPlace, running: RunningSite | null, role: string): Check[] {
  const { dataDir, clock, version } = place
  const group = 'machine'
  const { node, tz = '' } = process.versions as { node: string; tz?: string }
  const cap = place.settings.outboxBytesMax ?? OUTBOX_BYTES_CAP
  const checks: Check[] = [
    {
      ...{ id: 'versions', group },
      look: () => machine.judgeVersions({ version, node, platform: `${process.platform}-${process.arch}` }),
    },
    { id: 'clock', group, look: () => machine.judgeClock({ now: clock.wall() }) },
    {
      ...{ id: 'time-zone', group },
      look() {
        const zone = machineTimeZone(commandEnvironment())
        const facts = { zone, isKnown: isKnownZone(zone), data: tz, before: running?.timeZone ?? null }
        return machine.judgeTimeZone({ ...facts, now: clock.wall() })
      },
    },
    { id: 'free-space', group, look: async () => machine.judgeFreeSpace(await spaceFacts(dataDir)) },
  ]
  if (role === 'master') return checks
  const outbox: Check = {
    ...{ id: 'outbox-room', group },
    async look() {
      const [{ free }, used] = [await spaceFacts(dataDir), await fileBytes(path.join(dataDir, 'edge', 'outbox.db'))]
      return machine.judgeOutboxRoom({ cap, used, free })
    },
  }
  return [...checks, outbox]
}

function dataChecks(place: CheckedPlace, running: RunningSite | null): Check[] {
  const { dataDir, isDeep, secrets } = place
  const group = 'data'
  const secretsDir = path.join(dataDir, 'secrets')
  return [
    {
      ...{ id: 'data-directory', group },
      look: async () => data.judgeDirectory(await directoryFacts(dataDir)),
      mend: () => closeDirectory(dataDir),
    },
    { id: 'data-lock', group, look: async () => data.judgeLock(await lockFacts(dataDir, running !== null)) },
    {
      ...{ id: 'settings', group },
      look: () => data.judgeSettings({ ignored: place.ignoredSettings, error: place.settingsError }),
    },
    {
      ...{ id: 'databases', group },
      async look(signal) {
        const workerPath = path.join(place.mainDir, 'database-worker.js')
        if (!existsSync(workerPath)) return unknown('common.failed', { reason: 'database-worker.js' })
        return data.judgeDatabases(await databaseFacts(dataDir, { workerPath, isDeep, signal }))
      },
    },
    {
      ...{ id: 'secrets', group },
      async look() {
        const { backend = null } = secrets
        const facts = await secretFacts(secretsDir)
        return data.judgeSecrets({ ...facts, backend: backend?.name ?? null, isPlain: backend?.isPlain ?? false })
      },
      mend: () => closeSecrets(secretsDir),
    },
    {
      ...{ id: 'last-stop', group },
      look: async () => data.judgeLastStop(running === null ? await stopFacts(dataDir) : running.lastStop),
    },
  ]
}

async function lockFacts(dataDir: string, isOurs: boolean): Promise<Parameters<typeof data.judgeLock>[0]> {
  const pid = (await readControllerFiles(dataDir).catch(() => null))?.controller.pid ?? null
  return { isOurs, isHeld: isOurs || isLocked(dataDir), pid }
}

function isLocked(dataDir: string): boolean {
  const file = path.join(dataDir, 'lock.db')
  if (!existsSync(file)) return false
  try {
    lockDataDirectory(file)[Symbol.dispose]()
    return false
  } catch (error) {
    return failureOf(error).code === 'conflict'
  }
}

/** By what a controller leaves behind: an orderly end removes its files. */
async function stopFacts(dataDir: string): Promise<data.LastStop> {
  const left = await readControllerFiles(dataDir).catch(() => null)
  if (left !== null && !isLocked(dataDir)) return { end: 'unclean', startedAt: left.controller.startedAt }
  return existsSync(path.join(dataDir, 'settings.json')) ? { end: 'orderly', startedAt: null } : null
}

function portChecks({ settings, dataDir }: CheckedPlace, role: string): Check[] {
  const look = (port: number, host: string) => async (): Promise<Verdict> => {
    const isOurs = isLocked(dataDir)
    return machine.judgePort({ port, isOurs, refusal: isOurs || port === 0 ? null : await portRefusal(port, host) })
  }
  const { consolePort = CONSOLE_PORT, linkPort = LINK_PORT, otlpPort = OTLP_PORT, linkHost = '0.0.0.0' } = settings
  const group = 'machine'
  return [
    { id: 'port-console', group, look: look(consolePort, LOOPBACK) },
    ...(role === 'master' ? [{ id: 'port-link', group, look: look(linkPort, linkHost) } as const] : []),
    ...(role === 'master' ? [] : [{ id: 'port-otlp', group, look: look(otlpPort, LOOPBACK) } as const]),
  ]
}

function linkChecks(place: CheckedPlace, running: RunningSite | null, role: string): Check[] {
  const group = 'link'
  const own: Check[] = running === null ? [] : [{ id: 'link', group, look: () => link.judgeLink(running.status()) }]
  if (role === 'master') return [...own, ...masterChecks(place, running)]
  if (role !== 'edge') return own
  // The steps of one way: walked once a run, judged one by one.
  let walked: Promise<link.Way> | null = null
  const way = (signal: AbortSignal): Promise<link.Way> => (walked ??= walk(place, running, signal))
  const step = (id: string, judge: (way: link.Way) => Verdict): Check => ({
    ...{ id, group },
    look: async (signal) => judge(await way(signal)),
  })
  return [
    ...own,
    step('master-dns', link.judgeDns),
    step('master-tcp', link.judgeTcp),
    step('master-tls', link.judgeTls),
    step('master-pin', link.judgePin),
    step('master-proof', (walkedWay) => link.judgeProof(running?.status().link ?? null, walkedWay !== null)),
    step('clock-skew', (walkedWay) => link.judgeSkew(walkedWay?.aheadMs ?? null)),
  ]
}

async function walk(
  { secrets, clock }: CheckedPlace,
  running: RunningSite | null,
  signal: AbortSignal,
): Promise<link.Way> {
  const joined = await new CredentialStore(secrets).load()
  if (joined === null) return null
  const url = running?.status().link.url ?? joined.masterUrls[0]!
  return await lookAtMaster({ url, caPem: joined.caPem }, clock, signal)
}

function masterChecks({ secrets, clock }: CheckedPlace, running: RunningSite | null): Check[] {
  const group = 'link'
  const certificate: Check = {
    ...{ id: 'certificate', group },
    async look() {
      const notAfter = await leafEnd(secrets)
      return machine.judgeCertificate({ notAfter, now: clock.wall() })
    },
  }
  if (running === null) return [certificate]
  const skew: Check = {
    ...{ id: 'clock-skew', group },
    async look() {
      const skews = await running.skews()
      const worst = skews.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0]
      return link.judgeSkew(worst ?? null)
    },
  }
  return [certificate, skew]
}

/** Undefined: there is none; null: it cannot be read. */
async function leafEnd(secrets: Secrets): Promise<number | null | undefined> {
  const stored = await secrets.get('authority/leaf')
  if (stored === null) return undefined
  try {
    return Date.parse(new X509Certificate((JSON.parse(stored) as { certPem: string }).certPem).validTo)
  } catch {
    return null
  }
}

function siteChecks({ clock }: CheckedPlace, running: RunningSite, role: string): Check[] {
  const group = 'site'
  const { status } = running
  const sites = (): (site.WindowFacts & site.PauseFacts)[] => {
    const now = status()
    const known = running.schedules()
    const all = now.edges ?? [{ ...now, id: null }]
    return all.map(({ id, name, window, failover, paused }) => ({
      ...{ name, failover, paused, open: window.open, nextOpenAt: window.nextOpenAt },
      hasSchedule: known === null ? null : id === null ? known.size > 0 : known.has(id),
    }))
  }
  // Of a site the master half tells, where there is one: it knows of them whoever drives.
  const modules = () => {
    const { modules: own, edges } = status()
    const ofSites = (edges ?? []).flatMap((edge) => edge.modules)
    if (edges == null) return own
    return role === 'master' ? [...own, ...ofSites] : ofSites
  }
  const checks: Check[] = [
    { id: 'controller', group, look: () => site.judgeController(status()) },
    { id: 'incidents', group, look: () => site.judgeIncidents(status()) },
    { id: 'modules', group, look: () => site.judgeModules(modules()) },
    { id: 'restore-window', group, look: () => site.judgeWindow(sites()) },
    { id: 'pause', group, look: () => site.judgePause(sites()) },
  ]
  if (role === 'master') return checks
  const ofSync = (judge: (sync: SyncView) => Verdict) => async (): Promise<Verdict> => {
    const sync = await running.sync()
    return sync === null ? unknown('step.skipped') : judge(sync)
  }
  return [
    ...checks,
    { id: 'telemetry', group, look: ofSync(site.judgeTelemetry), mend: () => running.collectAll() },
    { id: 'buffer', group, look: ofSync((sync) => site.judgeBuffer(sync, clock.wall())) },
  ]
}
