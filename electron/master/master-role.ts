import { MASTER_BOOT_WAIT_MS, PERMIT_VALID_MS } from '../../shared/model/defaults'
import type { Decision } from '../../shared/model/control'
import type { AnyDocument, DocumentKind, EdgeDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import { enrolledControl } from '../core/control/stored'
import { usersOf } from '../core/documents/secret-use'
import { modulesOfOwner } from '../core/documents/site'
import type { Journal } from '../journal/journal'
import type { LinkListener, LinkSession } from '../link/link'
import type { ModuleRuntime, ModuleRuntimes } from '../modules/runtime'
import type { Clock, Logger, NamedSecrets, Random, Sealing } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { ClientAudit } from './edge-clients'
import { EdgeSite } from './edge-site'
import type { EnrolmentDesk } from './enrolment-desk'
import type { FleetDesk } from './fleet-desk'
import { serveEdge, type EdgeServiceParts } from './edge-service'
import type { Ingest } from './ingest'
import type { InventorySync } from './inventory'
import { OwnedSystems } from './owned-systems'
import { refusalOf } from './refusal'
import { HEARD_STEP_MS } from './told-views'

const PAUSE_CHECK_EVERY_MS = 1_000
/** Edges of which consoles are told in a second that they are still heard. */
const HEARD_PER_SECOND = 200
/** Edges that are told of the journal's head at once although nothing of theirs has changed, and how soon the next ones are. */
const TOLD_AT_ONCE = 50
const TELL_NEXT_MS = 20
const removed: Failure = {
  code: 'removed',
  message: 'This edge was removed at the master',
  hint: 'It goes on driving its site and keeps what it has to tell. To link it again: holdfast join CODE',
}

export interface MasterRoleOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly records: ControlRecords
  readonly journal: Journal
  readonly runtimes: ModuleRuntimes
  readonly desk: EnrolmentDesk
  readonly ingest?: Pick<Ingest, 'receive'>
  /** The copies of the inventories of the edges; absent: this master keeps none. */
  readonly inventory?: InventorySync
  /** The fleet that its edges are nodes of; absent: there is none. */
  readonly fleet?: FleetDesk
  /** What modules name by `{secretRef}`, given to the edges that need it; absent: nothing is named. */
  readonly secrets?: NamedSecrets
  readonly sealing?: Sealing
  /** Told of what clients of edges do at devices that this master drives. */
  audited?(told: ClientAudit): void
  /** This machine's zone: for schedules that name none and edges that have not told theirs. */
  readonly timeZone: string
  /** At most this long for edges to come back at start. */
  readonly bootWaitMs?: number
  changed(): void
}

/** The control plane: edges' documents, their control, and the master's own systems. */
export class MasterRole {
  readonly sites = new Map<string, EdgeSite>()
  readonly #options: MasterRoleOptions
  readonly #service: EdgeServiceParts
  readonly #own: ModuleRuntime
  readonly #predecessorsGone: Promise<unknown>
  /** Edges that were removed and are still letting go. */
  readonly #leaving = new Map<string, Promise<void>>()
  readonly #decided = new Set<(decision: Decision) => void>()
  readonly #owned: OwnedSystems
  /** Edges that are still to be told of the journal's head. */
  readonly #untold = new Set<EdgeSite>()
  #tellTimer: Disposable | null = null
  #booted = false
  #ended = false
  #wakeBoot: (() => void) | null = null
  #unsubscribe: (() => void)[] = []
  #pauseTimer: Disposable | null = null

  constructor(options: MasterRoleOptions) {
    this.#options = options
    this.#service = { ...options, role: this }
    this.#owned = new OwnedSystems(options.journal)
    this.#predecessorsGone = options.runtimes.endPredecessors()
    // Whoever starts something waits for it, and is told; until then nobody may be.
    this.#predecessorsGone.catch(() => {})
    this.#own = options.runtimes.create('own', () => ({ epoch: 0, validForMs: PERMIT_VALID_MS }))
    this.#own.onChange(() => options.changed())
    this.#own.onWaiting(() => options.changed())
  }

