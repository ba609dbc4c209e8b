import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { Parts } from '../../electron/compose/parts'
import { openMembersOf, type Members } from '../../electron/compose/members'
import type { Caller } from '../../electron/console/operations'
import { enrolledControl } from '../../electron/core/control/stored'
import { edgeOperations } from '../../electron/edge/edge-operations'
import { EdgeRole } from '../../electron/edge/edge-role'
import { edgeStatusOf } from '../../electron/edge/edge-view'
import { Heartbeats } from '../../electron/edge/heartbeat'
import type { DocumentsReplica, Journal } from '../../electron/journal/journal'
import { loopback, type Loopback } from '../../electron/link/loopback'
import type { EnrolmentDesk } from '../../electron/master/enrolment-desk'
import { masterOperations } from '../../electron/master/master-operations'
import { MasterRole } from '../../electron/master/master-role'
import { edgeViewOf } from '../../electron/master/master-view'
import type { Logger, Random } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import type { ControlRecords } from '../../electron/records/records'
import { openRecords } from '../../electron/records/sqlite'
import type { Decision } from '../../shared/model/control'
import type { Failure } from '../../shared/model/failures'
import { HoldfastError } from '../../shared/model/failures'
import { journalIn, replicaIn } from './journal'
import { ScenarioClock, type ProcessClock } from './scenario-clock'
import { ScenarioRuntimes } from './scenario-runtime'

export const EDGE = 'berlin'
/** What the edge of a fleet tells of itself. */
const told = {
  ...{ hostname: 'berlin-box', version: '1', cpu: 0.25, memory: 0.5, disk: null, systems: 1, modules: 2 },
}
const TICK_MS = 50
/** Turns of the event loop after which everything that was to be said in one instant has been said. */
const TURNS = 12

const removed: Failure = { code: 'removed', message: 'This edge was removed at the master' }
const revoked: Failure = { code: 'revoked', message: 'This edge has been revoked' }

/** Enrolments as the roles see them, in memory: who may link is the test's to say. */
class TestDesk implements EnrolmentDesk {
  readonly enrolled = new Set([EDGE])
  readonly revoked = new Set<string>()
  readonly removed = new Set<string>()
  isEnrolled(edgeId: string): boolean {
    return this.enrolled.has(edgeId)
  }
  isRevoked(edgeId: string): boolean {
    return this.revoked.has(edgeId)
  }
  async invite(): Promise<never> {
    throw new HoldfastError('refused', 'No join codes here.')
  }
  invites(): [] {
    return []
  }
  revokeInvite(): boolean {
    return false
  }
  revoke(edgeId: string): void {
    this.revoked.add(edgeId)
  }
  remove(edgeId: string): void {
    this.enrolled.delete(edgeId)
    this.removed.add(edgeId)
  }
  /** As its machine joins again. */
  join(edgeId: string): void {
    this.enrolled.add(edgeId)
    this.removed.delete(edgeId)
  }
  async rotate(): Promise<{ baseId: string; secretId: string; salt: string }> {
    return { baseId: 'one', secretId: 'two', salt: '0'.repeat(64) }
  }
}

/** One process of the scenario that can be killed: its time stops, its files are closed, its hosts are gone. */
interface Life {
  readonly clock: ProcessClock
  readonly runtimes: ScenarioRuntimes
  readonly records: ControlRecords
}
interface MasterLife extends Life {
  readonly role: MasterRole
  readonly journal: Journal
  readonly cables: ReadonlyMap<string, Loopback>
  /** Null: the scenario has none. */
  readonly fleet: { readonly members: Members; readonly stack: AsyncDisposableStack } | null
}
interface EdgeLife extends Life {
  readonly role: EdgeRole
  readonly replica: DocumentsReplica
}

export const admin: Caller = { actor: 'console:ada', role: 'admin' }

