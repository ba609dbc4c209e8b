import type { AlertIncident, AlertsBody, AlertSilence } from '../../shared/console/alert-views'
import type { Decision } from '../../shared/model/control'
import { nodeOfSubject, subjectOfNode, type AlertWatch } from '../../shared/model/alerts'
import { TIMER_LATE_MS } from '../../shared/model/defaults'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after, type MonoMs } from '../../shared/model/time'
import type { AlertStore, AlertWrite, KeptAlert, Silence } from '../alerts/alerts'
import { AlertBook } from '../core/alerts/alert-book'
import { effectiveRules, type AlertRule } from '../core/alerts/alert-rule'
import { groupWith, type AlertGroup } from '../core/alerts/groups'
import { incidentOf, type AlertNow, type AlertState, type Incident } from '../core/alerts/alert-state'
import type { BookChange, WatchedNode } from '../core/alerts/seen'
import type { Journal } from '../journal/journal'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ArrivedBatch } from '../telemetry/telemetry'
import { AlertEdges, type Links } from './alert-edges'
import { fed, type TelemetryBodies } from './alert-feed'
import { Silences } from './alert-silences'
import { bodyOf, incidentView, pendingView, type ShownSubject } from './alert-view'
import { AlertWriting, type AlertTurn } from './alert-writing'

/** How exactly waits and links are looked at. */
const LOOK_EVERY_MS = 1_000
const PRUNE_EVERY_MS = 3_600_000

/** One for each turn of an incident's life; whoever notifies people listens here. `silenced` in the alert says that nobody is to be disturbed. */
export interface AlertChange {
  readonly kind: AlertTurn | 'silenced' | 'unsilenced'
  readonly alert: AlertIncident
}

/** As much of the master as alerts look at. */
export interface WatchedMaster extends Links {
  onDecision(listener: (decision: Decision) => void): () => void
}

/** The nodes that are checked, by their own ids. */
export interface WatchedNodes {
  /** Null: all. */
  nodes(ids: readonly string[] | null): readonly WatchedNode[]
  nameOf(id: string): string | null
  /** By id or name. */
  idOf(reference: string): string | null
  /** `nodeIds` null: it may be any. */
  onTurned(follower: (nodeIds: readonly string[] | null) => void): () => void
}

export interface AlertsOptions {
  readonly store: AlertStore
  readonly journal: Pick<Journal, 'get' | 'list' | 'onChange'>
  readonly clock: Clock
  readonly random: Pick<Random, 'id'>
  readonly logger: Logger
  readonly bodies: TelemetryBodies
}

/** The alerts of a master: feeds the book with what arrives and with links, writes what it says, and only then tells of it. */
export class Alerts {
  readonly #options: AlertsOptions
  readonly #book = new AlertBook()
  readonly #listeners = new Set<(change: AlertChange) => void>()
  readonly #watchers = new Set<() => void>()
  readonly #writing: AlertWriting
  readonly #silences: Silences
  readonly #edges: AlertEdges
  #master: WatchedMaster | null = null
  #nodes: WatchedNodes | null = null
  #timer: Disposable | null = null
  #prunedAt: MonoMs
  #unsubscribe: (() => void)[] = []
  #ended = false

