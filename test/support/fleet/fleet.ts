import { openConsole, type ConsoleClient } from '../../../electron/console/client'
import { systemClock } from '../../../electron/platform/clock'
import type { Logger } from '../../../electron/platform/ports'
import { systemRandom } from '../../../electron/platform/random'
import type { ControllerProcess } from '../controller'
import { until } from '../until'
import { DialGate } from './dial-gate'
import { FleetClock } from './fleet-clock'
import { FleetEdge, type FleetSight } from './fleet-edge'
import { FleetDocuments } from './fleet-stores'

/** Edges whose documents are written by one call: well below the limits of a call. */
const EDGES_PER_CALL = 1_000
const JOINING_AT_ONCE = 16
/** Edges that are started and not yet linked. */
const UNLINKED_MAX = 32
const CALL_TIMEOUT_MS = 120_000
const LINK_DEADLINE_MS = 60_000

export interface FleetOptions {
  readonly count: number
  /** See `FleetEdgeOptions`; 30,000 if not given. */
  readonly pushEveryMs?: number | null
  readonly entriesPerBatch?: number
  /** Devices of each edge, in one system. */
  readonly modules?: number
}

/** Something that happened to one of the edges, by `performance.now()`. */
export interface FleetEvent {
  readonly at: number
  readonly what: FleetSight
  readonly edgeId: string
  readonly detail: string
}

const silent: Logger = { log: () => {}, child: () => silent }

export const fleetEdgeId = (index: number): string => `edge-${String(index + 1).padStart(5, '0')}`

/** Many edges in this process that belong to one real master: enrolled with real join codes, linked over real TLS, driven by the product's own edge role. */
export class Fleet implements AsyncDisposable {
  readonly clock = new FleetClock()
  readonly edges: readonly FleetEdge[]
  readonly events: FleetEvent[] = []
  /** How long the documents and the joining took, ms. */
  readonly took = { documentsMs: 0, joiningMs: 0 }
  readonly #documents = new FleetDocuments(silent)
  readonly #gate = new DialGate()
  readonly #options: Required<FleetOptions>
  #isOut = false
  #linked = 0

  constructor(options: FleetOptions) {
    this.#options = { pushEveryMs: 30_000, entriesPerBatch: 30, modules: 1, ...options }
    const { count, pushEveryMs, entriesPerBatch } = this.#options
    const random = systemRandom()
    this.edges = Array.from({ length: count }, (_, index) => {
      const edgeId = fleetEdgeId(index)
      return new FleetEdge({
        ...{ edgeId, clock: this.clock, random, logger: silent, documents: this.#documents, gate: this.#gate },
        ...{ pushEveryMs, entriesPerBatch },
        isOut: () => this.#isOut,
        seen: (what, detail = '') => this.#seen(edgeId, what, detail),
      })
    })
  }

  /** Edges with a link and an agreed result of the negotiation. */
  get linked(): number {
    return this.#linked
  }

  /** Writes the documents of all edges at the master and joins each with a code of its own. */
  async enrol(master: Pick<ControllerProcess, 'data'>): Promise<void> {
    await using client = await openConsole({ dataDir: master.data, user: 'fleet', clock: systemClock() })
    const beganAt = performance.now()
    for (let from = 0; from < this.edges.length; from += EDGES_PER_CALL)
      await this.#writeDocuments(client, this.edges.slice(from, from + EDGES_PER_CALL))
    this.took.documentsMs = performance.now() - beganAt
    const joinedAt = performance.now()
    await atOnce(JOINING_AT_ONCE, this.edges, async (edge) => {
      const { code } = await client.call('invites.create', { edge: edge.edgeId }, { timeoutMs: CALL_TIMEOUT_MS })
      await edge.join(code)
    })
    this.took.joiningMs = performance.now() - joinedAt
  }

  /**
   * Starts all, each when most of those before it are linked. The first reads the whole copy of the documents from the master, the others begin with it: a first copy for
   * each of thousands at once is a matter of the line, and not of a master's day.
   */
  async start(): Promise<void> {
    const [first, ...others] = this.edges
    if (first === undefined) return
    await first.start()
    await until(
      'the first edge has linked and read the documents',
      () => first.isLinked && this.#documents.cursor,
      LINK_DEADLINE_MS,
    )
    let started = 1
    for (const edge of others) {
      while (started - this.#linked >= UNLINKED_MAX) await new Promise((resolve) => setTimeout(resolve, 20))
      await edge.start()
      started++
    }
  }

  async allLinked(deadlineMs = LINK_DEADLINE_MS): Promise<void> {
    await until(
      `all ${this.edges.length} edges are linked`,
      () => (this.#linked === this.edges.length ? true : null),
      deadlineMs,
    )
  }

  async allLost(deadlineMs = LINK_DEADLINE_MS): Promise<void> {
    await until('no edge is linked', () => (this.#linked === 0 ? true : null), deadlineMs)
  }

  /** True: no dial leaves the machine from now on. Links that are there stay. */
  cutOff(isOut: boolean): void {
    this.#isOut = isOut
  }

  /** What has happened since `from`, in one line: for whoever waits. */
  told(from = 0): string {
    const counts = [
      ...Map.groupBy(this.events, ({ at, what, detail }) => (at < from ? '' : `${what} ${detail}`.trim())),
    ]
    const all = counts.flatMap(([what, { length }]) => (what === '' ? [] : `${length} x ${what}`))
    return `${this.#linked} of ${this.edges.length} linked; ${all.join(', ')}`
  }

  /** Events of one kind since `from`. */
  since(from: number, ...kinds: readonly FleetSight[]): FleetEvent[] {
    return this.events.filter(({ at, what }) => at >= from && kinds.includes(what))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.edges.map((edge) => edge.end().catch(() => {})))
    this.clock[Symbol.dispose]()
  }

  #seen(edgeId: string, what: FleetSight, detail: string): void {
    if (what === 'linked') this.#linked++
    if (what === 'lost') this.#linked--
    this.events.push({ at: performance.now(), what, edgeId, detail })
  }

  async #writeDocuments(client: ConsoleClient, edges: readonly FleetEdge[]): Promise<void> {
    const put = (kind: 'edge' | 'system' | 'module', body: Record<string, unknown>) => ({
      op: 'put' as const,
      kind,
      body,
    })
    const changes = edges.flatMap(({ edgeId }, at) => {
      const modules = Array.from({ length: this.#options.modules }, (_, index) => `${edgeId}-device-${index + 1}`)
      return [
        put('edge', { id: edgeId, name: `Site ${edgeId.slice('edge-'.length)}`, description: `Number ${at}` }),
        put('system', { id: `${edgeId}-room`, name: `Room of ${edgeId}`, edgeId, modules }),
        ...modules.map((id) => put('module', { id, name: id, driver: 'pjlink', uri: 'tcp://127.0.0.1:4352' })),
      ]
    })
    await client.call('documents.apply', { changes: changes as never }, { timeoutMs: CALL_TIMEOUT_MS })
  }
}

/** Calls `work` for each, so many at once. */
async function atOnce<T>(
  limit: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) await work(items[index]!, index)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}
