import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { DebugLine } from '../../shared/model/modules'
import type { LinkSession } from '../link/link'
import type { ModuleRuntime } from '../modules/runtime'
import type { Clock } from '../platform/ports'

export type DebugListener = (lines: readonly DebugLine[], dropped: number) => void

/** Debug streams of one edge's modules open at a time. */
const STREAMS_MAX = 100
/** Lines kept of a stream whose name the edge has not answered yet. */
export const EARLY_LINES_MAX = 1_000

/** Where a module's lines come from now: the master's own hosts, or the edge over this session; null: nobody can be asked. */
export type DebugSource = { readonly runtime: ModuleRuntime } | { readonly session: LinkSession } | null

interface Stream {
  readonly moduleId: string
  readonly listener: DebugListener
  /** What it is attached to; undefined: not yet. */
  source: ModuleRuntime | LinkSession | null | undefined
  stop: () => void
}
interface Early {
  readonly lines: DebugLine[]
  dropped: number
}

/** Debug lines for whoever reads them at the master, from whoever drives: a stream follows control from one side to the other. */
export class DebugRelay {
  readonly #streams = new Set<Stream>()
  /** By the edge's name for the subscription. */
  readonly #bySubscription = new Map<string, Stream>()
  /** Streams that the edge has been asked for and not named yet; its first lines may overtake the name. */
  #asked = 0
  /** What came for a name nobody here knows, while streams are asked for. */
  readonly #early = new Map<string, Early>()
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
    const stream = this.#bySubscription.get(subscription)
    if (stream === undefined) this.#keepEarly(subscription, lines, dropped)
    else stream.listener(lines, dropped)
  }

  #keepEarly(subscription: string, lines: readonly DebugLine[], dropped: number): void {
    // Nobody waits for a name: these are the last lines of a stream that was ended.
    if (this.#asked === 0) return
    const early = this.#early.get(subscription) ?? { lines: [], dropped: 0 }
    // An edge that names more streams than it was asked for is not believed.
    if (this.#early.size >= STREAMS_MAX && !this.#early.has(subscription)) return
    this.#early.set(subscription, early)
    const room = EARLY_LINES_MAX - early.lines.length
    early.lines.push(...lines.slice(0, room))
    early.dropped += dropped + Math.max(0, lines.length - room)
  }

  #takeEarly(subscription: string): Early | undefined {
    const early = this.#early.get(subscription)
    this.#early.delete(subscription)
    if (--this.#asked === 0) this.#early.clear()
    return early
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
    this.#asked++
    session.request('debug.start', { moduleId: stream.moduleId }).then(
      (answer) => {
        subscription = answer.subscription
        const early = this.#takeEarly(subscription)
        if (isStopped) return end(subscription)
        this.#bySubscription.set(subscription, stream)
        if (early !== undefined) stream.listener(early.lines, early.dropped)
      },
      (error: unknown) => {
        this.#takeEarly('')
        if (!isStopped) this.#say(stream, 'error', failureOf(error).message)
      },
    )
  }

  #say({ moduleId, listener }: Stream, level: DebugLine['level'], text: string): void {
    listener([{ at: this.#clock.wall(), moduleId, level, text }], 0)
  }
}
