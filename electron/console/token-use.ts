import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { failureOf } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'

/** Told no more exactly than this, and written no more often. */
export const TOKEN_USE_EXACT_TO_MS = 60_000
const stored = z.record(z.string().max(100), z.number())

export interface TokenUseOptions {
  readonly file: string
  readonly clock: Clock
  readonly logger: Logger
  /** Tokens there are: of others nothing is kept. */
  tokenIds(): readonly string[]
}

/**
 * When each token was used last, in a file of its own: a use is no change of an account, and the journal keeps every change. What a killed process had not
 * written yet is lost.
 */
export class TokenUse implements AsyncDisposable {
  readonly #options: TokenUseOptions
  readonly #usedAt: Map<string, number>
  #timer: Disposable | null = null
  #writing: Promise<void> = Promise.resolve()

  private constructor(options: TokenUseOptions, usedAt: Map<string, number>) {
    this.#options = options
    this.#usedAt = usedAt
  }

  /** A file that cannot be read is none: all there is to lose are instants. */
  static async open(options: TokenUseOptions): Promise<TokenUse> {
    const text = await readFile(options.file, 'utf8').catch(() => '{}')
    return new TokenUse(options, new Map(Object.entries(readable(text))))
  }

  used(tokenId: string): void {
    const { clock } = this.#options
    const at = Math.floor(clock.wall() / TOKEN_USE_EXACT_TO_MS) * TOKEN_USE_EXACT_TO_MS
    if (this.#usedAt.get(tokenId) === at) return
    this.#usedAt.set(tokenId, at)
    this.#timer ??= clock.at(after(clock.mono(), TOKEN_USE_EXACT_TO_MS), () => {
      this.#timer = null
      this.#writing = this.#writing.then(() => this.#write())
    })
  }

  /** Epoch ms, the beginning of the minute; null: never, as far as is known. */
  lastUsedAt(tokenId: string): number | null {
    return this.#usedAt.get(tokenId) ?? null
  }

  async #write(): Promise<void> {
    const { file, logger, tokenIds } = this.#options
    const known = new Set(tokenIds())
    for (const id of this.#usedAt.keys()) if (!known.has(id)) this.#usedAt.delete(id)
    const draft = `${file}.new`
    try {
      await writeFile(draft, JSON.stringify(Object.fromEntries(this.#usedAt)), { mode: 0o600 })
      await rename(draft, file)
    } catch (error) {
      logger.log('warn', 'It could not be written when tokens were used', { reason: failureOf(error).message })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isDue = this.#timer !== null
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    await this.#writing
    if (isDue) await this.#write()
  }
}

function readable(text: string): Record<string, number> {
  try {
    return stored.parse(JSON.parse(text))
  } catch {
    return {}
  }
}
