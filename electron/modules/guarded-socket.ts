import { Socket } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
import type { Gate } from './contract'

const CONNECT_MS = 5_000

type Done = (error?: Error | null) => void

/** A TCP socket that asks the gate before every chunk it gives to the system, also for chunks that waited in its own buffer. */
class GuardedSocket extends Socket {
  readonly #gate: Gate

  constructor(gate: Gate) {
    super()
    this.#gate = gate
    // A driver that listens for `close` only is not to be ended by an error event that nobody hears.
    this.on('error', () => {})
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    this.#send(() => super._write(chunk, encoding, done), done)
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Done): void {
    this.#send(() => super._writev?.(chunks, done), done)
  }

  #send(send: () => void, done: Done): void {
    try {
      this.#gate.write(send)
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** Ends a socket so that nothing buffered leaves any more, neither here nor in the system's own buffer. */
export function cutOff(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}

/** Opens a guarded connection. `opened` gets the socket at once, so that it can be cut off while it still connects. */
export function connectTcp(
  options: { host: string; port: number; timeoutMs?: number },
  gate: Gate,
  signal: AbortSignal,
  opened: (socket: Socket) => void,
): Promise<Socket> {
  const { host, port, timeoutMs = CONNECT_MS } = options
  const socket = new GuardedSocket(gate)
  opened(socket)
  return new Promise((resolve, reject) => {
    const where = `${host}:${port}`
    const fail = (error: HoldfastError) => {
      settle()
      socket.destroy()
      reject(error)
    }
    const onError = (error: NodeJS.ErrnoException) =>
      fail(new HoldfastError('unreachable', `${where}: ${error.code ?? error.message}`, { cause: error }))
    const onClose = () => fail(new HoldfastError('unreachable', `${where}: closed while connecting`))
    const onAbort = () => fail(new HoldfastError('not-in-control', `${where}: given up, the gate closed`))
    const onConnect = () => {
      settle()
      resolve(socket)
    }
    const timer = setTimeout(
      () => fail(new HoldfastError('timeout', `${where}: no connection within ${timeoutMs} ms`)),
      timeoutMs,
    )
    function settle() {
      clearTimeout(timer)
      socket.off('error', onError).off('close', onClose).off('connect', onConnect)
      signal.removeEventListener('abort', onAbort)
    }
    socket.on('error', onError).on('close', onClose).on('connect', onConnect)
    signal.addEventListener('abort', onAbort)
    try {
      gate.write(() => socket.setNoDelay(true).connect({ host, port }))
    } catch (error) {
      settle()
      socket.destroy()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
  })
}
