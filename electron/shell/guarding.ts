import { WINDOW_ORIGIN } from '../../shared/console/window-bridge'

// What pages of a window may do, decided without Electron.

/** Addresses a person may be sent to, in the browser of the system, each as a whole: the product's home as package.json names it. Another one is added with its link. */
const externalPages: ReadonlySet<string> = new Set(['https://holdfast.example/'])

export const mayOpenExternal = (url: string): boolean => URL.canParse(url) && externalPages.has(new URL(url).href)

/** True for addresses of our own page. Electron gives `app:` addresses no origin of their own in every place, hence the text. */
export const isOwnPage = (url: string): boolean => url === WINDOW_ORIGIN || url.startsWith(`${WINDOW_ORIGIN}/`)

/** What is allowed beside nothing: buttons that copy write to the clipboard, on a click. */
export const mayUse = (permission: string, url: string): boolean =>
  permission === 'clipboard-sanitized-write' && isOwnPage(url)

/** The parts of an event of `ipcMain` that say where a message came from. */
export interface Sender {
  readonly sender: { readonly id: number }
  /** Null: the frame is gone by now. */
  readonly senderFrame: { readonly url: string; readonly parent: unknown } | null
}

/** Only the main frame of our own window, while it shows our own page. */
export function isFromWindow({ sender, senderFrame }: Sender, windowId: number | null): boolean {
  if (windowId === null || sender.id !== windowId || senderFrame === null) return false
  return senderFrame.parent === null && isOwnPage(senderFrame.url)
}
