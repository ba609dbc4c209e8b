import { z } from 'zod'
import { failureOf } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import { ACCESS_TOKENS_MAX, accessToken, API_SINCE_VERSION, type AccessToken } from '../../shared/wire/api'
import type { Caller } from '../console/operations'
import { Rounds } from '../core/rounds'
import type { LinkSession } from '../link/link'
import type { Clock, Logger, Secrets } from '../platform/ports'

const AGAIN_MS = 5_000
const NAME = 'api/access'

const kept = z.object({ edgeId: z.string(), tokens: z.array(accessToken).max(ACCESS_TOKENS_MAX) })

export interface AccessSyncOptions {
  readonly secrets: Secrets
  readonly clock: Clock
  readonly logger: Logger
  /** In lower-case hex. */
  digestOf(token: string): string
}

/**
 * Which tokens the master knows, kept here so that clients of this site are served without a link and after a restart. A token that is revoked while there is no
 * link is good here until there is one, or until it expires.
 */
export class AccessSync implements Disposable {
  readonly #options: AccessSyncOptions
  readonly #rounds = new Rounds(() => this.#read())
  #byDigest: ReadonlyMap<string, AccessToken> = new Map()
  #edgeId: string | null = null
  #session: LinkSession | null = null
  #again: Disposable | null = null
  #ended = false

  constructor(options: AccessSyncOptions) {
    this.#options = options
  }

  /** What was kept for this edge; for another one nothing. */
  async begin(edgeId: string): Promise<void> {
    if (this.#edgeId === edgeId) return
    this.#edgeId = edgeId
    this.#byDigest = new Map()
    const { secrets, logger } = this.#options
    try {
      const text = await secrets.get(NAME)
      const found = text === null ? null : kept.parse(JSON.parse(text))
      if (found?.edgeId === edgeId && this.#edgeId === edgeId && this.#byDigest.size === 0) this.#take(found.tokens)
    } catch (error) {
      // They come again with the next link.
      logger.log('warn', 'The tokens of clients that were kept cannot be read', { reason: failureOf(error).message })
    }
  }

  linked(session: LinkSession): void {
    if (session.peer.version < API_SINCE_VERSION) return
    this.#session = session
    void session.closed.then(() => {
      if (this.#session === session) this.#session = null
    })
    this.look()
  }

  /** Accounts have changed at the master. */
  look(): void {
    this.#again?.[Symbol.dispose]()
    this.#again = null
    if (this.#session === null || this.#ended) return
    this.#rounds.run().catch((error: unknown) => {
      const { clock, logger } = this.#options
      logger.log('debug', 'Tokens of clients could not be read from the master', { reason: failureOf(error).message })
      this.#again?.[Symbol.dispose]()
      if (this.#ended || this.#session === null) return
      this.#again = clock.at(after(clock.mono(), AGAIN_MS), () => this.look())
    })
  }

  /** Whose token it is, by what is known here at each moment; null: none of ours. */
  caller(token: string): Caller | null {
    const digest = this.#options.digestOf(token)
    const found = this.#valid(digest)
    if (found === null) return null
    const { userId, tokenId } = found
    const valid = (): AccessToken | null => this.#valid(digest)
    return {
      ...{ actor: `user:${userId}`, userId, tokenId, via: 'api' },
      get role() {
        return valid()?.role ?? 'anonymous'
      },
      get edgeAdminAs() {
        return valid()?.isWhole === true ? userId : undefined
      },
    }
  }

  [Symbol.dispose](): void {
    this.#ended = true
    this.#again?.[Symbol.dispose]()
    this.#session = null
  }

  #valid(digest: string): AccessToken | null {
    const found = this.#byDigest.get(digest)
    if (found === undefined) return null
    return found.expiresAt === null || found.expiresAt > this.#options.clock.wall() ? found : null
  }

  async #read(): Promise<void> {
    const session = this.#session
    const edgeId = this.#edgeId
    if (session === null || edgeId === null) return
    const { tokens } = await session.request('access.read', {})
    if (this.#session !== session || this.#edgeId !== edgeId) return
    this.#take(tokens)
    await this.#options.secrets.set(NAME, JSON.stringify({ edgeId, tokens }))
  }

  #take(tokens: readonly AccessToken[]): void {
    this.#byDigest = new Map(tokens.map((token) => [token.digest, token]))
  }
}
