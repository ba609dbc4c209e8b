import { REQUEST_TIMEOUT_MS } from '../../shared/model/defaults'
import type { EdgeView } from '../../shared/console/views'
import type { Decision } from '../../shared/model/control'
import type { EdgeDocument, ModuleDocument, SystemDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import type { DebugLine, ModuleView } from '../../shared/model/modules'
import { after, wallMs, type MonoMs, type WallMs } from '../../shared/model/time'
import { API_SINCE_VERSION } from '../../shared/wire/api'
import type { SyncStatus } from '../../shared/wire/push'
import type { EventBody, EventName, RequestInput, RequestName, RequestResult } from '../../shared/wire/requests'
import type { MasterState } from '../core/control/master-state'
import { enrolledControl, type StoredControl } from '../core/control/stored'
import { usersOf } from '../core/documents/secret-use'
import { modulesOfOwner, pauseOf } from '../core/documents/site'
import { Incidents } from '../core/incidents'
import { windowOf } from '../core/restore/edge-window'
import { Rounds } from '../core/rounds'
import type { Journal } from '../journal/journal'
import type { LinkSession } from '../link/link'
import type { HostWait, ModuleRuntimes } from '../modules/runtime'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import { DebugRelay, type DebugListener } from './debug-relay'
import type { EnrolmentDesk } from './enrolment-desk'
import type { FleetDesk } from './fleet-desk'
import type { InventorySync } from './inventory'
import { MasterControl, type EdgeStanding } from './master-control'
import { differsByPulse } from './pulse'
import { ShownView } from './shown-view'
import { HEARD_STEP_MS, ToldViews } from './told-views'

/** How long after an edge could not be told of new documents it is told again, while its link lasts. */
const TELL_AGAIN_MS = 5_000
/** The first version of the link protocol that knows `secrets.changed`. */
const SECRETS_VERSION = 3
/** Reports that are the course of things. */
const ordinary = new Set(['took-control', 'lost-control', 'time-gap'])

export interface EdgeSiteOptions {
  readonly edgeId: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly records: ControlRecords
  readonly journal: Journal
  readonly runtimes: ModuleRuntimes
  readonly desk: EnrolmentDesk
  readonly predecessorsGone: () => Promise<unknown>
  readonly booted: boolean
  /** Those of this edge. */
  systems(): readonly SystemDocument[]
  /** Zone of schedules that name none. */
  readonly timeZone: string
  /** That an edge is still heard is told in steps of this length: of thousands it would be news without end. Absent: 5 s. */
  heardStepMs?(): number
  changed(): void
  decided(decision: Decision): void
  /** The copies of inventories; absent: this master keeps none. */
  readonly inventory?: InventorySync | undefined
  /** Absent: this master keeps no fleet. */
  readonly fleet?: FleetDesk | undefined
  /** Serves what an edge asks of its master. */
  serve<N extends RequestName>(site: EdgeSite, name: N, params: RequestInput<N>): Promise<RequestResult<N>>
}

/** One edge as its master sees it: document, control, link, and the module views it told last. */
export class EdgeSite {
  readonly edgeId: string
  readonly control: MasterControl
  readonly incidents = new Incidents()
  readonly #options: EdgeSiteOptions
  readonly #told = new ToldViews()
  #sync: { readonly status: SyncStatus; readonly asOf: WallMs; readonly session: LinkSession } | null = null
  /** Made when somebody first reads along. */
  #debug: DebugRelay | null = null
  readonly #telling = new Rounds(() => this.#tell())
  #tellAgain: Disposable | null = null
  #lastHeard: MonoMs | null = null
  /** Where the edge serves clients, as it told last; null: nowhere, or not told since this master started. */
  apiUrl: string | null = null
  /** What was compared with the next state of control, and when somebody was last told that the edge is heard. */
  #seen: MasterState | null = null
  #heardToldAt: MonoMs
  readonly #shown = new ShownView()
  #ended = false

  constructor(options: EdgeSiteOptions) {
    const changed = (): void => {
      this.#shown.forget()
      options.changed()
    }
    this.#options = { ...options, changed }
    this.edgeId = options.edgeId
    this.#heardToldAt = options.clock.mono()
    const { clock, random, records, edgeId, runtimes, booted, predecessorsGone, decided } = options
    this.control = new MasterControl({
      ...{ clock, random, records, edgeId, booted, predecessorsGone, decided },
      logger: options.logger.child(`edge ${edgeId}`),
      stored: this.#stored(records.load(edgeId)),
      standing: () => this.standing(),
      runtime: (permit) => {
        const runtime = runtimes.create(edgeId, permit)
        runtime.onChange(changed)
        runtime.onWaiting(changed)
        return runtime
      },
      startModules: (runtime) => runtime.start(this.modules()),
      changed: () => this.#controlChanged(),
      lastViews: () => this.#told.last(),
      handlers: (session) => ({
        request: (name, params) => options.serve(this, name, params),
        event: (name, body) => this.#event(session, name, body),
      }),
      linkChanged: (session) => {
        if (!session) return
        this.incidents.clear('link-refused')
        this.tellPosition()
        options.fleet?.linked(this.edgeId, session.peer)
        options.inventory?.linked(this.edgeId, session, () => this.lastHeardAt)
      },
      report: (event, detail) => {
        if (!ordinary.has(event)) this.incident(event, detail)
      },
    })
  }

  #stored(stored: StoredControl | null): StoredControl {
    return stored ?? enrolledControl(this.#options.clock.wall())
  }

  /** When the edge last answered a ping; null: not since this master started. */
  get lastHeardAt(): WallMs | null {
    const { clock } = this.#options
    return this.#lastHeard === null ? null : wallMs(clock.wall() - (clock.mono() - this.#lastHeard))
  }

  #controlChanged(): void {
    // Called while the control is being made, too.
    const state = (this.control as MasterControl | undefined)?.state
    if (state === undefined) return
    const before = this.#seen
    this.#seen = state
    if (state.link.kind !== 'none') this.#lastHeard = state.link.pings.answeredAt ?? this.#lastHeard
    // Every linked edge is pinged every second: what that alone changes is told in steps, and costs nothing between them.
    const now = this.#options.clock.mono()
    const isHeardNews = now - this.#heardToldAt >= (this.#options.heardStepMs?.() ?? HEARD_STEP_MS)
    if (before !== null && !isHeardNews && differsByPulse(before, state)) return
    this.#heardToldAt = now
    if (state.retryPersistAt === null) this.incidents.clear('not-persisted')
    this.#debug?.follow()
    this.#options.changed()
  }

  /** How it is shown: made by `make` when something has changed since the last time, or time alone has changed what is seen. */
  shown(make: () => EdgeView): EdgeView {
    return this.#shown.of(this.#options.clock.wall(), make)
  }

  get document(): EdgeDocument | null {
    return this.#options.journal.get('edge', this.edgeId)?.body ?? null
  }

  modules(): ModuleDocument[] {
    const { journal, systems } = this.#options
    return modulesOfOwner(this.edgeId, systems(), (id) => journal.get('module', id)?.body ?? null)
  }

  /** How the pushing of the edge goes, as it told last: still worth a look when it is away. Null: not since this master started. */
  get sync(): { readonly status: SyncStatus; readonly asOf: WallMs; readonly isReachable: boolean } | null {
    if (this.#sync === null) return null
    const { status, asOf, session } = this.#sync
    return { status, asOf, isReachable: session === this.control.session }
  }

  /** What it told over the session. */
  syncTold(session: LinkSession, status: SyncStatus): void {
    if (this.control.session !== session) return
    this.#sync = { status, asOf: this.#options.clock.wall(), session }
    this.#options.changed()
  }

  /** The views of whoever drives: the master's own while it does, else what the edge told. */
  views(): readonly ModuleView[] {
    if (this.control.drives) return this.control.runtime?.views() ?? []
    return this.#told.now(this.control.session?.id ?? null, this.lastHeardAt)
  }

  /** Its devices are not driven although this master is to. */
  waiting(): HostWait | null {
    return this.control.runtime?.waiting() ?? null
  }

  timeZone(): string {
    return this.document?.windowTimeZone ?? this.#options.timeZone
  }

  standing(): EdgeStanding {
    const { journal, desk, clock } = this.#options
    const document = this.document
    return {
      failover: document?.failover ?? false,
      timeoutMs: document?.timeoutMs ?? Number.MAX_SAFE_INTEGER,
      stableForMs: document?.stableForMs ?? Number.MAX_SAFE_INTEGER,
      // A revoked edge goes on driving and cannot say so: nothing may take it over by itself, whatever became of the pause in its document.
      paused: document === null || desk.isRevoked(this.edgeId) || pauseOf(document, clock.wall()) !== null,
      draining: this.isDraining,
      enrolled: document !== null && desk.isEnrolled(this.edgeId),
      journalHead: journal.head,
      window: () => {
        const window = windowOf(this.document, this.timeZone(), clock.wall())
        if (window === null) return null
        const changes = [window.nextOpenAt, window.closesAt].filter((at) => at !== null)
        return {
          open: window.open,
          lastOpeningAt: window.lastOpeningAt,
          nextChangeAt: changes.length === 0 ? null : wallMs(Math.min(...changes)),
        }
      },
    }
  }

  /** Its node is to have no work. */
  get isDraining(): boolean {
    return this.#options.fleet?.isDraining(this.edgeId) ?? false
  }

  incident(code: string, detail: string): void {
    this.incidents.add(code, detail, this.#options.clock.wall())
    this.#options.changed()
  }

  /** Tells the edge of the journal's head and learns how far its copy is; again later if that failed while the link lasts. */
  tellPosition(): void {
    this.#tellAgain?.[Symbol.dispose]()
    this.#tellAgain = null
    this.#telling.run().catch((error: unknown) => {
      const { logger, clock } = this.#options
      logger.log('debug', 'An edge could not be told of new documents', {
        edge: this.edgeId,
        reason: failureOf(error).message,
      })
      if (this.#ended || this.control.session === null) return
      this.#tellAgain?.[Symbol.dispose]()
      this.#tellAgain = clock.at(after(clock.mono(), TELL_AGAIN_MS), () => this.tellPosition())
    })
  }

  async #tell(): Promise<void> {
    const session = this.control.session
    if (!session) return
    const { seq } = await session.request('modelUpdated', { head: this.#options.journal.head })
    if (this.control.session === session) this.control.edgePosition(seq)
  }

  /** Control is more here than a link to an edge that drives: every change of the documents may matter to what runs. */
  get isInvolved(): boolean {
    const { tenure, stored } = this.control.state
    return tenure.kind !== 'idle' || stored.record.holder !== 'edge'
  }

  /** The documents changed: what this master drives here follows, and the edge is told. */
  documentsChanged(): void {
    this.control.documentChanged()
    const modules = this.modules()
    this.#told.keep(new Set(modules.map(({ id }) => id)))
    if (this.control.drives) {
      this.control.runtime?.update(modules).catch((error: unknown) =>
        this.#options.logger.log('error', 'Modules could not follow their documents', {
          edge: this.edgeId,
          reason: failureOf(error).message,
        }),
      )
    }
    this.tellPosition()
  }

  /** An edge that serves clients reads again who may ask. */
  accountsChanged(): void {
    const { session } = this.control
    if (session !== null && session.peer.version >= API_SINCE_VERSION) session.sendEvent('access.changed', {})
  }

  /** An edge reads what it uses; what this master drives starts again. */
  secretsChanged(names: ReadonlySet<string>): void {
    const { session, drives, runtime } = this.control
    if (session !== null && session.peer.version >= SECRETS_VERSION) session.sendEvent('secrets.changed', {})
    const ids = drives && runtime ? usersOf(names, this.modules(), runtime.views()) : []
    if (ids.length === 0) return
    runtime!
      .stopModules(ids)
      .then(() => runtime!.startModules(ids))
      .catch((error: unknown) =>
        this.#options.logger.log('error', 'Modules could not start again with a changed secret', {
          edge: this.edgeId,
          reason: failureOf(error).message,
        }),
      )
  }

  async execute(moduleId: string, method: string, args: Record<string, unknown>, requestId: string): Promise<unknown> {
    if (this.control.drives && this.control.runtime) {
      return this.control.runtime.execute(moduleId, method, args, { requestId, timeoutMs: REQUEST_TIMEOUT_MS })
    }
    const answer = await this.#driving().request('module.execute', {
      moduleId,
      method,
      args: args as RequestInput<'module.execute'>['args'],
      requestId,
      epoch: this.control.state.stored.record.epoch,
    })
    return answer.value
  }

  async startSystem(systemId: string, moduleIds: readonly string[], start: boolean): Promise<number> {
    const runtime = this.control.runtime
    if (this.control.drives && runtime) {
      await (start ? runtime.startModules(moduleIds) : runtime.stopModules(moduleIds))
      return moduleIds.length
    }
    const answer = await this.#driving().request(start ? 'system.start' : 'system.stop', { systemId })
    return answer.modules
  }

  /** Debug lines of a module from whoever drives it, also after control has moved. Returns the function that ends it. */
  debug(moduleId: string, listener: DebugListener): () => void {
    this.#debug ??= new DebugRelay(() => this.#debugSource(), this.#options.clock)
    return this.#debug.open(moduleId, listener)
  }

  #debugSource() {
    const { drives, runtime, session, state } = this.control
    if (drives && runtime) return { runtime }
    const edgeDrives = state.stored.record.holder === 'edge' && state.link.kind === 'linked'
    return session && edgeDrives ? { session } : null
  }

  #driving(): LinkSession {
    const session = this.control.session
    if (session) return session
    const { holder } = this.control.state.stored.record
    if (holder === 'none') throw new HoldfastError('busy', 'A hand-over runs.', { retryAfterMs: 2_000 })
    throw new HoldfastError('no-controller', 'The edge cannot be reached, and the master does not drive it.', {
      hint: 'Wait for the link or for the take-over.',
    })
  }

  #event<N extends EventName>(session: LinkSession, name: N, body: EventBody<N>): void {
    if (this.control.session !== session) return
    if (name === 'modules.changed') {
      const { modules, removed } = body as EventBody<'modules.changed'>
      this.#told.take(session.id, modules, removed)
      this.#options.changed()
    } else if (name === 'debug.lines') {
      const { subscription, lines, dropped } = body as EventBody<'debug.lines'>
      this.#debug?.lines(subscription, lines as DebugLine[], dropped)
    } else if (name === 'sync.changed') {
      this.syncTold(session, body as EventBody<'sync.changed'>)
    } else if (name === 'fleet.heartbeat') {
      this.#options.fleet?.heard(this.edgeId, session.peer.address, body as EventBody<'fleet.heartbeat'>)
    } else if (name === 'api.at') {
      this.apiUrl = (body as EventBody<'api.at'>).url
      this.#options.changed()
    } else if (name === 'inventory.changed') {
      this.#options.inventory?.changed(this.edgeId, session, (body as EventBody<'inventory.changed'>).head)
    }
  }

  close(reason: string, failure?: Failure): void {
    this.control.closeLink(reason, failure)
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#tellAgain?.[Symbol.dispose]()
    await this.control.end()
  }
}
