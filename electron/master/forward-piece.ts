import type { ForwarderDocument } from '../../shared/model/documents'
import type { WallMs } from '../../shared/model/time'
import { forwardSignals, type ForwardEncoder, type ForwardSignal } from './forward-request'
import type { ForwardAnswer, ForwardPosition, ForwardStep, SetAside } from '../forwarding/forwarding'
import type { KeptEntry } from '../telemetry/telemetry'

/** Requests that halving may make of one piece: what is still refused then is set aside as it is. */
const REQUESTS_PER_PIECE_MAX = 128

/** What goes in one request. */
export interface ForwardPart {
  readonly signal: ForwardSignal
  readonly entries: readonly KeptEntry[]
}
type AnswerForGood = Extract<ForwardAnswer, { kind: 'taken' | 'refused' }>

/** Those of an edge that are not named are skipped; none named: all are sought. */
export const seeksEdge = ({ edges }: ForwarderDocument, edgeId: string): boolean =>
  edges.length === 0 || edges.includes(edgeId)

/**
 * What of one edge is under way to a destination, and what became of it: kept over attempts, so that what was taken is not sent again by this process. It
 * decides what goes together and what an answer means, and sends nothing itself.
 */
export class ForwardPiece {
  readonly edgeId: string
  /** Where the destination is with the edge once all of the piece has been answered for good. */
  readonly to: ForwardPosition
  /** Entries before this piece that retention had deleted. */
  readonly #lost: number
  readonly #entries: readonly KeptEntry[]
  /** Of `entries`: answered for good, or without a form in OTLP. */
  readonly #done = new Set<KeptEntry>()
  readonly #setAside: SetAside[] = []
  /** Parts that have not been answered for good, in order. */
  #parts: ForwardPart[] = []
  /** By whose categories the parts were made. */
  #sought: ForwarderDocument
  #skipped = 0
  #sent = 0
  #sentAt: WallMs | null = null
  #requests = 0

  constructor(
    { edgeId, to, lost, entries }: { edgeId: string; to: ForwardPosition; lost: number; entries: readonly KeptEntry[] },
    sought: ForwarderDocument,
    signalOf: ForwardEncoder['signalOf'],
  ) {
    this.edgeId = edgeId
    this.to = to
    this.#lost = lost
    this.#entries = entries
    this.#sought = sought
    this.seek(sought, signalOf)
  }

  /** Null: all of the piece has been answered for good. */
  get part(): ForwardPart | null {
    return this.#parts[0] ?? null
  }

  /** Something of it has been answered for good. */
  get isBegun(): boolean {
    return this.#done.size > 0
  }

  get became(): ForwardStep & { readonly lost: number } {
    const [sent, skipped, lost] = [this.#sent, this.#skipped, this.#lost]
    return { sent, skipped, lost, setAside: this.#setAside, sentAt: this.#sentAt }
  }

  isSoughtBy(document: ForwarderDocument): boolean {
    return this.#sought === document
  }

  /** Into what goes together, by these settings; of what was answered for good nothing goes again. */
  seek(document: ForwarderDocument, signalOf: ForwardEncoder['signalOf']): void {
    const isSought = ({ category, doNotPropagate }: KeptEntry): boolean =>
      document.categories.includes(category) && !doNotPropagate && seeksEdge(document, this.edgeId)
    const open = this.#entries.filter((entry) => !this.#done.has(entry))
    const sought = open.filter(isSought)
    this.#sought = document
    this.#skipped = open.length - sought.length
    this.#parts = forwardSignals.flatMap((signal) => {
      const entries = sought.filter(({ category }) => signalOf(category) === signal)
      return entries.length === 0 ? [] : [{ signal, entries }]
    })
  }

  /** OTLP has no form for the entries at these places of the part; they are set aside. Null: there are none. */
  withoutForm({ signal, entries }: ForwardPart, unfit: readonly number[], at: WallMs): SetAside | null {
    if (unfit.length === 0) return null
    for (const place of unfit) this.#done.add(entries[place]!)
    return this.#asideOf(unfit.length, 'no-otlp', `OTLP has no form for such ${signal}.`, at)
  }

  /** Takes out of the first part what has no form: whatever ends this attempt, it is not looked at, and counted, again. False: nothing is left of the part. */
  trim(): boolean {
    const { signal, entries } = this.#parts.shift()!
    const left = entries.filter((entry) => !this.#done.has(entry))
    if (left.length > 0) this.#parts.unshift({ signal, entries: left })
    return left.length > 0
  }

  /** A request is made of the first part. */
  asked(): void {
    this.#requests++
  }

  /** Of the first part: what was refused goes again in halves, as long as there may be requests. Null: nothing was set aside. */
  answered(answer: AnswerForGood, records: number, at: WallMs): SetAside | null {
    const { signal, entries } = this.#parts.shift()!
    if (answer.kind === 'refused' && entries.length > 1 && this.#requests < REQUESTS_PER_PIECE_MAX) {
      const half = Math.ceil(entries.length / 2)
      this.#parts.unshift({ signal, entries: entries.slice(0, half) }, { signal, entries: entries.slice(half) })
      return null
    }
    for (const entry of entries) this.#done.add(entry)
    if (answer.kind === 'refused') return this.#asideOf(entries.length, answer.code, answer.message, at)
    this.#sent += Math.max(0, records - answer.rejected)
    this.#sentAt = at
    return answer.rejected > 0 ? this.#asideOf(answer.rejected, 'rejected', answer.message, at) : null
  }

  /** Returned with the whole message, and kept with a part of it. */
  #asideOf(entries: number, code: string, message: string, at: WallMs): SetAside {
    const aside = { at, edgeId: this.edgeId, entries, code, message }
    this.#setAside.push({ ...aside, message: message.slice(0, 500) })
    return aside
  }
}
