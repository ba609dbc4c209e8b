import type { ControlMessage } from '../../shared/wire/control'
import type { Decision, DecisionRule } from '../../shared/model/control'
import { PERMIT_VALID_MS } from '../../shared/model/defaults'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import { after, type MonoMs } from '../../shared/model/time'
import type { SwitchRequest } from '../core/control/edge-state'
import { newMaster, stepMaster } from '../core/control/master'
import { DRAINING } from '../core/control/master-hand-over'
import {
  isMasterDriving,
  masterPermit,
  readyFrom,
  type MasterContext,
  type MasterInput,
  type MasterState,
} from '../core/control/master-state'
import type { StoredControl } from '../core/control/stored'
import { settledDecision } from '../core/control/turn'
import { ControlDriver } from '../core/driver/control-driver'
import type { HandOverResult } from '../core/driver/hand-overs'
import type { LinkHandlers, LinkSession } from '../link/link'
import type { ModuleRuntime, Permit } from '../modules/runtime'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import { DecisionContext } from './decision-context'

/** How long a fail-over waits for a host that stands ready; then it goes on without. */
const READY_WITHIN_MS = 1_500
/** How long that host stands ready for a fail-over that does not come. */
const READY_FOR_MS = 5_000

/** What the master's documents and enrolments say of an edge, read at each decision. */
export type EdgeStanding = Pick<
  MasterContext,
  'failover' | 'timeoutMs' | 'stableForMs' | 'paused' | 'draining' | 'enrolled' | 'window' | 'journalHead'
>

export interface MasterControlOptions {
  readonly edgeId: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly records: ControlRecords
  readonly booted: boolean
  readonly stored: StoredControl
  standing(): EdgeStanding
  /** Made when the master first drives this edge; `permit` is what its hosts may do. */
  runtime(permit: () => Permit | null): ModuleRuntime
  /** Settles when no host of a predecessor is left. Nothing is started before. */
  predecessorsGone(): Promise<unknown>
  startModules(runtime: ModuleRuntime): Promise<void>
  /** The views the edge told last: what the modules start with. */
  lastViews(): readonly ModuleView[]
  handlers(session: LinkSession): Omit<LinkHandlers, 'control'>
  changed(): void
  /** The edge agreed with a result, or its session is gone. */
  linkChanged(session: LinkSession | null): void
  report(event: string, detail: string): void
  /** A decision was stored. */
  decided(decision: Decision): void
}

/** The master's side of control of one edge. What it shares with the edge's is the `ControlDriver`'s. */
export class MasterControl {
  readonly #options: MasterControlOptions
  readonly #driver: ControlDriver<MasterState, MasterInput, LinkSession>
  #runtime: ModuleRuntime | null = null
  /** A fail-over is being asked for: until this ends, a host stands ready for it. */
  #readying: Disposable | null = null
  /** When to get ready for a take-over; null: none is ahead. */
  #readyFrom: MonoMs | null = null
  #readyTimer: Disposable | null = null

  constructor(options: MasterControlOptions) {
    this.#options = options
    const { edgeId, clock, logger, records, predecessorsGone, lastViews, decided, report } = options
    this.#driver = new ControlDriver<MasterState, MasterInput, LinkSession>({
      ...{ edgeId, clock, logger, records, predecessorsGone, lastViews, decided, report },
      initial: newMaster(options.stored, clock.mono(), options.booted),
      step: (state, input) => stepMaster(state, input, this.context()),
      storageFailed: (input, reason) => ({ type: 'storageFailed', input, reason }),
      drives: isMasterDriving,
      agreedSession: ({ link }) => (link.kind === 'linked' && link.agreed ? link.session : null),
      liveSession: ({ link }) => (link.kind === 'none' ? null : link.session),
      wantsSpare: (state) => this.#wantsSpare(state),
      modules: () => this.#runtime,
      madeModules: () => this.#madeRuntime(),
      startModules: async () => {
        if (this.#runtime) await options.startModules(this.#runtime)
      },
      open: (session, control) => this.#open(session, control),
      // A master does not dial.
      perform: (output) => (output.type === 'openGate' ? this.#openGate() : undefined),
      settled: settledDecision,
      remoteActor: (actor) => `edge:${options.edgeId}/${actor}`,
      changed: () => {
        this.#watchTakeOver()
        options.changed()
      },
      sessionEnded: () => options.linkChanged(null),
      agreed: (session) => options.linkChanged(session),
    })
  }

  get state(): MasterState {
    return this.#driver.state
  }
  /** The session that carries the present link; null: none is proven. */
  get session(): LinkSession | null {
    return this.#driver.session
  }
  /** Null until the master first drives this edge, or gets ready to. */
  get runtime(): ModuleRuntime | null {
    return this.#runtime
  }
  get drives(): boolean {
    return isMasterDriving(this.state)
  }
  get rule(): DecisionRule | null {
    return this.#driver.rule
  }

  ready(): void {
    this.#driver.input({ type: 'ready' })
  }
  timeGap(): void {
    this.#driver.input({ type: 'timeGap' })
  }
  documentChanged(): void {
    this.#driver.input({ type: 'documentChanged' })
  }
  edgePosition(seq: number): void {
    this.#driver.input({ type: 'edgePosition', seq })
  }
  provenRefusal(reason: string): void {
    this.#driver.input({ type: 'provenRefusal', reason })
  }

