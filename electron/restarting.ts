import { compose, type ComposeOptions, type Controller } from './compose'

export interface RestartingOptions {
  readonly compose: Omit<ComposeOptions, 'restart' | 'resumeKey'>
  /** Between two controllers there is none, and then there is another one. */
  changed(): void
  /** The next controller did not start: there is none from now on. */
  failed(error: unknown): void
}

/** The controller of one process through the restart that the first run asks for: the same process goes on as what was chosen, under the same address. */
export class RestartingController {
  readonly #options: RestartingOptions
  /** Settles with the exit code when the last controller has ended. */
  readonly ended: Promise<number>
  readonly #resolve: (code: number) => void
  #controller: Controller | null = null
  #restart: Promise<void> = Promise.resolve()
  #isStopped = false

  private constructor(options: RestartingOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<number>()
    this.ended = promise
    this.#resolve = resolve
  }

  /** Rejects as `compose` does. */
  static async start(options: RestartingOptions): Promise<RestartingController> {
    const restarting = new RestartingController(options)
    restarting.#controller = await restarting.#run({})
    return restarting
  }

  /** Null: one has stopped and the next one is not there yet, or did not start. */
  get current(): Controller | null {
    return this.#controller
  }

  /** Settles when none runs and none will. Safe to call twice. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#restart
    await this.#controller?.stop()
  }

  async #run({ resumeKey, consolePort }: { resumeKey?: string; consolePort?: number }): Promise<Controller> {
    const { overrides } = this.#options.compose
    const started = await compose({
      ...this.#options.compose,
      overrides: { ...overrides, ...(consolePort === undefined ? {} : { consolePort }) },
      restart: (key) => {
        if (!this.#isStopped && this.#controller === started) this.#restart = this.#again(started, key)
      },
      ...(resumeKey === undefined ? {} : { resumeKey }),
    })
    void started.ended.then((code) => {
      if (started === this.#controller) this.#resolve(code)
    })
    return started
  }

  async #again(before: Controller, resumeKey: string): Promise<void> {
    const { consolePort } = before
    this.#controller = null
    this.#options.changed()
    try {
      await before.stop()
      if (this.#isStopped) return this.#resolve(0)
      this.#controller = await this.#run({ resumeKey, consolePort })
      this.#options.changed()
    } catch (error) {
      this.#options.failed(error)
      this.#resolve(1)
    }
  }
}
