import path from 'node:path'
import { accountDocuments } from './compose/accounts'
import { auditing } from './compose/audit'
import { ClientsPlace, openClients, type Clients, type SiteClients } from './compose/api'
import { accountOperations, watchMe, withoutAccounts, type AccountHandlers } from './console/account-operations'
import { Accounts } from './console/accounts'
import { Attempts } from './console/attempts'
import { createDispatch } from './console/dispatch'
import { concernedBy } from './console/edge-authority'
import type { DataTopics, Dispatch, OperationHandlers, Operations, SiteHandlers } from './console/operations'
import { LiveTopic } from './console/live-topic'
import type { OpenSessions } from './console/login'
import { readControllerFiles, removeControllerFiles, writeControllerFile, writeKeyFile } from './console/files'
import { startConsole, type ConsoleServer } from './console/server'
import { TokenUse } from './console/token-use'
import {
  activityOperations,
  ActivityWatch,
  controllerStarted,
  controllerStopped,
  openActivityLog,
  subscribeActivity,
} from './compose/activity'
import { openDiagnostics, type Diagnostics } from './compose/diagnostics'
import { healthOf } from './compose/health'
import { lockedNeed } from './compose/secrets'
import type { ActivityRecorder } from './activity/recorder'
import type { LastStop } from './diagnostics/judge-data'
import { recentLines } from './diagnostics/recent-lines'
import type { Journal } from './journal/journal'
import { watchGaps } from './platform/gap-watch'
import { lockDataDirectory } from './platform/data-directory/sqlite'
import { machineTimeZone } from './platform/time-zone'
import { systemClock } from './platform/clock'
import { visibleFields, type LineLogger } from './platform/logger'
import type { Clock, KeyStore, Logger, NamedSecrets, PortGuest, Random, Sealing, Secrets } from './platform/ports'
import { forwardingLogger, type ForwardingLogger } from './platform/collectors/forwarding-logger'
import { systemRandom } from './platform/random'
import { openNamedSecrets } from './platform/named-secrets'
import { x25519Sealing } from './platform/sealing'
import { fileSecrets, type FileSecrets } from './platform/secrets'
import { ensureDirectory, loadSettings } from './platform/settings-file'
import { SettingsStore } from './platform/settings-store'
import { Setup, setAsideDemo } from './platform/setup'
import { CredentialStore } from './link/credentials'
import type { HostLaunch } from './modules/process-host'
import { failureOf, HoldfastError } from '../shared/model/failures'
import type { TopicBody, TopicValues } from '../shared/console/contract'
import type { SyncView } from '../shared/console/data-views'
import type { AlertsBody } from '../shared/console/alert-views'
import type { StatusView } from '../shared/console/views'
import { settingsFromEnvironment, type Identity, type Settings } from '../shared/settings/settings'
import { version } from '../package.json'
import type { DebugLine } from '../shared/model/modules'
import type { Decision } from '../shared/model/control'

/** Where the built parts of the program are, and what runs them. */
export interface Program {
  /** Folder of the built entries (`module-host.js`, `simulators.js`). */
  readonly mainDir: string
  /** Folder of the built page; null: none. */
  readonly pageDir: string | null
  /** Node, or Electron told by `env` to be Node. */
  readonly execPath: string
  readonly env: Readonly<Record<string, string>>
}

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

