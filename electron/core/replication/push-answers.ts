import type { FailureCode } from '../../../shared/model/failures'
import type { TelemetryLane } from '../../../shared/model/telemetry'
import { after } from '../../../shared/model/time'
import type { PushTurn } from './push'
import {
  PUSH_BACKOFF_CAP_MS,
  PUSH_BACKOFF_MS,
  PUSH_BATCH_ENTRIES,
  type Answered,
  type Batch,
  type PushInput,
} from './push-state'
import { covers, highestOf, withRange } from '../../../shared/model/coverage'

/** Refusals that no repeat changes: only a person does. They are asked for as rarely as the cap says, and a new link asks at once. */
const STANDING: ReadonlySet<FailureCode> = new Set(['revoked', 'removed', 'forbidden', 'version-mismatch'])
const NO_BACKOFF = { failures: 0, notBefore: null }

export function onAnswered(turn: PushTurn, number: number, answer: Answered): void {
  const batch = landed(turn, number)
  if (batch === null) return turn.refuse('nobody waits for this answer any more')
  const feed = turn.feed(batch.feedId)!
  // Numbers that were never given out here: this store is older than what the master knows.
  if (highestOf(answer) > Math.max(feed.head, batch.slice.lastSeq)) return fork(turn, batch.feedId)
  const { firstSeq, lastSeq } = batch.slice
  if (!covers(answer, firstSeq, lastSeq)) {
    again(turn, batch, PUSH_BATCH_ENTRIES)
    return backOff(turn, feed.lane, null, 1)
  }
  turn.set({ drainGranted: answer.drain, backoff: { ...turn.state.backoff, [feed.lane]: NO_BACKOFF } })
  const own = answer.rejected.filter(({ seq }) => seq >= firstSeq && seq <= lastSeq)
  if (own.length > 0) turn.out({ type: 'reject', feedId: feed.feedId, rejected: own })
  // Only what this link has sent is acknowledged, never all that the answer lists: what is deleted was surely stored as it stood here.
  const acked = withRange(feed.acked, firstSeq, lastSeq)
  turn.setFeed(feed.feedId, {
    acked,
    confirmed: Math.max(feed.confirmed, answer.throughSeq),
    rangesThere: answer.ranges.length,
    head: Math.max(feed.head, lastSeq),
  })
  if (answer.throughSeq < batch.confirmed) lostThere(turn, batch, answer.throughSeq)
  turn.out({ type: 'acknowledge', feedId: feed.feedId, ...acked })
}

/** The master was put back from an older copy: what it lost is told as a gap, so that its position can move on, and reported. */
function lostThere(turn: PushTurn, { feedId, confirmed }: Batch, throughSeq: number): void {
  const feed = turn.feed(feedId)!
  if (feed.lossTold >= confirmed) return
  const piece = { first: throughSeq + 1, last: confirmed, maxEntries: PUSH_BATCH_ENTRIES, lane: 'backlog' as const }
  turn.setFeed(feedId, { pieces: [piece, ...feed.pieces], lossTold: confirmed })
  turn.out({ type: 'lostThere', feedId, from: throughSeq + 1, to: confirmed })
}

export function onFailed(turn: PushTurn, input: Extract<PushInput, { type: 'failed' }>): void {
  const batch = landed(turn, input.batch)
  if (batch === null) return turn.refuse('nobody waits for this answer any more')
  const lane = turn.feed(batch.feedId)!.lane
  if (input.code === 'conflict') return fork(turn, batch.feedId)
  if (input.code === 'too-large' && batch.slice.entries > 0) return split(turn, batch)
  again(turn, batch, Math.max(1, batch.slice.entries))
  if (STANDING.has(input.code)) return backOff(turn, lane, PUSH_BACKOFF_CAP_MS, input.chance)
  backOff(turn, lane, input.retryAfterMs, input.chance)
}

/** What could not be read, deleted or set aside is looked at again from what is surely acknowledged. */
export function onStorageFailed(turn: PushTurn, chance: number): void {
  if (turn.state.session === null) return turn.refuse('there is no link')
  turn.set({ taking: null, inFlight: [], feeds: [] })
  backOff(turn, 'alerts', null, chance)
  backOff(turn, 'telemetry', null, chance)
  turn.out({ type: 'reread' })
}

/** The batch on its way with this number, taken off the list. */
function landed(turn: PushTurn, number: number): Batch | null {
  const batch = turn.state.inFlight.find((each) => each.batch === number)
  if (batch === undefined || turn.feed(batch.feedId) === null) return null
  turn.set({ inFlight: turn.state.inFlight.filter((each) => each !== batch) })
  return batch
}

function again(turn: PushTurn, { feedId, slice, lane }: Batch, maxEntries: number): void {
  const feed = turn.feed(feedId)!
  turn.setFeed(feedId, {
    pieces: [...feed.pieces, { first: slice.firstSeq, last: slice.lastSeq, maxEntries, lane }],
  })
}

/** Halves, down to a single entry: that one is set aside, and its number told as a gap. */
function split(turn: PushTurn, batch: Batch): void {
  const { entries, firstEntrySeq } = batch.slice
  if (entries > 1) return again(turn, batch, Math.ceil(entries / 2))
  if (firstEntrySeq !== null) {
    const rejected = [{ seq: firstEntrySeq, code: 'too-large', message: 'Too large for a batch of its own' }]
    turn.out({ type: 'reject', feedId: batch.feedId, rejected })
  }
  again(turn, batch, PUSH_BATCH_ENTRIES)
}

function fork(turn: PushTurn, feedId: string): void {
  if (turn.feed(feedId)!.isForked) return
  turn.setFeed(feedId, { isForked: true, pieces: [] })
  turn.set({ inFlight: turn.state.inFlight.filter((batch) => batch.feedId !== feedId) })
  turn.out({ type: 'renew', feedId })
}

/**
 * A wait the master named is kept and counts as no failure. Else 5,000 ms doubled each time up to 300,000 ms, and then by chance somewhere in the whole of
 * it, so that many edges do not come back in step.
 */
function backOff(turn: PushTurn, lane: TelemetryLane, namedMs: number | null, chance: number): void {
  const { failures, notBefore } = turn.state.backoff[lane]
  const fullMs = Math.min(PUSH_BACKOFF_CAP_MS, PUSH_BACKOFF_MS * 2 ** Math.min(failures, 16))
  const at = after(turn.now, namedMs ?? Math.ceil(fullMs * chance))
  const latest = notBefore === null || at > notBefore ? at : notBefore
  // Batches that were on their way together fail together: that is one failure.
  const isOne = notBefore !== null && turn.now < notBefore
  turn.set({
    backoff: {
      ...turn.state.backoff,
      [lane]: { failures: namedMs === null && !isOne ? failures + 1 : failures, notBefore: latest },
    },
  })
}
