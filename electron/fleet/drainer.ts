import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import {
  DRAIN_LOOK_EVERY_MS,
  DRAIN_MOVES_MAX,
  drainStep,
  moveBegan,
  moveDone,
  moveFailed,
  noTries,
  type DrainFacts,
  type DrainTries,
} from '../core/fleet/drain'
import type { Clock, Logger } from '../platform/ports'
import type { Member } from './member'
import type { FleetRegistry } from './registry'

/** Who moves control again when the edge had taken it back meanwhile. */
const AGAIN = 'system:drain'
/** Times that control is asked for while something else runs: a negotiation, or a hand-over that ends soon. */
const BUSY_TRIES_MAX = 20
const BUSY_WAIT_MS = 500

/** Control of the edges that are nodes, as the master moves it. */
export interface DrainedSites {
  readonly isBooted: boolean
  /** Null: there is no such edge. */
  facts(edgeId: string): DrainFacts['site']
  /** A planned switch; settles when it is over. Rejects with `HoldfastError`. */
  moveTo(edgeId: string, target: 'edge' | 'master', actor: string): Promise<unknown>
  /** What may be decided about it is another: it is draining, or not any more. */
  changed(edgeId: string): void
  /** A person should look at it; null: no longer. */
  blocked(edgeId: string, detail: string | null): void
}

export interface DrainerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly sites: DrainedSites
  registry(): FleetRegistry
  /** Edges of nodes that are draining: whoever decides about control reads it. */
  readonly draining: Set<string>
  shown(): void
}

export interface Moved {
  readonly moved: boolean
  /** Why not; null: it was. */
  readonly detail: string | null
}

/** Keeps control of draining nodes at the master: moves it when they begin to drain, and again whenever their edge has driven alone meanwhile. */
export class Drainer implements AsyncDisposable {
  readonly #options: DrainerOptions
  readonly #tries = new Map<string, DrainTries>()
  readonly #moves = new Map<string, Promise<void>>()
  /** Nodes whose site is given back, until it is written that they are not draining. */
  readonly #returns = new Map<string, Promise<Moved>>()
  /** Nodes whose draining a person is told about. */
  readonly #blocked = new Set<string>()
  #timer: Disposable | null = null
  #ended = false

  constructor(options: DrainerOptions) {
    this.#options = options
  }

