import { WINDOW_ORIGIN } from '../../shared/console/window-bridge'

// What pages of a window may do, decided without Electron.

/** Places a person may be sent to, in the browser of the system: the product's own pages and nothing a page could make up. */
const externalHosts = ['holdfast.example', 'docs.holdfast.example']

export function mayOpenExternal(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname, username, password, port } = new URL(url)
  return protocol === 'https:' && externalHosts.includes(hostname) && port === '' && username === '' && password === ''
}

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
