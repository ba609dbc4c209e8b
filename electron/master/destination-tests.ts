import type { OperationOutput } from '../../shared/console/contract'
import type { ForwarderDocument } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { MonoMs } from '../../shared/model/time'
import { forwardRequest, forwardSignals, type ForwardEncoder } from './forward-request'
import type { SendForward } from '../forwarding/forwarding'
import type { Clock } from '../platform/ports'

const TESTS_A_MINUTE = 5
const MINUTE_MS = 60_000

export interface DestinationTestsOptions {
  readonly clock: Clock
  readonly encoder: ForwardEncoder
  readonly send: SendForward
  secret(name: string): string | null
}

/** Asks a destination whether it would take what is forwarded: with what is sent by, and nothing in it. */
export class DestinationTests {
  readonly #options: DestinationTestsOptions
  #lately: MonoMs[] = []

  constructor(options: DestinationTestsOptions) {
    this.#options = options
  }

  /** Throws `rate-limited`. */
  async run(document: ForwarderDocument, signal: AbortSignal): Promise<OperationOutput<'forwarding.test'>> {
    this.#requirePace()
    const { clock, encoder, send, secret } = this.#options
    const { categories, compression } = document
    const sought = new Set(categories.map((category) => encoder.signalOf(category)))
    const results: OperationOutput<'forwarding.test'>['signals'] = []
    for (const each of forwardSignals.filter((one) => sought.has(one))) {
      const beganAt = clock.mono()
      const { body } = await encoder.encode(each, [], { id: '', name: '' }, compression)
      const request = forwardRequest(document, each, body, secret)
      const answer = 'kind' in request ? request : await send(request, signal)
      const durationMs = Math.round(clock.mono() - beganAt)
      const isTaken = answer.kind === 'taken'
      const { message } = answer
      results.push({
        signal: each,
        delivered: isTaken,
        code: isTaken ? 'ok' : answer.code,
        answer: message,
        durationMs,
      })
    }
    return { delivered: results.every(({ delivered }) => delivered), signals: results }
  }

  #requirePace(): void {
    const now = this.#options.clock.mono()
    this.#lately = this.#lately.filter((at) => now - at < MINUTE_MS)
    const [first] = this.#lately
    if (first !== undefined && this.#lately.length >= TESTS_A_MINUTE)
      throw new HoldfastError('rate-limited', `At most ${TESTS_A_MINUTE} tests of a destination a minute.`, {
        retryAfterMs: MINUTE_MS - (now - first),
      })
    this.#lately.push(now)
  }
}
