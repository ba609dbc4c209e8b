import type { RawData, WebSocket } from 'ws'
import { serveConsole, type ConsolePeerOptions } from './peer'

export interface ConsoleSocketOptions extends Omit<ConsolePeerOptions, 'line'> {
  readonly socket: WebSocket
}

/** A console at the far end of a WebSocket. Ends with the socket; `closed` settles when nothing of it is left. */
export function serveSocket({ socket, ...options }: ConsoleSocketOptions): { closed: Promise<void> } {
  const { log, caller } = options
  const peer = serveConsole({
    ...options,
    line: {
      send: (text) => {
        if (socket.readyState === socket.OPEN) socket.send(text)
      },
      unsentBytes: () => socket.bufferedAmount,
      close: (code, reason) => socket.close(code, reason),
      terminate: () => socket.terminate(),
    },
  })
  socket.on('message', (data: RawData, isBinary) => peer.receive(isBinary ? null : (data as Buffer).toString('utf8')))
  // `ws` closes the connection itself (1009 for an oversized frame); without a listener the error would end the process.
  socket.on('error', (error) =>
    log.log('info', 'console connection failed', { actor: caller.actor, message: error.message }),
  )
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      peer.ended()
      resolve()
    })
  })
  return { closed }
}
