import { after, type MonoMs } from '../../../shared/model/time'
import type { PushTurn } from './push'
import {
  PUSH_BATCH_ENTRIES,
  PUSH_INTERVAL_MS,
  PUSH_PIECES_MAX,
  PUSH_QUOTA_PER_MINUTE,
  PUSH_RANGES_HIGH,
  PUSH_WINDOW,
  type FeedState,
  type PushLane,
  type PushState,
  type Take,
} from './push-state'

const TOKEN_EVERY_MS = 60_000 / PUSH_QUOTA_PER_MINUTE

/** Asks for the next slice, if anything is due and may go. One at a time: the answer leads here again. */
export function plan(turn: PushTurn): void {
  relane(turn)
  refill(turn)
  const { state, now } = turn
  if (state.session === null || state.paused || state.taking !== null) return
  if (!state.drainGranted && state.tokens < 1) return
  for (const feed of inOrder(state)) {
    const { notBefore } = state.backoff[feed.lane]
    if (feed.isForked || (notBefore !== null && now < notBefore)) continue
    const wanted = nextOf(feed, state, now)
    if (wanted === null) continue
    const take: Take = { take: state.counter + 1, feedId: feed.feedId, ...wanted }
    turn.set({ counter: take.take, taking: take })
    turn.out({ type: 'take', ...take })
    return
  }
}

/** Alerts before everything; older feeds after the current ones. */
function inOrder({ feeds }: PushState): readonly FeedState[] {
  const rank = (feed: FeedState) => (feed.lane === 'alerts' ? 0 : 1) + (feed.isCurrent ? 0 : 2)
  return [...feeds].sort((a, b) => rank(a) - rank(b))
}

type Wanted = Omit<Take, 'take' | 'feedId'>

function nextOf(feed: FeedState, state: PushState, now: MonoMs): Wanted | null {
  const flying = state.inFlight.filter(({ feedId }) => feedId === feed.feedId)
  const inLane = (lane: PushLane) => flying.filter((batch) => batch.lane === lane).length
  const room = (feed.lane === 'alerts' ? inLane('alert') : inLane('backlog')) < PUSH_WINDOW
  const oldLane: PushLane = feed.lane === 'alerts' ? 'alert' : 'backlog'
  const piece = feed.pieces[0]
  const live = liveOf(feed, state, now, inLane)
  if (live !== null) return live
  if (piece !== undefined)
    return room
      ? { first: piece.first, limit: piece.last, maxEntries: piece.maxEntries, lane: piece.lane, fromPiece: true }
      : null
  if (feed.backNext >= feed.liveFrom || !room) return null
  return {
    first: feed.backNext,
    limit: feed.liveFrom - 1,
    maxEntries: PUSH_BATCH_ENTRIES,
    lane: oldLane,
    fromPiece: false,
  }
}

function liveOf(feed: FeedState, state: PushState, now: MonoMs, inLane: (lane: PushLane) => number): Wanted | null {
  if (feed.liveNext > feed.head || feed.pieces.length >= PUSH_PIECES_MAX) return null
  // Numbers beyond a hole that the backlog has not closed yet make one more range at the master.
  if (feed.rangesThere >= PUSH_RANGES_HIGH && feed.backNext < feed.liveFrom) return null
  const lane: PushLane = feed.lane === 'alerts' ? 'alert' : 'live'
  if (inLane(lane) >= (lane === 'alert' ? PUSH_WINDOW + 1 : 1)) return null
  if (!isDue(feed, state, now)) return null
  return { first: feed.liveNext, limit: feed.head, maxEntries: PUSH_BATCH_ENTRIES, lane, fromPiece: false }
}

function isDue(feed: FeedState, state: PushState, now: MonoMs): boolean {
  if (feed.lane === 'alerts' || state.flush !== null) return true
  if (feed.head - feed.liveNext + 1 >= PUSH_BATCH_ENTRIES) return true
  return feed.waitingSince !== null && now >= after(feed.waitingSince, PUSH_INTERVAL_MS)
}

/** A live lane that has fallen behind, with no backlog left, is the backlog: it goes several batches at a time. */
function relane(turn: PushTurn): void {
  for (const feed of turn.state.feeds) {
    const behind = feed.head - feed.liveNext + 1
    if (feed.backNext < feed.liveFrom || behind < 2 * PUSH_BATCH_ENTRIES) continue
    turn.setFeed(feed.feedId, {
      backNext: feed.liveNext,
      liveFrom: feed.head + 1,
      liveNext: feed.head + 1,
      waitingSince: null,
    })
  }
  // A drain that an operator asked for ends when nothing is left to send.
  if (turn.state.flush !== null && turn.state.feeds.every(({ liveNext, head }) => liveNext > head))
    turn.set({ flush: null })
}

function refill(turn: PushTurn): void {
  const { tokens, tokensAt } = turn.state
  const earned = Math.floor((turn.now - tokensAt) / TOKEN_EVERY_MS)
  if (earned <= 0) return
  const full = tokens + earned >= PUSH_QUOTA_PER_MINUTE
  turn.set({
    tokens: full ? PUSH_QUOTA_PER_MINUTE : tokens + earned,
    tokensAt: full ? turn.now : after(tokensAt, earned * TOKEN_EVERY_MS),
  })
}

/** When something becomes due that no input will tell of, and that was not looked at yet: `lookedAt` is the instant of the last plan, null where there was none. */
export function wakeAtOf(state: PushState, lookedAt: MonoMs | null): MonoMs | null {
  if (state.session === null || state.paused || state.taking !== null) return null
  const instants: MonoMs[] = []
  for (const feed of state.feeds) {
    const waits = feed.pieces.length > 0 || feed.backNext < feed.liveFrom || feed.liveNext <= feed.head
    if (!waits || feed.isForked) continue
    const { notBefore } = state.backoff[feed.lane]
    if (notBefore !== null) instants.push(notBefore)
    if (feed.waitingSince !== null) instants.push(after(feed.waitingSince, PUSH_INTERVAL_MS))
    if (!state.drainGranted && state.tokens < 1) instants.push(after(state.tokensAt, TOKEN_EVERY_MS))
  }
  const ahead = instants.filter((at) => lookedAt === null || at > lookedAt)
  return ahead.length === 0 ? null : (Math.min(...ahead) as MonoMs)
}
