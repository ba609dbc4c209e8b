import type { DebugLine } from '../../shared/model/modules'
import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import type { PeerView } from './contract'
import type { ToHost } from './host-messages'
import type { ModuleBook } from './module-book'

/** Changes that one module sees of another are passed on this often. */
const PEERS_EVERY_MS = 20

type DebugListener = (lines: readonly DebugLine[], dropped: number) => void

/** Who looks at which module: hosts whose modules react to others, and people who read debug lines. */
export class ModuleWatchers {
  readonly #book: ModuleBook
  readonly #clock: Clock
  readonly #send: (host: number, message: ToHost) => void
  /** Hosts by the module they watch. */
  readonly #hosts = new Map<string, Set<number>>()
  readonly #changed = new Set<string>()
  readonly #debuggers = new Map<string, Set<DebugListener>>()
  #timer: Disposable | null = null

  constructor(book: ModuleBook, clock: Clock, send: (host: number, message: ToHost) => void) {
    this.#book = book
    this.#clock = clock
    this.#send = send
  }

  watch(host: number, target: string, on: boolean): void {
    const hosts = this.#hosts.get(target) ?? new Set<number>()
    if (on) this.#hosts.set(target, hosts.add(host))
    else if (hosts.delete(host) && hosts.size === 0) this.#hosts.delete(target)
    if (on) this.#send(host, { type: 'peer', view: this.#peerView(target) })
  }

  hostEnded(host: number): void {
    for (const target of [...this.#hosts.keys()]) this.watch(host, target, false)
  }

  /** Tells the hosts that watch this module, soon. */
  changed(id: string): void {
    if (!this.#hosts.has(id)) return
    this.#changed.add(id)
    this.#timer ??= this.#clock.at(after(this.#clock.mono(), PEERS_EVERY_MS), () => this.#tell())
  }

  debug(id: string, listener: DebugListener, hostOf: () => number | null): () => void {
    const turn = (on: boolean) => {
      const host = hostOf()
      if (host !== null) this.#send(host, { type: 'debug', id, on })
    }
    const listeners = this.#debuggers.get(id) ?? new Set<DebugListener>()
    this.#debuggers.set(id, listeners.add(listener))
    if (listeners.size === 1) turn(true)
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return
      this.#debuggers.delete(id)
      turn(false)
    }
  }

  isDebugged(id: string): boolean {
    return this.#debuggers.has(id)
  }

  lines(lines: readonly DebugLine[], dropped: Readonly<Record<string, number>>): void {
    for (const id of new Set([...lines.map(({ moduleId }) => moduleId), ...Object.keys(dropped)])) {
      const own = lines.filter(({ moduleId }) => moduleId === id)
      for (const listener of this.#debuggers.get(id) ?? []) listener(own, dropped[id] ?? 0)
    }
  }

  close(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#debuggers.clear()
  }

  #tell(): void {
    this.#timer = null
    for (const id of this.#changed)
      for (const host of this.#hosts.get(id) ?? []) this.#send(host, { type: 'peer', view: this.#peerView(id) })
    this.#changed.clear()
  }

  #peerView(id: string): PeerView {
    const view = this.#book.view(id)
    if (!view) return { id, state: 'unknown', connected: false, status: {} }
    return { id, state: view.state, connected: view.connected, status: view.status }
  }
}
