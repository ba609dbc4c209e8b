import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { DebugLine } from '../../shared/model/modules'
import type { LinkSession } from '../link/link'
import type { ModuleRuntime } from '../modules/runtime'
import type { Clock } from '../platform/ports'

export type DebugListener = (lines: readonly DebugLine[], dropped: number) => void

/** Debug streams of one edge's modules open at a time. */
const STREAMS_MAX = 100

/** Where a module's lines come from now: the master's own hosts, or the edge over this session; null: nobody can be asked. */
export type DebugSource = { readonly runtime: ModuleRuntime } | { readonly session: LinkSession } | null

interface Stream {
  readonly moduleId: string
  readonly listener: DebugListener
  /** What it is attached to; undefined: not yet. */
  source: ModuleRuntime | LinkSession | null | undefined
  stop: () => void
}

/** Debug lines for whoever reads them at the master, from whoever drives: a stream follows control from one side to the other. */
export class DebugRelay {
  readonly #streams = new Set<Stream>()
  /** By the edge's name for the subscription. */
  readonly #bySubscription = new Map<string, Stream>()
  readonly #source: () => DebugSource
  readonly #clock: Clock

  constructor(source: () => DebugSource, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /** Returns the function that ends it. Throws `busy` when too many are open. */
  open(moduleId: string, listener: DebugListener): () => void {
    if (this.#streams.size >= STREAMS_MAX)
      throw new HoldfastError('busy', `At most ${STREAMS_MAX} debug streams at once.`, { retryAfterMs: 1_000 })
    const stream: Stream = { moduleId, listener, source: undefined, stop: () => {} }
    this.#streams.add(stream)
    this.#attach(stream)
    return () => {
      if (this.#streams.delete(stream)) stream.stop()
    }
  }

  /** Control or the link may have moved. */
  follow(): void {
    for (const stream of this.#streams) this.#attach(stream)
  }

  lines(subscription: string, lines: readonly DebugLine[], dropped: number): void {
    this.#bySubscription.get(subscription)?.listener(lines, dropped)
  }

  #attach(stream: Stream): void {
    const found = this.#source()
    const source = found === null ? null : 'runtime' in found ? found.runtime : found.session
    if (source === stream.source) return
    stream.stop()
    stream.stop = () => {}
    stream.source = source
    if (found === null) this.#say(stream, 'warn', 'Nobody who drives this module can be asked now.')
    else if ('runtime' in found) stream.stop = found.runtime.debug(stream.moduleId, stream.listener)
    else this.#attachFar(stream, found.session)
  }

  #attachFar(stream: Stream, session: LinkSession): void {
    let subscription: string | null = null
    let isStopped = false
    const end = (id: string): void => {
      this.#bySubscription.delete(id)
      // When the link is gone, so is the stream at its other end.
      session.request('debug.stop', { subscription: id }).catch(() => {})
    }
    stream.stop = () => {
      isStopped = true
      if (subscription !== null) end(subscription)
    }
    session.request('debug.start', { moduleId: stream.moduleId }).then(
      (answer) => {
        subscription = answer.subscription
        if (isStopped) end(subscription)
        else this.#bySubscription.set(subscription, stream)
      },
      (error: unknown) => {
        if (!isStopped) this.#say(stream, 'error', failureOf(error).message)
      },
    )
  }

  #say({ moduleId, listener }: Stream, level: DebugLine['level'], text: string): void {
    listener([{ at: this.#clock.wall(), moduleId, level, text }], 0)
  }
}