/** What all parts of one controller share. */
export interface Parts {
  readonly dataDir: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Takes the warnings and errors of this controller once there is a buffer for them. */
  readonly forwarding: Pick<ForwardingLogger, 'connect'>
  readonly secrets: Secrets
  /** What documents name by `{secretRef}`. */
  readonly namedSecrets: NamedSecrets
  readonly sealing: Sealing
  readonly settings: Settings
  /** Of those that change while the controller runs. */
  readonly liveSettings: Pick<SettingsStore, 'current' | 'onChange'>
  readonly identity: Identity
  /** Of this process. */
  readonly bootId: string
  readonly timeZone: string
  /** Where the SSH agent of this user listens, by which nodes may be logged in to; null: there is none. */
  readonly sshAgent: string | null
  readonly version: string
  readonly program: Program
  readonly hosts: HostLaunch
  /** The audit, and what happens beside it. */
  readonly activity: ActivityRecorder
  /** Where clients of the systems find this controller. */
  readonly place: ClientsPlace
  changed(): void
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
  /** One for each that looks at how the pushing goes. */
  const syncs = new Set<LiveTopic<SyncView>>()
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
      for (const topic of syncs) topic.changed()
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
  const watchSync = (build: () => SyncView, listener: (body: SyncView) => void): (() => void) => {
    const topic = new LiveTopic(clock, build, (error) =>
      log.log('warn', 'The way of telemetry could not be told', failureOf(error)),
    )
    topic.subscribe(listener)
    syncs.add(topic)
    return () => {
      syncs.delete(topic)
      topic[Symbol.dispose]()
    }
  }
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
    ...operationsOf(site, status, live, liveSettings, watchSync, {
      ...{ activity, diagnostics, setup, secrets, accounts: people.handlers, people: people.accounts },
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

/** What the roles of one controller offer to the rest of it. */
export interface Site {
  status(): Omit<StatusView, 'at' | 'startedAt'>
  /** As in the status, which a master of many edges takes long to make. */
  booted(): boolean
  handlers(): SiteHandlers
  subscribeDebug(module: string, listener: (body: { lines: DebugLine[]; dropped: number }) => void): () => void
  /** Absent: an edge, which keeps none. */
  subscribeAlerts?(listener: (body: AlertsBody) => void): () => void
  /** Absent: an edge, which looks at no other machine. */
  subscribeNodes?(params: TopicValues<'nodes'>, listener: (body: TopicBody<'nodes'>) => void): () => void
  /** Absent: an edge, which is a node itself. */
  subscribeFleet?(params: TopicValues<'fleet'>, listener: (body: TopicBody<'fleet'>) => void): () => void
  onDecision(listener: (decision: Decision) => void): () => void
  readonly data: DataTopics
  readonly clients: SiteClients
  /** `guests`: what a port of the link serves besides, where there is one. */
  start(guests: readonly PortGuest[]): Promise<void>
  timeGap(): void
  /** Absent: an edge. It has a copy of the documents, without accounts. */
  readonly journal?: Journal
}

/** Who people are and what is theirs, as far as this controller keeps accounts. */
async function openAccounts(
  site: Site,
  { clock, random, log, dataDir }: Pick<Parts, 'clock' | 'random' | 'log' | 'dataDir'>,
  stack: AsyncDisposableStack,
  sessions: OpenSessions,
) {
  const attempts = new Attempts(clock)
  if (site.journal === undefined) return { accounts: null, attempts, handlers: withoutAccounts, authority: {} }
  const documents = accountDocuments(site.journal)
  const use = stack.use(
    await TokenUse.open({
      ...{ file: path.join(dataDir, 'token-use.json'), clock, logger: log.child('tokens') },
      tokenIds: () => documents.users().flatMap(({ tokens }) => tokens.map(({ id }) => id)),
    }),
  )
  const accounts = stack.use(new Accounts({ documents, clock, random, used: (tokenId) => use.used(tokenId) }))
  const authority: Pick<Operations, 'concernedBy'> = {
    concernedBy: (naming, reference) => concernedBy(documents, naming, reference),
  }
  return {
    accounts,
    attempts,
    handlers: accountOperations(accounts, attempts, { sessions, lastUsedAt: (id) => use.lastUsedAt(id) }),
    authority,
  }
}

/** An orderly end removes the files by which consoles find a controller. */
function lastStopOf(activity: ActivityRecorder, leftSince: number | null): LastStop {
  if (leftSince !== null) return { end: 'unclean', startedAt: leftSince }
  const [before] = activity.page({ kind: ['controller'], limit: 1 }).items
  return before === undefined ? null : { end: 'orderly', startedAt: null }
}

async function composeSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  // Loaded by role: an edge never carries the master's code in memory.
  switch (parts.settings.role) {
    case 'edge':
      return (await import('./compose/edge')).edgeSite(parts, stack)
    case 'master':
      return (await import('./compose/master')).masterSite(parts, stack)
    case 'standalone':
      return (await import('./compose/standalone')).standaloneSite(parts, stack)
  }
}

function operationsOf(
  site: Site,
  status: () => StatusView,
  live: LiveTopic<StatusView>,
  settings: SettingsStore,
  watchSync: (build: () => SyncView, listener: (body: SyncView) => void) => () => void,
  {
    activity,
    diagnostics,
    setup,
    secrets,
    accounts,
    people,
    showApi,
    health,
  }: {
    activity: ActivityRecorder
    diagnostics: Diagnostics
    setup: Setup
    secrets: FileSecrets
    accounts: AccountHandlers
    people: Accounts | null
    showApi: OperationHandlers['api.show']
    health: OperationHandlers['health']
  },
): Operations {
  return {
    handlers: {
      ...site.handlers(),
      health,
      'status.get': status,
      'settings.get': ({ names }) => settings.view(names),
      'settings.set': ({ values, expectedRevision }) => settings.set(values, expectedRevision),
      'settings.reset': ({ names, expectedRevision }) => settings.reset(names, expectedRevision),
      'setup.state': () => setup.state(),
      'setup.choose': ({ role, name }) => setup.choose(role, name),
      'setup.finish': () => setup.finish(),
      'secrets.keep': async (asked) => ({ moved: await secrets.keepIn(asked.in) }),
      ...activityOperations(activity),
      ...accounts,
      'api.show': showApi,
      ...diagnostics.handlers,
    },
    topics: {
      subscribe: (topic, params, listener, caller) => {
        switch (topic) {
          case 'me':
            return watchMe(people, caller, listener as never)
          case 'status':
            return live.subscribe(listener as (body: StatusView) => void)
          case 'activity':
            return subscribeActivity(activity, params, listener as never)
          case 'diagnostics':
            return diagnostics.subscribe(listener as never)
          case 'debug':
            return site.subscribeDebug(String(params['module']), listener as never)
          case 'decisions':
            return site.onDecision(listener as never)
          case 'alerts':
            if (site.subscribeAlerts === undefined) throw new HoldfastError('refused', 'Alerts are kept at the master.')
            return site.subscribeAlerts(listener as never)
          case 'nodes':
            if (site.subscribeNodes === undefined) throw new HoldfastError('refused', 'Nodes are kept at the master.')
            return site.subscribeNodes(params as TopicValues<'nodes'>, listener as never)
          case 'fleet':
            if (site.subscribeFleet === undefined)
              throw new HoldfastError('refused', 'The fleet is kept at the master.')
            return site.subscribeFleet(params as TopicValues<'fleet'>, listener as never)
          case 'sync':
            return watchSync(site.data.sync(params), listener as (body: SyncView) => void)
          case 'logs':
            return site.data.logs(params, listener as never)
          case 'points':
            return site.data.points(params as TopicValues<'points'>, listener as never)
        }
        throw new HoldfastError('not-found', `There is no topic ${String(topic)}.`)
      },
    },
  }
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
