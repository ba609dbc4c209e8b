import path from 'node:path'
import { openAccounts } from './compose/accounts'
import { ActivityWatch, controllerStarted, controllerStopped, openActivityLog } from './compose/activity'
import { ClientsPlace, openClients, type Clients } from './compose/api'
import { auditing } from './compose/audit'
import { openDiagnostics } from './compose/diagnostics'
import { healthOf } from './compose/health'
import { operationsOf, SyncTopics } from './compose/operations'
import type { Parts, Program } from './compose/parts'
import { lockedNeed } from './compose/secrets'
import { composeSite } from './compose/site'
import { createDispatch } from './console/dispatch'
import { readControllerFiles, removeControllerFiles, writeControllerFile, writeKeyFile } from './console/files'
import { LiveTopic } from './console/live-topic'
import type { OpenSessions } from './console/login'
import type { Dispatch, Operations } from './console/operations'
import { startConsole, type ConsoleServer } from './console/server'
import type { ActivityRecorder } from './activity/recorder'
import type { LastStop } from './diagnostics/judge-data'
import { recentLines } from './diagnostics/recent-lines'
import { CredentialStore } from './link/credentials'
import { systemClock } from './platform/clock'
import { forwardingLogger } from './platform/collectors/forwarding-logger'
import { lockDataDirectory } from './platform/data-directory/sqlite'
import { watchGaps } from './platform/gap-watch'
import { visibleFields, type LineLogger } from './platform/logger'
import { openNamedSecrets } from './platform/named-secrets'
import type { KeyStore, Logger } from './platform/ports'
import { systemRandom } from './platform/random'
import { x25519Sealing } from './platform/sealing'
import { fileSecrets } from './platform/secrets'
import { ensureDirectory, loadSettings } from './platform/settings-file'
import { SettingsStore } from './platform/settings-store'
import { Setup, setAsideDemo } from './platform/setup'
import { machineTimeZone } from './platform/time-zone'
import { failureOf } from '../shared/model/failures'
import type { StatusView } from '../shared/console/views'
import { settingsFromEnvironment, type Settings } from '../shared/settings/settings'
import { version } from '../package.json'

export interface ComposeOptions {
  readonly dataDir: string
  /** Flags; they win over the environment and the settings file. */
  readonly overrides: Record<string, unknown>
  readonly log: Logger & Partial<Pick<LineLogger, 'setLevel'>>
  readonly program: Program
  /** Stops this controller and starts another one on the same data directory, with `resumeKey`. Missing: whoever runs it cannot. */
  readonly restart?: (resumeKey: string) => void
  /** A one-time key of the console besides those that it makes: whoever asked for the restart comes in again with it. */
  readonly resumeKey?: string
  /** Of a desktop; none: file modes alone protect what is secret. */
  readonly keyStore?: KeyStore
}

export interface Controller {
  readonly role: Settings['role']
  readonly consolePort: number
  /** With a fresh one-time key. */
  consoleUrl(): string
  /** For browsers of other machines, who sign in there; null: none are let in. */
  remoteConsoleUrl(): string | null
  /** For a window of this process. */
  readonly dispatch: Dispatch
  /** The machine was asleep, as the system tells before any tick does. */
  slept(): void
  /** Orderly end: gates closed, modules stopped, ports free. Safe to call twice. */
  stop(): Promise<void>
  /** Settles with the exit code when the controller has ended. */
  readonly ended: Promise<number>
}

/**
 * Builds one controller from its adapters and starts it. Rejects with `HoldfastError` when it cannot: `conflict` (port taken, directory in use), `storage`
 * (not writable, full, damaged), `invalid` (settings). Nothing is left behind then.
 */
