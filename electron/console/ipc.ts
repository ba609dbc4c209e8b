import { closeCodes, CONSOLE_KEY_BYTES_MAX } from '../../shared/console/protocol'
import { serveConsole, type ConsolePeerOptions } from './peer'

export interface ConsoleWindowOptions extends Omit<ConsolePeerOptions, 'line'> {
  /** To the page. */
  send(text: string): void
  /** The controller's side has ended the line; the page may open another one. */
  closed(code: number): void
}

export interface ConsoleWindow {
  receive(text: string): void
  /** The page is gone, or has opened another line. */
  end(): void
}

/** A console in a window of this desktop. What the page says was found to come from our own page before it gets here; it is judged all the same. */
export function serveWindow({ send, closed, ...options }: ConsoleWindowOptions): ConsoleWindow {
  let isOpen = true
  const end = (): void => {
    if (!isOpen) return
    isOpen = false
    peer.ended()
  }
  const close = (code: number): void => {
    if (!isOpen) return
    end()
    closed(code)
  }
  const peer = serveConsole({
    ...options,
    line: {
      send: (text) => {
        if (isOpen) send(text)
      },
      // A page takes what it is sent: the channel has no window of its own, and a page that hangs falls silent.
      unsentBytes: () => 0,
      close,
      terminate: () => close(closeCodes.silent),
    },
  })
  return {
    receive(text) {
      if (!isOpen) return
      if (text.length > CONSOLE_KEY_BYTES_MAX) close(closeCodes.tooLarge)
      else peer.receive(text)
    },
    end,
  }
}
