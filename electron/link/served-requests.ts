import type { Side } from '../../shared/model/control'
import { failureOf, type Failure } from '../../shared/model/failures'
import { requestSchemas, type RequestInput, type RequestName, type RequestResult } from '../../shared/wire/requests'
import type { Logger } from '../platform/ports'

/** Requests of the far side in work at once. Beyond it they are answered `busy`. */
export const SERVED_REQUESTS_MAX = 2_000

export type Answer = { kind: 'result'; id: number; value: unknown } | { kind: 'failure'; id: number; failure: Failure }

export interface ServedRequestsOptions {
  side: Side
  logger: Logger
  handle<N extends RequestName>(name: N, params: RequestInput<N>): Promise<RequestResult<N>>
  /** Sends an answer. Throws `HoldfastError` when a result cannot be sent; a failure is always taken. */
  answer(answer: Answer): void
}

/** Requests of the far side: checked, handed on, answered exactly once each. */
export class ServedRequests {
  readonly #options: ServedRequestsOptions
  readonly #serving = new Set<number>()

  constructor(options: ServedRequestsOptions) {
    this.#options = options
  }

  serve(id: number, name: string, params: unknown): void {
    const failure = this.#refusalOf(id, name)
    if (failure !== null) return this.#options.answer({ kind: 'failure', id, failure })
    const known = name as RequestName
    const read = requestSchemas[known].params.safeParse(params)
    if (!read.success) return this.#options.answer({ kind: 'failure', id, failure: malformed(name, read.error) })
    this.#serving.add(id)
    void this.#answer(id, known, read.data)
  }

  #refusalOf(id: number, name: string): Failure | null {
    if (!Object.hasOwn(requestSchemas, name)) return unknownName('request', name)
    if (requestSchemas[name as RequestName].servedBy !== this.#options.side)
      return { code: 'refused', message: `${name} is not served by this side` }
    if (this.#serving.has(id)) return { code: 'invalid', message: `Request number ${id} is being served already` }
    if (this.#serving.size >= SERVED_REQUESTS_MAX)
      return { code: 'busy', message: 'Too many requests at once', retryAfterMs: 1_000 }
    return null
  }

  async #answer(id: number, name: RequestName, params: unknown): Promise<void> {
    const { handle, answer, logger } = this.#options
    try {
      const value = await handle(name, params as never)
      this.#serving.delete(id)
      answer({ kind: 'result', id, value })
    } catch (error) {
      this.#serving.delete(id)
      const failure = failureOf(error)
      if (failure.code === 'internal') logger.log('error', 'A request over the link failed', { name, error })
      answer({ kind: 'failure', id, failure })
    }
  }
}

export const unknownName = (what: string, name: string): Failure => ({
  code: 'refused',
  message: `Unknown ${what} "${name}"`,
  hint: 'The two sides may be of different versions.',
})

/** Says where and what, never the value: it may be a secret. */
export function malformed(
  what: string,
  error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] },
): Failure {
  const problems = error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.length === 0 ? '' : `${path.map(String).join('.')}: `}${message}`)
  return { code: 'invalid', message: `${what} is malformed: ${problems.join('; ')}`.slice(0, 1_000) }
}
