import type { Decision } from '../../../shared/model/control'
import {
  GRANT_ANSWER_MS,
  GRANT_CANCEL_AFTER_MS,
  GRANT_CLOSE_AFTER_MS,
  HAND_OVER_STEP_MS,
} from '../../../shared/model/defaults'
import { after } from '../../../shared/model/time'
import type { ControlMessageOf } from '../../../shared/wire/control'
import type { SwitchRequest } from './edge-state'
import { newDecision } from './edge-tenure'
import { isGrantable, nextEpoch } from './epoch'
import { isMasterDriving, type HandBack, type MasterContext } from './master-state'
import { onMasterLinkLost } from './master-link'
import { armTakeOver, claimControl, driveNow, hasPassed, leaseOf, type MasterTurn } from './master-tenure'
import { NEGOTIATION_PASSES_MS, refuseSwitch } from './turn'

/** Why nobody gets control back from a master that holds it. */
export const DRAINING = 'The node of this edge is draining: control stays with the master until it is undrained.'

/** Restore by hand: carried out by the master while it holds control. Fail over is the edge's to carry out; the role asks it over the link. */
export function onMasterSwitchAsked(turn: MasterTurn, context: MasterContext, request: SwitchRequest): void {
  const { tenure, link, stored } = turn.state
  const { requestId } = request
  if (tenure.kind === 'handingBack') {
    if (request.target === 'edge')
      turn.out({ type: 'answerSwitch', requestId, decisionId: tenure.handBack.decisionId, failure: null })
    else refuseSwitch(turn, requestId, 'busy', 'A hand-back to the edge is running.')
  } else if (request.target === 'edge' && context.draining) {
    refuseSwitch(turn, requestId, 'refused', DRAINING)
  } else if (request.target === 'master' && tenure.kind === 'driving') {
    turn.out({ type: 'answerSwitch', requestId, decisionId: stored.record.decisionId, failure: null })
  } else if (link.kind !== 'linked') refuseSwitch(turn, requestId, 'link-lost', 'The edge cannot be reached.')
  else if (!link.agreed) refuseSwitch(turn, requestId, 'busy', 'A negotiation is running.', NEGOTIATION_PASSES_MS)
  else if (tenure.kind !== 'driving')
    refuseSwitch(
      turn,
      requestId,
      tenure.kind === 'stopping' ? 'busy' : 'not-in-control',
      'The master does not drive this edge.',
    )
  else if (request.expectedEpoch !== stored.record.epoch) {
    refuseSwitch(
      turn,
      requestId,
      'stale-epoch',
      `Control has moved: the epoch is ${stored.record.epoch}, not ${request.expectedEpoch}.`,
    )
  } else {
    const handBack: HandBack = {
      decisionId: context.freshId,
      actor: request.actor,
      rule: 'restore',
      startedAt: context.wall,
      openingAt: null,
    }
    turn.out({ type: 'answerSwitch', requestId, decisionId: handBack.decisionId, failure: null })
    beginHandBack(turn, context, handBack)
  }
}

/** Both may be driven at once after this: only while the edge cannot be reached, and only because a person said so. */
export function onForced(turn: MasterTurn, context: MasterContext, request: SwitchRequest): void {
  const { tenure, link } = turn.state
  const { requestId } = request
  if (link.kind !== 'none') refuseSwitch(turn, requestId, 'refused', 'The edge can be reached: use Fail over.')
  else if (!context.failover)
    refuseSwitch(turn, requestId, 'refused', 'failover is false for this edge: the master never drives it.')
  else if (isMasterDriving(turn.state) || tenure.kind === 'handingBack')
    refuseSwitch(turn, requestId, 'busy', 'The master drives already.')
  else {
    turn.out({ type: 'answerSwitch', requestId, decisionId: context.freshId, failure: null })
    claimControl(turn, context, { rule: 'force', actor: request.actor, manual: true, edgeStandsBy: false })
    driveNow(turn, context)
  }
}

export function beginHandBack(turn: MasterTurn, context: MasterContext, handBack: HandBack): void {
  const { tenure } = turn.state
  const until = after(context.now, HAND_OVER_STEP_MS)
  if (tenure.kind === 'driving') {
    turn.set({
      tenure: { kind: 'handingBack', handBack, phase: 'syncing', since: tenure.since, until, lease: tenure.lease },
    })
    stopForHandBack(turn, context)
  } else if (tenure.kind === 'stopping') {
    turn.set({ tenure: { kind: 'handingBack', handBack, phase: 'stopping', until } })
  } else {
    turn.set({ tenure: { kind: 'handingBack', handBack, phase: 'stopping', until } })
    turn.out({ type: 'stopModules' })
  }
}

