import { REQUEST_TIMEOUT_MS } from '../../shared/model/defaults'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { RequestName } from '../../shared/wire/requests'
import type { Clock } from '../platform/ports'
import type { Queued } from './send-queue'

/** Requests of ours without an answer. Beyond it, `busy`. */
export const PENDING_REQUESTS_MAX = 2_000

export interface RequestOptions {
  timeoutMs?: number
  signal?: AbortSignal
}

interface Pending {
  readonly name: RequestName
  settle(result: { value: unknown } | { error: HoldfastError }): void
  queued: Queued | null
}

/** Requests of this side that wait for their answer, by id. An entry is gone once it is answered, timed out, given up, or the link is lost. */
export class PendingRequests {
  readonly #clock: Pick<Clock, 'mono' | 'at'>
  readonly #pending = new Map<number, Pending>()
  #nextId = 1

  constructor(clock: Pick<Clock, 'mono' | 'at'>) {
    this.#clock = clock
  }

  get size(): number {
    return this.#pending.size
  }

  /** Rejects with `HoldfastError`: `busy`, `timeout`, `link-lost`, what `send` throws, or what the far side refused with. */
  start(
    name: RequestName,
    send: (id: number) => Queued,
    { timeoutMs = REQUEST_TIMEOUT_MS, signal }: RequestOptions = {},
  ): Promise<unknown> {
    if (signal?.aborted === true) return Promise.reject(givenUp(name, false))
    if (this.#pending.size >= PENDING_REQUESTS_MAX) {
      return Promise.reject(
        new HoldfastError('busy', `${PENDING_REQUESTS_MAX} requests already wait for an answer on this link`, {
          retryAfterMs: 1_000,
        }),
      )
    }
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const abort = () => this.#fail(id, (begun) => givenUp(name, begun))
      const deadline = this.#clock.at(after(this.#clock.mono(), timeoutMs), () =>
        this.#fail(
          id,
          (begun) =>
            new HoldfastError('timeout', `No answer to ${name} within ${timeoutMs} ms`, { outcomeUnknown: begun }),
        ),
      )
      signal?.addEventListener('abort', abort, { once: true })
      const pending: Pending = {
        name,
        queued: null,
        settle: (result) => {
          deadline[Symbol.dispose]()
          signal?.removeEventListener('abort', abort)
          if ('error' in result) reject(result.error)
          else resolve(result.value)
        },
      }
      this.#pending.set(id, pending)
      try {
        pending.queued = send(id)
      } catch (error) {
        this.#take(id)?.settle({
          error:
            error instanceof HoldfastError
              ? error
              : new HoldfastError('internal', 'The request could not be sent', { cause: error }),
        })
      }
    })
  }

  /** The name of the request that `id` answers; null if nobody waits for it (any more). */
  nameOf(id: number): RequestName | null {
    return this.#pending.get(id)?.name ?? null
  }

  resolve(id: number, value: unknown): void {
    this.#take(id)?.settle({ value })
  }

  reject(id: number, failure: Failure): void {
    const { code, message, ...more } = failure
    this.#take(id)?.settle({ error: new HoldfastError(code, message, more) })
  }

  linkLost(reason: string): void {
    for (const id of [...this.#pending.keys()]) {
      this.#fail(
        id,
        (begun) =>
          new HoldfastError('link-lost', `The link was lost before the answer: ${reason}`, { outcomeUnknown: begun }),
      )
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }

  #fail(id: number, why: (begun: boolean) => HoldfastError): void {
    const pending = this.#take(id)
    if (pending === undefined) return
    const begun = pending.queued?.begun ?? false
    pending.queued?.drop()
    pending.settle({ error: why(begun) })
  }
}

const givenUp = (name: string, begun: boolean) =>
  new HoldfastError('timeout', `${name} was given up`, { outcomeUnknown: begun })