  get booted(): boolean {
    return this.#booted
  }
  get own(): ModuleRuntime {
    return this.#own
  }

  /**
   * Strictly in the order of the specification. `listen` opens the port once edges and systems are loaded; resolves when it is open. The wait for edges and
   * what follows it goes on; `booted` says when it is over.
   */
  async start(listen: () => Promise<readonly LinkListener[]>): Promise<void> {
    const { journal } = this.#options
    for (const { body } of journal.list('edge')) this.#addSite(body)
    this.#unsubscribe = [
      journal.onChange(({ changed }) => this.#documentsChanged(changed)),
      this.#options.secrets?.onChange((names) => this.#secretsChanged(names)) ?? (() => {}),
    ]
    await this.#predecessorsGone
    await this.#own.start(this.#ownModules())
    for (const listener of await listen()) this.#hear(listener)
    void this.#boot()
  }

  #hear(listener: LinkListener): void {
    listener.onSession((session) => this.#session(session))
    listener.onProvenRefusal(({ edgeId, failure }) =>
      this.sites.get(edgeId)?.control.provenRefusal(`${failure.code}: ${failure.message}`),
    )
    listener.onUnprovenDial(({ edgeId, address, reason }) => {
      this.#options.logger.log('warn', 'Someone without the secret calls itself this edge', {
        edge: edgeId,
        address,
        reason,
      })
      this.sites.get(edgeId)?.incident('unproven-dial', `${address}: ${reason}`)
    })
  }

  async #boot(): Promise<void> {
    await this.#waitForEdges()
    if (this.#ended) return
    this.#booted = true
    for (const site of this.sites.values()) {
      site.control.ready()
      site.control.session?.sendEvent('master.ready', {})
    }
    this.#watchPauses()
    this.#options.logger.log('info', 'The master has booted', { edges: this.sites.size })
    this.#options.changed()
  }

  /** At most 6 s, and no longer than until every enrolled edge has linked. */
  async #waitForEdges(): Promise<void> {
    const { clock, desk } = this.#options
    // What has linked once is not looked at again: each of thousands that come back asks.
    const missing = new Set(this.sites.values())
    const complete = (): boolean => {
      for (const site of missing) {
        const isAwaited = desk.isEnrolled(site.edgeId) && this.sites.get(site.edgeId) === site
        if (isAwaited && site.control.state.link.kind === 'none') return false
        missing.delete(site)
      }
      return true
    }
    if (complete()) return
    await new Promise<void>((resolve) => {
      const timer = clock.at(after(clock.mono(), this.#options.bootWaitMs ?? MASTER_BOOT_WAIT_MS), () => done())
      const done = (): void => {
        this.#wakeBoot = null
        timer[Symbol.dispose]()
        resolve()
      }
      this.#wakeBoot = () => {
        if (this.#ended || complete()) done()
      }
    })
  }

  /** Refuses API requests until the master has booted. */
  requireBooted(): void {
    if (!this.#booted) throw new HoldfastError('loading', 'The master is still loading.', { retryAfterMs: 1_000 })
  }

  site(reference: string): EdgeSite {
    const direct = this.sites.get(reference)
    if (direct) return direct
    for (const site of this.sites.values()) if (site.document?.name === reference) return site
    throw new HoldfastError('not-found', `There is no edge "${reference}".`, {
      hint: 'holdfast edge list shows the edges.',
    })
  }

  /** For the listener, after the proof: an edge that was removed, or that is linked from another machine. */
  admit(peer: { edgeId: string; instanceId: string }): Failure | null {
    const site = this.sites.get(peer.edgeId)
    if (!site || site.document === null) {
      return removed
    }
    const live = site.control.session
    if (live && live.peer.instanceId !== peer.instanceId && site.control.state.link.kind !== 'none') {
      site.incident('duplicate-edge', "a second machine uses this edge's enrolment")
      return {
        code: 'duplicate-edge',
        message: 'Another machine is linked as this edge.',
        hint: 'Stop one of the two, or join again with --replace.',
      }
    }
    return null
  }

  onDecision(listener: (decision: Decision) => void): () => void {
    this.#decided.add(listener)
    return () => void this.#decided.delete(listener)
  }

  timeGap(): void {
    for (const site of this.sites.values()) site.control.timeGap()
  }

  /** A controller has joined as this edge: a new one begins with control, a replaced one keeps what the records say. */
  enrolled(edgeId: string): void {
    const { records, clock } = this.#options
    if (records.load(edgeId) === null) records.save(edgeId, enrolledControl(clock.wall()))
    this.sites.get(edgeId)?.control.documentChanged()
    this.#options.changed()
  }

  /** Another machine has taken this edge's place: the old one's session ends before the new one is let in. */
  async replaced(edgeId: string): Promise<void> {
    const session = this.sites.get(edgeId)?.control.session
    session?.close('replaced', { code: 'revoked', message: 'Another machine has taken the place of this edge.' })
    await session?.closed
  }

  /** Changes fields of an edge document on behalf of `actor`; `undefined` removes one. */
  editEdge(edgeId: string, patch: Record<string, unknown>, actor: string): void {
    const { journal } = this.#options
    const current = journal.get('edge', edgeId)
    if (!current) throw new HoldfastError('not-found', 'There is no such edge.')
    const body = Object.fromEntries(
      Object.entries({ ...current.body, ...patch }).filter(([, value]) => value !== undefined),
    )
    const change = { op: 'put', kind: 'edge', body: body as never, revision: current.revision } as const
    const outcome = journal.change([change], { actor })
    if (!outcome.ok) throw refusalOf(outcome)
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#wakeBoot?.()
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#pauseTimer?.[Symbol.dispose]()
    this.#tellTimer?.[Symbol.dispose]()
    try {
      await Promise.all([...this.sites.values()].map((site) => site.end()).concat(...this.#leaving.values()))
    } finally {
      await this.#own[Symbol.asyncDispose]()
    }
  }

  /** No host of an earlier process is left, nor of an earlier edge of the same id. */
  async #readyToStart(edgeId: string): Promise<void> {
    await this.#predecessorsGone
    await this.#leaving.get(edgeId)
  }

  #addSite(document: EdgeDocument): void {
    // By name: what else was given to this role would be held once more for each edge.
    const { clock, random, logger, records, journal, runtimes, desk, inventory, fleet, timeZone } = this.#options
    const site = new EdgeSite({
      ...{ clock, random, logger, records, journal, runtimes, desk, inventory, fleet },
      changed: this.#options.changed,
      edgeId: document.id,
      predecessorsGone: () => this.#readyToStart(document.id),
      booted: this.#booted,
      timeZone,
      systems: () => this.#owned.of(document.id),
      heardStepMs: () => Math.max(HEARD_STEP_MS, (this.sites.size / HEARD_PER_SECOND) * 1_000),
      decided: (decision) => {
        for (const listener of this.#decided) listener(decision)
      },
      serve: (from, name, params) => serveEdge(this.#service, from, name, params),
    })
    this.sites.set(document.id, site)
    if (this.#booted) site.control.documentChanged()
  }

  #session(session: LinkSession): void {
    const site = this.sites.get(session.peer.edgeId)
    if (!site) return session.close('removed', removed)
    site.control.attach(session)
    this.#wakeBoot?.()
  }

  #ownModules() {
    const { journal } = this.#options
    return modulesOfOwner(null, this.#owned.of(null), (id) => journal.get('module', id)?.body ?? null)
  }

  #documentsChanged(changed: readonly { kind: DocumentKind; id: string; body: AnyDocument | null }[]): void {
    const { logger } = this.#options
    for (const { kind, id, body } of changed) {
      if (kind !== 'edge') continue
      if (body === null) this.#removeSite(id)
      else if (!this.sites.has(id)) this.#addSite(body as EdgeDocument)
    }
    if (changed.some(({ kind }) => kind === 'user')) for (const site of this.sites.values()) site.accountsChanged()
    const concerned = this.#owned.concerned(changed)
    for (const site of this.sites.values()) {
      if (concerned.has(site.edgeId) || site.isInvolved) site.documentsChanged()
      else if (site.control.session !== null) this.#untold.add(site)
    }
    this.#tellPositions()
    if (changed.some(({ kind }) => kind === 'user')) for (const site of this.sites.values()) site.accountsChanged()
    if (changed.some(({ kind }) => kind !== 'edge')) {
      this.#own
        .update(this.#ownModules())
        .catch((error: unknown) =>
          logger.log('error', 'Modules could not follow their documents', { reason: failureOf(error).message }),
        )
    }
    this.#options.changed()
  }

  /** Each edge asks in turn for what is new: thousands at once would hold up everything else. */
  #tellPositions(): void {
    if (this.#tellTimer !== null || this.#ended) return
    let told = 0
    for (const site of this.#untold) {
      if (++told > TOLD_AT_ONCE) break
      this.#untold.delete(site)
      site.tellPosition()
    }
    if (this.#untold.size === 0) return
    const { clock } = this.#options
    this.#tellTimer = clock.at(after(clock.mono(), TELL_NEXT_MS), () => {
      this.#tellTimer = null
      this.#tellPositions()
    })
  }

  /** Modules that this master runs start again with the new value; edges are told to read what they use. */
  #secretsChanged(names: ReadonlySet<string>): void {
    for (const site of this.sites.values()) site.secretsChanged(names)
    const ids = usersOf(names, this.#ownModules(), this.#own.views())
    if (ids.length === 0) return
    this.#own
      .stopModules(ids)
      .then(() => this.#own.startModules(ids))
      .catch((error: unknown) =>
        this.#options.logger.log('error', 'Modules could not start again with a changed secret', {
          reason: failureOf(error).message,
        }),
      )
  }

  #removeSite(id: string): void {
    const site = this.sites.get(id)
    if (!site) return
    this.sites.delete(id)
    this.#untold.delete(site)
    this.#endEnrolment(id)
    site.close('removed', removed)
    const left = site
      .end()
      .catch((error: unknown) =>
        this.#options.logger.log('error', 'An edge that was removed did not end', {
          edge: id,
          reason: failureOf(error).message,
        }),
      )
      .finally(() => {
        if (this.#leaving.get(id) === left) this.#leaving.delete(id)
        if (!this.sites.has(id)) this.#options.inventory?.forget(id)
      })
    this.#leaving.set(id, left)
    this.#wakeBoot?.()
  }

  #endEnrolment(id: string): void {
    try {
      this.#options.desk.remove(id)
    } catch (error) {
      // It is shut out in this process; the next one finds the document gone and ends the enrolment itself.
      const { message } = failureOf(error)
      this.#options.logger.log('error', 'The enrolment of a removed edge could not be ended', {
        edge: id,
        reason: message,
      })
    }
  }

  /** A pause ends by the calendar: nobody else looks at it while the edge is away. */
  #watchPauses(): void {
    const { clock } = this.#options
    let checkedAt = clock.wall()
    const check = (): void => {
      const now = clock.wall()
      for (const site of this.sites.values()) {
        const until = site.document?.pausedUntil
        if (until !== undefined && until !== 0 && until <= now && until > checkedAt) {
          site.control.documentChanged()
          this.#options.changed()
        }
      }
      checkedAt = now
      this.#pauseTimer = clock.at(after(clock.mono(), PAUSE_CHECK_EVERY_MS), check)
    }
    check()
  }
}
