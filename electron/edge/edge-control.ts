import type { ControlMessage } from '../../shared/wire/control'
import type { Decision, DecisionRule } from '../../shared/model/control'
import { LINK_RETRY_JITTER, LINK_RETRY_MS, PERMIT_VALID_MS } from '../../shared/model/defaults'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { newEdge, stepEdge } from '../core/control/edge'
import {
  edgePermit,
  edgeStandsReady,
  type EdgeContext,
  type EdgeInput,
  type EdgeState,
  type SwitchRequest,
} from '../core/control/edge-state'
import { enrolledControl } from '../core/control/stored'
import { settledDecision } from '../core/control/turn'
import { ControlDriver, type OwnOutput } from '../core/driver/control-driver'
import type { HandOverResult } from '../core/driver/hand-overs'
import type { LinkDialer, LinkHandlers, LinkSession } from '../link/link'
import type { ModuleRuntime, Permit } from '../modules/runtime'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'

/** How long a fail-over waits for the master to get ready; then it goes on without. Longer than the master itself waits (1.5 s), so that its answer is heard. */
const READY_WITHIN_MS = 2_000
/** Of the link protocol. */
const PREPARES_FROM_VERSION = 3

export interface EdgeControlOptions {
  readonly edgeId: string
  /** Of this enrolment. */
  readonly instanceId: string
  /** Of this process. */
  readonly bootId: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly records: ControlRecords
  readonly dialer: LinkDialer
  /** Makes the runtime; `permit` is what its hosts may do. */
  runtime(permit: () => Permit | null): ModuleRuntime
  /** Settles when no host of a predecessor is left. Nothing is started before. */
  predecessorsGone(): Promise<unknown>
  /** `failover` of the edge's copy of its document, and the position of that copy. */
  document(): { failover: boolean; journalSeq: number }
  /** The runtime's wanted set, read when modules start. */
  startModules(runtime: ModuleRuntime): Promise<void>
  /** What the session carries beside control; asked once per session. */
  handlers(session: LinkSession): Omit<LinkHandlers, 'control'>
  /** Both sides have the same result of this session, from now on. */
  linked(session: LinkSession): void
  /** The answer to a ping has just been given to the link: what is sent now goes out with it. */
  pinged(): void
  /** The machine's state changed. */
  changed(): void
  report(event: string, detail: string): void
  /** A decision was stored. */
  decided(decision: Decision): void
}

/** The edge's side of control: dials, and drives its own modules. What it shares with the master's is the `ControlDriver`'s. */
export class EdgeControl {
  readonly #options: EdgeControlOptions
  readonly #driver: ControlDriver<EdgeState, EdgeInput, LinkSession>
  readonly runtime: ModuleRuntime
  #attempt: AbortController | null = null

  constructor(options: EdgeControlOptions) {
    this.#options = options
    const { clock, edgeId, records } = options
    this.#driver = new ControlDriver<EdgeState, EdgeInput, LinkSession>({
      ...options,
      initial: newEdge(records.load(edgeId) ?? enrolledControl(clock.wall()), clock.mono()),
      step: (state, input) => stepEdge(state, input, this.#context()),
      storageFailed: (input, reason) => ({ type: 'storageFailed', input, reason }),
      drives: ({ tenure }) => tenure.kind === 'driving',
      agreedSession: ({ link }) => (link.kind === 'linked' ? link.session : null),
      liveSession: ({ link }) => (link.kind === 'waiting' ? null : link.session),
      wantsSpare: edgeStandsReady,
      modules: () => this.runtime,
      madeModules: () => this.runtime,
      startModules: async () => {
        await options.startModules(this.runtime)
        this.#tellDevices()
      },
      lastViews: () => [],
      open: (session, control) => this.#open(session, control),
      perform: (output) => this.#perform(output),
      settled: settledDecision,
      // It is the master's own console, or its policy: nobody stands between.
      remoteActor: (actor) => actor,
      sessionEnded: () => {},
      agreed: (session) => options.linked(session),
    })
    this.runtime = options.runtime(() => {
      const permit = edgePermit(this.state)
      return permit === null ? null : { epoch: permit.epoch, validForMs: PERMIT_VALID_MS }
    })
    this.runtime.onChange(() => this.#tellDevices())
  }

  get edgeId(): string {
    return this.#options.edgeId
  }
  get state(): EdgeState {
    return this.#driver.state
  }
  /** The session that carries the present link; null: none is proven. */
  get session(): LinkSession | null {
    return this.#driver.session
  }
  get drives(): boolean {
    return this.state.tenure.kind === 'driving'
  }
  get rule(): DecisionRule | null {
    return this.#driver.rule
  }

