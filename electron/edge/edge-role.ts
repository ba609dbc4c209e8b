import type { Decision } from '../../shared/model/control'
import type { EdgeDocument, ModuleDocument, SystemDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import { TELEMETRY_LOST } from '../../shared/model/telemetry'
import { wallMs, type WallMs } from '../../shared/model/time'
import { API_SINCE_VERSION } from '../../shared/wire/api'
import { usersOf } from '../core/documents/secret-use'
import { modulesOfOwner } from '../core/documents/site'
import { Incidents } from '../core/incidents'
import type { DocumentsReplica } from '../journal/journal'
import type { LinkDialer, LinkSession } from '../link/link'
import type { ModuleRuntimes } from '../modules/runtime'
import type { Clock, Logger, NamedSecrets, Random, Sealing } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { AccessSync } from './access-sync'
import { DecisionRelay } from './decision-relay'
import { DeviceStatus } from './device-status'
import { DocumentsSync } from './documents-sync'
import { EdgeControl } from './edge-control'
import { EdgeRequests } from './edge-requests'
import type { Heartbeats } from './heartbeat'
import { NoDevice } from './no-device'
import { RequestSpans } from './request-spans'
import { SecretsSync } from './secrets-sync'
import type { SiteInventory } from './site-inventory'
import type { SiteTelemetry } from './site-telemetry'

/** Reports that are the course of things. */
const ordinary = new Set(['took-control', 'lost-control', 'time-gap'])
/** Views in one message to the master. */
const VIEWS_PER_MESSAGE = 200
const REMOVED_PER_MESSAGE = 5_000

export interface EdgeClients {
  readonly access: Pick<AccessSync, 'linked' | 'look'>
  /** Where they find this controller, as soon as that is known. */
  url(): Promise<string | null>
}

export interface EdgeRoleOptions {
  readonly edgeId: string
  readonly edgeName: string
  readonly instanceId: string
  readonly bootId: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly records: ControlRecords
  readonly replica: DocumentsReplica
  readonly runtimes: ModuleRuntimes
  readonly dialer: LinkDialer
  /** This machine's zone. */
  readonly timeZone: string
  /** Serves `secret.rotate`. */
  rotate(params: { baseId: string; secretId: string; salt: string }): Promise<void>
  /** The site's outbox and its way to the master; absent: this controller keeps no telemetry. */
  readonly telemetry?: SiteTelemetry
  /** How this machine is, told to the master; absent: nobody tells. */
  readonly heartbeats?: Heartbeats
  /** What exists and runs at the site; absent: nobody looks. */
  readonly inventory?: SiteInventory
  /** What modules name by `{secretRef}`, and how the master's part of it comes here; absent: nothing is named. */
  readonly secrets?: NamedSecrets
  readonly sealing?: Sealing
  /** What serves clients of this site; absent: nothing does. */
  readonly clients?: EdgeClients
  changed(): void
}

/** One site: drives its devices, keeps the link, and works without it. */
export class EdgeRole {
  readonly control: EdgeControl
  readonly incidents = new Incidents()
  readonly #options: EdgeRoleOptions
  readonly #sync: DocumentsSync
  /** Null: modules here name no secrets. */
  readonly #secrets: SecretsSync | null
  readonly #relay: DecisionRelay | null
  readonly #devices: DeviceStatus | null
  readonly spans: RequestSpans
  readonly #requests: EdgeRequests
  #unsubscribe: (() => void)[] = []
  readonly #decided = new Set<(decision: Decision) => void>()
  #wasLinked = false
  #wasDriving = false
  readonly #noDevice: NoDevice
  /** Since when there is no link; and when the master was last heard, null: not since the start. */
  unlinkedSince: WallMs
  lastHeardAt: WallMs | null = null
  /** When this process began to know anything of the site. */
  readonly startedAt: WallMs
  #predecessorsGone: Promise<unknown> | null = null

  constructor(options: EdgeRoleOptions) {
    this.#options = options
    this.startedAt = options.clock.wall()
    this.unlinkedSince = this.startedAt
    this.#sync = new DocumentsSync(options.replica, options.logger)
    const outbox = options.telemetry?.outbox
    this.#relay = outbox ? new DecisionRelay({ ...options, outbox }) : null
    this.#devices = outbox ? new DeviceStatus({ ...options, sink: outbox }) : null
    this.spans = new RequestSpans({ ...options, sink: outbox ?? null })
    this.#noDevice = new NoDevice({ ...options, telemetry: options.telemetry ?? null })
    const { secrets, sealing } = options
    const modules = () => this.modules()
    this.#secrets =
      secrets && sealing ? new SecretsSync({ ...options, secrets, sealing, modules, logger: options.logger }) : null
    this.control = new EdgeControl({
      ...options,
      logger: options.logger.child('control'),
      predecessorsGone: () => this.#endPredecessors(),
      runtime: (permit) => options.runtimes.create(options.edgeId, permit),
      document: () => ({ failover: this.document?.failover ?? true, journalSeq: options.replica.head }),
      startModules: (runtime) => runtime.start(this.modules()),
      handlers: (session) => this.#handlers(session),
      linked: (session) => this.#linked(session),
      pinged: () => options.heartbeats?.pinged(),
      changed: () => this.#controlChanged(),
      decided: (decision) => {
        this.#relay?.poke()
        for (const listener of this.#decided) listener(decision)
      },
      report: (event, detail) => {
        if (!ordinary.has(event)) this.#incident(event, detail)
      },
    })
    this.#requests = new EdgeRequests({
      control: this.control,
      replica: options.replica,
      random: options.random,
      spans: this.spans,
      catchUp: (session) => this.#sync.catchUp(session),
      secretsChanged: () => this.#secrets?.look(),
      accessChanged: () => options.clients?.access.look(),
      rotate: (params) => options.rotate(params),
      telemetry: options.telemetry ?? null,
      inventory: options.inventory ?? null,
    })
  }

  get edgeId(): string {
    return this.#options.edgeId
  }
  get telemetry(): SiteTelemetry | null {
    return this.#options.telemetry ?? null
  }
  /** The edge has driven for a minute and no device answers; nothing flips by itself, a person is told. Null: it is not so. */
  get noDeviceSince(): WallMs | null {
    return this.#noDevice.since
  }
  get dialedUrl(): string {
    return this.#options.dialer.url
  }
  /** The edge's copy of its document; null: it has never been linked, or the master removed it. */
  get document(): EdgeDocument | null {
    return this.#options.replica.get('edge', this.#options.edgeId)?.body ?? null
  }
  get name(): string {
    return this.document?.name ?? this.#options.edgeName
  }
  get timeZone(): string {
    return this.document?.windowTimeZone ?? this.#options.timeZone
  }

  modules(): ModuleDocument[] {
    const { replica, edgeId } = this.#options
    const systems = replica.list('system').map(({ body }): SystemDocument => body)
    return modulesOfOwner(edgeId, systems, (id) => replica.get('module', id)?.body ?? null)
  }

  systems(): SystemDocument[] {
    return this.#options.replica
      .list('system')
      .map(({ body }) => body)
      .filter((system) => system.edgeId === this.#options.edgeId)
  }

  /** First-hand while this edge drives. Otherwise nothing is known first-hand of any device, and every module says so, with what was known last. */
  views(): readonly ModuleView[] {
    const own = this.control.runtime.views()
    if (this.control.drives) return own
    const last = new Map(own.map((view) => [view.id, view]))
    const { since } = this.control.state.stored
    return this.modules().map(({ id, name, driver, role }) => ({
      id,
      name,
      driver,
      role,
      state: 'unknown',
      connected: false,
      since,
      asOf: this.startedAt,
      status: {},
      fault: null,
      restarts: 0,
      retryAt: null,
      ...(last.has(id) ? { status: last.get(id)!.status, asOf: Math.min(last.get(id)!.asOf, since) } : {}),
    }))
  }

  start(): void {
    const { replica, logger } = this.#options
    this.#unsubscribe = [
      replica.onChange(() => {
        if (this.control.drives) {
          this.control.runtime
            .update(this.modules())
            .catch((error: unknown) =>
              logger.log('error', 'Modules could not follow their documents', { reason: failureOf(error).message }),
            )
        }
        this.#secrets?.look()
        this.#options.inventory?.siteChanged()
        this.#options.changed()
      }),
      this.#options.secrets?.onChange((names) => this.#secretsChanged(names)) ?? (() => {}),
      this.control.runtime.onChange((changed, removed) => {
        this.#tellViews(this.control.session, changed, removed)
        this.#options.inventory?.modulesChanged(changed, removed)
        this.#devices?.modulesChanged(changed, removed)
        this.#options.changed()
      }),
    ]
    this.#unsubscribe.push(this.control.runtime.onWaiting(() => this.#options.changed()))
    const lostThere = this.#options.telemetry?.onLostThere((detail) => this.#incident(TELEMETRY_LOST, detail))
    if (lostThere) this.#unsubscribe.push(lostThere)
    this.#relay?.begin(this.edgeId)
    // Begun now, waited for (and begun again, if it fails) when modules are to start.
    this.#endPredecessors().catch(() => {})
    this.control.start()
    this.#options.inventory?.begin({
      modules: () => this.modules(),
      systems: () => this.systems(),
      views: () => this.control.runtime.views(),
      isDriving: () => this.control.drives,
    })
  }

  onDecision(listener: (decision: Decision) => void): () => void {
    this.#decided.add(listener)
    return () => void this.#decided.delete(listener)
  }

  timeGap(): void {
    this.control.timeGap()
  }

  async end(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#secrets?.[Symbol.dispose]()
    // First: that modules stop with the controller is no end of an alert.
    this.#noDevice[Symbol.dispose]()
    this.#options.heartbeats?.[Symbol.dispose]()
    // Whatever of these fails, the devices are let go.
    await using stack = new AsyncDisposableStack()
    stack.use(this.control.runtime)
    stack.defer(() => this.#options.telemetry?.forgetAlerts())
    stack.defer(() => this.#devices?.end())
    if (this.#relay) stack.use(this.#relay)
    stack.defer(() => this.control.end())
    await this.#options.inventory?.stop()
  }

  /** Modules that were started without a value, or with another one, start again with it. What is now set here is not the master's to give. */
  #secretsChanged(names: ReadonlySet<string>): void {
    const { runtime } = this.control
    const ids = this.control.drives ? usersOf(names, this.modules(), runtime.views()) : []
    this.#restart(ids).catch((error: unknown) =>
      this.#options.logger.log('error', 'Modules could not start again with a changed secret', {
        reason: failureOf(error).message,
      }),
    )
    this.#secrets?.look()
  }

  async #restart(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    await this.control.runtime.stopModules(ids)
    await this.control.runtime.startModules(ids)
  }

  async #endPredecessors(): Promise<void> {
    this.#predecessorsGone ??= this.#options.runtimes.endPredecessors()
    try {
      await this.#predecessorsGone
    } catch (error) {
      this.#predecessorsGone = null
      throw error
    }
  }

  /** Asks the master for something only the master may do. */
  master(): LinkSession {
    const session = this.control.session
    if (session && this.control.state.link.kind === 'linked') return session
    throw new HoldfastError('link-lost', 'The master cannot be reached.', {
      hint: 'This is set at the master; try again when the link is back.',
    })
  }

  #handlers(session: LinkSession) {
    this.#sync
      .catchUp(session)
      .catch((error: unknown) =>
        this.#options.logger.log('debug', 'Documents are not caught up', { reason: failureOf(error).message }),
      )
    return this.#requests.handlers(session)
  }

  /** The master forgets with each link what it was told before. */
  #linked(session: LinkSession): void {
    this.incidents.clear('link-refused')
    this.#secrets?.linked(session)
    this.#clientsLinked(session)
    this.#tellViews(session, this.control.runtime.views(), [])
    this.#options.heartbeats?.linked(session)
    this.#options.telemetry?.linked(session)
    this.#options.inventory?.linked(session)
  }

  #clientsLinked(session: LinkSession): void {
    const { clients } = this.#options
    clients?.access.linked(session)
    if (session.peer.version < API_SINCE_VERSION) return
    void (clients?.url() ?? Promise.resolve(null)).then((url) => session.sendEvent('api.at', { url }))
  }

  #tellViews(session: LinkSession | null, changed: readonly ModuleView[], removed: readonly string[]): void {
    if (!session) return
    for (let from = 0; from < changed.length; from += VIEWS_PER_MESSAGE) {
      session.sendEvent('modules.changed', { modules: changed.slice(from, from + VIEWS_PER_MESSAGE), removed: [] })
    }
    for (let from = 0; from < removed.length; from += REMOVED_PER_MESSAGE) {
      session.sendEvent('modules.changed', { modules: [], removed: removed.slice(from, from + REMOVED_PER_MESSAGE) })
    }
  }

  #controlChanged(): void {
    // Called during construction, before the fields are there.
    if (!this.control) return
    this.#noDevice.look(this.control.state)
    this.#watchLink()
    if (this.control.drives !== this.#wasDriving) this.#options.inventory?.siteChanged()
    this.#wasDriving = this.control.drives
    if (this.control.state.retryPersistAt === null) this.incidents.clear('not-persisted')
    this.#options.changed()
  }

  #watchLink(): void {
    const { link } = this.control.state
    const { clock } = this.#options
    const wall = clock.wall()
    if (link.kind === 'linked') this.lastHeardAt = wallMs(Math.round(wall - (clock.mono() - link.heardAt)))
    else if (this.#wasLinked) this.unlinkedSince = wall
    this.#wasLinked = link.kind === 'linked'
  }

  #incident(code: string, detail: string): void {
    this.incidents.add(code, detail, this.#options.clock.wall())
    this.#options.telemetry?.incident(code, detail)
    this.#options.changed()
  }
}
