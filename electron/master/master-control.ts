import type { ControlMessage, ControlMessageOf } from '../../shared/wire/control'
import type { Decision } from '../../shared/model/control'
import { GATE_CLOSE_MS, PERMIT_VALID_MS } from '../../shared/model/defaults'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { viewsHandedOver, viewsToHandOver, type ModuleView } from '../../shared/model/modules'
import type { SwitchRequest } from '../core/control/edge-state'
import { newMaster, stepMaster } from '../core/control/master'
import {
  isMasterDriving,
  masterPermit,
  type MasterContext,
  type MasterInput,
  type MasterState,
} from '../core/control/master-state'
import type { StoredControl } from '../core/control/stored'
import { settledDecision, type ControlOutput, type Settlement } from '../core/control/turn'
import { HandOvers, type HandOverResult } from '../core/hand-overs'
import { MachineDriver, within } from '../core/machine-driver'
import type { LinkHandlers, LinkSession } from '../link/link'
import type { ModuleRuntime, Permit } from '../modules/runtime'
import type { Clock, Logger, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'

const DECISIONS_SHARED = 20

/** What the master's documents and enrolments say of an edge, read at each decision. */
export type EdgeStanding = Pick<
  MasterContext,
  'failover' | 'timeoutMs' | 'stableForMs' | 'paused' | 'enrolled' | 'window' | 'journalHead'
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
  readonly predecessorsGone: Promise<unknown>
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

/** The driver around the master's control machine of one edge. */
export class MasterControl {
  readonly #options: MasterControlOptions
  readonly #machine: MachineDriver<MasterState, MasterInput, ControlOutput>
  readonly #handOvers: HandOvers
  #runtime: ModuleRuntime | null = null
  #session: LinkSession | null = null
  #seeds: readonly ModuleView[] = []

  constructor(options: MasterControlOptions) {
    this.#options = options
    const { clock, records } = options
    this.#handOvers = new HandOvers(clock, (id) => records.decision(id))
    this.#machine = new MachineDriver<MasterState, MasterInput, ControlOutput>(
      newMaster(options.stored, clock.mono(), options.booted),
      clock,
      {
        step: (state, input) => stepMaster(state, input, this.#context()),
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
      },
    )
  }

  get state(): MasterState {
    return this.#machine.state
  }
  get session(): LinkSession | null {
    return this.#session
  }
  /** Null until the master first drives this edge. */
  get runtime(): ModuleRuntime | null {
    return this.#runtime
  }
  get drives(): boolean {
    return isMasterDriving(this.#machine.state)
  }
  /** What a decision made now would look at. */
  context(): MasterContext {
    return this.#context()
  }

  ready(): void {
    this.#machine.input({ type: 'ready' })
  }
  timeGap(): void {
    this.#machine.input({ type: 'timeGap' })
  }
  documentChanged(): void {
    this.#machine.input({ type: 'documentChanged' })
  }
  edgePosition(seq: number): void {
    this.#machine.input({ type: 'edgePosition', seq })
  }
  provenRefusal(reason: string): void {
    this.#machine.input({ type: 'provenRefusal', reason })
  }

  /** A proven session of this edge. An older one of the same controller is closed. */
  attach(session: LinkSession): void {
    const older = this.#session
    this.#session = session
    older?.close('replaced by a newer connection')
    session.open({ control: (message) => this.#received(session, message), ...this.#options.handlers(session) })
    void session.closed.then(({ reason, failure }) => {
      if (this.#session === session) {
        this.#session = null
        this.#options.linkChanged(null)
      }
      this.#machine.input({
        type: 'linkLost',
        session: session.id,
        reason: failure ? `${failure.code}: ${failure.message}` : reason,
      })
    })
    this.#machine.input({ type: 'sessionProven', session: session.id })
  }

  closeLink(reason: string, failure?: Failure): void {
    this.#session?.close(reason, failure)
  }

  async end(): Promise<void> {
    await this.#machine.end()
    await this.#runtime?.closeGate()
    await this.#runtime?.[Symbol.asyncDispose]()
    this.#session?.close('the controller stops')
  }

  /** Restore or fail over, asked by a person: waits for the end of the hand-over. */
  async switchTo(target: SwitchRequest['target'], actor: string, expectedEpoch?: number): Promise<HandOverResult> {
    const { record } = this.#machine.state.stored
    const request: SwitchRequest = {
      requestId: this.#options.random.id(),
      target,
      expectedEpoch: expectedEpoch ?? record.epoch,
      actor,
    }
    return this.#ask(request, () => {
      if (target === 'master' && !this.drives) this.#askEdge(request)
      else if (target === 'edge' && record.holder === 'edge' && !this.drives)
        throw new HoldfastError('refused', 'The edge drives already.')
      else this.#machine.input({ type: 'switchAsked', request })
    })
  }

  async force(actor: string): Promise<HandOverResult> {
    const { record } = this.#machine.state.stored
    const request: SwitchRequest = {
      requestId: this.#options.random.id(),
      target: 'master',
      expectedEpoch: record.epoch,
      actor,
    }
    return this.#ask(request, () => this.#machine.input({ type: 'forced', request }))
  }

  async #ask(request: SwitchRequest, send: () => void): Promise<HandOverResult> {
    return this.#handOvers.finished(await this.#handOvers.ask(request.requestId, send))
  }

  #askEdge(request: SwitchRequest): void {
    const { link } = this.#machine.state
    if (!this.#options.standing().failover) {
      throw new HoldfastError('refused', 'failover is false for this edge: the master never drives it.', {
        hint: 'Set failover=true first.',
      })
    }
    if (link.kind !== 'linked' || !this.#session) {
      throw new HoldfastError('link-lost', 'The edge cannot be reached.', {
        hint: 'The master takes over by itself after the timeout. Force takes over now, but the site may then be driven twice.',
      })
    }
    this.#session.sendControl({ type: 'switch', session: link.session, ...request })
  }

  #context(): MasterContext {
    const { clock, random, edgeId } = this.#options
    let id: string | null = null
    return {
      now: clock.mono(),
      wall: clock.wall(),
      // Most steps are answers to pings and need none.
      get freshId() {
        return (id ??= random.id())
      },
      edgeId,
      ...this.#options.standing(),
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
      case 'abandonAttempt':
        return
      case 'closeLink':
        return this.#drop(output.reason)
      case 'openGate':
        return this.#openGate()
      case 'closeGate':
        return this.#closeGate()
      case 'startModules':
        return void this.#startModules().catch((error: unknown) =>
          logger.log('error', 'Modules could not be started', { reason: failureOf(error).message }),
        )
      case 'stopModules':
        return void (this.#runtime?.stop() ?? Promise.resolve()).then(() =>
          this.#machine.input({ type: 'modulesStopped' }),
        )
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
    const statuses = message.type === 'grant' ? viewsToHandOver(this.#runtime?.views() ?? []) : null
    this.#session?.sendControl(message.type === 'grant' ? { ...message, statuses } : message)
  }

  #received(session: LinkSession, message: ControlMessage): void {
    if (this.#session !== session) return
    if (message.type === 'switchAnswer') {
      this.#handOvers.answered(message.requestId, message.decisionId, message.failure)
      return
    }
    if (message.type === 'decisions') return this.#learn(message)
    if (message.type === 'grant') this.#seeds = viewsHandedOver(message.statuses)
    const wasAgreed = this.#isAgreed()
    this.#machine.input({ type: 'message', message })
    if (wasAgreed || !this.#isAgreed()) return
    session.sendControl({
      type: 'decisions',
      session: session.id,
      decisions: [...this.#options.records.decisions(this.#options.edgeId, { limit: DECISIONS_SHARED })],
    })
    this.#options.linkChanged(session)
  }

  #isAgreed(): boolean {
    const { link } = this.#machine.state
    return link.kind === 'linked' && link.agreed
  }

  #learn({ decisions }: ControlMessageOf<'decisions'>): void {
    for (const told of decisions) {
      // Whose decision it is, the proof says, not the message.
      const decision = { ...told, edgeId: this.#options.edgeId }
      const known = this.#options.records.decision(decision.id)
      if (known !== null && known.edgeId !== decision.edgeId) continue
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

  #openGate(): void {
    this.#runtime ??= this.#options.runtime(() => {
      const permit = masterPermit(this.#machine.state, this.#options.clock.mono())
      if (permit === null) return null
      const leaseMs = permit.until === null ? PERMIT_VALID_MS : Math.floor(permit.until - this.#options.clock.mono())
      return leaseMs <= 0 ? null : { epoch: permit.epoch, validForMs: Math.min(PERMIT_VALID_MS, leaseMs) }
    })
    this.#runtime.renewPermit()
  }

  async #startModules(): Promise<void> {
    await this.#options.predecessorsGone
    if (!this.drives || !this.#runtime) return
    this.#runtime.seed(this.#seeds.length > 0 ? this.#seeds : this.#options.lastViews())
    await this.#options.startModules(this.#runtime)
  }

  /** Bounded: a host that does not confirm in time has no permit for longer than 3,000 ms, and is killed when the modules stop. */
  async #closeGate(): Promise<void> {
    if (!this.#runtime) return
    await within(this.#options.clock, 2 * GATE_CLOSE_MS, this.#runtime.closeGate())
  }

  #answerSwitch(requestId: string, decisionId: string | null, failure: Failure | null): void {
    if (this.#handOvers.answered(requestId, decisionId, failure) === 'ours') return
    const { link } = this.#machine.state
    if (link.kind !== 'none')
      this.#session?.sendControl({ type: 'switchAnswer', session: link.session, requestId, decisionId, failure })
  }

  #drop(reason: string): void {
    const session = this.#session
    this.#session = null
    session?.close(reason)
    this.#options.linkChanged(null)
  }
}