  start(): void {
    this.#driver.input({ type: 'start' })
  }
  timeGap(): void {
    this.#driver.input({ type: 'timeGap' })
  }

  /** Gate closed, modules stopped, link closed. */
  async end(): Promise<void> {
    try {
      await this.#driver.end()
      await this.runtime.stop()
    } finally {
      this.#attempt?.abort()
      this.#attempt = null
      this.session?.close('the controller stops')
    }
  }

  /** Fail over or restore, asked by a person here: waits for the end of the hand-over. Rejects with `HoldfastError` when it is refused. */
  switchTo(target: SwitchRequest['target'], actor: string, expectedEpoch?: number): Promise<HandOverResult> {
    const { record } = this.state.stored
    const request: SwitchRequest = {
      requestId: this.#options.random.id(),
      target,
      expectedEpoch: expectedEpoch ?? record.epoch,
      actor,
    }
    const ask = () => this.#driver.ask(request, () => this.#sendSwitch(request))
    return target === 'master' && this.drives ? this.#masterReady().then(ask) : ask()
  }

  /** The edge drives on until the master could begin at once; one that cannot say so is not waited for. */
  async #masterReady(): Promise<void> {
    const { session, state } = this
    if (session === null || state.link.kind !== 'linked' || session.peer.version < PREPARES_FROM_VERSION) return
    await session.request('control.prepare', {}, { timeoutMs: READY_WITHIN_MS }).catch(() => {})
  }

  /** A fail-over is the edge's to carry out, a restore the master's; what runs already is this side's to say. */
  #sendSwitch(request: SwitchRequest): void {
    const { tenure, stored } = this.state
    const handsOver = tenure.kind === 'releasing' || tenure.kind === 'granted'
    if (request.target === 'edge' && !handsOver) {
      if (this.drives) throw new HoldfastError('refused', 'The edge drives already.')
      return this.#driver.askOtherSide(request, masterAway)
    }
    if (request.target === 'master' && !handsOver && stored.record.holder === 'master' && !this.drives)
      throw new HoldfastError('refused', 'The master has control already.')
    this.#driver.input({ type: 'switchAsked', request })
  }

  #context(): EdgeContext {
    const { clock, random, edgeId, instanceId, bootId } = this.#options
    const { failover, journalSeq } = this.#options.document()
    let id: string | null = null
    return {
      now: clock.mono(),
      wall: clock.wall(),
      // Most steps are answers to pings and need none.
      get freshId() {
        return (id ??= random.id())
      },
      jitterMs: random.fraction() * LINK_RETRY_JITTER * LINK_RETRY_MS,
      edgeId,
      instanceId,
      bootId,
      journalSeq,
      failover,
    }
  }

  #open(session: LinkSession, control: (message: ControlMessage) => void): void {
    session.open({
      ...this.#options.handlers(session),
      control: (message) => {
        control(message)
        if (message.type === 'ping') this.#options.pinged()
      },
    })
  }

  #perform(output: OwnOutput): void {
    switch (output.type) {
      case 'dial':
        return this.#dial()
      case 'abandonAttempt':
        this.#attempt?.abort()
        this.#attempt = null
        return
      case 'openGate':
        return this.runtime.renewPermit()
    }
  }

  #dial(): void {
    const attempt = new AbortController()
    this.#attempt = attempt
    const isCurrent = (): boolean => {
      const current = this.#attempt === attempt && !attempt.signal.aborted
      if (current) this.#attempt = null
      return current
    }
    this.#options.dialer.dial(attempt.signal).then(
      (session) => {
        if (isCurrent()) {
          // Changes of modules are told a moment later, and the facts are those of now.
          this.#tellDevices()
          this.#driver.attach(session, { type: 'attemptProven', session: session.id })
        } else session.close('the attempt took too long')
      },
      (error: unknown) => {
        if (isCurrent()) this.#driver.input({ type: 'attemptFailed', reason: describe(failureOf(error)) })
      },
    )
  }

  #tellDevices(): void {
    const { started, connected, total } = this.runtime.devices()
    const known = this.state.devices
    if (known.started === started && known.connected === connected && known.total === total) return
    this.#driver.input({ type: 'devices', started, connected, total })
  }
}

const masterAway = (): HoldfastError =>
  new HoldfastError('link-lost', 'The master cannot be reached.', {
    hint: 'Nothing to do: without a master the edge drives by itself within ten seconds.',
  })

function describe(failure: Failure): string {
  return `${failure.code}: ${failure.message}`
}
