import { EdgeRole } from '../../../electron/edge/edge-role'
import { Heartbeats } from '../../../electron/edge/heartbeat'
import { packed } from '../../../electron/edge/push-payload'
import type { DocumentsReplica } from '../../../electron/journal/journal'
import { CredentialStore } from '../../../electron/link/credentials'
import { joinMaster } from '../../../electron/link/joining'
import type { LinkDialer, LinkHandlers, LinkSession } from '../../../electron/link/link'
import { wsDialer } from '../../../electron/link/ws-client'
import type { Logger, Random } from '../../../electron/platform/ports'
import { failureOf, HoldfastError } from '../../../shared/model/failures'
import type { Resource } from '../../../shared/model/inventory'
import type { StoredEntry } from '../../../shared/model/telemetry'
import { after, wallMs } from '../../../shared/model/time'
import type { InventoryAnswer } from '../../../shared/wire/inventory'
import type { RequestInput, RequestName, RequestResult } from '../../../shared/wire/requests'
import { ScenarioRuntimes } from '../scenario-runtime'
import type { DialGate } from './dial-gate'
import type { FleetClock } from './fleet-clock'
import { memoryRecords, memorySecrets, type FleetDocuments } from './fleet-stores'

export interface FleetEdgeOptions {
  readonly edgeId: string
  readonly clock: FleetClock
  readonly random: Random
  readonly logger: Logger
  readonly documents: FleetDocuments
  readonly gate: DialGate
  /** Between two batches, with the first at a random moment; null: none are pushed. */
  readonly pushEveryMs: number | null
  readonly entriesPerBatch: number
  /** True: the network is gone, and dials end at once. */
  isOut(): boolean
  seen(what: FleetSight, detail?: string): void
}

/** What a fleet notes of its edges. */
export type FleetSight = 'dial' | 'failed' | 'linked' | 'lost' | 'pushed' | 'push-failed'

const PROGRAM_VERSION = '0.1.0'
const INVENTORY_RUN = 'fleet-run'
/** What each tells of itself every two seconds. */
const told = { version: PROGRAM_VERSION, memory: 0.5, disk: 0.25, systems: 1, modules: 2 }

/**
 * One edge of a simulated fleet: the product's own edge role and link client over real TLS, with its files in memory, devices that always answer, a small inventory
 * and a batch of telemetry now and then.
 */
export class FleetEdge {
  readonly edgeId: string
  readonly #options: FleetEdgeOptions
  readonly #credentials = new CredentialStore(memorySecrets())
  readonly #feedId: string
  #replica: DocumentsReplica
  #role: EdgeRole | null = null
  #wasLinked = false
  #pushTimer: Disposable | null = null
  #isPushing = false
  #nextSeq = 1

  constructor(options: FleetEdgeOptions) {
    this.#options = options
    this.edgeId = options.edgeId
    this.#feedId = options.random.id()
    this.#replica = options.documents.replica(options.edgeId)
  }

