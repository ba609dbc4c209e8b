import { REQUEST_TIMEOUT_MS } from '../../shared/model/defaults'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import type { Json } from './contract'
import type { FromHost, ToHost } from './host-messages'

const PER_MODULE_MAX = 32
const ALL_MAX = 1_000

export interface ModuleCall {
  readonly id: string
  readonly method: string
  readonly args: Record<string, Json>
  readonly epoch: number
  readonly changesDevice: boolean
  readonly timeoutMs: number | undefined
}

interface UnderWay {
  readonly host: number
  readonly id: string
  settle(result: { value: unknown } | { error: HoldfastError }): void
}

/** Method calls that wait for their host's answer. */
export class ModuleCalls {
  readonly #clock: Clock
  readonly #send: (host: number, message: ToHost) => void
  readonly #underWay = new Map<number, UnderWay>()
  readonly #perModule = new Map<string, number>()
  #lastCall = 0

  constructor(clock: Clock, send: (host: number, message: ToHost) => void) {
    this.#clock = clock
    this.#send = send
  }

  async run(host: number, work: ModuleCall): Promise<unknown> {
    const { id, method, args, epoch, changesDevice } = work
    const busy = this.#perModule.get(id) ?? 0
    if (busy >= PER_MODULE_MAX || this.#underWay.size >= ALL_MAX)
      throw new HoldfastError('busy', 'Too many calls are under way.', { retryAfterMs: 1_000 })
    const call = ++this.#lastCall
    const timeoutMs = work.timeoutMs ?? REQUEST_TIMEOUT_MS
    this.#perModule.set(id, busy + 1)
    return new Promise((resolve, reject) => {
      const timer = this.#clock.at(after(this.#clock.mono(), timeoutMs), () => {
        this.#send(host, { type: 'cancel', call })
        const message = `No answer within ${timeoutMs} ms.`
        settle({ error: new HoldfastError('timeout', message, { outcomeUnknown: changesDevice }) })
      })
      const settle: UnderWay['settle'] = (result) => {
        if (!this.#underWay.delete(call)) return
        timer[Symbol.dispose]()
        const left = (this.#perModule.get(id) ?? 1) - 1
        if (left > 0) this.#perModule.set(id, left)
        else this.#perModule.delete(id)
        if ('error' in result) reject(withOutcome(result.error, changesDevice))
        else resolve(result.value)
      }
      this.#underWay.set(call, { host, id, settle })
      this.#send(host, { type: 'execute', call, id, method, args, epoch })
    })
  }

  answered(host: number, answer: Extract<FromHost, { type: 'answer' }>): void {
    const call = this.#underWay.get(answer.call)
    // A host may answer its own calls only.
    if (!call || call.host !== host) return
    call.settle(answer.ok ? { value: answer.value } : { error: errorOf(answer.failure) })
  }

  hostEnded(host: number): void {
    const error = new HoldfastError('unreachable', 'The module ended before it answered.', { outcomeUnknown: true })
    for (const call of [...this.#underWay.values()]) if (call.host === host) call.settle({ error })
  }

  moduleEnded(id: string): void {
    const error = new HoldfastError('unreachable', 'The module ended before it answered.', { outcomeUnknown: true })
    for (const call of [...this.#underWay.values()]) if (call.id === id) call.settle({ error })
  }
}

export const errorOf = (failure: Failure) => new HoldfastError(failure.code, failure.message, failure)

/** A method that only reads leaves no doubt behind. */
function withOutcome(error: HoldfastError, changesDevice: boolean): HoldfastError {
  if (changesDevice || !error.outcomeUnknown) return error
  return new HoldfastError(error.code, error.message, { ...error.toFailure(), outcomeUnknown: false })
}
