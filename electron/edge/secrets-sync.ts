import type { ModuleDocument } from '../../shared/model/documents'
import { failureOf } from '../../shared/model/failures'
import { secretValue } from '../../shared/model/secrets'
import { after } from '../../shared/model/time'
import { SECRETS_PER_REQUEST } from '../../shared/wire/secrets'
import { secretsOf } from '../core/documents/secret-use'
import { Rounds } from '../core/rounds'
import type { LinkSession } from '../link/link'
import type { Clock, Logger, NamedSecrets, Sealing } from '../platform/ports'

/** The first version of the link protocol that knows `secrets.read`. */
const VERSION_MIN = 3
const AGAIN_MS = 5_000

export interface SecretsSyncOptions {
  readonly edgeId: string
  readonly secrets: NamedSecrets
  readonly sealing: Sealing
  readonly clock: Clock
  readonly logger: Logger
  /** The modules of this edge by its copy of the documents. */
  modules(): readonly ModuleDocument[]
}

/** Keeps here what the modules of this edge need and the master knows, so that it is at hand without a link and after a restart. */
export class SecretsSync implements Disposable {
  readonly #options: SecretsSyncOptions
  readonly #rounds = new Rounds(() => this.#readAll())
  #session: LinkSession | null = null
  #again: Disposable | null = null
  #ended = false

  constructor(options: SecretsSyncOptions) {
    this.#options = options
  }

  linked(session: LinkSession): void {
    if (session.peer.version < VERSION_MIN) return
    this.#session = session
    void session.closed.then(() => {
      if (this.#session === session) this.#session = null
    })
    this.look()
  }

  /** Documents or secrets have changed. */
  look(): void {
    this.#again?.[Symbol.dispose]()
    this.#again = null
    if (this.#session === null) return
    this.#rounds.run().catch((error: unknown) => {
      const { clock, logger } = this.#options
      logger.log('debug', 'Secrets could not be read from the master', { reason: failureOf(error).message })
      this.#again?.[Symbol.dispose]()
      if (this.#ended || this.#session === null) return
      this.#again = clock.at(after(clock.mono(), AGAIN_MS), () => this.look())
    })
  }

  async #readAll(): Promise<void> {
    const { secrets, modules } = this.#options
    const session = this.#session
    if (session === null) return
    const names = secretsOf(modules()).filter((name) => secrets.own(name) === null)
    const given = new Map<string, string>()
    for (let first = 0; first < names.length; first += SECRETS_PER_REQUEST)
      for (const [name, value] of await this.#read(session, names.slice(first, first + SECRETS_PER_REQUEST)))
        given.set(name, value)
    if (this.#session === session) await secrets.give(given)
  }

  async #read(session: LinkSession, names: readonly string[]): Promise<[string, string][]> {
    const { edgeId, sealing } = this.#options
    const side = sealing()
    const { publicKey, sealed } = await session.request('secrets.read', {
      names: [...names],
      publicKey: side.publicKey,
    })
    const asked = new Set(names)
    return sealed
      .filter(({ name }) => asked.has(name))
      .map(({ name, box }) => [name, secretValue.parse(side.open(publicKey, [edgeId, name], box))])
  }

  [Symbol.dispose](): void {
    this.#ended = true
    this.#again?.[Symbol.dispose]()
    this.#session = null
  }
}