/** The edge must have the documents the master drove by before it gets control. */
export function stopForHandBack(turn: MasterTurn, context: MasterContext): void {
  const { tenure, edgeJournalSeq } = turn.state
  if (tenure.kind !== 'handingBack' || tenure.phase !== 'syncing' || edgeJournalSeq < context.journalHead) return
  turn.set({
    tenure: {
      kind: 'handingBack',
      handBack: tenure.handBack,
      phase: 'stopping',
      until: after(context.now, HAND_OVER_STEP_MS),
    },
  })
  turn.out({ type: 'closeGate' }, { type: 'stopModules' })
}

function handBackDecision(
  context: MasterContext,
  handBack: HandBack,
  epoch: number,
  outcome: Decision['outcome'],
  detail: string | null,
  winner: Decision['winner'],
): Decision {
  const { edgeId, wall } = context
  return newDecision({ edgeId, wall, freshId: handBack.decisionId }, handBack.rule, winner, epoch, {
    actor: handBack.actor,
    outcome,
    detail,
    startedAt: handBack.startedAt,
    finishedAt: outcome === 'open' ? null : context.wall,
  })
}

export function onMasterModulesStopped(turn: MasterTurn, context: MasterContext): void {
  const { tenure, stored, link } = turn.state
  if (tenure.kind === 'stopping') {
    turn.set({ tenure: { kind: 'idle' } })
    if (tenure.thenDrive && stored.record.holder === 'master' && context.failover) driveNow(turn, context)
    else armTakeOver(turn, context)
  } else if (tenure.kind === 'handingBack' && tenure.phase === 'stopping' && link.kind === 'linked') {
    const { handBack } = tenure
    const epoch = nextEpoch('edge', stored.floor)
    const { decisionId } = handBack
    const next = {
      ...stored,
      record: {
        ...stored.record,
        holder: 'none' as const,
        decisionId,
        intent: { to: 'edge' as const, epoch, decisionId },
      },
      floor: epoch,
      since: context.wall,
    }
    turn.set({
      stored: next,
      tenure: {
        kind: 'handingBack',
        handBack,
        phase: 'offered',
        epoch,
        until: after(context.now, GRANT_CANCEL_AFTER_MS),
      },
    })
    turn.persist(handBackDecision(context, handBack, epoch, 'open', null, 'none'))
    turn.send({
      type: 'grant',
      session: link.session,
      decisionId,
      epoch,
      actor: handBack.actor,
      rule: handBack.rule,
      startedAt: handBack.startedAt,
      answerWithinMs: GRANT_ANSWER_MS,
      statuses: null,
    })
  } else turn.refuse(`modules stopped while ${tenure.kind}`)
}

export function onMasterAnswer(turn: MasterTurn, context: MasterContext, message: ControlMessageOf<'answer'>): void {
  const { tenure, stored } = turn.state
  if (
    tenure.kind !== 'handingBack' ||
    (tenure.phase !== 'offered' && tenure.phase !== 'cancelling') ||
    tenure.handBack.decisionId !== message.decisionId
  ) {
    turn.refuse('an answer to no open grant')
    return
  }
  const { handBack, epoch } = tenure
  turn.set({ tenure: { kind: 'idle' }, stored: { ...stored, record: { ...stored.record, intent: null } } })
  if (message.result === 'accepted') {
    const next = {
      ...stored,
      record: { holder: 'edge' as const, epoch, agreedEpoch: epoch, decisionId: handBack.decisionId, intent: null },
      since: context.wall,
      manualAt: null,
      edgeStoodBy: false,
      spentOpeningAt: handBack.openingAt ?? stored.spentOpeningAt,
    }
    turn
      .set({ stored: next, lastRule: handBack.rule })
      .persist(handBackDecision(context, handBack, epoch, 'done', null, 'edge'))
    turn.out({ type: 'report', event: 'lost-control', detail: handBack.rule })
  } else {
    claimControl(turn, context, { rule: handBack.rule, decisionId: handBack.decisionId, edgeStandsBy: true })
    driveNow(turn, context)
    finishFailed(turn, context, handBack, message.result, message.reason)
    // The epoch is a new one: both sides have to agree on it.
    const { link } = turn.state
    if (link.kind === 'linked') turn.set({ link: { ...link, waiting: true } })
  }
}

