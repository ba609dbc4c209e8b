import { HoldfastError } from '../../shared/model/failures'
import type { MonoMs } from '../../shared/model/time'
import { PUSH_BATCH_ENTRIES, PUSH_QUOTA_PER_MINUTE } from '../core/replication/push-state'

const BATCH_EVERY_MS = 60_000 / PUSH_QUOTA_PER_MINUTE
/** Edges that drain at once. The others keep to their quota until one is done. */
export const DRAINS_MAX = 16
/** An edge that drains and says nothing for this long makes room. */
const DRAIN_SILENT_MS = 60_000
/** One more than the edge allows itself: the two clocks do not tick alike, and a batch may have waited on its way. */
const BURST = PUSH_QUOTA_PER_MINUTE + 10

interface Account {
  tokens: number
  at: MonoMs
}

/** Quota per edge: 60 batches a minute, and more while it drains a backlog with leave. */
export class IngestPace {
  readonly #accounts = new Map<string, Account>()
  /** When each draining edge was heard last. */
  readonly #draining = new Map<string, MonoMs>()

  /** Throws `rate-limited` with the time until the next batch may come. */
  admit(edgeId: string, pendingEntries: number, now: MonoMs): void {
    if (this.#draining.has(edgeId)) {
      if (pendingEntries === 0) this.#draining.delete(edgeId)
      else this.#draining.set(edgeId, now)
      return
    }
    if (pendingEntries > PUSH_BATCH_ENTRIES) this.#offer(edgeId, now)
    if (this.#draining.has(edgeId)) return
    const account = this.#accounts.get(edgeId) ?? { tokens: BURST, at: now }
    const tokens = Math.min(BURST, account.tokens + (now - account.at) / BATCH_EVERY_MS)
    if (tokens < 1) {
      this.#accounts.set(edgeId, { tokens, at: now })
      throw new HoldfastError('rate-limited', `At most ${PUSH_QUOTA_PER_MINUTE} batches a minute`, {
        retryAfterMs: Math.ceil((1 - tokens) * BATCH_EVERY_MS),
      })
    }
    this.#accounts.set(edgeId, { tokens: tokens - 1, at: now })
  }

  isDraining(edgeId: string): boolean {
    return this.#draining.has(edgeId)
  }

  grant(edgeId: string, now: MonoMs): void {
    this.#draining.set(edgeId, now)
  }

  #offer(edgeId: string, now: MonoMs): void {
    if (this.#draining.size >= DRAINS_MAX) {
      for (const [other, heardAt] of this.#draining) if (now - heardAt > DRAIN_SILENT_MS) this.#draining.delete(other)
    }
    if (this.#draining.size < DRAINS_MAX) this.#draining.set(edgeId, now)
  }
}
