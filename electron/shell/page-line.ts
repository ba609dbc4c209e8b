import { ipcMain, type IpcMainEvent, type IpcMainInvokeEvent, type WebContents } from 'electron'
import { z } from 'zod'
import {
  DESKTOP_BYTES_MAX,
  desktopOperations,
  type DesktopNews,
  type DesktopOperation,
  type DesktopView,
} from '../../shared/console/desktop'
import { CONSOLE_KEY_BYTES_MAX } from '../../shared/console/protocol'
import type { Result } from '../../shared/console/result'
import { windowChannels } from '../../shared/console/window-bridge'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { Logger } from '../platform/ports'
import { isFromWindow } from './guarding'
import type { PageLine, ShellParts } from './host'

export interface PageLineOptions {
  readonly log: Logger
  readonly openLine: ShellParts['openLine']
  perform(op: DesktopOperation, params: unknown): Promise<DesktopView>
  /** The page is there and listens. */
  opened(): void
}

const sayText = z.string().max(CONSOLE_KEY_BYTES_MAX)

/** The channels of the one window: who sends is checked on each of them, then what. */
export class PageLines implements Disposable {
  readonly #options: PageLineOptions
  #page: WebContents | null = null
  #line: PageLine | null = null

  constructor(options: PageLineOptions) {
    this.#options = options
    ipcMain.handle(windowChannels.open, (event) => this.#open(event))
    ipcMain.on(windowChannels.say, (event, text: unknown) => this.#say(event, text))
    ipcMain.handle(windowChannels.ask, (event, op: unknown, params: unknown) => this.#ask(event, op, params))
  }

  /** From now on this page is heard, and no other. Null: none is. */
  serve(page: WebContents | null): void {
    this.#end()
    this.#page = page
    // A document that goes takes its line with it; the next one opens its own.
    page?.on('did-navigate', () => this.#end())
    page?.once('destroyed', () => {
      if (this.#page === page) this.serve(null)
    })
  }

  tell(news: DesktopNews): void {
    this.#send(windowChannels.news, news)
  }

  /** The controller is gone: the page hears of it at once. */
  hangUp(code: number): void {
    if (this.#line === null) return
    this.#end()
    this.#send(windowChannels.hear, null, code)
  }

  #open(event: IpcMainInvokeEvent): boolean {
    this.#refuseStrangers(event, windowChannels.open)
    this.#end()
    const line = this.#options.openLine({
      send: (text) => this.#send(windowChannels.hear, text, 0),
      closed: (code) => {
        this.#line = null
        this.#send(windowChannels.hear, null, code)
      },
    })
    this.#line = line
    this.#options.opened()
    return line !== null
  }

  #say(event: IpcMainEvent, text: unknown): void {
    if (!this.#isKnown(event)) return this.#note(windowChannels.say, 'an unknown sender')
    const said = sayText.safeParse(text)
    if (said.success) this.#line?.receive(said.data)
    else this.#note(windowChannels.say, 'no text, or too long')
  }

  async #ask(event: IpcMainInvokeEvent, op: unknown, params: unknown): Promise<Result<DesktopView>> {
    this.#refuseStrangers(event, windowChannels.ask)
    try {
      const name = desktopOperationOf(op)
      if (JSON.stringify(params ?? {}).length > DESKTOP_BYTES_MAX)
        throw new HoldfastError('too-large', 'The parameters are too long.')
      const parsed = desktopOperations[name].safeParse(params ?? {})
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        throw new HoldfastError('invalid', `${issue?.path.join('.') || 'parameters'}: ${issue?.message ?? 'not valid'}`)
      }
      return { ok: true, value: await this.#options.perform(name, parsed.data) }
    } catch (error) {
      return { ok: false, ...failureOf(error) }
    }
  }

  #isKnown(event: IpcMainEvent | IpcMainInvokeEvent): boolean {
    return isFromWindow(event, this.#page?.id ?? null)
  }

  #refuseStrangers(event: IpcMainInvokeEvent, channel: string): void {
    if (this.#isKnown(event)) return
    this.#note(channel, 'an unknown sender')
    throw new Error('refused')
  }

  #note(channel: string, why: string): void {
    this.#options.log.log('warn', 'A message to the main process was refused', { channel, why })
  }

  #send(channel: string, ...args: unknown[]): void {
    if (this.#page !== null && !this.#page.isDestroyed()) this.#page.send(channel, ...args)
  }

  #end(): void {
    const line = this.#line
    this.#line = null
    line?.end()
  }

  [Symbol.dispose](): void {
    this.serve(null)
    ipcMain.removeHandler(windowChannels.open)
    ipcMain.removeHandler(windowChannels.ask)
    ipcMain.removeAllListeners(windowChannels.say)
  }
}

function desktopOperationOf(op: unknown): DesktopOperation {
  if (typeof op === 'string' && Object.hasOwn(desktopOperations, op)) return op as DesktopOperation
  throw new HoldfastError('not-found', 'There is no such operation of the desktop.')
}
