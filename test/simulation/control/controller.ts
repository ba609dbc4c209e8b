import { PERMIT_RENEW_MS, PERMIT_VALID_MS, TICK_GAP_MS, TIMER_LATE_MS } from '../../../shared/model/defaults'
import { wallMs, type WallMs } from '../../../shared/model/time'
import type { Side } from '../../../shared/model/control'
import type { StoredControl } from '../../../electron/core/control/stored'
import type { ControlOutput } from '../../../electron/core/control/turn'
import type { Step } from '../../../electron/core/machine'
import type { Chance, Happening, Timeline } from './timeline'
import type { Judge } from './judge'

/** The wall time at which every simulation begins. */
export const START: WallMs = wallMs(1_700_000_000_000)

/** More steps at one instant than this: the machine asks to be woken and does nothing with it. */
const STEPS_AT_ONCE_MAX = 400

export interface Permit {
  readonly epoch: number
  /** Until when at the latest; null: as long as a permit lasts. */
  readonly until: number | null
}

/** A permit of all module hosts of one controller: they write to the devices exactly while it is valid. */
export class Hosts {
  epoch: number | null = null
  until = 0
  readonly #side: Side
  readonly #judge: Judge
  constructor(side: Side, judge: Judge) {
    this.#side = side
    this.#judge = judge
  }
  grant(epoch: number, until: number): void {
    this.epoch = epoch
    this.until = until
    this.#judge.permit(this.#side, epoch, until)
  }
  endBy(until: number): void {
    if (this.epoch === null || this.until <= until) return
    this.until = until
    this.#judge.permit(this.#side, this.epoch, until)
  }
  close(): void {
    if (this.epoch === null) return
    this.epoch = null
    this.#judge.permit(this.#side, null, 0)
  }
}

/** What a broken variant changes around a machine. Everything is as in the product where a field is missing. */
export interface Breakage<State, Input> {
  before?(state: State, input: Input): State
  input?(input: Input, state: State): Input | null
  after?(step: Step<State, ControlOutput>, input: Input, before: State): Step<State, ControlOutput>
  /** Steps of its own, of whose writes the store knows nothing. */
  readonly writesUnseen?: boolean
  readonly ignorePermit?: boolean
  readonly ignoreGap?: boolean
  readonly persistLast?: boolean
  readonly gateClosesWithModules?: boolean
  readonly gateNotAwaited?: boolean
  readonly hostsOutliveRestart?: boolean
}

/**
 * The driver around a machine, as in the product: one input at a time, outputs in order, a persist that fails drops the step, `closeGate` is waited for,
 * one timer. Beside that it can be killed after any output, stopped, and find an older copy of its store.
 */
export abstract class Controller<
  State extends { readonly stored: StoredControl; readonly retryPersistAt: number | null },
  Input extends { readonly type: string },
