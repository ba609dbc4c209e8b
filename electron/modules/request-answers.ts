import { HoldfastError } from '../../shared/model/failures'
import { after, type MonoMs } from '../../shared/model/time'
import type { Clock } from '../platform/ports'

const KEPT_MS = 5 * 60_000
const KEPT_MAX = 5_000
const KEPT_BYTES_MAX = 16 * 1024 * 1024

interface Kept {
  readonly fingerprint: string
  readonly until: MonoMs
  readonly answer: Promise<unknown>
  /** Of the settled answer as JSON; null: under way. */
  bytes: number | null
}

/**
 * First answers by request id, so that a repeated request does nothing twice. Kept for 5 minutes; beyond 5,000 answers or 16 MiB the oldest
 * settled ones go first. A request that was turned away, by what `run` throws at once or as `busy`, did nothing, and is not kept.
 */
export class RequestAnswers {
  readonly #clock: Clock
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  once(requestId: string, fingerprint: string, run: () => Promise<unknown>): Promise<unknown> {
    this.#drop()
    const known = this.#kept.get(requestId)
    if (known) {
      if (known.fingerprint === fingerprint) return known.answer
      return Promise.reject(new HoldfastError('conflict', 'This request id was used for another request.'))
    }
    if (this.#kept.size >= KEPT_MAX)
      return Promise.reject(new HoldfastError('busy', 'Too many requests are under way.', { retryAfterMs: 1_000 }))
    let answer: Promise<unknown>
    try {
      answer = run()
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
    const kept: Kept = { fingerprint, until: after(this.#clock.mono(), KEPT_MS), answer, bytes: null }
    this.#kept.set(requestId, kept)
    answer.then(
      (value) => {
        kept.bytes = value === undefined ? 0 : JSON.stringify(value).length
        this.#bytes += kept.bytes
      },
      (error: unknown) => {
        kept.bytes = 0
        if (error instanceof HoldfastError && error.code === 'busy') this.#kept.delete(requestId)
      },
    )
    return answer
  }

  #drop(): void {
    const now = this.#clock.mono()
    for (const [requestId, kept] of this.#kept) {
      const isTooMuch = this.#kept.size >= KEPT_MAX || this.#bytes > KEPT_BYTES_MAX
      if (kept.until > now && !isTooMuch) return
      if (kept.bytes === null) continue
      this.#bytes -= kept.bytes
      this.#kept.delete(requestId)
    }
  }
}
