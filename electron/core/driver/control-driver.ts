import type { Decision, DecisionRule } from '../../../shared/model/control'
import { failureOf, HoldfastError, type Failure } from '../../../shared/model/failures'
import { viewsToHandOver } from '../../../shared/model/modules'
import { after, type WallMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import type { SwitchRequest } from '../control/edge-state'
import type { StoredControl } from '../control/stored'
import type { ControlOutput } from '../control/turn'
import type { Step } from '../machine'
import { DecisionBook, type DecisionBookOptions } from './decision-book'
import { DrivenModules, type DrivenModulesOptions } from './driven-modules'
import { HandOvers, type HandOverResult } from './hand-overs'
import { MachineDriver, type Timers } from './machine-driver'

const ACTOR_LENGTH_MAX = 200
const ASK_AGAIN_WITHIN_MS = 2_000

/** As much of a link session as control needs. */
export interface ControlSession {
  readonly id: string
  sendControl(message: ControlMessage): void
  close(reason: string, failure?: Failure): void
  readonly closed: Promise<{ readonly reason: string; readonly failure: Failure | null }>
}

/** Inputs that both machines take. */
export type SharedInput =
  | { readonly type: 'message'; readonly message: ControlMessage }
  | { readonly type: 'linkLost'; readonly session: string; readonly reason: string }
  | { readonly type: 'modulesStopped' }
  | { readonly type: 'timeGap' }
  | { readonly type: 'wake' }

/** Outputs that mean something on one side only. */
export type OwnOutput = Extract<ControlOutput, { type: 'dial' | 'abandonAttempt' | 'openGate' }>

export interface ControlDriverOptions<State, Input, Session extends ControlSession>
  extends
    Omit<DecisionBookOptions, 'failed' | 'kept'>,
    Pick<DrivenModulesOptions, 'modules' | 'madeModules' | 'predecessorsGone' | 'startModules' | 'lastViews'> {
  readonly clock: Timers & { wall(): WallMs }
  readonly logger: {
    log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void
  }
  readonly initial: State
  step(state: State, input: Input | SharedInput): Step<State, ControlOutput>
  storageFailed(input: Input | SharedInput, reason: string): Input
  drives(state: State): boolean
  /** This side is likely to drive soon. */
  wantsSpare(state: State): boolean
  /** The session under which both sides have the same result; null: none. */
  agreedSession(state: State): string | null
  /** The session messages are answered on, agreed or not; null: none. */
  liveSession(state: State): string | null
  open(session: Session, control: (message: ControlMessage) => void): void
  perform(output: OwnOutput): void
  /** Who asked, when the other side says so. */
  remoteActor(actor: string): string
  /** The session of a link that is gone or was given up. */
  sessionEnded(): void
  /** Both sides have the same result of this session, from now on. */
  agreed(session: Session): void
  changed(): void
  report(event: string, detail: string): void
}

/**
 * What the drivers of both control machines have in common: one session at a time, records and decisions, the gate and the modules behind it, and people
 * who wait for the end of a hand-over. Side by side with the machine it adds nothing to what the machine decides.
 */
export class ControlDriver<
  State extends { readonly stored: StoredControl },
  Input extends { readonly type: string },
  Session extends ControlSession,
> {
  readonly #options: ControlDriverOptions<State, Input, Session>
  readonly #machine: MachineDriver<State, Input | SharedInput, ControlOutput>
  readonly #handOvers: HandOvers
  readonly #modules: DrivenModules
  readonly #decisions: DecisionBook
  #session: Session | null = null
  #agreed: string | null = null
  /** The session whose beginning the other side was told the last decisions; a negotiation in between tells nothing new. */
  #sharedWith: string | null = null
  #ended = false

  constructor(options: ControlDriverOptions<State, Input, Session>) {
    this.#options = options
    const { edgeId, clock, logger, records, settled } = options
    const { modules, madeModules, predecessorsGone, startModules, lastViews } = options
    this.#handOvers = new HandOvers(clock, (id) => this.#decisions.find(id))
    this.#modules = new DrivenModules({
      ...{ clock, logger, modules, madeModules, predecessorsGone, startModules, lastViews },
      drives: () => options.drives(this.state),
      decisionId: () => this.state.stored.record.decisionId,
    })
    this.#decisions = new DecisionBook({
      ...{ edgeId, logger, records, settled },
      decided: (decision) => {
        this.#handOvers.decided(decision)
        options.decided(decision)
      },
      kept: (decision) => this.#handOvers.decided(decision),
      // The other side stores what it takes part in; of what came to nothing only its giver knows.
      failed: (decision) => this.#share([decision]),
    })
    this.#machine = new MachineDriver<State, Input | SharedInput, ControlOutput>(options.initial, clock, {
      step: (state, input) => options.step(state, input),
      perform: (output) => this.#perform(output),
      isPersist: (output) => output.type === 'persist',
      wake: { type: 'wake' },
      timeGap: { type: 'timeGap' },
      storageFailed: (input, error) => options.storageFailed(input, failureOf(error).message),
      failed: (output, error) =>
        options.logger.log('warn', 'Could not do what control asked for', {
          output: output.type,
          reason: failureOf(error).message,
        }),
      broken: (input, error) =>
        options.logger.log('error', 'Control could not take an input', {
          input: input.type,
          reason: failureOf(error).message,
        }),
      changed: (state) => this.#changed(state),
    })
  }

  get state(): State {
    return this.#machine.state
  }

  /** The session that carries the present link; null: none is proven. */
  get session(): Session | null {
    return this.#session
  }

  input(input: Input | SharedInput): void {
    this.#machine.input(input)
  }

  /** The rule of the decision that made the record what it is; null: there was none, or it is not known any more. */
  get rule(): DecisionRule | null {
    return this.#decisions.ruleOf(this.state.stored.record.decisionId)
  }

  /** Takes a proven session; an older one ends. */
  attach(session: Session, proven: Input): void {
    if (this.#ended) return session.close('the controller stops')
    const older = this.#session
    this.#session = session
    older?.close('replaced by a newer connection')
    this.#options.open(session, (message) => this.#received(session, message))
    void session.closed.then(({ reason, failure }) => {
      if (this.#session === session) {
        this.#session = null
        this.#options.sessionEnded()
      }
      this.input({
        type: 'linkLost',
        session: session.id,
        reason: failure ? `${failure.code}: ${failure.message}` : reason,
      })
    })
    this.input(proven)
  }

  /** Sends a request made here and waits for the end of the hand-over it begins or joins. Rejects with `HoldfastError` when it is refused. */
  async ask({ requestId }: SwitchRequest, send: () => void): Promise<HandOverResult> {
    return this.#handOvers.finished(await this.#decisionFor(requestId, send))
  }

  /** A negotiation that happens to run is waited for; nothing else is asked twice. */
  async #decisionFor(requestId: string, send: () => void): Promise<string> {
    const { clock } = this.#options
    const until = after(clock.mono(), ASK_AGAIN_WITHIN_MS)
    for (;;) {
      try {
        return await this.#handOvers.ask(requestId, send)
      } catch (error) {
        const soonMs = error instanceof HoldfastError && error.code === 'busy' ? error.retryAfterMs : undefined
        if (soonMs === undefined || after(clock.mono(), soonMs) > until) throw error
        await new Promise<void>((resolve) => clock.at(after(clock.mono(), soonMs), () => resolve()))
      }
    }
  }

  /** To the other side, which is the one to carry it out. `away`: what to say when there is no link. */
  askOtherSide(request: SwitchRequest, away: () => HoldfastError): void {
    const session = this.#options.agreedSession(this.state)
    if (session === null || this.#session?.id !== session) throw away()
    this.#session.sendControl({ type: 'switch', session, ...request })
  }

  /** Nothing is decided any more, the gate is closed. The modules still run: whoever owns them stops them. */
  async end(): Promise<void> {
    this.#ended = true
    this.#modules.end()
    this.#handOvers.end()
    await this.#machine.end()
    await this.#options.modules()?.closeGate()
  }

  /** What is likely has changed without a step. */
  spareChanged(): void {
    this.#modules.keepSpare(this.#options.wantsSpare(this.state))
  }

  /** Resolves when the spare host that is wanted is ready, at the latest after `ms`. */
  spareReady(ms: number): Promise<void> {
    return this.#modules.spareReady(ms)
  }

  #changed(state: State): void {
    this.#modules.keepSpare(this.#options.wantsSpare(state))
    const agreed = this.#options.agreedSession(state)
    const before = this.#agreed
    this.#agreed = agreed
    if (agreed !== null && agreed !== before && this.#session?.id === agreed) {
      if (agreed !== this.#sharedWith) this.#share(this.#decisions.newest())
      this.#sharedWith = agreed
      this.#options.agreed(this.#session)
    }
    this.#options.changed()
  }

  #perform(output: ControlOutput): void | Promise<void> {
    switch (output.type) {
      case 'persist':
        return this.#decisions.persist(output)
      case 'keep':
        return this.#decisions.keep(output)
      case 'send':
        return this.#send(output.message)
      case 'dial':
      case 'openGate':
        return this.#options.perform(output)
      case 'abandonAttempt':
        this.#options.perform(output)
        return this.#drop('the attempt took too long')
      case 'closeLink':
        return this.#drop(output.reason)
      case 'closeGate':
        return this.#modules.closeGate()
      case 'startModules':
        return this.#modules.start()
      case 'stopModules':
        return this.#modules.stop(() => this.input({ type: 'modulesStopped' }))
      case 'answerSwitch':
        return this.#answerSwitch(output.requestId, output.decisionId, output.failure)
      case 'report':
        return this.#report(output.event, output.detail)
      case 'refused':
        return this.#options.logger.log('debug', 'Control refused an input', { reason: output.reason })
    }
  }

  #share(decisions: readonly Decision[]): void {
    if (decisions.length === 0 || this.#agreed === null || this.#session?.id !== this.#agreed) return
    this.#session.sendControl({ type: 'decisions', session: this.#agreed, decisions: [...decisions] })
  }

  #send(message: ControlMessage): void {
    if (message.type !== 'grant') return this.#session?.sendControl(message)
    this.#session?.sendControl({ ...message, statuses: viewsToHandOver(this.#options.modules()?.views() ?? []) })
  }

  #received(session: Session, message: ControlMessage): void {
    if (this.#session !== session) return
    switch (message.type) {
      case 'switchAnswer':
        this.#handOvers.answered(message.requestId, message.decisionId, message.failure)
        return
      case 'decisions':
        return this.#decisions.learn(message.decisions)
      case 'grant':
        this.#modules.handedOver(message.decisionId, message.statuses)
        return this.input({ type: 'message', message })
      case 'switch': {
        const actor = this.#options.remoteActor(message.actor).slice(0, ACTOR_LENGTH_MAX)
        return this.input({ type: 'message', message: { ...message, actor } })
      }
      default:
        return this.input({ type: 'message', message })
    }
  }

  #report(event: string, detail: string): void {
    const level = event === 'took-control' || event === 'lost-control' ? 'info' : 'warn'
    this.#options.logger.log(level, `Control: ${event}`, { detail })
    this.#options.report(event, detail)
  }

  #answerSwitch(requestId: string, decisionId: string | null, failure: Failure | null): void {
    if (this.#handOvers.answered(requestId, decisionId, failure) === 'ours') return
    const session = this.#options.liveSession(this.state)
    if (session !== null) this.#session?.sendControl({ type: 'switchAnswer', session, requestId, decisionId, failure })
  }

  #drop(reason: string): void {
    const session = this.#session
    this.#session = null
    session?.close(reason)
    if (session !== null) this.#options.sessionEnded()
  }
}
