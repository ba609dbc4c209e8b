import { NO_DEVICE_ALERT_MS } from '../../shared/model/defaults'
import type { Decision } from '../../shared/model/control'
import type { EdgeDocument, ModuleDocument, SystemDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import { after, type WallMs } from '../../shared/model/time'
import { modulesOfOwner } from '../core/documents/site'
import type { DocumentsReplica } from '../journal/journal'
import type { LinkDialer, LinkSession } from '../link/link'
import type { ModuleRuntimes } from '../modules/runtime'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import { DocumentsSync } from './documents-sync'
import { EdgeControl } from './edge-control'
import { EdgeRequests } from './edge-requests'

const INCIDENTS_MAX = 20
/** Views in one message to the master. */
const VIEWS_PER_MESSAGE = 200

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
  changed(): void
}

/** One site: drives its devices, keeps the link, and works without it. */
export class EdgeRole {
  readonly control: EdgeControl
  readonly incidents: { code: string; detail: string; at: WallMs }[] = []
  readonly #options: EdgeRoleOptions
  readonly #sync: DocumentsSync
  readonly #requests: EdgeRequests
  #unsubscribe: (() => void)[] = []
  readonly #decided = new Set<(decision: Decision) => void>()
  #noDevice: Disposable | null = null
  #wasLinked = false
  /** The edge has driven for a minute and no device answers; nothing flips by itself, a person is told. */
  noDeviceSince: WallMs | null = null
  /** Since when there is no link; and when the master was last heard, null: not since the start. */
  unlinkedSince: WallMs
  lastHeardAt: WallMs | null = null

  constructor(options: EdgeRoleOptions) {
    this.#options = options
    this.unlinkedSince = options.clock.wall()
    this.#sync = new DocumentsSync(options.replica, options.logger)
    this.control = new EdgeControl({
      ...options,
      logger: options.logger.child('control'),
      predecessorsGone: options.runtimes.endPredecessors(),
      runtime: (permit) => options.runtimes.create(options.edgeId, permit),
      document: () => ({ failover: this.document?.failover ?? true, journalSeq: options.replica.head }),
      startModules: (runtime) => runtime.start(this.modules()),
      handlers: (session) => this.#handlers(session),
      changed: () => this.#controlChanged(),
      decided: (decision) => {
        for (const listener of this.#decided) listener(decision)
      },
      report: (event, detail) => {
        if (event !== 'took-control' && event !== 'lost-control' && event !== 'time-gap') this.#incident(event, detail)
      },
    })
    this.#requests = new EdgeRequests({
      control: this.control,
      replica: options.replica,
      random: options.random,
      catchUp: (session) => this.#sync.catchUp(session),
      rotate: (params) => options.rotate(params),
    })
  }

  get edgeId(): string {
    return this.#options.edgeId
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

  /** Own views while driving; otherwise nothing is known first-hand and every module says so. */
  views(): readonly ModuleView[] {
    return this.control.runtime.views()
  }

  start(): void {
    const { replica, logger } = this.#options
    this.#unsubscribe = [
      replica.onChange(() => {
        if (this.control.state.tenure.kind === 'driving') {
          this.control.runtime
            .update(this.modules())
            .catch((error: unknown) =>
              logger.log('error', 'Modules could not follow their documents', { reason: failureOf(error).message }),
            )
        }
        this.#options.changed()
      }),
      this.control.runtime.onChange((changed, removed) => {
        this.#tellViews(changed, removed)
        this.#options.changed()
      }),
    ]
    this.control.start()
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
    this.#noDevice?.[Symbol.dispose]()
    await this.control.end()
    await this.control.runtime[Symbol.asyncDispose]()
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
    void this.#sync.catchUp(session).then(
      () => this.#tellViews(this.views(), []),
      (error: unknown) =>
        this.#options.logger.log('debug', 'Documents are not caught up', { reason: failureOf(error).message }),
    )
    return this.#requests.handlers(session)
  }

  #tellViews(changed: readonly ModuleView[], removed: readonly string[]): void {
    const session = this.control.session
    if (!session) return
    for (let from = 0; from < changed.length; from += VIEWS_PER_MESSAGE) {
      session.sendEvent('modules.changed', { modules: changed.slice(from, from + VIEWS_PER_MESSAGE), removed: [] })
    }
    if (removed.length > 0) session.sendEvent('modules.changed', { modules: [], removed: [...removed] })
  }

  #controlChanged(): void {
    // Called during construction, before the fields are there.
    if (!this.control) return
    this.#watchDevices()
    this.#watchLink()
    this.#options.changed()
  }

  #watchLink(): void {
    const { link } = this.control.state
    const wall = this.#options.clock.wall()
    if (link.kind === 'linked') this.lastHeardAt = wall
    else if (this.#wasLinked) this.unlinkedSince = wall
    this.#wasLinked = link.kind === 'linked'
  }

  /** Control won and no device connected within a minute: keeps control, raises an alert. */
  #watchDevices(): void {
    const { tenure, devices } = this.control.state
    const missing = tenure.kind === 'driving' && devices.total > 0 && devices.connected === 0
    if (!missing) {
      this.#noDevice?.[Symbol.dispose]()
      this.#noDevice = null
      this.noDeviceSince = null
    } else if (this.#noDevice === null) {
      const { clock } = this.#options
      this.#noDevice = clock.at(after(clock.mono(), NO_DEVICE_ALERT_MS), () => {
        this.noDeviceSince = clock.wall()
        this.#options.logger.log('error', 'No device of this site answers', { devices: devices.total })
        this.#options.changed()
      })
    }
  }

  #incident(code: string, detail: string): void {
    this.incidents.push({ code, detail, at: this.#options.clock.wall() })
    if (this.incidents.length > INCIDENTS_MAX) this.incidents.shift()
    this.#options.changed()
  }
}
