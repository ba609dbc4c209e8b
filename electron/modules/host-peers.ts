import { HoldfastError } from '../../shared/model/failures'
import type { Json, Peers, PeerView } from './contract'
import type { FromHost } from './host-messages'
import type { HostGate } from './host-gate'

const CALLS_MAX = 200

type Listener = (view: PeerView) => void
type Settled = Extract<FromHost, { type: 'answer' }>

/** What the modules of a host see of the others: views and calls, both through the controller. */
export class HostPeers {
  readonly #send: (message: FromHost) => void
  readonly #gate: HostGate
  readonly #views = new Map<string, PeerView>()
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #calls = new Map<number, { resolve: (value: Json) => void; reject: (error: Error) => void }>()
  #lastCall = 0

  constructor(send: (message: FromHost) => void, gate: HostGate) {
    this.#send = send
    this.#gate = gate
  }

  /** `guard` runs a listener in the name of its module; `signal` ends its watches. */
  of(moduleId: string, signal: AbortSignal, guard: (call: () => void) => void): Peers {
    return {
      watch: (target, listener) => {
        const guarded: Listener = (view) => guard(() => listener(view))
        const end = this.#watch(target, guarded)
        signal.addEventListener('abort', end)
        return end
      },
      execute: (target, method, params, turn) => {
        const epoch = turn ? turn.gate.epoch : this.#gate.epoch
        return this.#execute(moduleId, { target, method, args: { ...params }, epoch })
      },
    }
  }

  show(view: PeerView): void {
    const listeners = this.#listeners.get(view.id)
    if (!listeners) return
    this.#views.set(view.id, view)
    for (const listener of listeners) listener(view)
  }

  settle(answer: Settled): void {
    const call = this.#calls.get(answer.call)
    this.#calls.delete(answer.call)
    if (answer.ok) call?.resolve(answer.value)
    else call?.reject(new HoldfastError(answer.failure.code, answer.failure.message, answer.failure))
  }

  #watch(target: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(target) ?? new Set<Listener>()
    if (listeners.size === 0) {
      this.#listeners.set(target, listeners)
      this.#send({ type: 'watch', target, on: true })
    }
    listeners.add(listener)
    const known = this.#views.get(target)
    if (known) queueMicrotask(() => listeners.has(listener) && listener(known))
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return
      this.#listeners.delete(target)
      this.#views.delete(target)
      this.#send({ type: 'watch', target, on: false })
    }
  }

  async #execute(
    id: string,
    work: { target: string; method: string; args: Record<string, Json>; epoch: number | null },
  ): Promise<Json> {
    if (work.epoch === null) throw new HoldfastError('not-in-control', 'This side does not drive the devices now.')
    if (this.#calls.size >= CALLS_MAX)
      throw new HoldfastError('busy', `${CALLS_MAX} calls of one host are under way.`, { retryAfterMs: 100 })
    const call = ++this.#lastCall
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      this.#send({ type: 'peerExecute', call, id, ...work, epoch: work.epoch ?? 0 })
    })
  }
}
