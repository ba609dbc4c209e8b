import type { MonoMs } from '../../../shared/model/time'
import { NOTHING } from '../../../shared/model/coverage'
import { unreachable, type Step } from '../machine'
import { onAnswered, onFailed, onStorageFailed } from './push-answers'
import { plan, wakeAtOf } from './push-plan'
import type { FeedState, KnownFeed, PushInput, PushOutput, PushState } from './push-state'

/** What one step may do: change the state, and say what is to be done. */
export class PushTurn {
  state: PushState
  readonly now: MonoMs
  readonly outputs: PushOutput[] = []
  readonly #before: PushState

  constructor(state: PushState, now: MonoMs) {
    this.state = state
    this.#before = state
    this.now = now
  }

  set(changed: Partial<PushState>): void {
    this.state = { ...this.state, ...changed }
  }

  feed(feedId: string): FeedState | null {
    return this.state.feeds.find((feed) => feed.feedId === feedId) ?? null
  }

  setFeed(feedId: string, changed: Partial<FeedState>): void {
    this.set({ feeds: this.state.feeds.map((feed) => (feed.feedId === feedId ? { ...feed, ...changed } : feed)) })
  }

  out(output: PushOutput): void {
    this.outputs.push(output)
  }

  refuse(reason: string): void {
    this.state = this.#before
    this.outputs.length = 0
    this.outputs.push({ type: 'refused', reason })
  }
}

/**
 * Decides what an edge pushes next. One take at a time (the driver reads the outbox at once), several batches on their way. What a batch brought is
 * acknowledged at the outbox only when the master has said that it stored it; whatever else happens it is sent again.
 */
export function step(state: PushState, input: PushInput, now: MonoMs): Step<PushState, PushOutput> {
  const turn = new PushTurn(state, now)
  take(turn, input)
  const isPlanned = turn.outputs[0]?.type !== 'refused'
  if (isPlanned) plan(turn)
  // What is due and yet was not planned waits for an answer; after a refused input it was not looked at.
  return { state: turn.state, outputs: turn.outputs, wakeAt: wakeAtOf(turn.state, isPlanned ? now : null) }
}

function take(turn: PushTurn, input: PushInput): void {
  switch (input.type) {
    case 'linkUp':
      return linkUp(turn, input.session, input.feeds)
    case 'linkDown':
      if (turn.state.session === null) return turn.refuse('there was no link')
      // Whether the master stored what was on its way is not known: the next link begins at what it acknowledged.
      return turn.set({ session: null, inFlight: [], taking: null, drainGranted: false, flush: null })
    case 'appended':
      return appended(turn, input.feeds)
    case 'taken':
      return taken(turn, input)
    case 'answered':
      return onAnswered(turn, input.batch, input.answer)
    case 'failed':
      return onFailed(turn, input)
    case 'storageFailed':
      return onStorageFailed(turn, input.chance)
    case 'drainAsked':
      if (turn.state.session === null) return turn.refuse('there is no link')
      return turn.set({ flush: input.limit ?? Number.MAX_SAFE_INTEGER })
    case 'paused':
      if (turn.state.paused) return turn.refuse('pushing is paused already')
      return turn.set({ paused: true })
    case 'resumed':
      if (!turn.state.paused) return turn.refuse('pushing is not paused')
      return turn.set({ paused: false })
    case 'wake':
      return
    default:
      return unreachable(input)
  }
}

const NO_BACKOFF = { failures: 0, notBefore: null }

function linkUp(turn: PushTurn, session: string, feeds: readonly KnownFeed[]): void {
  turn.set({
    session,
    feeds: feeds.map((feed) => fresh(feed)),
    inFlight: [],
    taking: null,
    backoff: { alerts: NO_BACKOFF, telemetry: NO_BACKOFF },
    drainGranted: false,
    flush: null,
  })
}

/** All that is pending when a link begins is backlog; what comes from now on is live. */
function fresh(feed: KnownFeed): FeedState {
  return {
    ...feed,
    acked: feed.isKnownThere ? { throughSeq: feed.throughSeq, ranges: [] } : NOTHING,
    backNext: feed.isKnownThere ? feed.throughSeq + 1 : 1,
    liveFrom: feed.head + 1,
    liveNext: feed.head + 1,
    waitingSince: null,
    pieces: [],
    confirmed: feed.isKnownThere ? feed.throughSeq : 0,
    lossTold: 0,
    rangesThere: 0,
    isForked: false,
  }
}

function appended(turn: PushTurn, known: readonly KnownFeed[]): void {
  if (turn.state.session === null) return
  const feeds = known.map((feed): FeedState => {
    const own = turn.feed(feed.feedId)
    if (own === null) return fresh(feed)
    const head = Math.max(own.head, feed.head)
    const waitingSince = own.waitingSince ?? (head >= own.liveNext ? turn.now : null)
    return { ...own, isCurrent: feed.isCurrent, head, waitingSince }
  })
  // A feed that is gone was acknowledged to its end, or given a new id: what is on its way for it finds nobody.
  const gone = new Set(turn.state.feeds.map(({ feedId }) => feedId))
  for (const { feedId } of feeds) gone.delete(feedId)
  turn.set({ feeds, inFlight: turn.state.inFlight.filter(({ feedId }) => !gone.has(feedId)) })
  if (turn.state.taking !== null && gone.has(turn.state.taking.feedId)) turn.set({ taking: null })
}

function taken(turn: PushTurn, { take: number, slice }: Extract<PushInput, { type: 'taken' }>): void {
  const { taking, inFlight, counter } = turn.state
  if (taking === null || taking.take !== number) return turn.refuse('nobody asked for this slice any more')
  const feed = turn.feed(taking.feedId)
  if (feed === null) return turn.refuse('the feed is gone')
  const last = slice === null ? taking.limit : slice.lastSeq
  if (slice !== null && (slice.lastSeq > taking.limit || slice.lastSeq < slice.firstSeq))
    return turn.refuse('the slice is not what was asked for')
  turn.set({ taking: null })
  turn.setFeed(feed.feedId, advanced(feed, taking, last, turn.now))
  if (slice === null) return
  turn.set({
    counter: counter + 1,
    inFlight: [
      ...inFlight,
      { batch: counter + 1, feedId: feed.feedId, slice, lane: taking.lane, confirmed: feed.confirmed },
    ],
    tokens: Math.max(0, turn.state.tokens - (turn.state.drainGranted ? 0 : 1)),
    flush: turn.state.flush === null ? null : Math.max(0, turn.state.flush - slice.entries) || null,
  })
  turn.out({ type: 'send', batch: counter + 1, take: number, feedId: feed.feedId, lane: taking.lane })
}

function advanced(feed: FeedState, taking: { lane: string; fromPiece: boolean }, last: number, now: MonoMs): FeedState {
  if (taking.fromPiece) {
    const [piece, ...others] = feed.pieces
    if (piece === undefined) return feed
    return { ...feed, pieces: last >= piece.last ? others : [{ ...piece, first: last + 1 }, ...others] }
  }
  if (taking.lane === 'backlog' || (taking.lane === 'alert' && feed.backNext < feed.liveFrom && last < feed.liveFrom))
    return { ...feed, backNext: last + 1 }
  const liveNext = last + 1
  return { ...feed, liveNext, waitingSince: liveNext > feed.head ? null : now }
}
