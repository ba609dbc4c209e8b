import type { Dispatch, Caller } from '../console/operations'
import type { Clock, Logger } from '../platform/ports'

/** The controller behind the window: one of this process, or one that runs on its own and may be lost. */
export interface ControllerHost {
  readonly kind: 'own' | 'attached'
  /** Null: lost; one of this process starts again. */
  dispatch(): Dispatch | null
  /** Calls when it is gone and when it is back. */
  onChange(listener: () => void): void
  /** The machine was asleep. */
  slept(): void
  /** Lets go of it in order; one of this process has ended then. Safe to call twice. */
  stop(): Promise<void>
}

/** One line between a page and the controller, as the console serves it. */
export interface PageLine {
  receive(text: string): void
  end(): void
}

/** Everything the shell gets from `main.ts`, which alone knows both sides. */
export interface ShellParts {
  readonly clock: Clock
  readonly log: Logger
  readonly host: ControllerHost
  /** Who sits here: the person of this desktop, with all rights on this controller. */
  readonly caller: Caller
  openLine(options: { send(text: string): void; closed(code: number): void }): PageLine | null
  /** The answer of the page's folder to a path, with all headers. */
  readPage(
    urlPath: string,
  ): Promise<{ status: number; headers: Readonly<Record<string, string>>; body: Buffer | string }>
  /** Folder of what is shipped unchanged: images. */
  readonly resourcesDir: string
  readonly preloadPath: string
  /** Folder for what this desktop remembers. */
  readonly userDir: string
  /** Starts a further copy of this program at login: executable and arguments. */
  readonly command: { readonly executable: string; readonly args: readonly string[] }
  /** Opened by the system at login: no window until somebody asks for one. */
  readonly startsHidden: boolean
  readonly secrets: { readonly backend: string; readonly isProtected: boolean }
  readonly environment: Readonly<Record<string, string | undefined>>
}
