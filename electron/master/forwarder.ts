import type { ForwardView } from '../../shared/console/alert-views'
import type { OperationOutput } from '../../shared/console/contract'
import type { ForwarderDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after, type MonoMs, type WallMs } from '../../shared/model/time'
import type { TelemetryCategory } from '../../shared/model/telemetry'
import type {
  ForwardAnswer,
  ForwardPosition,
  ForwardRequest,
  ForwardStore,
  SendForward,
  SetAside,
} from '../forwarding/forwarding'
import type { Clock, Logger, Random } from '../platform/ports'
import type { KeptEntry, TelemetryStores } from '../telemetry/telemetry'

export const FORWARD_BACKOFF_MS = 5_000
export const FORWARD_BACKOFF_CAP_MS = 300_000
/** Batches of an edge that go in one piece. Each has up to 4 MiB. */
const ARRIVALS_AT_ONCE = 4
/** Edges that are looked at in one turn: of each a file may have to be opened. */
const LOOKS_AT_ONCE = 20
/** Requests that halving may make of one piece: what is still refused then is set aside as it is. */
const REQUESTS_PER_PIECE_MAX = 128
/** The endpoint answers, but not to this sender: looked at again now and then. */
const MISCONFIGURED_AGAIN_MS = 60_000
const TESTS_A_MINUTE = 5
const MINUTE_MS = 60_000

export type ForwardSignal = 'metrics' | 'traces' | 'logs'
const signals: readonly ForwardSignal[] = ['metrics', 'traces', 'logs']

/** Makes requests of entries; `unfit`: places of those that OTLP has no form for. */
export interface ForwardEncoder {
  signalOf(category: TelemetryCategory): ForwardSignal
  /** A promise where the encoder is still to be loaded. */
  encode(
    signal: ForwardSignal,
    entries: readonly KeptEntry[],
    edge: { readonly id: string; readonly name: string },
    compression: 'gzip' | 'none',
  ): Encoded | Promise<Encoded>
}
interface Encoded {
  readonly body: Uint8Array
  readonly records: number
  readonly unfit: readonly number[]
}

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

/** What is under way: kept over attempts, so that what was taken is not sent again by this process. */
interface Piece {
  readonly edgeId: string
  readonly to: ForwardPosition
  readonly lost: number
  readonly entries: readonly KeptEntry[]
  readonly setAside: SetAside[]
  /** Of `entries`: answered for good, or without a form in OTLP. */
  readonly done: Set<KeptEntry>
  /** By whose categories the parts were made. */
  sought: ForwarderDocument
  skipped: number
  /** Parts that have not been answered for good, in order. */
  parts: Part[]
  sent: number
  sentAt: WallMs | null
  requests: number
}
interface Part {
  readonly signal: ForwardSignal
  readonly entries: readonly KeptEntry[]
}

type Later = Extract<ForwardAnswer, { kind: 'later' | 'misconfigured' }>