  /** A proven session of this edge. An older one of the same controller is closed. */
  attach(session: LinkSession): void {
    this.#driver.attach(session, { type: 'sessionProven', session: session.id })
  }

  closeLink(reason: string, failure?: Failure): void {
    this.session?.close(reason, failure)
  }

  async end(): Promise<void> {
    this.#readying?.[Symbol.dispose]()
    this.#readyTimer?.[Symbol.dispose]()
    try {
      await this.#driver.end()
      await this.#runtime?.[Symbol.asyncDispose]()
    } finally {
      this.session?.close('the controller stops')
    }
  }

  /** Restore or fail over, asked by a person: waits for the end of the hand-over. Rejects with `HoldfastError` when it is refused. */
  switchTo(target: SwitchRequest['target'], actor: string, expectedEpoch?: number): Promise<HandOverResult> {
    const request = this.#request(target, actor, expectedEpoch)
    const ask = () => this.#driver.ask(request, () => this.#sendSwitch(request))
    return target === 'master' && this.#edgeHolds() ? this.getReady().then(ask) : ask()
  }

  /**
   * Somebody asks for a fail-over: resolves when a host stands ready for it, soon in any case. The edge drives until then, so that its devices are not left
   * alone for as long as a process takes to start.
   */
  async getReady(): Promise<void> {
    const { clock, standing } = this.#options
    if (this.drives || this.state.link.kind !== 'linked' || !standing().failover) return
    this.#readying?.[Symbol.dispose]()
    this.#readying = clock.at(after(clock.mono(), READY_FOR_MS), () => {
      this.#readying = null
      this.#driver.spareChanged()
    })
    this.#driver.spareChanged()
    await this.#driver.spareReady(READY_WITHIN_MS)
  }

  #wantsSpare(state: MasterState): boolean {
    if (isMasterDriving(state)) return false
    return this.#readying !== null || (this.#readyFrom !== null && this.#options.clock.mono() >= this.#readyFrom)
  }

  /** A timer of its own: nothing is decided by it, so the machine need not wake. */
  #watchTakeOver(): void {
    const { clock, standing } = this.#options
    const from = this.state.takeOverFrom === null ? null : readyFrom(this.state, standing().timeoutMs)
    if (from === this.#readyFrom) return
    this.#readyTimer?.[Symbol.dispose]()
    this.#readyFrom = from
    this.#readyTimer = from === null ? null : clock.at(from, () => this.#driver.spareChanged())
    this.#driver.spareChanged()
  }

  force(actor: string): Promise<HandOverResult> {
    const request = this.#request('master', actor)
    return this.#driver.ask(request, () => this.#driver.input({ type: 'forced', request }))
  }

  #request(target: SwitchRequest['target'], actor: string, expectedEpoch?: number): SwitchRequest {
    return {
      requestId: this.#options.random.id(),
      target,
      expectedEpoch: expectedEpoch ?? this.state.stored.record.epoch,
      actor,
    }
  }

  #edgeHolds(): boolean {
    const { tenure, stored } = this.state
    return !this.drives && tenure.kind !== 'handingBack' && stored.record.holder === 'edge'
  }

  /** A restore is the master's to carry out, a fail-over the edge's; what runs already is this side's to say. */
  #sendSwitch(request: SwitchRequest): void {
    const isEdges = this.#edgeHolds()
    if (request.target === 'edge' && isEdges) throw new HoldfastError('refused', 'The edge has control already.')
    if (request.target === 'edge' && this.#options.standing().draining)
      throw new HoldfastError('refused', DRAINING, { hint: `holdfast fleet undrain ${this.#options.edgeId}` })
    if (request.target === 'edge' || !isEdges) return this.#driver.input({ type: 'switchAsked', request })
    if (!this.#options.standing().failover) {
      throw new HoldfastError('refused', 'failover is false for this edge: the master never drives it.', {
        hint: 'Set failover=true first.',
      })
    }
    this.#driver.askOtherSide(request, edgeAway)
  }

  /** What a decision made now would look at. */
  context(): MasterContext {
    return new DecisionContext(this.#options)
  }

  #open(session: LinkSession, control: (message: ControlMessage) => void): void {
    session.open({ control, ...this.#options.handlers(session) })
  }

  #openGate(): void {
    this.#madeRuntime().renewPermit()
  }

  #madeRuntime(): ModuleRuntime {
    return (this.#runtime ??= this.#options.runtime(() => {
      const now = this.#options.clock.mono()
      const permit = masterPermit(this.state, now)
      if (permit === null) return null
      const leaseMs = permit.until === null ? PERMIT_VALID_MS : Math.floor(permit.until - now)
      return leaseMs <= 0 ? null : { epoch: permit.epoch, validForMs: Math.min(PERMIT_VALID_MS, leaseMs) }
    }))
  }
}

const edgeAway = (): HoldfastError =>
  new HoldfastError('link-lost', 'The edge cannot be reached.', {
    hint: 'The master takes over by itself after the timeout. Force takes over now, but the site may then be driven twice.',
  })
