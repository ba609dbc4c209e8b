import { failureOf } from '../../shared/model/failures'
import type { Resource, ResourceKind } from '../../shared/model/inventory'
import { after, wallMs, type WallMs } from '../../shared/model/time'
import { INVENTORY_SINCE_VERSION } from '../../shared/wire/inventory'
import type { InventoryAsk, InventoryCopies } from '../inventory/inventory'
import type { LinkSession } from '../link/link'
import type { Clock, Logger } from '../platform/ports'

/** Answers of one catch-up; an edge that never says "caught up" is not read from for ever. */
const READS_MAX = 100_000
/** Snapshots that may begin anew within one catch-up. */
const RESTARTS_MAX = 5
/** A failed catch-up is tried again after this, and an idle one is repeated after the other: then what has not changed is known to be still so. */
const RETRY_MS = 10_000
const REFRESH_MS = 300_000

export interface InventorySyncOptions {
  readonly copies: InventoryCopies
  readonly clock: Clock
  readonly logger: Logger
}

export interface InventoryList {
  readonly edgeId: string
  /** When the rows were last known to be so, by this machine's calendar; null: nothing of this edge is known. */
  readonly asOf: WallMs | null
  /** There is no link, or the copy is not caught up. */
  readonly isStale: boolean
  readonly rows: readonly Resource[]
  readonly total: number
  readonly more: boolean
}

interface Linked {
  readonly session: LinkSession
  readonly heardAt: () => WallMs | null
  isCaughtUp: boolean
  running: Promise<void> | null
  again: boolean
  timer: Disposable | null
}

/** Keeps the copies of the inventories: pulls the missed events at each link-up and whenever an edge says that there are more. */
export class InventorySync {
  readonly #options: InventorySyncOptions
  readonly #linked = new Map<string, Linked>()
  /** Catch-ups and sweeping that run. */
  readonly #working = new Set<Promise<void>>()
  #isSweeping = false
  #hasEnded = false

  constructor(options: InventorySyncOptions) {
    this.#options = options
    this.#sweep()
  }

  /** A link is up. It is let go by itself when the session closes. `heardAt`: when the edge was last heard; null: not yet. */
  linked(edgeId: string, session: LinkSession, heardAt: () => WallMs | null): void {
    if (this.#hasEnded || session.peer.version < INVENTORY_SINCE_VERSION) return
    this.#let(edgeId)
    const linked: Linked = { session, heardAt, isCaughtUp: false, running: null, again: false, timer: null }
    this.#linked.set(edgeId, linked)
    void session.closed.then(() => {
      if (this.#linked.get(edgeId) === linked) this.#let(edgeId)
    })
    this.#catchUp(edgeId, linked)
  }

  /** `inventory.changed` has come. */
  changed(edgeId: string, session: LinkSession, head: number): void {
    const linked = this.#linked.get(edgeId)
    if (linked?.session !== session) return
    const cursor = this.#options.copies.cursor(edgeId)
    if (cursor === null || head !== cursor.seq) this.#catchUp(edgeId, linked)
  }

  list(
    edgeId: string,
    options: { kind?: ResourceKind; limit: number; after?: { kind: ResourceKind; id: string } },
  ): InventoryList {
    return { edgeId, ...this.age(edgeId), ...this.#options.copies.rows(edgeId, options) }
  }

  get(edgeId: string, kind: ResourceKind, id: string): Resource | null {
    return this.#options.copies.get(edgeId, kind, id)
  }

  age(edgeId: string): { asOf: WallMs | null; isStale: boolean } {
    const linked = this.#linked.get(edgeId)
    const asOf = this.#options.copies.asOf(edgeId)
    if (!linked?.isCaughtUp || linked.running) return { asOf, isStale: !linked?.isCaughtUp }
    // Changes are told at once, so what was read is as new as the link.
    const heard = linked.heardAt()
    return { asOf: asOf !== null && heard !== null && heard > asOf ? wallMs(Math.round(heard)) : asOf, isStale: false }
  }

  /** The edge no longer exists. */
  forget(edgeId: string): void {
    this.#let(edgeId)
    this.#options.copies.remove(edgeId)
    this.#sweep()
  }

  /** Settles when nothing runs any more. */
  async end(): Promise<void> {
    this.#hasEnded = true
    for (const edgeId of [...this.#linked.keys()]) this.#let(edgeId)
    await Promise.all(this.#working)
  }

  #let(edgeId: string): void {
    const linked = this.#linked.get(edgeId)
    if (!linked) return
    const { asOf, isStale } = this.age(edgeId)
    if (!isStale && asOf !== null) this.#options.copies.confirm(edgeId, asOf)
    linked.timer?.[Symbol.dispose]()
    this.#linked.delete(edgeId)
  }

  #isCurrent = (edgeId: string, linked: Linked): boolean => !this.#hasEnded && this.#linked.get(edgeId) === linked

  #catchUp(edgeId: string, linked: Linked): void {
    if (linked.running) {
      linked.again = true
      return
    }
    linked.timer?.[Symbol.dispose]()
    const running = this.#run(edgeId, linked).finally(() => {
      linked.running = null
      this.#working.delete(running)
    })
    linked.running = running
    this.#working.add(running)
  }

  async #run(edgeId: string, linked: Linked): Promise<void> {
    const { clock, logger } = this.#options
    let nextMs = REFRESH_MS
    try {
      do {
        linked.again = false
        await this.#read(edgeId, linked)
      } while (linked.again && this.#isCurrent(edgeId, linked))
      if (this.#isCurrent(edgeId, linked)) linked.isCaughtUp = true
    } catch (error) {
      linked.isCaughtUp = false
      nextMs = RETRY_MS
      const level = this.#isCurrent(edgeId, linked) ? 'warn' : 'debug'
      logger.log(level, 'The inventory of an edge is not caught up', { edge: edgeId, reason: failureOf(error).message })
    }
    if (!this.#isCurrent(edgeId, linked)) return
    linked.timer = clock.at(after(clock.mono(), nextMs), () => this.#catchUp(edgeId, linked))
  }

  async #read(edgeId: string, linked: Linked): Promise<void> {
    const { copies, clock, logger } = this.#options
    let restarts = 0
    let next: InventoryAsk | null = copies.next(edgeId)
    for (let reads = 0; next !== null; reads++) {
      if (reads >= READS_MAX) throw new Error('the inventory feed does not end')
      const answer = await linked.session.request('inventory.read', next)
      // What comes after the link was lost belongs to nobody; the next one asks again.
      if (!this.#isCurrent(edgeId, linked)) return
      if (answer.mode === 'snapshot' && answer.offset === 0) {
        if (++restarts > RESTARTS_MAX) throw new Error('the snapshot of the inventory does not come to its end')
        logger.log('info', 'Reading a snapshot of an inventory', { edge: edgeId, seq: answer.seq, rows: answer.total })
      }
      next = copies.apply(edgeId, answer, clock.wall())
    }
    this.#sweep()
  }

  /** Between small steps everything else has its turn. */
  #sweep(): void {
    if (this.#isSweeping || this.#hasEnded) return
    this.#isSweeping = true
    const sweeping = this.#sweepAll()
      .catch((error: unknown) =>
        this.#options.logger.log('warn', 'Replaced inventories cannot be deleted', {
          reason: failureOf(error).message,
        }),
      )
      .finally(() => {
        this.#isSweeping = false
        this.#working.delete(sweeping)
      })
    this.#working.add(sweeping)
  }

  async #sweepAll(): Promise<void> {
    while (!this.#hasEnded && this.#options.copies.sweep()) await new Promise((resolve) => setImmediate(resolve))
  }
}
