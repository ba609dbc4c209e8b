import type { OperationName, TopicName } from '../../shared/console/contract'
import { failureOf, type Failure } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'
import { openConsole, type ConsoleClient } from './client'
import type { Dispatch } from './operations'

/** Between two looks for a controller that is gone. */
const LOOK_EVERY_MS = 1_000

export interface AttachedOptions {
  readonly dataDir: string
  /** The OS user, for the audit of the controller. */
  readonly user: string
  readonly clock: Clock
  readonly log: Logger
  /** Came, or is gone. */
  changed(): void
}

/** The controller that owns a data directory in another process, found again whenever it is lost. */
export class AttachedController implements AsyncDisposable {
  readonly #options: AttachedOptions
  #client: ConsoleClient | null = null
  #dispatch: Dispatch | null = null
  #timer: Disposable | null = null
  #isEnded = false
  /** The look or the goodbye that runs now. */
  #work: Promise<void> = Promise.resolve()

  private constructor(options: AttachedOptions) {
    this.#options = options
  }

  /** Rejects with `NotReachable` and its like when there is none now. */
  static async attach(options: AttachedOptions): Promise<AttachedController> {
    const attached = new AttachedController(options)
    attached.#take(await openConsole({ ...options, face: 'desktop' }))
    return attached
  }

  /** Null while the controller is lost. */
  get dispatch(): Dispatch | null {
    return this.#dispatch
  }

  get role(): string | null {
    return this.#client?.controller?.role ?? null
  }

  #take(client: ConsoleClient): void {
    const { log } = this.#options
    this.#client = client
    this.#dispatch = dispatchTo(client)
    log.log('info', 'Attached to the controller that runs here', { pid: client.controller?.pid })
    void client.ended.then(({ message }) => {
      this.#client = null
      this.#dispatch = null
      if (this.#isEnded) return
      log.log('warn', 'The controller is lost', { reason: message })
      this.#lookLater()
      this.#options.changed()
    })
  }

  #lookLater(): void {
    const { clock } = this.#options
    this.#timer = clock.at(after(clock.mono(), LOOK_EVERY_MS), () => {
      this.#work = this.#look()
    })
  }

  async #look(): Promise<void> {
    try {
      const client = await openConsole({ ...this.#options, face: 'desktop' })
      if (this.#isEnded) return await client[Symbol.asyncDispose]()
      this.#take(client)
      this.#options.changed()
    } catch {
      if (!this.#isEnded) this.#lookLater()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true
    this.#timer?.[Symbol.dispose]()
    await this.#work
    await this.#client?.[Symbol.asyncDispose]()
  }
}

/** Roles and schemas are judged at the far side, which knows who asks by the key of the data directory. */
export function dispatchTo(client: Pick<ConsoleClient, 'call' | 'subscribe'>): Dispatch {
  return {
    async call(op, params) {
      try {
        return { ok: true, value: await client.call(op as OperationName, params as never) }
      } catch (error) {
        return { ok: false, ...failureOf(error) }
      }
    },
    subscribe(topic, params, _caller, listener, ended) {
      try {
        const handlers = { body: listener, ended: (failure: Failure) => ended?.(failure) }
        return { ok: true, value: client.subscribe(topic as TopicName, params as never, handlers) }
      } catch (error) {
        return { ok: false, ...failureOf(error) }
      }
    },
  }
}
