import type { Result } from './result'

/**
 * What a window of the desktop and its main process say to each other, beside the console's own protocol (`protocol.ts`), which travels through the same
 * bridge as text. Not part of the contract: a browser and the command line have no desktop.
 */
export const windowChannels = {
  /** Page to main, answered: opens the console line, closing the page's older one. */
  open: 'holdfast:open',
  /** Page to main: one text of the console's protocol. */
  say: 'holdfast:say',
  /** Main to page: a text, or null and the close code when the line is over. */
  hear: 'holdfast:hear',
  /** Page to main, answered: one operation of `desktopOperations`. */
  ask: 'holdfast:ask',
  /** Main to page: `desktopNews`. */
  news: 'holdfast:news',
} as const

/** The page of the window; every message has to come from there. */
export const WINDOW_SCHEME = 'app'
export const WINDOW_ORIGIN = 'app://holdfast'

/** What the preload script puts into the page as `window.holdfast`, frozen: texts and plain values, no Electron. */
export interface WindowBridge {
  /** As Node names it: `linux`, `darwin`, `win32`. */
  readonly platform: string
  /** False: there is no controller now; ask again later. `hear` gets texts, then once null and a close code. */
  open(hear: (text: string | null, code: number) => void): Promise<boolean>
  say(text: string): void
  ask(op: string, params: unknown): Promise<Result<unknown>>
  /** Each of `desktopNews`; one listener, the newest. */
  onNews(listener: (news: unknown) => void): void
}
