import type { ControlRecord, Decision } from '../../../shared/model/control'
import {
  GRANT_CANCEL_AFTER_MS,
  GRANT_CLOSE_AFTER_MS,
  GRANT_ANSWER_MS,
  HAND_OVER_STEP_MS,
  LINK_SILENCE_MS,
} from '../../../shared/model/defaults'
import { after } from '../../../shared/model/time'
import type { ControlMessageOf } from '../../../shared/wire/control'
import type { EdgeContext, Release, SwitchRequest } from './edge-state'
import { isGrantable, nextEpoch } from './epoch'
import { AUTONOMY_LATEST_MS, sendFacts } from './edge-link'
import { beginDriving, newDecision, takeControl, unlinked, type EdgeTurn } from './edge-tenure'
import { NEGOTIATION_PASSES_MS, refuseSwitch } from './turn'

/** Fail over by hand: carried out by the edge while it drives. Restore is the master's to carry out; the role asks it over the link. */
export function onSwitchAsked(turn: EdgeTurn, context: EdgeContext, request: SwitchRequest): void {
  const { tenure, link, stored } = turn.state
  const { requestId } = request
  if (tenure.kind === 'releasing' || tenure.kind === 'granted') {
    if (request.target === 'master')
      turn.out({ type: 'answerSwitch', requestId, decisionId: tenure.release.decisionId, failure: null })
    else refuseSwitch(turn, requestId, 'busy', 'A fail-over to the master is running.')
  } else if (link.kind !== 'linked') refuseSwitch(turn, requestId, 'link-lost', 'The master cannot be reached.')
  else if (link.sent !== null) refuseSwitch(turn, requestId, 'busy', 'A negotiation is running.', NEGOTIATION_PASSES_MS)
  else if (tenure.kind !== 'driving') refuseSwitch(turn, requestId, 'not-in-control', 'The edge does not drive.')
  else if (request.target === 'edge')
    turn.out({ type: 'answerSwitch', requestId, decisionId: stored.record.decisionId, failure: null })
  else if (request.expectedEpoch !== stored.record.epoch) {
    refuseSwitch(
      turn,
      requestId,
      'stale-epoch',
      `Control has moved: the epoch is ${stored.record.epoch}, not ${request.expectedEpoch}.`,
    )
  } else if (!context.failover)
    refuseSwitch(turn, requestId, 'refused', 'failover is false for this edge: the master never drives it.')
  else {
    const release: Release = { decisionId: context.freshId, requestId, actor: request.actor, startedAt: context.wall }
    turn.set({ tenure: { kind: 'releasing', release, until: after(context.now, HAND_OVER_STEP_MS) } })
    turn.out(
      { type: 'closeGate' },
      { type: 'answerSwitch', requestId, decisionId: release.decisionId, failure: null },
      { type: 'stopModules' },
    )
  }
}

export function releaseDecision(
  context: EdgeContext,
  release: Release,
  epoch: number,
  outcome: Decision['outcome'],
  detail: string | null,
): Decision {
  return newDecision(
    { ...context, freshId: release.decisionId },
    'fail-over',
    outcome === 'done' ? 'master' : outcome === 'open' ? 'none' : 'edge',
    epoch,
    {
      actor: release.actor,
      outcome,
      detail,
      startedAt: release.startedAt,
      finishedAt: outcome === 'open' ? null : context.wall,
    },
  )
}

export function onModulesStopped(turn: EdgeTurn, context: EdgeContext): void {
  const { tenure, link, stored } = turn.state
  if (tenure.kind === 'stopping') {
    turn.set({ tenure: { kind: 'idle' } })
    if (tenure.thenDrive !== null) beginDriving(turn, context, tenure.thenDrive)
  } else if (tenure.kind === 'releasing' && link.kind === 'linked') {
    const epoch = nextEpoch('master', stored.floor)
    const { decisionId } = tenure.release
    const next = {
      ...stored,
      record: {
        ...stored.record,
        holder: 'none' as const,
        decisionId,
        intent: { to: 'master' as const, epoch, decisionId },
      },
      floor: epoch,
      since: context.wall,
    }
    turn.set({
      stored: next,
      tenure: {
        kind: 'granted',
        release: tenure.release,
        epoch,
        phase: 'offered',
        until: after(context.now, GRANT_CANCEL_AFTER_MS),
      },
    })
    turn.persist(releaseDecision(context, tenure.release, epoch, 'open', null))
    turn.send({
      type: 'grant',
      session: link.session,
      decisionId,
      epoch,
      actor: tenure.release.actor,
      rule: 'fail-over',
      startedAt: tenure.release.startedAt,
      answerWithinMs: GRANT_ANSWER_MS,
      statuses: null,
    })
  } else turn.refuse(`modules stopped while ${tenure.kind}`)
}

export function onAnswer(turn: EdgeTurn, context: EdgeContext, message: ControlMessageOf<'answer'>): void {
  const { tenure, stored } = turn.state
  if (tenure.kind !== 'granted' || tenure.release.decisionId !== message.decisionId) {
    turn.refuse('an answer to no open grant')
    return
  }
  if (message.result === 'accepted') {
    const next = {
      ...stored,
      record: {
        holder: 'master' as const,
        epoch: tenure.epoch,
        agreedEpoch: tenure.epoch,
        decisionId: message.decisionId,
        intent: null,
      },
      since: context.wall,
      manualAt: context.wall,
    }
    turn.set({ stored: next, tenure: { kind: 'idle' }, lastRule: 'fail-over' })
    turn.persist(releaseDecision(context, tenure.release, tenure.epoch, 'done', null))
    turn.out({ type: 'report', event: 'lost-control', detail: 'fail-over' })
  } else driveAgain(turn, context, message.result, message.reason)
  // What arrived meanwhile is looked at once, now that it has ended.
  sendFacts(turn, context)
}

