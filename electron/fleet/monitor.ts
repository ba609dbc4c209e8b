import type { NodeCycle } from '../../shared/console/node-operations'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { CheckConfig, NodeCheck } from '../../shared/model/fleet'
import { after, type MonoMs, type WallMs } from '../../shared/model/time'
import { lookEveryMs, noCycle, stepCycle, type CycleInput, type CycleState } from '../core/fleet/cycle'
import { causeOf, isReached, isSshDue, statusOf } from '../core/fleet/status'
import type { Clock, Logger } from '../platform/ports'
import type { CheckNode } from './node-check'
import type { Finding, KeptNode, NodeStore } from './nodes'

/** Findings are written together: so many, or what came within so long. */
const WRITTEN_TOGETHER = 50
const WRITTEN_AFTER_MS = 500
/** Checks that people asked for and that wait or run. */
const ASKED_MAX = 100
const BY_SCHEDULE = 'schedule'

export interface MonitorParts {
  readonly store: NodeStore
  readonly check: CheckNode
  readonly clock: Clock
  readonly logger: Logger
}

/** Performs what `core/fleet/cycle` decides: looks at all nodes time and again, some at once, each at most once at a time. */
export class NodeMonitor implements AsyncDisposable {
  readonly #parts: MonitorParts
  readonly #stop = new AbortController()
  readonly #running = new Map<string, Promise<NodeCheck>>()
  /** By node: how SSH was refused, so that it rests. Forgotten with the process: one attempt more is none too many. */
  readonly #refused = new Map<string, { step: NodeCheck['ssh']; at: WallMs; revision: number }>()
  #state: CycleState = noCycle
  #config: CheckConfig
  #waiting: Finding[] = []
  #writing: Disposable | null = null
  #waking: Disposable | null = null
  #cycle: Promise<void> = Promise.resolve()
  /** Rises when the machine slept: what began before is left out. */
  #age = 0
  #asked = 0
  /** Of the cycle that runs. */
  #progress: { readonly since: WallMs; done: number; readonly total: number } | null = null
  #nextAt: MonoMs | null = null
  readonly #listeners = new Set<() => void>()
  readonly #followers = new Set<(nodeIds: readonly string[] | null) => void>()

  constructor(parts: MonitorParts) {
    this.#parts = parts
    this.#config = parts.store.config()
  }

  start(): void {
    this.#expire()
    this.changed()
  }

