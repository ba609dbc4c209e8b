import type { DesktopView } from '../../shared/console/desktop'
import { failureOf } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'
import type { DesktopMemory } from './memory'

export type UpdateView = DesktopView['update']

/** After the start, when there is nothing better to do, and then once a day. */
const FIRST_LOOK_MS = 60_000
const LOOK_EVERY_MS = 24 * 3_600_000

/** The part of `electron-updater` that is used. */
export interface Updater {
  autoDownload: boolean
  autoInstallOnAppQuit: boolean
  channel: string | null
  allowDowngrade: boolean
  logger: unknown
  checkForUpdates(): Promise<unknown>
  downloadUpdate(): Promise<unknown>
  quitAndInstall(isSilent?: boolean, isForceRunAfter?: boolean): void
  on(event: string, listener: (info: { version?: string; percent?: number }) => void): unknown
}

export interface UpdatesOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly memory: DesktopMemory
  /** Why there are none; null: loaded when first needed. */
  readonly off: string | null
  load(): Promise<Updater>
  changed(view: UpdateView): void
}

/**
 * Looks for a newer version of the chosen channel and says so in the settings, nowhere else. Fetches and installs only when asked; a version that was skipped is
 * not mentioned again.
 */
export class Updates implements Disposable {
  readonly #options: UpdatesOptions
  #updater: Promise<Updater> | null = null
  #timer: Disposable | null = null
  #view: UpdateView

  constructor(options: UpdatesOptions) {
    this.#options = options
    const isOff = options.off !== null
    this.#view = { state: isOff ? 'off' : 'unknown', version: null, reason: options.off, percent: null }
    if (!isOff) this.#lookIn(FIRST_LOOK_MS)
  }

  /** A version that was skipped does not show as available. */
  get view(): UpdateView {
    const { skippedVersion } = this.#options.memory.settings
    const isSkipped = this.#view.state === 'available' && this.#view.version === skippedVersion
    return isSkipped ? { ...this.#view, state: 'none' } : this.#view
  }

  async check(): Promise<void> {
    await this.#with('checking', async (updater) => {
      updater.channel = this.#options.memory.settings.updateChannel
      updater.allowDowngrade = false
      await updater.checkForUpdates()
    })
  }

  async fetch(): Promise<void> {
    if (this.#view.state === 'available') await this.#with('fetching', (updater) => updater.downloadUpdate())
  }

  /** For the end of the program, after the controller has stopped. */
  async install(): Promise<void> {
    if (this.#view.state === 'ready') (await this.#updater)?.quitAndInstall(false, true)
  }

  async #with(state: UpdateView['state'], work: (updater: Updater) => Promise<unknown>): Promise<void> {
    if (this.#view.state === 'off') return
    try {
      this.#updater ??= this.#options.load().then((updater) => this.#prepare(updater))
      const updater = await this.#updater
      this.#set({ state, reason: null, percent: null })
      await work(updater)
    } catch (error) {
      const { message } = failureOf(error)
      this.#options.log.log('info', 'No look at updates', { message })
      this.#set({ state: 'failed', reason: message })
    }
  }

  #prepare(updater: Updater): Updater {
    updater.autoDownload = false
    updater.autoInstallOnAppQuit = false
    updater.logger = null
    updater.on('update-available', ({ version = null }) => this.#set({ state: 'available', version }))
    updater.on('update-not-available', () => this.#set({ state: 'none', version: null }))
    updater.on('download-progress', ({ percent = null }) => this.#set({ state: 'fetching', percent }))
    updater.on('update-downloaded', ({ version = null }) => this.#set({ state: 'ready', version, percent: null }))
    // Told by the rejection of what was asked; without a listener it would end the process.
    updater.on('error', () => {})
    return updater
  }

  #set(change: Partial<UpdateView>): void {
    this.#view = { ...this.#view, ...change }
    this.#options.changed(this.view)
  }

  #lookIn(ms: number): void {
    const { clock } = this.#options
    this.#timer = clock.at(after(clock.mono(), ms), () => {
      void this.check()
      this.#lookIn(LOOK_EVERY_MS)
    })
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }
}
