import { REQUEST_TIMEOUT_MS } from '../../shared/model/defaults'
import type { Decision } from '../../shared/model/control'
import type { EdgeDocument, ModuleDocument, SystemDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import type { DebugLine, ModuleView } from '../../shared/model/modules'
import { wallMs, type MonoMs, type WallMs } from '../../shared/model/time'
import type { EventBody, EventName, RequestInput, RequestName, RequestResult } from '../../shared/wire/requests'
import { enrolledControl, type StoredControl } from '../core/control/stored'
import { modulesOfOwner, pauseOf } from '../core/documents/site'
import { windowAt } from '../core/restore/window'
import type { Journal } from '../journal/journal'
import type { LinkSession } from '../link/link'
import type { ModuleRuntimes } from '../modules/runtime'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { EnrolmentDesk } from './enrolment-desk'
import { MasterControl, type EdgeStanding } from './master-control'

/** Incidents kept per edge until somebody looks; the oldest goes. */
const INCIDENTS_MAX = 20
const HEARD_STEP_MS = 5_000

export interface Incident {
  readonly code: string
  readonly detail: string
  readonly at: WallMs
}

export interface EdgeSiteOptions {
  readonly edgeId: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly records: ControlRecords
  readonly journal: Journal
  readonly runtimes: ModuleRuntimes
  readonly desk: EnrolmentDesk
  readonly predecessorsGone: Promise<unknown>
  readonly booted: boolean
  /** Zone of schedules that name none. */
  readonly timeZone: string
  changed(): void
  decided(decision: Decision): void
  /** Serves what an edge asks of its master. */
  serve<N extends RequestName>(site: EdgeSite, name: N, params: RequestInput<N>): Promise<RequestResult<N>>
}

/** One edge as its master sees it: document, control, link, and the module views it told last. */
export class EdgeSite {
  readonly edgeId: string
  readonly control: MasterControl
  readonly incidents: Incident[] = []
  readonly #options: EdgeSiteOptions
  readonly #told = new Map<string, ModuleView>()
  readonly #debug = new Map<string, (lines: readonly DebugLine[], dropped: number) => void>()
  /** When views were last told; they are stale while the link is not connected. */
  #toldAt: WallMs | null = null
  #telling: Promise<void> | null = null
  #tellAgain = false
  #lastHeard: MonoMs | null = null

  constructor(options: EdgeSiteOptions) {
    this.#options = options
    this.edgeId = options.edgeId
    const { records, edgeId, runtimes } = options
    this.control = new MasterControl({
      ...options,
      logger: options.logger.child(`edge ${edgeId}`),
      stored: this.#stored(records.load(edgeId)),
      standing: () => this.standing(),
      runtime: (permit) => {
        const runtime = runtimes.create(edgeId, permit)
        runtime.onChange(() => options.changed())
        return runtime
      },
      startModules: (runtime) => runtime.start(this.modules()),
      changed: () => this.#controlChanged(),
      lastViews: () => [...this.#told.values()],
      handlers: (session) => ({
        request: (name, params) => options.serve(this, name, params),
        event: (name, body) => this.#event(session, name, body),
      }),
      linkChanged: (session) => {
        if (session) void this.tellPosition()
      },
      report: (event, detail) => {
        if (event !== 'took-control' && event !== 'lost-control' && event !== 'time-gap') this.incident(event, detail)
      },
    })
  }

  #stored(stored: StoredControl | null): StoredControl {
    return stored ?? { ...enrolledControl(this.#options.clock.wall()) }
  }

  /** When the edge last answered a ping; null: not since this master started. */
  get lastHeardAt(): WallMs | null {
    const { clock } = this.#options
    return this.#lastHeard === null ? null : wallMs(clock.wall() - (clock.mono() - this.#lastHeard))
  }

  #controlChanged(): void {
    // Called while the control is being made, too.
    const link = (this.control as MasterControl | undefined)?.state.link
    if (link !== undefined && link.kind !== 'none') this.#lastHeard = link.pings.answeredAt ?? this.#lastHeard
    this.#options.changed()
  }

  get document(): EdgeDocument | null {
    return this.#options.journal.get('edge', this.edgeId)?.body ?? null
  }

  modules(): ModuleDocument[] {
    const { journal } = this.#options
    const systems = journal.list('system').map(({ body }): SystemDocument => body)
    return modulesOfOwner(this.edgeId, systems, (id) => journal.get('module', id)?.body ?? null)
  }

  /** The views of whoever drives: the master's own while it does, else what the edge told. */
  views(): readonly ModuleView[] {
    if (this.control.drives) return this.control.runtime?.views() ?? []
    if (this.control.session) {
      // Changes arrive at once, so what was told is as fresh as the link; in steps, so that age alone is not a change every second.
      const heard = Math.floor((this.lastHeardAt ?? 0) / HEARD_STEP_MS) * HEARD_STEP_MS
      return [...this.#told.values()].map((view) => ({ ...view, asOf: Math.max(view.asOf, heard) }))
    }
    // What the edge told before its link was lost says nothing about now.
    return [...this.#told.values()].map((view) => ({
      ...view,
      state: 'unknown',
      connected: false,
      asOf: this.#toldAt ?? view.asOf,
    }))
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
      paused: document === null || pauseOf(document, clock.wall()) !== null,
      enrolled: document !== null && desk.isEnrolled(this.edgeId),
      journalHead: journal.head,
      window: () => {
        const current = this.document
        if (!current?.windowStart || current.windowLengthS === undefined) return null
        const state = windowAt(
          { windowStart: current.windowStart, windowLengthS: current.windowLengthS, timeZone: this.timeZone() },
          clock.wall(),
        )
        const changes = [state.nextOpenAt, state.closesAt].filter((at) => at !== null)
        return {
          open: state.open,
          lastOpeningAt: state.lastOpeningAt,
          nextChangeAt: changes.length === 0 ? null : wallMs(Math.min(...changes)),
        }
      },
    }
  }

  incident(code: string, detail: string): void {
    this.incidents.push({ code, detail, at: this.#options.clock.wall() })
    if (this.incidents.length > INCIDENTS_MAX) this.incidents.shift()
    this.#options.changed()
  }

  /** Tells the edge of the journal's head and learns how far its copy is. One at a time; a change meanwhile makes one more round. */
  async tellPosition(): Promise<void> {
    if (this.#telling) {
      this.#tellAgain = true
      return this.#telling
    }
    this.#telling = this.#tell().finally(() => (this.#telling = null))
    return this.#telling
  }

  async #tell(): Promise<void> {
    do {
      this.#tellAgain = false
      const session = this.control.session
      if (!session) return
      try {
        const { seq } = await session.request('modelUpdated', { head: this.#options.journal.head })
        this.control.edgePosition(seq)
      } catch (error) {
        this.#options.logger.log('debug', 'An edge could not be told of new documents', {
          edge: this.edgeId,
          reason: failureOf(error).message,
        })
        return
      }
    } while (this.#tellAgain)
  }

  /** The documents changed: what this master drives here follows, and the edge is told. */
  documentsChanged(): void {
    this.control.documentChanged()
    if (this.control.drives) {
      this.control.runtime?.update(this.modules()).catch((error: unknown) =>
        this.#options.logger.log('error', 'Modules could not follow their documents', {
          edge: this.edgeId,
          reason: failureOf(error).message,
        }),
      )
    }
    void this.tellPosition()
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

  /** Debug lines of a module, whoever drives it. Returns the function that ends it. */
  debug(moduleId: string, listener: (lines: readonly DebugLine[], dropped: number) => void): () => void {
    if (this.control.drives && this.control.runtime) return this.control.runtime.debug(moduleId, listener)
    const session = this.#driving()
    let subscription: string | null = null
    let ended = false
    const stop = (id: string) => {
      this.#debug.delete(id)
      session.request('debug.stop', { subscription: id }).catch(() => {})
    }
    session.request('debug.start', { moduleId }).then(
      (answer) => {
        subscription = answer.subscription
        if (ended) stop(subscription)
        else this.#debug.set(subscription, listener)
      },
      (error: unknown) =>
        listener([{ at: this.#options.clock.wall(), moduleId, level: 'error', text: failureOf(error).message }], 0),
    )
    return () => {
      ended = true
      if (subscription !== null) stop(subscription)
    }
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
      for (const view of modules) this.#told.set(view.id, view)
      for (const id of removed) this.#told.delete(id)
      this.#toldAt = this.#options.clock.wall()
      this.#options.changed()
    } else if (name === 'debug.lines') {
      const { subscription, lines, dropped } = body as EventBody<'debug.lines'>
      this.#debug.get(subscription)?.(lines as DebugLine[], dropped)
    }
  }

  close(reason: string, failure?: Failure): void {
    this.control.closeLink(reason, failure)
  }

  async end(): Promise<void> {
    await this.control.end()
  }
}