export async function compose(options: ComposeOptions): Promise<Controller> {
  const { dataDir, program } = options
  const clock = systemClock()
  const random = systemRandom()
  await ensureDirectory(dataDir)
  await using started = new AsyncDisposableStack()
  started.use(lockDataDirectory(path.join(dataDir, 'lock.db')))
  await setAsideDemo(dataDir)
  const environment = settingsFromEnvironment(process.env)
  const loaded = await loadSettings(dataDir, { ...environment, ...options.overrides }, random)
  const { settings, identity, ignored } = loaded
  const liveSettings = new SettingsStore({
    ...{ directory: dataDir, flags: options.overrides, environment, started: loaded },
  })
  options.log.setLevel?.(settings.logLevel)
  started.defer(liveSettings.onChange(({ logLevel }) => options.log.setLevel?.(logLevel)))
  if (ignored.length > 0) options.log.log('warn', 'settings.json has names that mean nothing here', { names: ignored })
  const forwarding = forwardingLogger(options.log, { clock, instanceId: identity.nodeId, version })
  const recent = recentLines(forwarding.logger, { now: () => clock.wall(), visible: visibleFields })
  const log = recent.logger
  const activity = openActivityLog({ dataDir, clock, log }, started)
  // Filled in below: the parts tell of changes before the topic that carries them exists.
  let live: LiveTopic<StatusView> | null = null
  const syncs = new SyncTopics({ clock, log })
  let watch: ActivityWatch | null = null
  let clients: Clients | null = null
  const secrets = fileSecrets(path.join(dataDir, 'secrets'), options.keyStore)
  const parts: Parts = {
    dataDir,
    clock,
    random,
    log,
    forwarding,
    secrets,
    namedSecrets: await openNamedSecrets(secrets, { clock, logger: log.child('secrets') }),
    sealing: x25519Sealing(random),
    settings,
    liveSettings,
    identity,
    bootId: random.id(),
    timeZone: machineTimeZone(process.env),
    sshAgent: process.env['SSH_AUTH_SOCK'] ?? null,
    version,
    program,
    hosts: { hostPath: path.join(program.mainDir, 'module-host.js'), execPath: program.execPath, env: program.env },
    activity,
    place: new ClientsPlace(),
    changed: () => {
      live?.changed()
      watch?.changed()
      clients?.changed()
      syncs.changed()
    },
  }
  const startedAt = clock.wall()
  const site = await composeSite(parts, started)
  const status = (): StatusView => {
    const told = site.status()
    return { ...told, needs: [...lockedNeed(secrets, startedAt), ...told.needs], at: clock.wall(), startedAt }
  }
  live = started.use(
    new LiveTopic(clock, status, (error) => log.log('error', 'The status could not be told', failureOf(error))),
  )
  const left = await readControllerFiles(dataDir).catch(() => null)
  const lastStop = lastStopOf(activity, left?.controller.startedAt ?? null)
  const diagnostics = started.use(
    openDiagnostics({
      ...{ dataDir, mainDir: program.mainDir, version, clock, random, log, secrets: parts.secrets, lastStop, status },
      ...{ settings: liveSettings, ignoredSettings: ignored, timeZone: parts.timeZone, recorder: activity },
      ...{ lines: recent.lines, namedSecrets: parts.namedSecrets },
      handlers: () => site.handlers(),
    }),
  )
  const setup = new Setup({
    ...{ directory: dataDir, role: settings.role, name: settings.name ?? null, store: liveSettings },
    ...{ clock, random },
    isRoleGiven: environment['role'] !== undefined || options.overrides['role'] !== undefined,
    // What cannot be read was stored by somebody who had joined.
    hasJoined: () =>
      new CredentialStore(parts.secrets).load().then(
        (joined) => joined !== null,
        () => true,
      ),
    restart: options.restart ?? null,
  })
  let sessions: OpenSessions | null = null
  const people = await openAccounts(site, parts, started, {
    list: () => sessions?.list() ?? [],
    end: (id) => sessions?.end(id) ?? false,
  })
  const operations: Operations = {
    ...operationsOf({
      ...{ site, status, live, syncs, settings: liveSettings, activity, diagnostics, setup, secrets },
      ...{ accounts: people.handlers, people: people.accounts },
      showApi: () => clients!.show(),
      health: healthOf(parts, site),
    }),
    ...people.authority,
  }
  const key = await writeKeyFile(dataDir, random)
  const audit = auditing(parts, started)
  const server: ConsoleServer = started.use(
    await startConsole({
      operations,
      clock,
      random,
      log,
      version,
      port: settings.consolePort,
      page: program.pageDir,
      key,
      accounts: people.accounts,
      attempts: people.attempts,
      audit,
      ...(options.resumeKey === undefined ? {} : { resumeKey: options.resumeKey }),
    }),
  )
  sessions = server.sessions
  const { accounts, attempts } = people
  const { remoteHealth: health } = server
  clients = openClients(parts, { clients: site.clients, operations, accounts, attempts, audit, health }, started)
  await writeControllerFile(dataDir, { pid: process.pid, startedAt, consolePort: server.port, role: settings.role })
  started.defer(() => removeControllerFiles(dataDir))
  started.use(
    watchGaps(clock, (gapMs) => {
      log.log('warn', 'This controller was stopped or asleep', { gapMs: Math.round(gapMs) })
      site.timeGap()
    }),
  )
  const watched = started.use(new ActivityWatch({ recorder: activity, clock, log, status }))
  watch = watched
  started.defer(site.onDecision((decision) => watched.decided(decision)))
  controllerStarted(activity, { at: startedAt, role: settings.role, version, lastEnd: lastStop?.end ?? null })
  started.defer(() => controllerStopped(activity, clock.wall()))
  await site.start([clients.guest, settings.remoteConsole ? server.remote : server.remoteHealth])
  watched.look()
  log.log('info', 'Controller started', { role: settings.role, console: server.url, version })
  return {
    dispatch: createDispatch({ operations, clock, log: log.child('console'), audit }),
    slept: () => site.timeGap(),
    remoteConsoleUrl: () => site.status().consoleUrl ?? null,
    ...running(started.move(), settings.role, server),
  }
}

/** An orderly end removes the files by which consoles find a controller. */
function lastStopOf(activity: ActivityRecorder, leftSince: number | null): LastStop {
  if (leftSince !== null) return { end: 'unclean', startedAt: leftSince }
  const [before] = activity.page({ kind: ['controller'], limit: 1 }).items
  return before === undefined ? null : { end: 'orderly', startedAt: null }
}

function running(
  stack: AsyncDisposableStack,
  role: Settings['role'],
  server: ConsoleServer,
): Omit<Controller, 'dispatch' | 'slept' | 'remoteConsoleUrl'> {
  const { promise: ended, resolve } = Promise.withResolvers<number>()
  let stopping: Promise<void> | null = null
  return {
    role,
    consolePort: server.port,
    consoleUrl: () => server.oneTimeLink().url,
    stop: () =>
      (stopping ??= stack.disposeAsync().then(
        () => resolve(0),
        (error: unknown) => {
          resolve(1)
          throw error
        },
      )),
    ended,
  }
}