  /** Before control is decided about: what was draining when this controller ended is draining. */
  load(): void {
    for (const { edgeId } of this.#registry.draining()) if (edgeId !== null) this.#options.draining.add(edgeId)
  }

  start(): void {
    this.#arm()
  }

  /** How far the draining of a node is. */
  progressOf(member: Member): Pick<ReturnType<typeof drainStep>, 'state' | 'detail'> {
    if (this.#returns.has(member.id)) return { state: 'moving', detail: null }
    const { state, detail } = this.#stepOf(member)
    return { state, detail }
  }

  async drain(member: Member, { by, reason }: { by: string; reason: string }): Promise<Moved> {
    const { clock } = this.#options
    await this.#returns.get(member.id)?.catch(() => null)
    const { kept } = member
    const since = kept.drain?.since ?? clock.wall()
    this.#registry.setDrain(member, { since, by, reason: reason === '' ? (kept.drain?.reason ?? '') : reason })
    this.#known(member)
    // A move that runs is this one's, too: forgotten, it would be begun a second time.
    if (this.#tries.get(member.id)?.isMoving !== true) this.#tries.delete(member.id)
    this.#arm()
    await this.#moves.get(member.id)
    if (this.#stepOf(member, true).move) await this.#move(member, by)
    const { state, detail } = this.#stepOf(member)
    return { moved: state === 'moved', detail }
  }

  /**
   * What was moved comes back at once where the edge is linked; otherwise by its restore window, or by hand. Written last: a controller that ends halfway finds a node that is
   * draining, and so does whoever is told that it could not be written. Rejects with `HoldfastError`: `storage`, `link-lost`.
   */
  undrain(member: Member, by: string): Promise<Moved> {
    const running = this.#returns.get(member.id)
    if (running !== undefined) return running
    const done = this.#undrain(member, by).finally(() => this.#returns.delete(member.id))
    this.#returns.set(member.id, done)
    return done
  }

  async #undrain(member: Member, by: string): Promise<Moved> {
    const { id, edgeId } = member
    this.#options.shown()
    await this.#moves.get(id)
    const back = edgeId === null ? { moved: true, detail: null } : await this.#givenBack(edgeId, by)
    if (this.#ended) throw new HoldfastError('link-lost', 'The controller stops; the node is still draining.')
    // Its edge may have been removed meanwhile.
    if (this.#registry.draining().includes(member)) {
      try {
        this.#registry.setDrain(member, null)
      } catch (error) {
        this.#keep(member)
        throw error
      }
    }
    this.#returns.delete(id)
    this.forget(member)
    return back
  }

  async #givenBack(edgeId: string, by: string): Promise<Moved> {
    const { sites, draining } = this.#options
    // Whoever decides about control gives nothing back of a node that is draining.
    draining.delete(edgeId)
    sites.changed(edgeId)
    const site = sites.facts(edgeId)
    if (site === null || !site.masterDrives) return { moved: true, detail: null }
    if (!site.isLinked)
      return { moved: false, detail: 'the edge cannot be reached: the master drives on until control is restored' }
    return this.#switched(edgeId, 'edge', by)
  }

  /** It is not draining any more, or gone. */
  forget({ id, edgeId }: Member): void {
    const { draining, sites, shown } = this.#options
    this.#tries.delete(id)
    if (edgeId !== null) {
      draining.delete(edgeId)
      this.#tellBlocked(id, edgeId, null)
      sites.changed(edgeId)
    }
    shown()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    this.#timer?.[Symbol.dispose]()
    await Promise.all(this.#moves.values())
  }

  get #registry(): FleetRegistry {
    return this.#options.registry()
  }

  #arm(): void {
    const { clock } = this.#options
    if (this.#timer !== null || this.#ended || this.#registry.draining().length === 0) return
    this.#timer = clock.at(after(clock.mono(), DRAIN_LOOK_EVERY_MS), () => {
      this.#timer = null
      this.#look()
      this.#arm()
    })
  }

  #look(): void {
    for (const member of this.#registry.draining()) {
      if (this.#returns.has(member.id)) continue
      this.#known(member)
      const { state, detail, move } = this.#stepOf(member)
      if (member.edgeId !== null) this.#tellBlocked(member.id, member.edgeId, state === 'blocked' ? detail : null)
      if (move && this.#moves.size < DRAIN_MOVES_MAX) void this.#move(member, AGAIN)
    }
  }

  /** A node that was drained before its edge was known. */
  #known({ edgeId }: Member): void {
    const { draining, sites } = this.#options
    if (edgeId === null || draining.has(edgeId)) return
    draining.add(edgeId)
    sites.changed(edgeId)
  }

  /** It could not be undrained: its site is the master's again. */
  #keep(member: Member): void {
    this.#tries.delete(member.id)
    this.#known(member)
    this.#arm()
    this.#options.shown()
  }

  #stepOf(member: Member, byHand = false) {
    const { sites, clock } = this.#options
    const site = member.edgeId === null ? null : sites.facts(member.edgeId)
    const tries = this.#tries.get(member.id) ?? noTries
    return drainStep({ site, isBooted: sites.isBooted }, tries, clock.mono(), byHand)
  }

  /** Never rejects. */
  #move(member: Member, actor: string): Promise<void> {
    const { clock, logger, sites, shown } = this.#options
    const edgeId = member.edgeId!
    const before = this.#tries.get(member.id) ?? noTries
    this.#tries.set(member.id, moveBegan(before))
    const settle = (tries: DrainTries): void => {
      if (member.kept.drain !== null) this.#tries.set(member.id, tries)
      this.#moves.delete(member.id)
      shown()
    }
    const move = sites.moveTo(edgeId, 'master', actor).then(
      () => settle(moveDone(clock.mono())),
      (error: unknown) => {
        const { code, message } = failureOf(error)
        logger.log('warn', 'Control of a draining node was not moved', { edge: edgeId, code, reason: message })
        settle(moveFailed(before, { code, detail: message }, clock.mono()))
      },
    )
    this.#moves.set(member.id, move)
    shown()
    return move
  }

  async #switched(edgeId: string, target: 'edge', by: string): Promise<Moved> {
    const { sites, clock } = this.#options
    for (let n = 1; ; n++) {
      try {
        await sites.moveTo(edgeId, target, by)
        return { moved: true, detail: null }
      } catch (error) {
        // An open restore window may have been quicker.
        if (sites.facts(edgeId)?.masterDrives !== true) return { moved: true, detail: null }
        const { code, message } = failureOf(error)
        if (code !== 'busy' || n >= BUSY_TRIES_MAX || this.#ended) return { moved: false, detail: message }
      }
      await new Promise<void>((resolve) => void clock.at(after(clock.mono(), BUSY_WAIT_MS), () => resolve()))
    }
  }

  #tellBlocked(id: string, edgeId: string, detail: string | null): void {
    if ((detail !== null) === this.#blocked.has(id)) return
    if (detail === null) this.#blocked.delete(id)
    else this.#blocked.add(id)
    this.#options.sites.blocked(edgeId, detail)
  }
}