  get role(): EdgeRole {
    if (!this.#role) throw new Error(`${this.edgeId} has not started`)
    return this.#role
  }
  /** The newest change of the documents that its copy has. */
  get documentsHead(): number {
    return this.#replica.head
  }
  get isLinked(): boolean {
    return this.#role?.control.state.link.kind === 'linked'
  }

  async join(code: string): Promise<void> {
    const { clock, random, logger } = this.#options
    const joined = { credentials: this.#credentials, programVersion: PROGRAM_VERSION, clock, random, logger }
    await joinMaster({ code, instanceId: `machine-${this.edgeId}`, timeZone: 'UTC', ...joined })
  }

  async start(): Promise<void> {
    const { clock, random, logger, documents, edgeId, pushEveryMs } = this.#options
    const instanceId = `machine-${edgeId}`
    this.#replica = documents.replica(edgeId)
    const dialer = await wsDialer({
      ...{ credentials: this.#credentials, instanceId, programVersion: PROGRAM_VERSION, clock, random, logger },
    })
    this.#role = new EdgeRole({
      ...{ edgeId, edgeName: edgeId, instanceId, bootId: random.id(), clock, random, logger },
      records: memoryRecords(),
      replica: this.#replica,
      runtimes: new ScenarioRuntimes(clock),
      dialer: this.#watched(dialer),
      timeZone: 'UTC',
      heartbeats: new Heartbeats({ clock, now: () => ({ hostname: edgeId, ...told, cpu: random.fraction() }) }),
      rotate: (params) => this.#credentials.rotate(params),
      changed: () => this.#look(),
    })
    this.#role.start()
    if (pushEveryMs !== null) this.#pushAfter(random.fraction() * pushEveryMs)
  }

  async end(): Promise<void> {
    this.#pushTimer?.[Symbol.dispose]()
    this.#pushTimer = null
    await this.#role?.end()
  }

  #look(): void {
    const { isLinked } = this
    if (isLinked && !this.#wasLinked) this.#options.seen('linked')
    if (!isLinked && this.#wasLinked) this.#options.seen('lost', this.#role?.control.state.lastFailure ?? '')
    this.#wasLinked = isLinked
  }

  #watched(dialer: LinkDialer): LinkDialer {
    const { seen, isOut, gate } = this.#options
    return {
      get url() {
        return dialer.url
      },
      dial: async (signal) => {
        if (isOut()) throw new HoldfastError('unreachable', 'There is no network')
        seen('dial')
        try {
          return this.#withInventory(await gate.through(signal, () => dialer.dial(signal)))
        } catch (error) {
          seen('failed', signal.aborted ? 'too late' : failureOf(error).code)
          throw error
        }
      },
    }
  }

  /** An edge role without an inventory refuses to show one, and its master asks again and again. */
  #withInventory(session: LinkSession): LinkSession {
    const open = session.open.bind(session)
    session.open = (handlers: LinkHandlers) =>
      open({
        control: (message) => handlers.control(message),
        event: (name, body) => handlers.event(name, body),
        request: <N extends RequestName>(name: N, params: RequestInput<N>): Promise<RequestResult<N>> =>
          name === 'inventory.read'
            ? Promise.resolve(this.#inventory(params as RequestInput<'inventory.read'>) as RequestResult<N>)
            : handlers.request(name, params),
      })
    return session
  }

  #inventory({ cursor }: RequestInput<'inventory.read'>): InventoryAnswer {
    const rows = this.#rows()
    const seq = rows.length
    if (cursor?.feedId === this.#feedId)
      return { mode: 'events', feedId: this.#feedId, entries: [], head: seq, more: false, confirmed: {} }
    return { mode: 'snapshot', feedId: this.#feedId, seq, runId: INVENTORY_RUN, offset: 0, total: seq, rows }
  }

  #rows(): Resource[] {
    const asOf = this.#options.clock.wall()
    return this.role.modules().map(({ id, name, driver, role }): Resource => {
      const attributes = { driver, role, systems: [] }
      return { kind: 'module', id, name, state: 'connected', attributes, asOf }
    })
  }

  #pushAfter(ms: number): void {
    const { clock, pushEveryMs } = this.#options
    this.#pushTimer = clock.at(after(clock.mono(), ms), () => {
      this.#pushAfter(pushEveryMs!)
      void this.#push()
    })
  }

  async #push(): Promise<void> {
    const session = this.isLinked ? this.role.control.session : null
    if (session === null || this.#isPushing) return
    this.#isPushing = true
    try {
      const slice = await packed(this.#slice())
      const now = this.#options.clock.wall()
      const batch = { batchId: this.#options.random.id(), lane: 'telemetry' as const, historical: false }
      const { throughSeq } = await session.request('receiveBatch', {
        ...batch,
        ...slice,
        pendingEntries: 0,
        sentAt: now,
      })
      this.#nextSeq = throughSeq + 1
      this.#options.seen('pushed')
      session.sendEvent('sync.changed', {
        ...{ state: 'up to date', pendingEntries: 0, pendingBytes: 0, oldestAt: null, lastAckAt: now, ratePerS: 0 },
        ...{ etaS: null, dropped: 0, losses: [], deadLetters: 0, failedAttempts: 0, lastError: null },
      })
    } catch (error) {
      this.#options.seen('push-failed', failureOf(error).code)
    } finally {
      this.#isPushing = false
    }
  }

  #slice() {
    const { clock, entriesPerBatch, random } = this.#options
    const { edgeId } = this
    const firstSeq = this.#nextSeq
    const at = wallMs(clock.wall())
    const entries = Array.from({ length: entriesPerBatch }, (_, index): StoredEntry => {
      const body = { name: `site.figure.${index}`, unit: '1', points: [{ time: at, value: random.fraction() }] }
      return {
        ...{ feedId: this.#feedId, seq: firstSeq + index, runId: INVENTORY_RUN, category: 'metrics', at },
        ...{ sourceId: `machine-${edgeId}`, edgeId, enrolmentId: 'fleet', doNotPropagate: false },
        body: JSON.stringify(body),
      }
    })
    return { feedId: this.#feedId, firstSeq, lastSeq: firstSeq + entriesPerBatch - 1, entries, gaps: [] }
  }
}
