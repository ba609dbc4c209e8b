import type { ControlMessage, ControlMessageOf } from '../../shared/wire/control'
import type { Decision } from '../../shared/model/control'
import { GATE_CLOSE_MS, LINK_RETRY_JITTER, LINK_RETRY_MS, PERMIT_VALID_MS } from '../../shared/model/defaults'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { viewsHandedOver, viewsToHandOver, type ModuleView } from '../../shared/model/modules'
import { newEdge, stepEdge } from '../core/control/edge'
import {
  edgePermit,
  type EdgeContext,
  type EdgeInput,
  type EdgeState,
  type SwitchRequest,
} from '../core/control/edge-state'
import { enrolledControl } from '../core/control/stored'
import { settledDecision, type ControlOutput, type Settlement } from '../core/control/turn'
import { HandOvers, type HandOverResult } from '../core/hand-overs'
import { MachineDriver, within } from '../core/machine-driver'
import type { LinkDialer, LinkHandlers, LinkSession } from '../link/link'
import type { ModuleRuntime, Permit } from '../modules/runtime'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'

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
  readonly predecessorsGone: Promise<unknown>
  /** `failover` of the edge's copy of its document, and the position of that copy. */
  document(): { failover: boolean; journalSeq: number }
  /** The runtime's wanted set, read when modules start. */
  startModules(runtime: ModuleRuntime): Promise<void>
  /** What the session carries beside control; asked once per session. */
  handlers(session: LinkSession): Omit<LinkHandlers, 'control'>
  /** The machine's state changed. */
  changed(): void
  report(event: string, detail: string): void
  /** A decision was stored. */
  decided(decision: Decision): void
}

/** The driver around the edge's control machine: dials, sends, persists, opens and closes the gate of its modules, and arms the timers. */
export class EdgeControl {
  readonly #options: EdgeControlOptions
  readonly #machine: MachineDriver<EdgeState, EdgeInput, ControlOutput>
  readonly #handOvers: HandOvers
  readonly runtime: ModuleRuntime
  #attempt: AbortController | null = null
  #session: LinkSession | null = null
  #seeds: readonly ModuleView[] = []