/**
 * Sends a copy of what edges push to one destination: for each edge in the order of arrival, edges in turns, one request at a time. The position moves after
 * the answer, so that a process that ends in between sends a piece again: at least once.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  #document: ForwarderDocument
  /** Edges that may have something, in turns. */
  readonly #due = new Set<string>()
  #piece: Piece | null = null
  #running: Promise<void> | null = null
  readonly #abort = new AbortController()
  #retryTimer: Disposable | null = null
  #retryAt: MonoMs | null = null
  #failedAttempts = 0
  #lastError: ForwardView['lastError'] = null
  #isMisconfigured = false
  #hasBegun = false
  #tests: MonoMs[] = []

  constructor(document: ForwarderDocument, options: ForwarderOptions) {
    this.#document = document
    this.#options = options
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

  /** Before anything is sent: without its positions it would send all that there ever was. */
  #begin(): void {
    if (this.#hasBegun) return
    const { store, telemetry } = this.#options
    const edges = telemetry.edges()
    if (!store.isKnown(this.#document.id)) {
      const heads = edges.map((edgeId): [string, ForwardPosition] => {
        const { newest, stored } = telemetry.extent(edgeId)
        return [edgeId, { arrival: newest, passed: stored }]
      })
      store.begin(this.#document.id, new Map(heads))
    }
    for (const edgeId of edges) this.#due.add(edgeId)
    this.#hasBegun = true
    this.#succeeded()
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
    this.#retryTimer?.[Symbol.dispose]()
    this.#retryTimer = null
    this.#retryAt = null
    for (const edgeId of this.#options.telemetry.edges()) this.#due.add(edgeId)
    this.#go()
  }

  /** With what it sends by, and nothing in it. Throws `rate-limited`. */
  async test(): Promise<OperationOutput<'forwarding.test'>> {
    const { clock, encoder, send } = this.#options
    const now = clock.mono()
    this.#tests = this.#tests.filter((at) => now - at < MINUTE_MS)
    const [first] = this.#tests
    if (first !== undefined && this.#tests.length >= TESTS_A_MINUTE)
      throw new HoldfastError('rate-limited', `At most ${TESTS_A_MINUTE} tests of a destination a minute.`, {
        retryAfterMs: MINUTE_MS - (now - first),
      })
    this.#tests.push(now)
    const { categories, compression } = this.#document
    const sought = new Set(categories.map((category) => encoder.signalOf(category)))
    const results: OperationOutput<'forwarding.test'>['signals'] = []
    for (const signal of signals.filter((one) => sought.has(one))) {
      const beganAt = clock.mono()
      const { body } = await encoder.encode(signal, [], { id: '', name: '' }, compression)
      const headers = this.#headers()
      const answer =
        'kind' in headers ? headers : await send(this.#request(signal, headers.values, body), this.#abort.signal)
      const durationMs = Math.round(clock.mono() - beganAt)
      results.push(
        answer.kind === 'taken'
          ? { signal, delivered: true, code: 'ok', answer: answer.message, durationMs }
          : { signal, delivered: false, code: answer.code, answer: answer.message, durationMs },
      )
    }
    return { delivered: results.every(({ delivered }) => delivered), signals: results }
  }

  status(): ForwardView {
    const { store, telemetry, clock } = this.#options
    const { id, name, url, enabled } = this.#document
    const pendingEntries = telemetry
      .edges()
      .filter((edgeId) => this.#isFor(edgeId))
      .reduce((sum, edgeId) => {
        const { stored, deleted } = telemetry.extent(edgeId)
        return sum + Math.max(0, stored - Math.max(deleted, store.position(id, edgeId).passed))
      }, 0)
    const wait = this.#retryAt === null ? null : this.#retryAt - clock.mono()
    const totals = store.totals(id)
    return {
      ...{ id, name, url, enabled, pendingEntries },
      ...totals,
      state: !enabled
        ? 'off'
        : this.#isMisconfigured
          ? 'misconfigured'
          : wait !== null
            ? 'waiting'
            : pendingEntries > 0
              ? 'sending'
              : 'up to date',
      setAsideReasons: store.setAside(id, 20).map((each) => ({ ...each })),
      lastError: this.#lastError,
      failedAttempts: this.#failedAttempts,
      retryAt: wait === null ? null : clock.wall() + Math.max(0, wait),
    }
  }

  /** Settles when nothing of it runs any more. */
  async end(): Promise<void> {
    this.#abort.abort()
    this.#retryTimer?.[Symbol.dispose]()
    await this.#running
  }

  #isFor(edgeId: string): boolean {
    const { edges } = this.#document
    return edges.length === 0 || edges.includes(edgeId)
  }

  #go(): void {
    if (this.#running !== null || this.#retryTimer !== null || this.#abort.signal.aborted) return
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
    while (!this.#abort.signal.aborted && this.#retryTimer === null && this.#document.enabled) {
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
        if (piece.sought !== this.#document) continue
        return this.#waitFor(later)
      }
      // Switched off in the middle.
      if (piece.parts.length > 0) return
      this.#finish(piece)
      this.#piece = null
      // Edges push, and devices are driven, while this catches up.
      await nextTurn()
    }
  }

  /** What nothing became of yet is read again by the settings there are now: its edge may be sought no longer, and keeps its position then. */
  #rereadUnbegun(): void {
    if (this.#piece === null || this.#piece.sought === this.#document || this.#piece.done.size > 0) return
    this.#due.add(this.#piece.edgeId)
    this.#piece = null
  }

  /** Null: nothing is due, or some edges were looked at that have nothing and others are left. */
  #next(): Piece | null {
    const { store, telemetry } = this.#options
    let looks = 0
    for (const edgeId of this.#due) {
      if (++looks > LOOKS_AT_ONCE) return null
      this.#due.delete(edgeId)
      if (!this.#isFor(edgeId)) continue
      const { deleted, newest } = telemetry.extent(edgeId)
      const known = store.position(this.#document.id, edgeId)
      if (known.arrival === newest && known.passed >= deleted) continue
      const kept = telemetry.of(edgeId)
      // The edge was removed and has come anew: its store begins again.
      const from = known.arrival > newest ? { arrival: 0, passed: 0 } : known
      const arrivals = kept.arrivals(from.arrival, ARRIVALS_AT_ONCE)
      // What retention has deleted lies before everything that is left.
      const lost = Math.max(0, deleted - from.passed)
      const last = arrivals.at(-1)
      if (last === undefined && lost === 0) continue
      this.#due.add(edgeId)
      const entries = arrivals.flatMap((arrival) => arrival.entries)
      const to = { arrival: last?.arrival ?? newest, passed: from.passed + lost + entries.length }
      const piece: Piece = {
        ...{ edgeId, to, lost, entries, setAside: [], done: new Set(), sought: this.#document },
        ...{ skipped: 0, parts: [], sent: 0, sentAt: null, requests: 0 },
      }
      this.#part(piece)
      return piece
    }
    return null
  }

  /** Into what goes together, by the settings there are now; of what was answered for good nothing goes again. */
  #part(piece: Piece): void {
    const { categories } = this.#document
    const isSought = ({ category, doNotPropagate }: KeptEntry): boolean =>
      categories.includes(category) && !doNotPropagate && this.#isFor(piece.edgeId)
    const open = piece.entries.filter((entry) => !piece.done.has(entry))
    const sought = open.filter(isSought)
    piece.sought = this.#document
    piece.skipped = open.length - sought.length
    piece.parts = signals.flatMap((signal) => {
      const entries = sought.filter(({ category }) => this.#options.encoder.signalOf(category) === signal)
      return entries.length === 0 ? [] : [{ signal, entries }]
    })
  }

  /** Null: all of the piece has been answered for good, or the destination was switched off. */
  async #deliver(piece: Piece): Promise<Later | null> {
    const { clock } = this.#options
    while (this.#document.enabled) {
      // The settings were changed: what is left is looked at anew.
      if (piece.sought !== this.#document) this.#part(piece)
      const [part] = piece.parts
      if (part === undefined) break
      const { signal } = part
      const { fit, body, records } = await this.#encoded(piece, part)
      if (piece.sought !== this.#document) continue
      if (fit.length === 0) {
        piece.parts.shift()
        continue
      }
      // Whatever ends this attempt: what was looked at is not looked at, and counted, again.
      piece.parts[0] = { signal, entries: fit }
      const headers = this.#headers()
      if ('kind' in headers) return headers
      piece.requests++
      const answer = await this.#options.send(this.#request(signal, headers.values, body), this.#abort.signal)
      if (answer.kind === 'later' || answer.kind === 'misconfigured') return answer
      this.#succeeded()
      piece.parts.shift()
      const isHalved = answer.kind === 'refused' && fit.length > 1 && piece.requests < REQUESTS_PER_PIECE_MAX
      if (!isHalved) for (const entry of fit) piece.done.add(entry)
      if (answer.kind === 'taken') {
        piece.sent += Math.max(0, records - answer.rejected)
        piece.sentAt = clock.wall()
        if (answer.rejected > 0) this.#setAside(piece, answer.rejected, 'rejected', answer.message)
      } else if (!isHalved) this.#setAside(piece, fit.length, answer.code, answer.message)
      else {
        const half = Math.ceil(fit.length / 2)
        piece.parts.unshift({ signal, entries: fit.slice(0, half) }, { signal, entries: fit.slice(half) })
      }
    }
    return null
  }

  async #encoded(piece: Piece, { signal, entries }: Part) {
    const { encoder, edgeName } = this.#options
    const edge = { id: piece.edgeId, name: edgeName(piece.edgeId) }
    const { body, records, unfit } = await encoder.encode(signal, entries, edge, this.#document.compression)
    if (unfit.length > 0) this.#setAside(piece, unfit.length, 'no-otlp', `OTLP has no form for such ${signal}.`)
    const left = new Set(unfit)
    for (const place of unfit) piece.done.add(entries[place]!)
    return { body, records, fit: unfit.length === 0 ? entries : entries.filter((_, place) => !left.has(place)) }
  }

  #request(signal: ForwardSignal, headers: Readonly<Record<string, string>>, body: Uint8Array): ForwardRequest {
    const { url, compression } = this.#document
    return { url: `${url.replace(/\/$/, '')}/v1/${signal}`, headers, body, isGzip: compression === 'gzip' }
  }

  #headers(): { readonly values: Record<string, string> } | Later {
    const values: Record<string, string> = {}
    for (const [name, value] of Object.entries(this.#document.headers)) {
      const text = typeof value === 'string' ? value : this.#options.secret(value.secretRef)
      if (text === null) {
        const message = `The secret of the header "${name}" is not known on this controller.`
        return { kind: 'misconfigured', code: 'no-secret', message }
      }
      values[name] = text
    }
    return { values }
  }

  #setAside(piece: Piece, entries: number, code: string, message: string): void {
    const { clock, logger } = this.#options
    piece.setAside.push({ at: clock.wall(), edgeId: piece.edgeId, entries, code, message: message.slice(0, 500) })
    logger.log('warn', 'Telemetry was set aside: its destination does not take it', {
      ...{ forwarder: this.#document.id, edge: piece.edgeId, entries, code, message },
    })
  }

  #finish({ edgeId, to, sent, skipped, lost, setAside, sentAt }: Piece): void {
    this.#options.store.move(this.#document.id, edgeId, to, { sent, skipped, lost, setAside, sentAt })
    if (lost > 0)
      this.#options.logger.log('warn', 'Telemetry was deleted before it could be forwarded', {
        ...{ forwarder: this.#document.id, edge: edgeId, entries: lost },
      })
  }

  #succeeded(): void {
    this.#failedAttempts = 0
    this.#lastError = null
    this.#isMisconfigured = false
  }

  #waitFor(later: Later): void {
    if (this.#abort.signal.aborted) return
    const { clock, random, logger } = this.#options
    const { code, message } = later
    if (this.#failedAttempts++ === 0)
      logger.log('warn', 'Telemetry cannot be forwarded', { forwarder: this.#document.id, code, message })
    this.#lastError = { at: clock.wall(), code, message }
    this.#isMisconfigured = later.kind === 'misconfigured'
    const cap = Math.min(FORWARD_BACKOFF_CAP_MS, FORWARD_BACKOFF_MS * 2 ** Math.min(10, this.#failedAttempts - 1))
    const named = later.kind === 'later' ? later.retryAfterMs : null
    const delayMs = this.#isMisconfigured ? MISCONFIGURED_AGAIN_MS : (named ?? cap * random.fraction())
    this.#retryAt = after(clock.mono(), delayMs)
    this.#retryTimer = clock.at(this.#retryAt, () => {
      this.#retryTimer = null
      this.#retryAt = null
      this.#due.add(this.#piece?.edgeId ?? '')
      this.#due.delete('')
      this.#go()
    })
  }
}

function laterOf(error: unknown): Later {
  const { code, message } = failureOf(error)
  return { kind: 'later', code, message, retryAfterMs: null }
}

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))