function finishFailed(
  turn: MasterTurn,
  context: MasterContext,
  handBack: HandBack,
  outcome: 'refused' | 'cancelled' | 'failed',
  reason: string | null,
): void {
  const { stored } = turn.state
  const next = { ...stored, spentOpeningAt: handBack.openingAt ?? stored.spentOpeningAt }
  turn
    .set({ stored: next })
    .persist(handBackDecision(context, handBack, stored.record.epoch, outcome, reason, stored.record.holder))
  turn.out({ type: 'report', event: 'hand-over-failed', detail: reason ?? outcome })
}

/**
 * The hand-back cannot go on (link lost, a step took too long). Before the modules stopped the master goes on driving under its lease. Once granted it
 * stays released, and the decision open until the next negotiation: the edge may have taken it, and only `timeoutMs` without a link lets the master drive again.
 */
export function failHandBack(turn: MasterTurn, context: MasterContext, reason: string): void {
  const { tenure, stored, link } = turn.state
  if (tenure.kind !== 'handingBack') return
  const { handBack } = tenure
  if (tenure.phase === 'syncing') turn.set({ tenure: { kind: 'driving', since: tenure.since, lease: tenure.lease } })
  else if (tenure.phase === 'stopping') turn.set({ tenure: { kind: 'stopping', thenDrive: link.kind === 'linked' } })
  else {
    turn.set({
      tenure: { kind: 'idle' },
      stored: { ...stored, spentOpeningAt: handBack.openingAt ?? stored.spentOpeningAt },
    })
    turn.out({ type: 'report', event: 'hand-over-failed', detail: reason })
    return
  }
  finishFailed(turn, context, handBack, 'failed', reason)
}

/** A fail-over by hand that the edge carries out: control is offered to the master. */
export function onMasterGrant(turn: MasterTurn, context: MasterContext, message: ControlMessageOf<'grant'>): void {
  const { tenure, stored, link } = turn.state
  const answer = (result: 'accepted' | 'refused', reason: string | null): void =>
    void turn.send({ type: 'answer', session: message.session, decisionId: message.decisionId, result, reason })
  if (turn.state.acceptedDecision === message.decisionId) return answer('accepted', null)
  if (link.kind !== 'linked' || !link.agreed) return answer('refused', 'no agreed link')
  if (hasPassed(leaseOf(turn.state), context)) return answer('refused', 'the link was not watched')
  if (turn.state.cancelledDecision === message.decisionId) return answer('refused', 'cancelled')
  if (tenure.kind !== 'idle') return answer('refused', `the master is ${tenure.kind}`)
  if (!context.failover) return answer('refused', 'failover is false for this edge')
  if (!isGrantable('master', message.epoch, stored.floor))
    return answer('refused', `stale-epoch: ${message.epoch} is not above ${stored.floor}`)
  const next = {
    ...stored,
    record: {
      holder: 'master' as const,
      epoch: message.epoch,
      agreedEpoch: message.epoch,
      decisionId: message.decisionId,
      intent: null,
    },
    floor: message.epoch,
    since: context.wall,
    manualAt: context.wall,
    edgeStoodBy: true,
  }
  turn.set({ stored: next, lastRule: message.rule, acceptedDecision: message.decisionId })
  turn.persist(
    newDecision(
      { edgeId: context.edgeId, wall: context.wall, freshId: message.decisionId },
      message.rule,
      'master',
      message.epoch,
      {
        actor: message.actor,
        startedAt: message.startedAt,
      },
    ),
  )
  answer('accepted', null)
  turn.out({ type: 'report', event: 'took-control', detail: message.rule })
  driveNow(turn, context)
}

export function onMasterCancel(turn: MasterTurn, context: MasterContext, message: ControlMessageOf<'cancel'>): void {
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

export function onMasterHandOverWake(turn: MasterTurn, context: MasterContext): void {
  const { tenure, link } = turn.state
  if (tenure.kind !== 'handingBack') return
  stopForHandBack(turn, context)
  if (context.now < tenure.until || turn.state.tenure !== tenure) return
  if (tenure.phase === 'syncing') failHandBack(turn, context, 'the edge has not caught up with the documents in time')
  else if (tenure.phase === 'stopping') failHandBack(turn, context, 'modules did not stop in time')
  else if (tenure.phase === 'offered' && link.kind === 'linked') {
    turn.set({ tenure: { ...tenure, phase: 'cancelling', until: after(context.now, GRANT_CLOSE_AFTER_MS) } })
    turn.send({ type: 'cancel', session: link.session, decisionId: tenure.handBack.decisionId })
  } else {
    turn.out({ type: 'closeLink', reason: 'no answer to the grant' })
    if (link.kind !== 'none') onMasterLinkLost(turn, context, link.session, 'no answer to the grant')
  }
}
