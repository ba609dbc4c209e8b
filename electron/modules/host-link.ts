import type { Socket } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
import type { Gate, Link, Turn } from './contract'
import { connectTcp, cutOff } from './guarded-socket'
import type { HostGate } from './host-gate'

const POLL_LEAST_MS = 20
const SOCKETS_MAX = 64

/** Why a connection ended: the gate closed or the module stops (`aside`), or it failed. */
export type LinkEnd = { kind: 'aside' } | { kind: 'failed'; error: unknown }

/** One life of a module's connection; `ended` settles once with the reason. */
export class HostLink implements Link {
  readonly signal: AbortSignal
  readonly gate: Gate
  readonly ended: Promise<LinkEnd>
  readonly #gate: HostGate
  readonly #abort = new AbortController()
  readonly #sockets = new Set<Socket>()
  #settle: (end: LinkEnd) => void = () => {}

  constructor(gate: HostGate) {
    this.#gate = gate
    this.signal = this.#abort.signal
    this.gate = gate.view(null, this.signal)
    this.ended = new Promise((resolve) => (this.#settle = resolve))
  }

  async tcp(options: { host: string; port: number; timeoutMs?: number }): Promise<Socket> {
    if (this.#sockets.size >= SOCKETS_MAX)
      throw new HoldfastError('busy', `A module may hold ${SOCKETS_MAX} connections.`)
    const opened = (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    }
    return connectTcp(options, this.gate, this.signal, opened)
  }

  poll(everyMs: number, poll: (turn: Turn) => Promise<void>): () => void {
    let timer: NodeJS.Timeout | undefined
    let isEnded = false
    const end = () => {
      isEnded = true
      clearTimeout(timer)
    }
    const once = async () => {
      if (isEnded || this.signal.aborted) return
      try {
        await poll(this.#gate.turn(this.#gate.epoch, this.signal))
      } catch (error) {
        if (!isEnded) this.end({ kind: 'failed', error })
      }
      if (!isEnded && !this.signal.aborted) timer = setTimeout(() => void once(), Math.max(POLL_LEAST_MS, everyMs))
    }
    this.signal.addEventListener('abort', end)
    timer = setTimeout(() => void once(), 0)
    return end
  }

  /** Everything of this connection ends now: sockets are cut off, polls end, work in flight is told. */
  end(reason: LinkEnd): void {
    if (this.signal.aborted) return
    for (const socket of this.#sockets) cutOff(socket)
    this.#sockets.clear()
    this.#settle(reason)
    this.#abort.abort()
  }
}
