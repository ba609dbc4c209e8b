interface Leaving {
  close(code: number, reason: string): void
  terminate(): void
}

/** Says goodbye on all of these WebSockets. The far side may be gone or stopped: its answer gets one turn, not a deadline of its own. */
export function sayGoodbye(sockets: Iterable<Leaving>, code: number, reason: string): void {
  const all = [...sockets]
  for (const socket of all) socket.close(code, reason)
  setImmediate(() => {
    for (const socket of all) socket.terminate()
  })
}