> {
  alive = false
  stopped = false
  /** The store refuses to write. */
  diskFails = false
  disk: StoredControl
  readonly copies: StoredControl[] = []
  /** Killed after this many more outputs. */
  outputsToLive = 0
  state!: State
  readonly hosts: Hosts
  protected life = 0
  readonly #waiting: Input[] = []
  #rest: readonly ControlOutput[] | null = null
  #stoppedAt = 0
  #timer: Happening | null = null
  #timerAt: number | null = null
  #late: number | null = null
  #stepsAt = -1
  #steps = 0
  #whenRunning: (() => void)[] = []

  readonly side: Side
  readonly broken: Breakage<State, Input>
  protected readonly timeline: Timeline
  protected readonly chance: Chance
  protected readonly judge: Judge

  constructor(
    side: Side,
    disk: StoredControl,
    { timeline, chance, judge }: { timeline: Timeline; chance: Chance; judge: Judge },
    broken: Breakage<State, Input>,
  ) {
    this.side = side
    this.disk = disk
    this.timeline = timeline
    this.chance = chance
    this.judge = judge
    this.broken = broken
    this.hosts = new Hosts(side, judge)
  }

  protected abstract fresh(stored: StoredControl): State
  protected abstract step(state: State, input: Input): Step<State, ControlOutput>
  protected abstract permit(): Permit | null
  protected abstract perform(output: ControlOutput): void
  protected abstract storageFailed(input: Input): Input
  protected abstract readonly wake: Input
  protected abstract readonly timeGap: Input
  protected abstract modulesStopped(): void
  /** After every step. */
  protected abstract stepped(): void

  begin(): void {
    this.alive = true
    this.stopped = false
    this.life++
    if (!this.broken.hostsOutliveRestart) this.hosts.close()
    this.state = this.fresh(this.disk)
    this.#renew(this.life)
  }

  kill(): void {
    if (!this.alive) return
    this.alive = false
    this.stopped = false
    this.outputsToLive = 0
    this.life++
    this.#waiting.length = 0
    this.#rest = null
    this.#whenRunning = []
    this.#disarm()
    this.#late = null
    this.hosts.endBy(this.timeline.now + this.chance.between(0, 1_000))
  }

  stop(): void {
    if (!this.alive || this.stopped) return
    this.stopped = true
    this.#stoppedAt = this.timeline.now
  }

  resume(): void {
    if (!this.stopped) return
    this.stopped = false
    const gap = this.timeline.now - this.#stoppedAt
    const due = this.#late !== null
    const late = this.#late === null ? 0 : this.timeline.now - this.#late
    this.#late = null
    const missed = late > TIMER_LATE_MS || gap > TICK_GAP_MS
    if (missed) this.judge.notWatching(this.side)
    if (missed && !this.broken.ignoreGap) {
      if (this.chance.happens(0.5)) this.#waiting.unshift(this.timeGap)
      else this.#waiting.push(this.timeGap)
    }
    if (due) this.#waiting.push(this.wake)
    this.#pump()
    for (const run of this.#whenRunning.splice(0)) run()
  }

  whenRunning(run: () => void): void {
    if (this.stopped) this.#whenRunning.push(run)
    else if (this.alive) run()
  }

  input(input: Input): void {
    if (!this.alive) return
    this.#waiting.push(input)
    this.#pump()
  }

  #pump(): void {
    while (this.alive && !this.stopped && this.#rest === null) {
      const input = this.#waiting.shift()
      if (input === undefined) return
      const heard = this.broken.input ? this.broken.input(input, this.state) : input
      if (heard !== null) this.#take(heard)
    }
  }

  #take(input: Input): void {
    this.#countSteps()
    const before = this.broken.before ? this.broken.before(this.state, input) : this.state
    let step = this.step(before, input)
    if (this.broken.after) step = this.broken.after(step, input, before)
    let outputs = step.outputs
    const first = outputs[0]
    if (first?.type === 'persist') {
      if (this.diskFails) {
        this.judge.notWritten(this.side)
        return this.#take(this.storageFailed(input))
      }
      if (this.broken.persistLast) outputs = [...outputs.slice(1), first]
    }
    if (this.judge.trace) this.#note(input, step)
    this.state = step.state
    this.#arm(step.wakeAt)
    const { life } = this
    this.#performAll(outputs)
    if (this.life === life) this.stepped()
  }

  #note(input: Input, { state, outputs }: Step<State, ControlOutput>): void {
    const { type, message } = input as { type: string; message?: { type: string } }
    if (message?.type === 'ping' || message?.type === 'pong') return
    const said = outputs.filter((output) => output.type !== 'send' || output.message.type !== 'ping').map(nameOf)
    if (type === 'wake' && said.length === 0) return
    const { tenure, link, stored } = state as unknown as Record<'tenure' | 'link', { kind: string }> & State
    const { holder, epoch } = stored.record
    this.judge.note(
      `${this.side} ${message?.type ?? type} -> ${tenure.kind}/${link.kind} ${holder} ${epoch}^${stored.floor} [${said.join(' ')}]`,
    )
  }

  #countSteps(): void {
    if (this.#stepsAt !== this.timeline.now) {
      this.#stepsAt = this.timeline.now
      this.#steps = 0
    }
    if (++this.#steps > STEPS_AT_ONCE_MAX) this.judge.fail('wake-loop', `${this.side} steps without end`)
  }

  #performAll(outputs: readonly ControlOutput[]): void {
    const { life } = this
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i] as ControlOutput
      if (output.type === 'closeGate' && !this.broken.gateClosesWithModules) {
        const rest = outputs.slice(i + 1)
        const closing = () => {
          if (this.life !== life) return
          this.hosts.close()
          if (this.broken.gateNotAwaited) return
          this.#rest = null
          this.#whenNotStopped(life, () => {
            this.#performAll(rest)
            if (this.life === life) this.stepped()
            this.#pump()
          })
        }
        this.timeline.in(this.chance.between(0, 100), closing)
        if (!this.broken.gateNotAwaited) {
          this.#rest = rest
          return
        }
      } else this.#performOne(output)
      if (this.life !== life) return
      if (this.outputsToLive > 0 && --this.outputsToLive === 0) {
        this.onKilled()
        return
      }
    }
  }

  /** The world kills it here and brings it back some time later. */
  onKilled: () => void = () => this.kill()

  #whenNotStopped(life: number, run: () => void): void {
    if (this.life !== life) return
    if (this.stopped) {
      this.#rest = []
      this.#whenRunning.push(() => {
        this.#rest = null
        if (this.life === life) run()
      })
    } else run()
  }

  #performOne(output: ControlOutput): void {
    switch (output.type) {
      case 'persist':
        this.copies.push(this.disk)
        if (this.copies.length > 12) this.copies.shift()
        this.disk = output.stored
        return this.judge.persisted(this.side, output)
      case 'openGate':
        return this.renewPermit()
      case 'closeGate':
        return
      case 'stopModules': {
        const { life } = this
        if (this.broken.gateClosesWithModules) {
          this.timeline.in(this.chance.between(0, 3_000), () => this.life === life && this.hosts.close())
          this.timeline.in(0, () => this.life === life && this.modulesStopped())
        } else this.timeline.in(this.chance.between(0, 3_000), () => this.life === life && this.modulesStopped())
        return
      }
      case 'send':
        if (output.message.type === 'grant') this.#mustBeWritten(output.message.epoch, 'grants')
        if (output.message.type === 'result') this.#mustBeWritten(output.message.masterEpoch ?? 0, 'tells of')
        if (output.message.type === 'agree') this.#mustBeWritten(output.message.drivesAtEpoch ?? 0, 'tells of')
        return this.perform(output)
      default:
        this.perform(output)
    }
  }

  renewPermit(): void {
    const permit = this.permit()
    if (permit === null) return
    this.#mustBeWritten(permit.epoch, 'drives at')
    const { now } = this.timeline
    const until = this.broken.ignorePermit ? Infinity : Math.min(now + PERMIT_VALID_MS, permit.until ?? Infinity)
    if (until > now) this.hosts.grant(permit.epoch, until)
  }

  /** A number is on disk before it is used or sent; only an edge whose store does not write goes on in memory. */
  #mustBeWritten(epoch: number, does: string): void {
    if (epoch > this.disk.floor && !this.broken.writesUnseen && this.state.retryPersistAt === null)
      this.judge.fail('unwritten', `${this.side} ${does} ${epoch}, its store knows of ${this.disk.floor}`)
  }

  #renew(life: number): void {
    if (this.life !== life) return
    if (!this.stopped && this.#rest === null) this.renewPermit()
    this.timeline.in(PERMIT_RENEW_MS, () => this.#renew(life))
  }

  #arm(at: number | null): void {
    if (this.#late !== null) return
    if (at === this.#timerAt && this.#timer?.run) return
    this.#disarm()
    this.#timerAt = at
    if (at === null) return
    const { life } = this
    this.#timer = this.timeline.at(at, () => {
      this.#timer = null
      this.#timerAt = null
      if (this.life !== life) return
      if (this.stopped) this.#late = Math.max(at, this.#stoppedAt)
      else this.input(this.wake)
    })
  }

  #disarm(): void {
    if (this.#timer) this.#timer.run = null
    this.#timer = null
    this.#timerAt = null
  }
}

function nameOf(output: ControlOutput): string {
  if (output.type === 'send') return `send:${output.message.type}`
  if (output.type === 'report') return `report:${output.event}`
  if (output.type === 'refused') return `refused(${output.reason})`
  return output.type
}
