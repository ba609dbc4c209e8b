import {
  LINK_ATTEMPT_LOADING_MS,
  LINK_ATTEMPT_MS,
  LINK_RETRY_MS,
  LINK_SILENCE_MS,
} from '../../../shared/model/defaults'
import { after, type MonoMs } from '../../../shared/model/time'
import { edgeFactsOf, type EdgeContext, type EdgeState } from './edge-state'
import { abandonHandOver } from './edge-hand-over'
import { takeControl, unlinked, type EdgeTurn } from './edge-tenure'

/** Two attempts of 3,000 ms with 3,000 ms between them: no half-alive master keeps a cold edge idle for longer. */
export const AUTONOMY_LATEST_MS = 2 * LINK_ATTEMPT_MS + LINK_RETRY_MS

/** A life begins. Its first attempt starts now; whatever the one before it heard, 3,000 ms pass before the edge drives. */
export function onStart(turn: EdgeTurn, context: EdgeContext): void {
  if (turn.state.link.kind !== 'waiting') {
    turn.refuse('started already')
    return
  }
  unlinked(turn, context, after(context.now, LINK_SILENCE_MS), AUTONOMY_LATEST_MS, context.now)
  beginAttempt(turn, context)
}

export function beginAttempt(turn: EdgeTurn, context: EdgeContext): void {
  turn.set({
    link: {
      kind: 'attempting',
      startedAt: context.now,
      until: after(context.now, LINK_ATTEMPT_MS),
      session: null,
      round: 0,
      loading: false,
      sent: null,
    },
  })
  turn.out({ type: 'dial' })
}

export function onAttemptProven(turn: EdgeTurn, context: EdgeContext, session: string): void {
  const { link } = turn.state
  if (link.kind !== 'attempting' || link.session !== null) {
    turn.refuse(`proven session ${session} while ${link.kind}`)
    return
  }
  turn.set({ link: { ...link, session } })
  sendFacts(turn, context)
}

/** Asks for a negotiation on the current session with the facts as they are now. */
export function sendFacts(turn: EdgeTurn, context: EdgeContext): void {
  const { link } = turn.state
  if (link.kind === 'waiting' || link.session === null) return
  const sent = edgeFactsOf(turn.state, context)
  const round = link.round + 1
  turn.set({ link: { ...link, round, sent } })
  turn.send({ type: 'negotiate', session: link.session, round, edge: sent })
}

export function onLoading(turn: EdgeTurn): void {
  const { link } = turn.state
  if (link.kind !== 'attempting' || link.loading) {
    turn.refuse('loading is of no use now')
    return
  }
  turn.set({ link: { ...link, loading: true, until: after(link.startedAt, LINK_ATTEMPT_LOADING_MS) } })
}

/** Any outcome but a negotiation result. */
export function onAttemptFailed(turn: EdgeTurn, context: EdgeContext, reason: string): void {
  const { link } = turn.state
  if (link.kind !== 'attempting') {
    turn.refuse(`an attempt failed while ${link.kind}`)
    return
  }
  const counts = link.startedAt >= turn.state.autonomyFrom || (link.loading && context.now >= turn.state.autonomyFrom)
  turn.set({ link: { kind: 'waiting', dialAt: nextDialAt(link.startedAt, counts, context) }, lastFailure: reason })
  if (counts) driveAlone(turn, context)
}

/**
 * 3,000 ms after the first failure, which decides nothing yet. From then on attempts begin 3,000 ms apart: one that used up its time because its bytes were
 * swallowed, and can no longer succeed when the line heals, costs no second wait.
 */
function nextDialAt(startedAt: MonoMs, counts: boolean, { now, jitterMs }: EdgeContext): MonoMs {
  const due = after(counts ? startedAt : now, LINK_RETRY_MS)
  return after(due < now ? now : due, jitterMs)
}

export function onLinkLost(turn: EdgeTurn, context: EdgeContext, session: string, reason: string): void {
  const { link } = turn.state
  if (link.kind === 'waiting' || link.session !== session) {
    turn.refuse('a session that had ended before')
    return
  }
  if (link.kind === 'attempting') {
    onAttemptFailed(turn, context, reason)
    return
  }
  // Never earlier than 3,000 ms after the last ping heard: until then a driving master may still have its lease.
  const from = after(link.heardAt, LINK_SILENCE_MS)
  const dialAt = context.now > from ? context.now : from
  unlinked(turn, context, from, AUTONOMY_LATEST_MS, after(dialAt, context.jitterMs))
  turn.set({ lastFailure: reason })
  abandonHandOver(turn, context, 'link-lost')
}

/** Does not drive and is not about to: only then is there something to begin. */
function waitsToDrive({ tenure }: EdgeState): boolean {
  return tenure.kind === 'idle' || (tenure.kind === 'stopping' && tenure.thenDrive === null)
}

/** The 3 s rule has passed, or the last moment for it: the edge drives unless it does already. A hand-over of its own never outlives the link. */
export function driveAlone(turn: EdgeTurn, context: EdgeContext): void {
  if (!waitsToDrive(turn.state)) return
  const { record, floor } = turn.state.stored
  takeControl(turn, context, record.holder === 'edge' && record.epoch >= floor ? 'resume' : 'autonomy')
}

/** Nobody was watching: every wait starts again in full. A running hand-over ends with its session. */
export function onTimeGap(turn: EdgeTurn, context: EdgeContext): void {
  const { link } = turn.state
  turn.out({ type: 'report', event: 'time-gap', detail: link.kind })
  if (link.kind === 'attempting') turn.out({ type: 'abandonAttempt' })
  if (link.kind === 'linked') turn.out({ type: 'closeLink', reason: 'time gap' })
  unlinked(turn, context, after(context.now, LINK_SILENCE_MS), AUTONOMY_LATEST_MS, context.now)
  abandonHandOver(turn, context, 'link-lost')
}

export function onPing(turn: EdgeTurn, context: EdgeContext, n: number): void {
  const { link } = turn.state
  if (link.kind === 'waiting' || link.session === null) {
    turn.refuse('a ping without a session')
    return
  }
  turn.send({ type: 'pong', n })
  if (link.kind === 'linked') turn.set({ link: { ...link, heardAt: context.now } })
}

/** What the clock alone brings about on the link. */
export function onLinkWake(turn: EdgeTurn, context: EdgeContext): void {
  const { link } = turn.state
  if (link.kind === 'linked' && context.now >= after(link.heardAt, LINK_SILENCE_MS)) {
    turn.out({ type: 'closeLink', reason: 'nothing heard for 3,000 ms' })
    onLinkLost(turn, context, link.session, 'nothing heard for 3,000 ms')
  } else if (link.kind === 'attempting' && context.now >= link.until) {
    turn.out({ type: 'abandonAttempt' })
    onAttemptFailed(
      turn,
      context,
      link.session === null ? 'no proven connection in time' : 'no negotiation result in time',
    )
  }
  const { link: now } = turn.state
  if (now.kind !== 'linked' && context.now >= turn.state.autonomyLatest) driveAlone(turn, context)
  if (turn.state.link.kind === 'waiting' && context.now >= turn.state.link.dialAt) beginAttempt(turn, context)
}

export function linkWakeAt(state: EdgeState): MonoMs {
  const { link } = state
  if (link.kind === 'linked') return after(link.heardAt, LINK_SILENCE_MS)
  const own = link.kind === 'attempting' ? link.until : link.dialAt
  return waitsToDrive(state) && state.autonomyLatest < own ? state.autonomyLatest : own
}
