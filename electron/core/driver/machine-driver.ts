import { TIMER_LATE_MS } from '../../../shared/model/defaults'
import { after, type MonoMs } from '../../../shared/model/time'
import type { Step } from '../machine'

/** Inputs that may wait while an output is being performed; more than this means the machine is stuck, and says so. */
const INPUTS_WAITING_MAX = 10_000
/** After a fault of a step the machine looks at its clock again at the latest by then: its timer may have been the input that failed. */
const LOOK_AGAIN_MS = 1_000

export interface MachineHost<State, Input, Output> {
  /** One step, with the context read at this moment. */
  step(state: State, input: Input): Step<State, Output>
  /** Performs one output. A promise is waited for before the next output and the next input. */
  perform(output: Output): void | Promise<void>
  isPersist(output: Output): boolean
  readonly wake: Input
  /** The timer fired too late: nobody was watching. */
  readonly timeGap: Input
  storageFailed(input: Input, error: unknown): Input
  /** An output other than a persist failed; the machine hears of it in another way (e.g. the link's end). */
  failed(output: Output, error: unknown): void
  /** The step, or telling of it, threw: a fault of the program. The input is lost, the machine goes on from the state it was in. */
  broken(input: Input, error: unknown): void
  changed(state: State): void
}

export interface Timers {
  mono(): MonoMs
  at(at: MonoMs, call: (lateMs: number) => void): Disposable
}

/**
 * The dumb part around a machine: translate, step, perform, arm one timer. Inputs are taken one at a time; outputs are performed in order, and the persist,
 * which comes first, synchronously: when it fails the step did not happen and the machine is told.
 */
export class MachineDriver<State, Input, Output> {
  readonly #host: MachineHost<State, Input, Output>
  readonly #timers: Timers
  readonly #waiting: Input[] = []
  #state: State
  #busy = false
  #ended = false
  #timer: Disposable | null = null
  #timerAt: MonoMs | null = null
  #idle: (() => void)[] = []

  constructor(initial: State, timers: Timers, host: MachineHost<State, Input, Output>) {
    this.#state = initial
    this.#timers = timers
    this.#host = host
  }

  get state(): State {
    return this.#state
  }

  input(input: Input): void {
    if (this.#ended) return
    // Nothing waits then: most inputs are the pings of thousands of links, and a queue that is filled and emptied each time is garbage.
    if (!this.#busy) return this.#pump(input)
    if (this.#waiting.length >= INPUTS_WAITING_MAX)
      throw new Error(`a machine has ${INPUTS_WAITING_MAX} inputs waiting`)
    this.#waiting.push(input)
  }

  /** No input is taken any more; resolves when the output being performed has finished. */
  async end(): Promise<void> {
    this.#ended = true
    this.#waiting.length = 0
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Takes one input, then those that came meanwhile. */
  #pump(first: Input | undefined): void {
    this.#busy = true
    for (let input = first; input !== undefined; input = this.#waiting.shift()) {
      const rest = this.#taken(input)
      if (rest) {
        void rest.then(() => this.#pump(this.#waiting.shift()))
        return
      }
    }
    this.#busy = false
    if (this.#idle.length > 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** A machine whose step throws would never take an input again, and whoever watches it would see it stand still. */
  #taken(input: Input): Promise<void> | null {
    try {
      return this.#take(input)
    } catch (error) {
      this.#host.broken(input, error)
      if (this.#timer === null) this.#arm(after(this.#timers.mono(), LOOK_AGAIN_MS))
      return null
    }
  }

  /** A promise: outputs are still being performed. */
  #take(input: Input): Promise<void> | null {
    const step = this.#host.step(this.#state, input)
    const [first] = step.outputs
    let outputs: readonly Output[] = step.outputs
    if (first !== undefined && this.#host.isPersist(first)) {
      try {
        void this.#host.perform(first)
      } catch (error) {
        return this.#take(this.#host.storageFailed(input, error))
      }
      outputs = outputs.slice(1)
    }
    this.#state = step.state
    this.#arm(step.wakeAt)
    const rest = this.#performAll(outputs)
    try {
      this.#host.changed(this.#state)
    } catch (error) {
      this.#host.broken(input, error)
    }
    return rest
  }

  #performAll(outputs: readonly Output[], from = 0): Promise<void> | null {
    for (let at = from; at < outputs.length; at++) {
      const waited = this.#perform(outputs[at]!)
      if (waited) return waited.then(async () => void (await this.#performAll(outputs, at + 1)))
    }
    return null
  }

  #perform(output: Output): Promise<void> | null {
    try {
      const done = this.#host.perform(output)
      return done ? done.catch((error: unknown) => this.#host.failed(output, error)) : null
    } catch (error) {
      this.#host.failed(output, error)
      return null
    }
  }

  #arm(at: MonoMs | null): void {
    if (at === this.#timerAt && this.#timer !== null) return
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#timerAt = at
    if (at !== null && !this.#ended) this.#timer = this.#timers.at(at, this.#fired)
  }

  /** One function for all its timers: a machine that is woken every second makes none anew. */
  readonly #fired = (lateMs: number): void => {
    this.#timer = null
    this.#timerAt = null
    if (lateMs > TIMER_LATE_MS) this.input(this.#host.timeGap)
    this.input(this.#host.wake)
  }
}

/** Waits for the promise, but not longer than `ms`; says whether it settled in time. A rejection in time is passed on. */
export async function within(timers: Timers, ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: Disposable | undefined
  const limit = new Promise<false>((resolve) => {
    timer = timers.at(after(timers.mono(), ms), () => resolve(false))
  })
  try {
    return await Promise.race([promise.then(() => true), limit])
  } finally {
    timer?.[Symbol.dispose]()
  }
}
