import type { ForwardView } from '../../shared/console/alert-views'
import { after, type MonoMs } from '../../shared/model/time'
import { growingWaitMs } from '../core/notify/pace'
import type { ForwardAnswer } from '../forwarding/forwarding'
import type { Clock, Random } from '../platform/ports'

/** The endpoint answers, but not to this sender: looked at again now and then. */
const MISCONFIGURED_AGAIN_MS = 60_000

export type ForwardLater = Extract<ForwardAnswer, { kind: 'later' | 'misconfigured' }>

/** What keeps a destination from being sent to, and when it is tried again: as it says itself, else ever more rarely. */
export class ForwardRetry implements Disposable {
  readonly #clock: Clock
  readonly #random: Pick<Random, 'fraction'>
  readonly #again: () => void
  #timer: Disposable | null = null
  /** Null: nothing is waited for. */
  #at: MonoMs | null = null
  #failedAttempts = 0
  #lastError: ForwardView['lastError'] = null
  #isMisconfigured = false

  constructor({ clock, random }: { clock: Clock; random: Pick<Random, 'fraction'> }, again: () => void) {
    this.#clock = clock
    this.#random = random
    this.#again = again
  }

  get isWaiting(): boolean {
    return this.#timer !== null
  }

  get isMisconfigured(): boolean {
    return this.#isMisconfigured
  }

  get shown(): Pick<ForwardView, 'failedAttempts' | 'lastError' | 'retryAt'> {
    const waitMs = this.#at === null ? null : this.#at - this.#clock.mono()
    const retryAt = waitMs === null ? null : this.#clock.wall() + Math.max(0, waitMs)
    return { failedAttempts: this.#failedAttempts, lastError: this.#lastError, retryAt }
  }

  succeeded(): void {
    this.#failedAttempts = 0
    this.#lastError = null
    this.#isMisconfigured = false
  }

  /** True: it is the first failure since it last went well. */
  waitFor(later: ForwardLater): boolean {
    const { code, message } = later
    this.#failedAttempts++
    this.#lastError = { at: this.#clock.wall(), code, message }
    this.#isMisconfigured = later.kind === 'misconfigured'
    this.#at = after(this.#clock.mono(), this.#delayMs(later))
    this.#timer = this.#clock.at(this.#at, () => {
      this.#timer = null
      this.#at = null
      this.#again()
    })
    return this.#failedAttempts === 1
  }

  #delayMs(later: ForwardLater): number {
    if (later.kind === 'misconfigured') return MISCONFIGURED_AGAIN_MS
    return later.retryAfterMs ?? growingWaitMs(this.#failedAttempts, this.#random.fraction())
  }

  /** Nothing is waited for any more. */
  cancel(): void {
    this[Symbol.dispose]()
    this.#timer = null
    this.#at = null
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }
}