  constructor(options: EdgeControlOptions) {
    this.#options = options
    this.#handOvers = new HandOvers(options.clock, (id) => options.records.decision(id))
    const { clock, edgeId } = options
    const stored = options.records.load(edgeId) ?? enrolledControl(clock.wall())
    this.#machine = new MachineDriver<EdgeState, EdgeInput, ControlOutput>(newEdge(stored, clock.mono()), clock, {
      step: (state, input) => stepEdge(state, input, this.#context()),
      perform: (output) => this.#perform(output),
      isPersist: (output) => output.type === 'persist',
      wake: { type: 'wake' },
      timeGap: { type: 'timeGap' },
      storageFailed: (input, error) => ({ type: 'storageFailed', input, reason: failureOf(error).message }),
      failed: (output, error) =>
        options.logger.log('warn', 'Could not do what control asked for', {
          output: output.type,
          reason: failureOf(error).message,
        }),
      changed: () => options.changed(),
    })
    this.runtime = options.runtime(() => {
      const permit = edgePermit(this.#machine.state)
      return permit === null ? null : { epoch: permit.epoch, validForMs: PERMIT_VALID_MS }
    })
    this.runtime.onChange(() => this.#tellDevices())
  }

  get state(): EdgeState {
    return this.#machine.state
  }

  /** The session that carries the present link; null: none is proven. */
  get session(): LinkSession | null {
    return this.#session
  }

  start(): void {
    this.#machine.input({ type: 'start' })
  }

  timeGap(): void {
    this.#machine.input({ type: 'timeGap' })
  }

  /** Gate closed, modules stopped, link closed. */
  async end(): Promise<void> {
    await this.#machine.end()
    this.#attempt?.abort()
    await this.runtime.closeGate()
    await this.runtime.stop()
    this.#session?.close('the controller stops')
  }

  /** Fail over or restore, asked by a person here: waits for the end of the hand-over. Rejects with `HoldfastError` when it is refused. */
  async switchTo(target: SwitchRequest['target'], actor: string, expectedEpoch?: number): Promise<HandOverResult> {
    const { record } = this.#machine.state.stored
    const request = {
      requestId: this.#options.random.id(),
      target,
      expectedEpoch: expectedEpoch ?? record.epoch,
      actor,
    }
    const decisionId = await this.#handOvers.ask(request.requestId, () => {
      if (target === 'master' || record.holder === 'edge') this.#machine.input({ type: 'switchAsked', request })
      else this.#askMaster(request)
    })
    return this.#handOvers.finished(decisionId)
  }

  #askMaster(request: SwitchRequest): void {
    const { link } = this.#machine.state
    if (link.kind !== 'linked' || !this.#session) {
      throw new HoldfastError('link-lost', 'The master cannot be reached.', {
        hint: 'Nothing to do: without a master the edge drives by itself within ten seconds.',
      })
    }
    this.#session.sendControl({ type: 'switch', session: link.session, ...request })
  }

  #context(): EdgeContext {
    const { clock, random, edgeId, instanceId, bootId } = this.#options
    const { failover, journalSeq } = this.#options.document()
    return {
      now: clock.mono(),
      wall: clock.wall(),
      freshId: random.id(),
      jitterMs: random.fraction() * LINK_RETRY_JITTER * LINK_RETRY_MS,
      edgeId,
      instanceId,
      bootId,
      journalSeq,
      failover,
    }
  }

  #perform(output: ControlOutput): void | Promise<void> {
    const { logger } = this.#options
    switch (output.type) {
      case 'persist':
        this.#options.records.save(this.#options.edgeId, output.stored, output.decision ?? undefined)
        this.#settle(output.settled)
        return this.#decided(output.decision)
      case 'send':
        return this.#send(output.message)
      case 'dial':
        return this.#dial()
      case 'abandonAttempt':
        this.#attempt?.abort()
        return this.#drop('the attempt took too long')
      case 'closeLink':
        return this.#drop(output.reason)
      case 'openGate':
        return this.runtime.renewPermit()
      case 'closeGate':
        return this.#closeGate()
      case 'startModules':
        return void this.#startModules().catch((error: unknown) =>
          logger.log('error', 'Modules could not be started', { reason: failureOf(error).message }),
        )
      case 'stopModules':
        return void this.runtime.stop().then(() => this.#machine.input({ type: 'modulesStopped' }))
      case 'answerSwitch':
        return this.#answerSwitch(output.requestId, output.decisionId, output.failure)
      case 'report':
        logger.log(
          output.event === 'took-control' || output.event === 'lost-control' ? 'info' : 'warn',
          `Control: ${output.event}`,
          { detail: output.detail },
        )
        return this.#options.report(output.event, output.detail)
      case 'refused':
        return logger.log('debug', 'Control refused an input', { reason: output.reason })
    }
  }

  #send(message: ControlMessage): void {
    const statuses = message.type === 'grant' ? viewsToHandOver(this.runtime.views()) : null
    this.#session?.sendControl(message.type === 'grant' ? { ...message, statuses } : message)
  }

  #dial(): void {
    const attempt = new AbortController()
    this.#attempt = attempt
    this.#options.dialer.dial(attempt.signal).then(
      (session) => {
        if (attempt.signal.aborted || this.#attempt !== attempt) return session.close('the attempt took too long')
        this.#attach(session)
      },
      (error: unknown) => {
        if (this.#attempt !== attempt || attempt.signal.aborted) return
        this.#attempt = null
        this.#machine.input({ type: 'attemptFailed', reason: describe(failureOf(error)) })
      },
    )
  }

  #attach(session: LinkSession): void {
    this.#session = session
    session.open({ control: (message) => this.#received(session, message), ...this.#options.handlers(session) })
    void session.closed.then(({ reason, failure }) => {
      if (this.#session === session) this.#session = null
      this.#machine.input({ type: 'linkLost', session: session.id, reason: failure ? describe(failure) : reason })
    })
    this.#machine.input({ type: 'attemptProven', session: session.id })
  }

  #received(session: LinkSession, message: ControlMessage): void {
    if (this.#session !== session) return
    if (message.type === 'switchAnswer') {
      this.#handOvers.answered(message.requestId, message.decisionId, message.failure)
      return
    }
    if (message.type === 'decisions') return this.#learn(message)
    if (message.type === 'grant') this.#seeds = viewsHandedOver(message.statuses)
    const wasLinked = this.#isLinked()
    this.#machine.input({ type: 'message', message })
    if (!wasLinked && this.#isLinked()) this.#shareDecisions(session)
  }

  #isLinked(): boolean {
    return this.#machine.state.link.kind === 'linked'
  }

  /** Decisions made alone reach the other side with the next link. */
  #shareDecisions(session: LinkSession): void {
    const decisions = [...this.#options.records.decisions(this.#options.edgeId, { limit: 20 })]
    session.sendControl({ type: 'decisions', session: session.id, decisions })
  }

  #learn({ decisions }: ControlMessageOf<'decisions'>): void {
    for (const decision of decisions) {
      const known = this.#options.records.decision(decision.id)
      if (known === null || (known.finishedAt === null && decision.finishedAt !== null))
        this.#options.records.saveDecision(decision)
      this.#decided(decision)
    }
  }

  /** A hand-over whose end nobody here knew: the next link has told it. */
  #settle(settled: Settlement | null): void {
    const open = settled === null ? null : this.#options.records.decision(settled.decisionId)
    if (settled === null || open === null || open.finishedAt !== null) return
    const decision = settledDecision(open, settled)
    this.#options.records.saveDecision(decision)
    this.#decided(decision)
  }

  #decided(decision: Decision | null): void {
    if (decision === null) return
    this.#handOvers.decided(decision)
    this.#options.decided(decision)
  }

  async #startModules(): Promise<void> {
    await this.#options.predecessorsGone
    if (this.#machine.state.tenure.kind !== 'driving') return
    if (this.#seeds.length > 0) this.runtime.seed(this.#seeds)
    await this.#options.startModules(this.runtime)
    this.#tellDevices()
  }

  #tellDevices(): void {
    const { started, connected, total } = this.runtime.devices()
    const known = this.#machine.state.devices
    if (known.started === started && known.connected === connected && known.total === total) return
    this.#machine.input({ type: 'devices', started, connected, total })
  }

  /** Bounded: a host that does not confirm in time has no permit for longer than 3,000 ms, and is killed when the modules stop. */
  async #closeGate(): Promise<void> {
    await within(this.#options.clock, 2 * GATE_CLOSE_MS, this.runtime.closeGate())
  }

  #answerSwitch(requestId: string, decisionId: string | null, failure: Failure | null): void {
    if (this.#handOvers.answered(requestId, decisionId, failure) === 'ours') return
    const { link } = this.#machine.state
    if (link.kind === 'waiting' || link.session === null) return
    this.#session?.sendControl({ type: 'switchAnswer', session: link.session, requestId, decisionId, failure })
  }

  #drop(reason: string): void {
    const session = this.#session
    this.#session = null
    this.#attempt = null
    session?.close(reason)
  }
}

function describe(failure: Failure): string {
  return `${failure.code}: ${failure.message}`
}