  constructor(options: AlertsOptions) {
    this.#options = options
    this.#edges = new AlertEdges(options)
    this.#silences = new Silences({
      ...options,
      active: () => this.active(),
      turned: (kind, alert) => this.#tell(kind, alert),
      shown: () => this.#shown(),
      subjectName: (subject) => this.#subjectName(subject),
    })
    this.#writing = new AlertWriting({
      ...options,
      turned: (turn, id, write) => this.#tell(turn, this.#written(id, write)),
      caughtUp: () => this.#shown(),
    })
    this.#prunedAt = options.clock.mono()
  }

  /** Takes up what an earlier process left. Throws `HoldfastError('storage')`. */
  start(master: WatchedMaster, nodes: WatchedNodes): void {
    const { store, journal, clock } = this.#options
    this.#master = master
    this.#nodes = nodes
    store.prune(clock.wall())
    this.#silences.load()
    const open = store.open()
    this.#writing.takeUp(open)
    this.#followEdges()
    this.#follow(() => this.#book.setRules(this.#rules(), this.#now()))
    const isNode = (subject: string) => nodes.nameOf(nodeOfSubject(subject) ?? '') !== null
    this.#follow(() => this.#book.restore(open, isNode, this.#now()))
    this.#follow(() => this.#book.nodes(nodes.nodes(null), this.#now()))
    this.#unsubscribe = [
      nodes.onTurned((ids) => this.#follow(() => this.#book.nodes(nodes.nodes(ids), this.#now()))),
      master.onDecision((decision) => this.#decided(decision)),
      journal.onChange(({ changed }) => {
        if (changed.some(({ kind }) => kind === 'edge')) this.#look()
        if (changed.some(({ kind }) => kind === 'alertRule'))
          this.#follow(() => this.#book.setRules(this.#rules(), this.#now()))
      }),
    ]
    this.#arm()
  }

  /** After its commit. */
  arrived(edgeId: string, batch: ArrivedBatch): void {
    if (this.#master === null || this.#ended) return
    const { bodies, logger } = this.#options
    this.#follow(() =>
      fed(this.#book, edgeId, batch, bodies, this.#now(), (reason) =>
        logger.log('warn', 'An entry could not be judged by the rules of alerts', { edgeId, reason }),
      ),
    )
  }

  timeGap(): void {
    this.#follow(() => this.#book.timeGap(this.#now()))
  }

  /** For whoever notifies people. A listener that throws is logged. */
  onChange(listener: (change: AlertChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
  /** Something of `body()` may be another now. */
  onShown(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  get book(): AlertBook {
    return this.#book
  }
  rules(): readonly AlertRule[] {
    return this.#rules()
  }

  /** Not over: as they are now, newest first. What is written by nobody yet is told to nobody. */
  active(): AlertIncident[] {
    const found: AlertIncident[] = []
    for (const { key, ruleId, edgeId, series, state, rule } of this.#book.alerts()) {
      const incident = incidentOf(state)
      const id = this.#writing.idOf(key)
      if (incident !== null && id === null) continue
      const subject = { key, ruleId, edgeId, series }
      if (incident !== null) found.push(this.#view(id!, subject, rule.name, incident, state, null))
      else if (state.kind === 'pending') found.push(this.#quieted(pendingView(this.#named(subject, rule.name), state)))
    }
    return found.sort((a, b) => (b.firedAt ?? b.since) - (a.firedAt ?? a.since))
  }

  /** A kept one with what is known of it now. */
  presented(kept: KeptAlert): AlertIncident {
    const { id, ruleName } = kept
    if (kept.resolvedAt !== null)
      return this.#view(id, kept, this.#nameOf(kept.ruleId, ruleName), kept.incident, null, kept)
    for (const alert of this.#book.alerts()) {
      const incident = alert.key === kept.key ? incidentOf(alert.state) : null
      if (incident !== null) return this.#view(id, kept, alert.rule.name, incident, alert.state, null)
    }
    return this.#view(id, kept, ruleName, kept.incident, null, kept)
  }

  /** Whose alerts are asked for by this id or name: of an edge, else of a node; null: there is neither. */
  subjectOf(reference: string): string | null {
    const edges = this.#options.journal.list('edge')
    const edge = edges.find(({ id, body }) => id === reference || body.name === reference)
    if (edge !== undefined) return edge.id
    const nodeId = this.#nodes?.idOf(reference) ?? null
    return nodeId === null ? null : subjectOfNode(nodeId)
  }

  watchOf(ruleId: string): AlertWatch | null {
    return this.#book.rules.find(({ document }) => document.id === ruleId)?.document.watch ?? null
  }

  /** What has the same cause as this one and is not over; throws `not-found` when nothing has. */
  groupOf(alert: AlertIncident): AlertGroup<AlertIncident> {
    const found = groupWith(alert, this.active(), (ruleId) => this.watchOf(ruleId))
    if (found !== null) return found
    throw new HoldfastError('not-found', 'Nothing of this cause is open any more.', {
      hint: 'holdfast alerts list --grouped shows what is.',
    })
  }

  body(): AlertsBody {
    return bodyOf(this.active(), this.silences(), this.#refused())
  }

  /** How many were changed. Throws `not-found` when there is none of them, `storage` when it could not be written. */
  acknowledge(ids: readonly string[], by: string, note: string, on: boolean): number {
    const byId = this.#writing.keysById()
    if (!ids.some((id) => byId.has(id)))
      throw new HoldfastError('not-found', 'None of these alerts is open.', {
        hint: 'holdfast alerts list shows them.',
      })
    const changes: BookChange[] = []
    let changed = 0
    for (const id of ids) {
      const key = byId.get(id)
      if (key === undefined) continue
      const { refused, changes: some } = this.#book.acknowledge(key, on ? { by, note } : null, this.#now())
      if (refused === null) changed++
      changes.push(...some)
    }
    this.#apply(changes)
    // What somebody asked for must not wait for a disk unseen.
    if (this.#writing.isBehind)
      throw new HoldfastError('storage', 'The acknowledgement could not be written yet; it is tried again.')
    return changed
  }

  silence(
    matcher: Pick<Silence, 'ruleId' | 'edgeId' | 'series' | 'edgeIds'>,
    forMs: number,
    by: string,
    reason: string,
  ): AlertSilence {
    return this.#silences.add(matcher, forMs, by, reason)
  }

  silenceOf(id: string): Silence | null {
    return this.#silences.get(id)
  }

  unsilence(id: string): void {
    this.#silences.remove(id)
  }

  silences(): AlertSilence[] {
    return this.#silences.views()
  }

  end(): void {
    this.#ended = true
    for (const off of this.#unsubscribe) off()
    this.#timer?.[Symbol.dispose]()
    this.#writing.end()
    this.#listeners.clear()
    this.#watchers.clear()
  }

  #now(): AlertNow {
    const { clock } = this.#options
    return { mono: clock.mono(), wall: clock.wall() }
  }

  #rules(): AlertRule[] {
    return effectiveRules(this.#options.journal.list('alertRule').map(({ body }) => body))
  }

  #followEdges(): void {
    this.#follow(() => this.#book.setEdges(this.#edges.seen(this.#master), this.#now()))
  }

  #arm(): void {
    const { clock } = this.#options
    this.#timer = clock.at(after(clock.mono(), LOOK_EVERY_MS), (lateMs) => {
      if (this.#ended) return
      if (lateMs > TIMER_LATE_MS) this.timeGap()
      this.#look()
      this.#arm()
    })
  }

  #look(): void {
    this.#followEdges()
    this.#follow(() => this.#book.wake(this.#now()))
    this.#silences.expire()
    const { clock, store, logger } = this.#options
    if (clock.mono() - this.#prunedAt < PRUNE_EVERY_MS) return
    this.#prunedAt = clock.mono()
    try {
      store.prune(clock.wall())
    } catch (error) {
      logger.log('error', 'Old alerts could not be deleted', { reason: failureOf(error).message })
    }
  }

  #decided({ edgeId, contested }: Decision): void {
    if (contested === null) return
    const { from, to } = contested
    const say = () => ({ key: 'bothDrove', params: { from, to } }) as const
    this.#follow(() => this.#book.happened(edgeId, 'both-drove', null, say, this.#now()))
  }

  /** Nothing that is said about alerts may harm what says it: the taking of batches, control, the journal. */
  #follow(work: () => BookChange[]): void {
    try {
      this.#apply(work())
    } catch (error) {
      this.#options.logger.log('error', 'Alerts could not follow', { reason: failureOf(error).message })
    }
  }

  #apply(changes: readonly BookChange[]): void {
    const writes = changes.flatMap(({ output, key, ruleId, edgeId, series }): AlertWrite[] =>
      output.type === 'show'
        ? []
        : [{ key, ruleId, edgeId, series, ruleName: this.#nameOf(ruleId, ruleId), ...output }],
    )
    this.#writing.write(writes)
    if (changes.length > 0) this.#shown()
  }

  #written(id: string, write: AlertWrite): AlertIncident {
    const over = write.type === 'end' ? { resolvedAt: write.at, resolvedBecause: write.because } : null
    return this.#view(id, write, write.ruleName, write.incident, null, over)
  }

  #tell(kind: AlertChange['kind'], alert: AlertIncident): void {
    const { logger } = this.#options
    if (kind === 'fired' || kind === 'resolved') {
      const { id, ruleId, edgeId, series, severity, text } = alert
      logger.log('info', kind === 'fired' ? 'An alert fires' : 'An alert is over', {
        ...{ id, rule: ruleId, edge: edgeId, series, severity, text },
      })
    }
    for (const listener of [...this.#listeners]) {
      try {
        listener({ kind, alert })
      } catch (error) {
        logger.log('error', 'A listener for alerts failed', { reason: failureOf(error).message })
      }
    }
  }

  #shown(): void {
    for (const watcher of this.#watchers) watcher()
  }

  #nameOf(ruleId: string, otherwise: string): string {
    return this.#book.rules.find(({ document }) => document.id === ruleId)?.document.name ?? otherwise
  }

  #refused(): AlertsBody['refused'] {
    const all = this.#book.rules.flatMap(({ document }) => this.#book.refusedOf(document.id) ?? [])
    const newest = all.sort((a, b) => b.lastAt - a.lastAt)[0]
    return newest === undefined ? null : { ...newest, count: all.reduce((sum, { count }) => sum + count, 0) }
  }

  #view(
    id: string,
    subject: Pick<KeptAlert, 'key' | 'ruleId' | 'edgeId' | 'series'>,
    ruleName: string,
    incident: Incident,
    state: AlertState | null,
    over: Pick<KeptAlert, 'resolvedAt' | 'resolvedBecause'> | null,
  ): AlertIncident {
    return this.#quieted(incidentView(id, this.#named(subject, ruleName), incident, state, over))
  }

  #named(subject: Pick<KeptAlert, 'key' | 'ruleId' | 'edgeId' | 'series'>, ruleName: string): ShownSubject {
    const { key, ruleId, edgeId, series } = subject
    return { key, ruleId, ruleName, edgeId, edgeName: this.#subjectName(edgeId), series }
  }

  #subjectName(subject: string): string {
    const nodeId = nodeOfSubject(subject)
    if (nodeId === null) return this.#options.journal.get('edge', subject)?.body.name ?? subject
    return this.#nodes?.nameOf(nodeId) ?? nodeId
  }

  #quieted(alert: Omit<AlertIncident, 'silenced'>): AlertIncident {
    const silenced = alert.state === 'resolved' ? null : this.#silences.of(alert)
    return { ...alert, silenced }
  }
}
