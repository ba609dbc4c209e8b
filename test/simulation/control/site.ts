import { wallMs, type WallMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import { isMasterDriving } from '../../../electron/core/control/master-state'
import { negotiate, tableFacts } from '../../../electron/core/control/negotiate'
import { START } from './controller'
import { EdgeController } from './edge-controller'
import { Judge } from './judge'
import { MasterController, type Breakages } from './master-controller'
import { Network } from './network'
import { Chance, Timeline } from './timeline'

export interface EdgeDocument {
  failover: boolean
  timeoutMs: number
  stableForMs: number
  /** Null: by hand only. Otherwise an opening every `periodMs`, `lengthMs` long. */
  window: { periodMs: number; lengthMs: number } | null
  revision: number
}

/** One edge, one master, the network between them and the people who use them. */
export class Site {
  readonly timeline = new Timeline()
  readonly judge = new Judge(this.timeline)
  readonly chance: Chance
  readonly network: Network
  readonly edge: EdgeController
  readonly master: MasterController
  readonly wallOffset = { edge: 0, master: 0 }
  document: EdgeDocument = { failover: true, timeoutMs: 20_000, stableForMs: 10_000, window: null, revision: 1 }
  edgeDocument: EdgeDocument = this.document
  paused = false
  refuses: 'version' | 'unproven' | null = null
  #ids = 0
  #syncing = false
  /** The master's wall time of the last fail-over by hand that still holds. */
  #manualAt: number | null = null
  #failoverOffSince: number | null = null
  #wasDriving = false

  constructor(seed: number, broken: Breakages = {}) {
    this.chance = new Chance(seed)
    this.network = new Network(this.timeline, this.chance)
    this.edge = new EdgeController(this, broken.edge ?? {})
    this.master = new MasterController(this, broken)
    this.network.edge = this.edge
    this.network.master = this.master
    this.judge.onManual = (holds) => (this.#manualAt = holds ? this.masterWall() : null)
    this.edge.onKilled = () => this.crash('edge', this.chance.happens(0.3), this.chance.between(50, 8_000))
    this.master.onKilled = () => this.crash('master', this.chance.happens(0.3), this.chance.between(50, 8_000))
  }

  begin(): void {
    this.startMaster()
    this.startEdge()
  }

  freshId(): string {
    return `d${++this.#ids}`
  }
  masterWall(): WallMs {
    return wallMs(START + this.timeline.now + this.wallOffset.master)
  }
  window(wall: WallMs): { open: boolean; lastOpeningAt: WallMs | null; nextChangeAt: WallMs | null } | null {
    const { window } = this.document
    if (window === null) return null
    const last = Math.floor(wall / window.periodMs) * window.periodMs
    const open = wall < last + window.lengthMs
    const next = open ? last + window.lengthMs : last + window.periodMs
    return { open, lastOpeningAt: wallMs(last), nextChangeAt: wallMs(next) }
  }

  // ---- what the judge is told

  /** After every step of either side. */
  stepped(): void {
    const { edge, master } = this
    if (!edge.alive || !master.alive) {
      this.judge.linked(false)
      return
    }
    const e = edge.state.link
    const m = master.state.link
    const linked = e.kind === 'linked' && m.kind === 'linked' && m.agreed && e.session === m.session
    if (linked !== this.judge.isLinked) this.judge.linked(linked)
    if (m.kind === 'none' && e.kind !== 'linked') this.judge.unproven()
    if (linked && this.edgeDocument.revision < this.document.revision) this.#sync()
    this.#watchManual()
    this.#watchFailover()
  }

  #sync(): void {
    if (this.#syncing) return
    this.#syncing = true
    this.timeline.in(this.chance.between(5, 400), () => {
      this.#syncing = false
      if (!this.judge.isLinked || !this.master.alive || !this.edge.alive) return
      this.edgeDocument = this.document
      this.master.input({ type: 'edgePosition', seq: this.document.revision })
    })
  }

  #watchManual(): void {
    const { record } = this.master.state.stored
    if (record.holder === 'edge') this.#manualAt = null
  }

  /** `failover: false`: the master never starts driving. What it had begun before the change may go on. */
  #watchFailover(): void {
    const drives = isMasterDriving(this.master.state)
    if (drives && !this.#wasDriving && this.#failoverOffSince !== null) {
      const handBackFailed =
        this.master.state.stored.record.holder === 'master' && this.#handedBackSince > this.#failoverOffSince
      if (this.timeline.now - this.#failoverOffSince > 8_000 && !handBackFailed)
        this.judge.fail('failover-off', 'the master begins to drive an edge with failover: false')
    }
    if (this.master.state.tenure.kind === 'handingBack') this.#handedBackSince = this.timeline.now
    this.#wasDriving = drives
  }
  #handedBackSince = -Infinity

  /** The master's verdict, against the truth. */
  decided(result: Extract<ControlMessage, { type: 'result' }>): void {
    const own = negotiate(tableFacts({ edge: result.edge, master: result.master }))
    if (own.rule !== result.rule || own.winner !== result.winner)
      this.judge.fail('preview', `${result.rule} decided, ${own.rule} foreseen`)
    if (result.winner === 'master' && result.master.record.epoch < result.edge.record.agreedEpoch)
      this.judge.fail('stale-record', 'an old record of the master wins')
    if (
      result.winner === 'master' &&
      this.edge.alive &&
      result.master.record.epoch < this.edge.disk.record.agreedEpoch &&
      !this.edge.diskFails
    )
      this.judge.fail(
        'stale-record',
        `the master's record ${result.master.record.epoch} is below ${this.edge.disk.record.agreedEpoch}`,
      )
    if (result.masterEpoch === null) this.#manualAt = null
    if (result.rule !== 'T3') return
    const window = this.window(this.masterWall())
    if (window === null || !window.open) return this.judge.fail('window', 'handed back outside the window')
    if (this.paused) this.judge.fail('paused', 'handed back by itself while paused')
    if (this.#manualAt !== null && (window.lastOpeningAt ?? 0) <= this.#manualAt)
      this.judge.fail('window', 'handed back in the opening in which a person had failed over')
  }

  disturbed(): void {
    const { edge, master } = this
    const bothRun =
      edge.alive && !edge.stopped && master.alive && !master.stopped && !edge.diskFails && !master.diskFails
    this.judge.disturbed(
      bothRun && master.state.booted,
      this.network.clear && this.refuses === null && this.network.losesNext === null,
    )
  }

  // ---- what happens to them

  startEdge(): void {
    if (this.edge.alive) return
    this.edge.begin()
    this.judge.edgeRuns(true)
    this.edge.input({ type: 'start' })
    this.disturbed()
  }
  startMaster(): void {
    if (this.master.alive) return
    this.judge.watchBegins()
    this.master.begin()
    this.judge.masterRestarts()
    this.disturbed()
  }

  crash(side: 'edge' | 'master', power: boolean, downMs: number): void {
    const controller = this[side]
    if (!controller.alive) return
    // What lived in memory only is lost: an older store, in effect.
    if (controller.state.retryPersistAt !== null) this.#forgets(side)
    controller.kill()
    if (side === 'edge') this.judge.edgeRuns(false)
    this.network.died(side, power)
    this.stepped()
    this.disturbed()
    this.timeline.in(downMs, () => (side === 'edge' ? this.startEdge() : this.startMaster()))
  }

  /** Killed after some more outputs: between persist and send, between gate and grant, … */
  crashAtOutput(side: 'edge' | 'master', outputs: number): void {
    if (this[side].alive) this[side].outputsToLive = outputs
  }

  stop(side: 'edge' | 'master', forMs: number): void {
    const controller = this[side]
    if (!controller.alive || controller.stopped) return
    controller.stop()
    if (side === 'edge') this.judge.edgeRuns(false)
    this.disturbed()
    this.timeline.in(forMs, () => {
      if (!controller.stopped) return
      if (side === 'edge') this.judge.edgeRuns(true)
      this.disturbed()
      controller.resume()
    })
  }

  loseNext(type: ControlMessage['type']): void {
    this.network.losesNext = type
    this.disturbed()
  }
  block(toEdge: boolean, toMaster: boolean, resets = false): void {
    this.network.resets = resets
    this.network.block('toEdge', toEdge)
    this.network.block('toMaster', toMaster)
    this.disturbed()
  }
  slow(delayMaxMs: number): void {
    this.network.delayMaxMs = delayMaxMs
    this.disturbed()
  }
  refuse(refuses: 'version' | 'unproven' | null): void {
    this.refuses = refuses
    this.disturbed()
  }
  breakLink(side: 'edge' | 'master', noticed: boolean): void {
    this.network.breakAt(side, noticed)
    this.disturbed()
  }

  disk(side: 'edge' | 'master', fails: boolean): void {
    this[side].diskFails = fails
    this.disturbed()
  }
  /** The process ends, an older copy of its store is put back, it starts again. */
  rollBack(side: 'edge' | 'master', howFar: number, downMs: number): void {
    const controller = this[side]
    if (!controller.alive) return
    const copy = controller.copies.at(-1 - howFar) ?? controller.copies[0]
    this.crash(side, false, downMs)
    if (!copy || copy === controller.disk) return
    controller.disk = copy
    this.#forgets(side)
  }
  #forgets(side: 'edge' | 'master'): void {
    this.judge.rolledBack(side)
    if (side === 'master') this.#manualAt = this.master.disk.manualAt
  }

  setPaused(paused: boolean): void {
    if (this.paused === paused) return
    this.paused = paused
    this.master.input({ type: 'documentChanged' })
  }

  edit(change: Partial<EdgeDocument>): void {
    // The documents refuse this while the master drives an edge that is not linked.
    if (change.failover === false && isMasterDriving(this.master.state) && !this.judge.isLinked) return
    if (change.failover !== undefined) {
      if (change.failover) this.#failoverOffSince = null
      else this.#failoverOffSince ??= this.timeline.now
    }
    this.document = { ...this.document, ...change, revision: this.document.revision + 1 }
    this.judge.timeout(this.document.timeoutMs)
    if (this.master.alive) this.master.input({ type: 'documentChanged' })
    this.stepped()
  }

  stepWall(side: 'edge' | 'master', byMs: number): void {
    this.wallOffset[side] += byMs
  }

  devices(reachable: boolean): void {
    this.edge.devicesReachable = reachable
    if (this.edge.alive) this.edge.tellDevices()
  }

  ask(side: 'edge' | 'master', target: 'edge' | 'master', stale: boolean): void {
    const controller = this[side]
    if (!controller.alive) return
    const expectedEpoch = Math.max(0, controller.state.stored.record.epoch - (stale ? 1 : 0))
    controller.ask({ requestId: this.freshId(), target, expectedEpoch, actor: 'console:ana' })
  }

  /** Two people at once, for opposite targets. */
  askBoth(side: 'edge' | 'master'): void {
    this.ask(side, 'edge', false)
    this.ask(side, 'master', false)
    this.ask(side === 'edge' ? 'master' : 'edge', 'edge', false)
  }

  /** Another controller with the edge's secret: refused while the edge's own session lives. */
  cloneDials(): void {
    if (this.master.alive && !this.master.stopped && this.network.hasLive())
      this.master.input({ type: 'provenRefusal', reason: 'duplicate-edge' })
  }

  /** Everything works again. */
  calm(): void {
    this.block(false, false)
    this.slow(12)
    this.refuse(null)
    this.network.losesNext = null
    this.disk('edge', false)
    this.disk('master', false)
    this.edge.outputsToLive = 0
    this.master.outputsToLive = 0
    this.devices(true)
  }

  /** After `calm` and a while: both live and linked, exactly one drives, and they name the same one. Null: so it is; otherwise what is not. */
  unrest(): string | null {
    const { edge, master, judge } = this
    if (!edge.alive || edge.stopped || !master.alive || master.stopped) return 'not both run'
    if (!judge.isLinked) return 'not linked'
    if (judge.drives('edge') === judge.drives('master')) return 'not exactly one drives'
    const holder = judge.drives('edge') ? 'edge' : 'master'
    const records = [edge.state.stored.record, master.state.stored.record] as const
    const same = records.every((record) => record.holder === holder) && records[0].epoch === records[1].epoch
    return same ? null : `${holder} drives, the records say ${JSON.stringify(records)}`
  }

  force(): void {
    if (!this.master.alive) return
    const request = { requestId: this.freshId(), target: 'master' as const, expectedEpoch: 0, actor: 'console:ana' }
    this.master.input({ type: 'forced', request })
  }
}