/** A whole site in one process and in its own time: both roles with real stores on disk, joined by the in-process link. */
export class ScenarioSite implements AsyncDisposable {
  readonly clock = new ScenarioClock()
  readonly desk = new TestDesk()
  readonly folder = mkdtempSync(path.join(tmpdir(), 'holdfast-scenario-'))
  readonly logged: string[] = []
  /** Rotations the edge was told. */
  readonly rotations: string[] = []
  /** Who drove, in order, and what was decided where. */
  readonly transcript: string[] = []
  /** The longest the two gates were open at once while both sides were linked, and how long at all. */
  overlapMs = 0
  /** How often the master said that its status has changed. */
  masterChanges = 0
  #master: MasterLife | null = null
  #edges = new Map<string, EdgeLife>()
  #isPlugged = true
  #shown = ''
  #markedAt = 0
  readonly #random: Random
  /** Edges are nodes of a fleet, and tell how they are. */
  readonly #hasFleet: boolean

  constructor({ hasFleet = false }: { hasFleet?: boolean } = {}) {
    this.#hasFleet = hasFleet
    const system = systemRandom()
    let next = 0
    this.#random = {
      fraction: () => 0.5,
      bytes: (count) => system.bytes(count),
      id: () => `id-${String(++next).padStart(6, '0')}`,
    }
  }

  /** Both up and linked, the edge driving, with these fields of its document. */
  static async linked(edge: Record<string, unknown> = {}, options: { hasFleet?: boolean } = {}): Promise<ScenarioSite> {
    const site = new ScenarioSite(options)
    await site.startMaster()
    site.apply(edge)
    await site.startEdge()
    await site.pass(3_000)
    site.mark()
    return site
  }

  get master(): MasterRole {
    if (!this.#master) throw new Error('the master does not run')
    return this.#master.role
  }
  get edge(): EdgeRole {
    return this.edgeLife().role
  }
  get journal(): Journal {
    if (!this.#master) throw new Error('the master does not run')
    return this.#master.journal
  }
  edgeLife(instance = 'machine-1'): EdgeLife {
    const life = this.#edges.get(instance)
    if (!life) throw new Error(`${instance} does not run`)
    return life
  }
  get masterLife(): MasterLife {
    if (!this.#master) throw new Error('the master does not run')
    return this.#master
  }

  /** The operations of the fleet. */
  fleetDo() {
    const { fleet } = this.masterLife
    if (fleet === null) throw new Error('this scenario has no fleet')
    return fleet.members.handlers()
  }
  masterDo() {
    const { role, journal, records, clock } = this.masterLife
    return masterOperations({ role, journal, records, desk: this.desk, clock, random: this.#random, timeZone: 'UTC' })
  }
  edgeDo() {
    const { role, replica, records, clock } = this.edgeLife()
    return edgeOperations({ role: () => role, replica, records, clock, random: this.#random })
  }
  /** As the master's console shows the edge. */
  masterView() {
    const { role, clock } = this.masterLife
    return edgeViewOf(role.site(EDGE), { clock, desk: this.desk })
  }
  edgeView() {
    const { role, clock } = this.edgeLife()
    return edgeStatusOf(role, clock)
  }
  decisions(side: 'edge' | 'master'): readonly Decision[] {
    const { records } = side === 'edge' ? this.edgeLife() : this.masterLife
    return records.decisions(EDGE, { limit: 100 })
  }

  /** The site's documents, with these fields of the edge's. */
  apply(edge: Record<string, unknown> = {}): void {
    const modules = ['switcher', 'lamp']
    const put = (kind: 'edge' | 'module' | 'system', body: Record<string, unknown>) =>
      ({ op: 'put', kind, body: body as never }) as const
    const outcome = this.journal.change(
      [
        put('edge', { id: EDGE, name: 'Berlin', stableForMs: 1_000, ...edge }),
        ...modules.map((id) => put('module', { id, name: id, driver: 'tcp-line', uri: 'tcp://127.0.0.1:1' })),
        put('system', { id: 'room', name: 'Room', edgeId: EDGE, modules }),
      ],
      { actor: 'test' },
    )
    if (!outcome.ok) throw new Error(JSON.stringify(outcome))
  }

  async startMaster(): Promise<void> {
    const clock = this.clock.process()
    const runtimes = new ScenarioRuntimes(clock)
    const records = openRecords(path.join(this.folder, 'master.db'))
    const journal = journalIn(this.folder)
    const standing = (edgeId: string): Failure | null =>
      this.desk.isRevoked(edgeId)
        ? revoked
        : this.desk.removed.has(edgeId) || journal.get('edge', edgeId) === null
          ? removed
          : null
    const fleet = this.#hasFleet ? this.#fleetOf(clock, journal) : null
    const role: MasterRole = new MasterRole({
      ...{ clock, random: this.#random, logger: this.#logger('master'), records, journal, runtimes },
      ...{ desk: this.desk, timeZone: 'UTC', changed: () => void this.masterChanges++ },
      ...(fleet === null ? {} : { fleet: fleet.members }),
    })
    fleet?.members.start(role)
    role.onDecision((decision) => this.#note('master', decision))
    const cables = new Map(
      ['machine-1', 'machine-2'].map((instanceId) => [
        instanceId,
        loopback({
          ...{ planeId: 'plane', edgeId: EDGE, instanceId, programVersion: '1', clock, random: this.#random },
          logger: this.#logger('link'),
          directory: {
            admit: (peer) => standing(peer.edgeId) ?? role.admit(peer),
            standing: ({ edgeId }) => standing(edgeId),
          },
        }),
      ]),
    )
    for (const cable of cables.values()) cable.setConnected(this.#isPlugged)
    this.#master = { clock, runtimes, records, journal, role, cables, fleet }
    await role.start(() => Promise.resolve([...cables.values()].map(({ listener }) => listener)))
    await this.#settle()
  }

  #fleetOf(clock: ProcessClock, journal: Journal): MasterLife['fleet'] {
    mkdirSync(path.join(this.folder, 'master'), { recursive: true })
    const stack = new AsyncDisposableStack()
    let ids = 0
    const parts = {
      ...{ clock, log: this.#logger('fleet'), dataDir: this.folder, version: '1', settings: { linkPort: 7_421 } },
      ...{ random: { ...this.#random, id: () => `node-${++ids}` }, identity: { nodeId: 'plane-1', planeId: 'plane' } },
    }
    return { members: openMembersOf(parts as unknown as Parts, journal, stack), stack }
  }

  async startEdge(instanceId = 'machine-1', prepare: (life: Omit<EdgeLife, 'role'>) => void = () => {}): Promise<void> {
    const clock = this.clock.process()
    const runtimes = new ScenarioRuntimes(clock)
    const records = openRecords(path.join(this.folder, `${instanceId}.db`))
    const replica = replicaIn(this.folder, `${instanceId}-documents.db`)
    if (records.load(EDGE) === null && instanceId === 'machine-1') records.save(EDGE, enrolledControl(clock.wall()))
    prepare({ clock, runtimes, records, replica })
    const role = new EdgeRole({
      ...{ edgeId: EDGE, edgeName: 'Berlin', instanceId, bootId: this.#random.id(), clock, random: this.#random },
      ...{ logger: this.#logger('edge'), records, replica, runtimes, timeZone: 'UTC', changed: () => {} },
      dialer: {
        url: 'loopback:',
        dial: async (signal) => {
          const cable = this.#master?.cables.get(instanceId)
          if (!cable) throw new HoldfastError('unreachable', 'Nobody listens')
          return cable.dialer.dial(signal)
        },
      },
      rotate: async ({ secretId }) => void this.rotations.push(secretId),
      ...(this.#hasFleet ? { heartbeats: new Heartbeats({ clock, now: () => told }) } : {}),
    })
    role.onDecision((decision) => this.#note('edge', decision))
    this.#edges.set(instanceId, { clock, runtimes, records, replica, role })
    role.start()
    await this.#settle()
  }

  /** As by `kill -9`: the far end sees its connection end. */
  async killMaster(): Promise<void> {
    const life = this.masterLife
    this.#master = null
    life.clock.die()
    life.runtimes.die()
    // Nobody waits for what a dead process has begun.
    void life.fleet?.stack.disposeAsync()
    await life.records[Symbol.asyncDispose]()
    await life.journal[Symbol.asyncDispose]()
    for (const cable of life.cables.values()) await cable[Symbol.asyncDispose]()
    await this.#settle()
  }

  async killEdge(instance = 'machine-1'): Promise<void> {
    const life = this.edgeLife(instance)
    this.#edges.delete(instance)
    const { session } = life.role.control
    life.clock.die()
    life.runtimes.die()
    await life.records[Symbol.asyncDispose]()
    await life.replica[Symbol.asyncDispose]()
    session?.close('its process is gone')
    await this.#settle()
  }

  /** Nothing gets through any more, and neither side is told. */
  pull(): void {
    this.#isPlugged = false
    for (const cable of this.#master?.cables.values() ?? []) cable.setConnected(false)
  }
  plug(): void {
    this.#isPlugged = true
    for (const cable of this.#master?.cables.values() ?? []) cable.setConnected(true)
  }

  /** Writes of one side's control store fail until it is called with false. */
  breakStore(side: 'edge' | 'master', isBroken: boolean): void {
    const { records } = side === 'edge' ? this.edgeLife() : this.masterLife
    const store = records as { save: ControlRecords['save']; whole?: ControlRecords['save'] }
    store.whole ??= store.save
    store.save = isBroken
      ? () => {
          throw new HoldfastError('storage', 'control.db: the disk is full (SQLITE_FULL)')
        }
      : store.whole
  }

  async pass(ms: number): Promise<void> {
    const end = this.clock.now + ms
    while (this.clock.now < end) {
      const went = this.clock.step(Math.min(TICK_MS, end - this.clock.now))
      await this.#settle()
      this.#judge(went)
    }
  }

  /** Lets time pass until `look` is true; fails after `ms`. */
  async until(what: string, look: () => boolean, ms = 60_000): Promise<void> {
    const end = this.clock.now + ms
    while (!look()) {
      if (this.clock.now >= end) throw new Error(`not within ${ms} ms: ${what}\n${this.transcript.join('\n')}`)
      await this.pass(TICK_MS)
    }
  }

  /** A request that needs time to pass for its answer; gives the answer, or throws its failure. */
  async answer<T>(asked: Promise<T> | T): Promise<T> {
    let isSettled = false
    const answer = Promise.resolve(asked).finally(() => (isSettled = true))
    answer.catch(() => {})
    await this.#settle()
    await this.until('an answer', () => isSettled)
    return answer
  }

  /** The transcript begins here, and its seconds count from here. */
  mark(): void {
    this.transcript.length = 0
    this.#markedAt = this.clock.now
    this.overlapMs = 0
  }

  /** Epochs of the gates that are open now. */
  gates(): { edge: number | null; master: number | null } {
    const open = [...this.#edges.values()].map(({ runtimes }) => runtimes.made.get(EDGE)?.openAt ?? null)
    return {
      edge: open.find((epoch) => epoch !== null) ?? null,
      master: this.#master?.runtimes.made.get(EDGE)?.openAt ?? null,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ending = [...this.#edges.values()].map(({ role }) => role.end())
    if (this.#master) ending.push(this.#master.role.end())
    await this.answer(Promise.all(ending))
    for (const { records, replica } of this.#edges.values()) {
      await records[Symbol.asyncDispose]()
      await replica[Symbol.asyncDispose]()
    }
    if (this.#master) {
      for (const cable of this.#master.cables.values()) await cable[Symbol.asyncDispose]()
      await this.#master.fleet?.stack.disposeAsync()
      await this.#master.records[Symbol.asyncDispose]()
      await this.#master.journal[Symbol.asyncDispose]()
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #settle(): Promise<void> {
    for (let turns = 0; turns < TURNS; turns++) await turn()
  }

  #seconds(): string {
    return `${((this.clock.now - this.#markedAt) / 1_000).toFixed(1)} s`
  }

  #judge(wentMs: number): void {
    const { edge, master } = this.gates()
    const open = [...(edge === null ? [] : [`edge@${edge}`]), ...(master === null ? [] : [`master@${master}`])]
    if (open.length > 1) this.overlapMs += wentMs
    const shown = open.join(' and ') || 'nobody'
    if (shown === this.#shown) return
    this.#shown = shown
    this.transcript.push(`${this.#seconds()}: ${shown} drives`)
  }

  #note(side: 'edge' | 'master', { rule, winner, epoch, outcome, contested }: Decision): void {
    const how = outcome === 'done' ? '' : ` ${outcome}`
    const both = contested === null ? '' : ' contested'
    this.transcript.push(`${this.#seconds()}: ${side} decides ${rule} ${winner}@${epoch}${how}${both}`)
  }

  #logger(scope: string): Logger {
    const log: Logger = {
      log: (level, message, fields) =>
        void this.logged.push(`${this.#seconds()} ${scope} ${level} ${message} ${JSON.stringify(fields ?? {})}`),
      child: () => log,
    }
    return log
  }
}
