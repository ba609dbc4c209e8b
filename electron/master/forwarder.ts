import type { ForwardView } from '../../shared/console/alert-views'
import type { OperationOutput } from '../../shared/console/contract'
import type { ForwarderDocument } from '../../shared/model/documents'
import { failureOf } from '../../shared/model/failures'
import { DestinationTests } from './destination-tests'
import { seeksEdge, type ForwardPart, type ForwardPiece } from './forward-piece'
import { ForwardProgress } from './forward-progress'
import { forwardRequest, type ForwardEncoder } from './forward-request'
import { ForwardRetry, type ForwardLater } from './forward-retry'
import type { ForwardStore, SendForward, SetAside } from '../forwarding/forwarding'
import type { Clock, Logger, Random } from '../platform/ports'
import type { TelemetryStores } from '../telemetry/telemetry'

/** Edges that are looked at in one turn: of each a file may have to be opened. */
const LOOKS_AT_ONCE = 20

export interface ForwarderOptions {
  readonly store: ForwardStore
  readonly telemetry: TelemetryStores
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly logger: Logger
  readonly encoder: ForwardEncoder
  readonly send: SendForward
  /** Null: there is no such secret here. */
  secret(name: string): string | null
  edgeName(edgeId: string): string
}

/**
 * Sends a copy of what edges push to one destination: for each edge in the order of arrival, edges in turns, one request at a time. The position moves after
 * the answer, so that a process that ends in between sends a piece again: at least once.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #progress: ForwardProgress
  readonly #retry: ForwardRetry
  readonly #tests: DestinationTests
  #document: ForwarderDocument
  /** Edges that may have something, in turns. */
  readonly #due = new Set<string>()
  /** Null: nothing is under way. */
  #piece: ForwardPiece | null = null
  #running: Promise<void> | null = null
  readonly #abort = new AbortController()
  #hasBegun = false

  constructor(document: ForwarderDocument, options: ForwarderOptions) {
    this.#document = document
    this.#options = options
    this.#progress = new ForwardProgress(document.id, options)
    this.#tests = new DestinationTests(options)
    this.#retry = new ForwardRetry(options, () => {
      if (this.#piece !== null) this.#due.add(this.#piece.edgeId)
      this.#go()
    })
  }

  /** Begins with what comes from now on, or goes on where an earlier process was. What keeps it from that is tried again, and shown. */
  start(): void {
    try {
      this.#begin()
    } catch (error) {
      return this.#waitFor(laterOf(error))
    }
    this.#go()
  }

  #begin(): void {
    if (this.#hasBegun) return
    for (const edgeId of this.#progress.begin()) this.#due.add(edgeId)
    this.#hasBegun = true
    this.#retry.succeeded()
  }

  get document(): ForwarderDocument {
    return this.#document
  }

  /** Another address, other headers or categories: tried at once. */
  follow(document: ForwarderDocument): void {
    this.#document = document
    this.retry()
  }

  arrived(edgeId: string): void {
    this.#due.add(edgeId)
    this.#go()
  }

  retry(): void {
    this.#retry.cancel()
    for (const edgeId of this.#options.telemetry.edges()) this.#due.add(edgeId)
    this.#go()
  }

  /** Throws `rate-limited`. */
  async test(): Promise<OperationOutput<'forwarding.test'>> {
    return await this.#tests.run(this.#document, this.#abort.signal)
  }

  status(): ForwardView {
    const { store } = this.#options
    const { id, name, url, enabled } = this.#document
    const pendingEntries = this.#progress.pendingOf(this.#document)
    const { failedAttempts, lastError, retryAt } = this.#retry.shown
    return {
      ...{ id, name, url, enabled, pendingEntries },
      ...store.totals(id),
      state: !enabled
        ? 'off'
        : this.#retry.isMisconfigured
          ? 'misconfigured'
          : retryAt !== null
            ? 'waiting'
            : pendingEntries > 0
              ? 'sending'
              : 'up to date',
      setAsideReasons: store.setAside(id, 20).map((each) => ({ ...each })),
      ...{ lastError, failedAttempts, retryAt },
    }
  }

  /** Settles when nothing of it runs any more. */
  async end(): Promise<void> {
    this.#abort.abort()
    this.#retry[Symbol.dispose]()
    await this.#running
  }

  #go(): void {
    if (this.#running !== null || this.#retry.isWaiting || this.#abort.signal.aborted) return
    if (!this.#document.enabled) return
    this.#running = this.#run()
      .catch((error: unknown) => this.#waitFor(laterOf(error)))
      .finally(() => {
        this.#running = null
        if (this.#due.size > 0) this.#go()
      })
  }

  async #run(): Promise<void> {
    this.#begin()
    while (!this.#abort.signal.aborted && !this.#retry.isWaiting && this.#document.enabled) {
      this.#rereadUnbegun()
      this.#piece ??= this.#next()
      if (this.#piece === null) {
        if (this.#due.size === 0) return
        await nextTurn()
        continue
      }
      const piece = this.#piece
      const later = await this.#deliver(piece)
      if (this.#abort.signal.aborted) return
      if (later !== null) {
        // It says nothing of settings that were changed meanwhile: they are tried at once.
        if (!piece.isSoughtBy(this.#document)) continue
        return this.#waitFor(later)
      }
      // Switched off in the middle.
      if (piece.part !== null) return
      this.#finish(piece)
      this.#piece = null
      // Edges push, and devices are driven, while this catches up.
      await nextTurn()
    }
  }

  /** What nothing became of yet is read again by the settings there are now: its edge may be sought no longer, and keeps its position then. */
  #rereadUnbegun(): void {
    if (this.#piece === null || this.#piece.isSoughtBy(this.#document) || this.#piece.isBegun) return
    this.#due.add(this.#piece.edgeId)
    this.#piece = null
  }

  /** Null: nothing is due, or some edges were looked at that have nothing and others are left. */
  #next(): ForwardPiece | null {
    let looks = 0
    for (const edgeId of this.#due) {
      if (++looks > LOOKS_AT_ONCE) return null
      this.#due.delete(edgeId)
      if (!seeksEdge(this.#document, edgeId)) continue
      const piece = this.#progress.next(edgeId, this.#document, this.#options.encoder.signalOf)
      if (piece === null) continue
      this.#due.add(edgeId)
      return piece
    }
    return null
  }

  /** Null: all of the piece has been answered for good, or the destination was switched off. */
  async #deliver(piece: ForwardPiece): Promise<ForwardLater | null> {
    const { clock, encoder, send, secret } = this.#options
    while (this.#document.enabled) {
      // The settings were changed: what is left is looked at anew.
      if (!piece.isSoughtBy(this.#document)) piece.seek(this.#document, encoder.signalOf)
      const { part } = piece
      if (part === null) break
      const { body, records, unfit } = await this.#encoded(piece.edgeId, part)
      this.#tellSetAside(piece.withoutForm(part, unfit, clock.wall()))
      if (!piece.isSoughtBy(this.#document) || !piece.trim()) continue
      const request = forwardRequest(this.#document, part.signal, body, secret)
      if ('kind' in request) return request
      piece.asked()
      const answer = await send(request, this.#abort.signal)
      if (answer.kind === 'later' || answer.kind === 'misconfigured') return answer
      this.#retry.succeeded()
      this.#tellSetAside(piece.answered(answer, records, clock.wall()))
    }
    return null
  }

  #encoded(edgeId: string, { signal, entries }: ForwardPart): ReturnType<ForwardEncoder['encode']> {
    const edge = { id: edgeId, name: this.#options.edgeName(edgeId) }
    return this.#options.encoder.encode(signal, entries, edge, this.#document.compression)
  }

  #tellSetAside(aside: SetAside | null): void {
    if (aside === null) return
    const { edgeId: edge, entries, code, message } = aside
    this.#options.logger.log('warn', 'Telemetry was set aside: its destination does not take it', {
      ...{ forwarder: this.#document.id, edge, entries, code, message },
    })
  }

  #finish(piece: ForwardPiece): void {
    this.#progress.passed(piece)
    const { lost } = piece.became
    if (lost > 0)
      this.#options.logger.log('warn', 'Telemetry was deleted before it could be forwarded', {
        ...{ forwarder: this.#document.id, edge: piece.edgeId, entries: lost },
      })
  }

  #waitFor(later: ForwardLater): void {
    if (this.#abort.signal.aborted) return
    const { code, message } = later
    if (this.#retry.waitFor(later))
      this.#options.logger.log('warn', 'Telemetry cannot be forwarded', {
        ...{ forwarder: this.#document.id, code, message },
      })
  }
}

function laterOf(error: unknown): ForwardLater {
  const { code, message } = failureOf(error)
  return { kind: 'later', code, message, retryAfterMs: null }
}

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))