/** The other side did not take it: the edge drives again at its next odd epoch. */
function driveAgain(
  turn: EdgeTurn,
  context: EdgeContext,
  outcome: 'refused' | 'cancelled',
  reason: string | null,
): void {
  const { tenure, stored } = turn.state
  if (tenure.kind !== 'granted') return
  turn.set({ tenure: { kind: 'idle' }, stored: { ...stored, record: { ...stored.record, intent: null } } })
  takeControl(turn, context, 'fail-over', { decisionId: tenure.release.decisionId })
  turn.persist(releaseDecision(context, tenure.release, turn.state.stored.record.epoch, outcome, reason))
  turn.out({ type: 'report', event: 'hand-over-failed', detail: reason ?? outcome })
}

/**
 * The session of a running fail-over is gone. Before the grant the edge just goes on. After it nobody here knows whether the master took it: the decision
 * stays open until the next negotiation, and the 3 s rule gives control back to the edge.
 */
export function abandonHandOver(turn: EdgeTurn, context: EdgeContext, reason: string): void {
  const { tenure } = turn.state
  if (tenure.kind === 'releasing') {
    turn.set({ tenure: { kind: 'stopping', thenDrive: 'resume' } })
    turn.persist(releaseDecision(context, tenure.release, turn.state.stored.record.epoch, 'failed', reason))
  } else if (tenure.kind === 'granted') turn.set({ tenure: { kind: 'idle' } })
  else return
  turn.out({ type: 'report', event: 'hand-over-failed', detail: reason })
}

/** A grant whose answer was lost with its session: what both sides once agreed on says whether the master took it. */
export function settleFailOver(turn: EdgeTurn, context: EdgeContext, master: ControlRecord): void {
  const { stored } = turn.state
  const { intent } = stored.record
  if (intent === null) return
  const taken = master.agreedEpoch >= intent.epoch
  turn.set({ stored: { ...stored, record: { ...stored.record, intent: null } } })
  turn.settle({
    decisionId: intent.decisionId,
    outcome: taken ? 'done' : 'cancelled',
    winner: taken ? 'master' : 'edge',
    at: context.wall,
  })
}

export function onGrant(turn: EdgeTurn, context: EdgeContext, message: ControlMessageOf<'grant'>): void {
  const { tenure, stored, link } = turn.state
  const answer = (result: 'accepted' | 'refused', reason: string | null): void =>
    void turn.send({ type: 'answer', session: message.session, decisionId: message.decisionId, result, reason })
  if (turn.state.acceptedDecision === message.decisionId) return answer('accepted', null)
  if (link.kind !== 'linked' || message.session !== link.session) return answer('refused', 'another session')
  if (turn.state.cancelledDecision === message.decisionId) return answer('refused', 'cancelled')
  if (tenure.kind !== 'idle' && tenure.kind !== 'stopping') return answer('refused', `the edge is ${tenure.kind}`)
  if (!isGrantable('edge', message.epoch, stored.floor))
    return answer('refused', `stale-epoch: ${message.epoch} is not above ${stored.floor}`)
  const decision = newDecision({ ...context, freshId: message.decisionId }, message.rule, 'edge', message.epoch, {
    actor: message.actor,
    startedAt: message.startedAt,
  })
  const next = {
    ...stored,
    record: {
      holder: 'edge' as const,
      epoch: message.epoch,
      agreedEpoch: message.epoch,
      decisionId: message.decisionId,
      intent: null,
    },
    floor: message.epoch,
    since: context.wall,
    manualAt: null,
  }
  turn.set({ stored: next, lastRule: message.rule, acceptedDecision: message.decisionId }).persist(decision)
  answer('accepted', null)
  turn.out({ type: 'report', event: 'took-control', detail: message.rule })
  beginDriving(turn, context, message.rule)
}

export function onCancel(turn: EdgeTurn, context: EdgeContext, message: ControlMessageOf<'cancel'>): void {
  const took = turn.state.acceptedDecision === message.decisionId
  if (!took) {
    // The grant never came: of that decision only its giver knows the rest.
    turn.set({ cancelledDecision: message.decisionId }).persist(null)
  }
  turn.send({
    type: 'answer',
    session: message.session,
    decisionId: message.decisionId,
    result: took ? 'accepted' : 'cancelled',
    reason: null,
  })
}

/** Steps of a fail-over that took too long. */
export function onHandOverWake(turn: EdgeTurn, context: EdgeContext): void {
  const { tenure, link } = turn.state
  if (tenure.kind === 'releasing' && context.now >= tenure.until)
    abandonHandOver(turn, context, 'modules did not stop in time')
  if (tenure.kind !== 'granted' || context.now < tenure.until || link.kind !== 'linked') return
  if (tenure.phase === 'offered') {
    turn.set({ tenure: { ...tenure, phase: 'cancelling', until: after(context.now, GRANT_CLOSE_AFTER_MS) } })
    turn.send({ type: 'cancel', session: link.session, decisionId: tenure.release.decisionId })
    return
  }
  turn.out({ type: 'closeLink', reason: 'no answer to the grant' })
  const from = after(link.heardAt, LINK_SILENCE_MS)
  unlinked(turn, context, from, AUTONOMY_LATEST_MS, from > context.now ? from : context.now)
  abandonHandOver(turn, context, 'no answer')
}