  /** Called when what lists of nodes show may be another. Returns the way to hear no more of it. */
  onShown(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Called with the nodes that were looked at, changed or removed; null: it may be any. Returns the way to hear no more of it. */
  onTurned(follower: (nodeIds: readonly string[] | null) => void): () => void {
    this.#followers.add(follower)
    return () => void this.#followers.delete(follower)
  }

  cycle(): NodeCycle {
    const { clock } = this.#parts
    const nextAt = this.#nextAt === null ? null : clock.wall() + Math.max(0, Math.round(this.#nextAt - clock.mono()))
    return { running: this.#progress === null ? null : { ...this.#progress }, nextAt }
  }

  /** Nodes came or went, or the configuration is another one. */
  changed(): void {
    const { store } = this.#parts
    this.#config = store.config()
    const { isEnabled, intervalMs } = this.#config
    // The controller itself is always there: alone it needs no watching.
    this.#step({ type: 'configured', isOn: isEnabled && store.count() > 1, intervalMs })
    this.#shown()
  }

  /** The machine was asleep or this process stopped: nobody looked meanwhile, and what was under way is no answer. */
  timeGap(): void {
    this.#age += 1
    this.#guarded('Nodes could not be marked as unknown', () => this.#expire())
    this.#step({ type: 'slept' })
  }

  /** False: a cycle runs already. */
  checkAll(): boolean {
    const isRunning = this.#state.runningSince !== null
    this.#step({ type: 'asked' })
    return !isRunning
  }

  /** Settles when what was found is written. Rejects with `busy` when too many are asked for, with `refused` when it is paused. */
  async checkNow(node: KeptNode, by: string): Promise<NodeCheck> {
    if (node.paused !== null)
      throw new HoldfastError('refused', `The checks of ${node.name} are paused: ${node.paused.reason}`, {
        hint: 'holdfast node update NODE --resume',
      })
    if (this.#asked >= ASKED_MAX) throw new HoldfastError('busy', `${ASKED_MAX} checks wait already.`)
    this.#asked += 1
    try {
      // One that runs began with what the node was before, or without SSH.
      await this.#running.get(node.id)?.catch(() => {})
      const current = this.#parts.store.node(node.id)
      if (current === null) throw new HoldfastError('not-found', `The node ${node.name} was removed meanwhile.`)
      const found = await this.#check(current, by)
      this.#write()
      return found
    } finally {
      this.#asked -= 1
    }
  }

  /** Like `checkNow`, for whoever does not wait. */
  trigger(node: KeptNode, by: string): void {
    const asked = this.checkNow(node, by)
    // What can be told at once is told by the store's next answers; the rest is for the log.
    asked.catch((error: unknown) => this.#told('A check that was asked for failed', error))
  }

  /** A person changed or removed it. */
  forget(nodeId: string): void {
    this.#refused.delete(nodeId)
    this.#turned([nodeId])
    this.#shown()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#step({ type: 'stopped' })
    this.#stop.abort()
    await this.#cycle
    await Promise.allSettled(this.#running.values())
    this.#guarded('The last checks could not be written', () => this.#write())
  }

  #step(input: CycleInput): void {
    const { clock } = this.#parts
    const { state, outputs, wakeAt } = stepCycle(this.#state, input, clock.mono())
    this.#state = state
    this.#waking?.[Symbol.dispose]()
    this.#nextAt = wakeAt
    this.#waking = wakeAt === null ? null : clock.at(wakeAt, () => this.#step({ type: 'woke' }))
    for (const { type } of outputs) if (type === 'begin') this.#cycle = this.#runCycle()
  }

  async #runCycle(): Promise<void> {
    const { store, clock } = this.#parts
    // Whoever asked for it goes on first.
    await Promise.resolve()
    try {
      this.#expire()
      const all = store.ids()
      const ids = all.values()
      const progress = { since: clock.wall(), done: 0, total: all.length }
      this.#progress = progress
      this.#shown()
      const worker = async (): Promise<void> => {
        for (const id of ids) {
          if (this.#stop.signal.aborted) return
          await this.#turn(id)
          progress.done += 1
        }
      }
      await Promise.all(Array.from({ length: this.#config.concurrency }, worker))
      this.#write()
    } catch (error) {
      this.#told('A cycle of checks ended early', error)
    }
    this.#progress = null
    this.#step({ type: 'finished' })
    this.#shown()
  }

  /** Never rejects: one node's trouble is not that of the others. */
  async #turn(id: string): Promise<void> {
    const { store, clock } = this.#parts
    try {
      if (this.#running.has(id)) return void (await this.#running.get(id))
      const node = store.node(id)
      if (node === null) return
      if (node.paused === null) return void (await this.#check(node, BY_SCHEDULE))
      const { revision } = node
      this.#keep({ nodeId: id, revision, at: clock.wall(), everyMs: this.#everyMs, check: null, isReached: false })
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#told('A node could not be checked', error, { node: id })
    }
  }

  get #everyMs(): number {
    return lookEveryMs({ ...this.#state, intervalMs: this.#config.intervalMs })
  }

  #check(node: KeptNode, by: string): Promise<NodeCheck> {
    const found = this.#look(node, by).finally(() => this.#running.delete(node.id))
    this.#running.set(node.id, found)
    return found
  }

  async #look(node: KeptNode, by: string): Promise<NodeCheck> {
    const { check, clock } = this.#parts
    const config = this.#config
    const age = this.#age
    const beganAt = clock.mono()
    const known = this.#refused.get(node.id)
    const refused = known === undefined || known.revision !== node.revision ? null : known
    const isDue = by !== BY_SCHEDULE || isSshDue(refused, clock.wall())
    const { steps, offered } = await check(node, {
      config,
      ssh: isDue ? null : (refused?.step ?? null),
      signal: this.#stop.signal,
    })
    const now = clock.wall()
    if (age !== this.#age || this.#stop.signal.aborted)
      throw new HoldfastError('busy', 'The check was interrupted: this machine slept or the controller stops.', {
        hint: 'Try again.',
      })
    if (isDue && steps.ssh.code === 'auth-refused')
      this.#refused.set(node.id, { step: steps.ssh, at: now, revision: node.revision })
    else if (isDue) this.#refused.delete(node.id)
    const { lastSeenAt } = node
    const offlineAfterMs = node.offlineAfterMs ?? config.offlineAfterMs
    const status = statusOf(steps, { lastSeenAt: lastSeenAt as WallMs | null, now, offlineAfterMs })
    const durationMs = Math.round(clock.mono() - beganAt)
    const found: NodeCheck = { at: now, durationMs, status, ...causeOf(steps), by, ...steps }
    const { id: nodeId, revision } = node
    const finding = { nodeId, revision, at: now, everyMs: this.#everyMs, check: found, isReached: isReached(steps) }
    this.#keep(offered === undefined ? finding : { ...finding, offered })
    if (status !== node.status || (offered ?? null) !== null) this.#tellChange(node, found)
    return found
  }

  #tellChange(node: KeptNode, { status, cause }: NodeCheck): void {
    if (status === node.status && node.offeredHostKey !== null) return
    const level = status === 'online' ? 'info' : 'warn'
    this.#parts.logger.log(level, 'A node is found otherwise', {
      node: node.name,
      from: node.status,
      to: status,
      cause,
    })
  }

  #keep(finding: Finding): void {
    this.#waiting.push(finding)
    if (this.#waiting.length >= WRITTEN_TOGETHER) return this.#write()
    const { clock } = this.#parts
    this.#writing ??= clock.at(after(clock.mono(), WRITTEN_AFTER_MS), () =>
      this.#guarded('Checks could not be written', () => this.#write()),
    )
  }

  /** What cannot be written is lost, and shows as unknown: it is no reason to hold it in memory without end. */
  #write(): void {
    this.#writing?.[Symbol.dispose]()
    this.#writing = null
    const findings = this.#waiting
    this.#waiting = []
    if (findings.length === 0) return
    this.#parts.store.record(findings)
    this.#turned(findings.map(({ nodeId }) => nodeId))
    this.#shown()
  }

  #expire(): void {
    const { store, clock } = this.#parts
    if (store.expire(clock.wall())) this.#turned(null)
  }

  #turned(nodeIds: readonly string[] | null): void {
    for (const follower of [...this.#followers]) follower(nodeIds)
  }

  #shown(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  #guarded(what: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#told(what, error)
    }
  }

  #told(message: string, error: unknown, fields: Record<string, unknown> = {}): void {
    this.#parts.logger.log('warn', message, { ...fields, ...failureOf(error) })
  }
}
