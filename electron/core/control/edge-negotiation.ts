import type { EdgeFacts } from '../../../shared/model/control'
import type { ControlMessageOf } from '../../../shared/wire/control'
import type { EdgeContext } from './edge-state'
import { settleFailOver } from './edge-hand-over'
import { AUTONOMY_LATEST_MS, sendFacts } from './edge-link'
import { heardIn } from './epoch'
import { negotiate, tableFacts } from './negotiate'
import { hearOf, letGo, newDecision, takeControl, unlinked, type EdgeTurn } from './edge-tenure'
import { after } from '../../../shared/model/time'
import { LINK_RETRY_MS, LINK_SILENCE_MS } from '../../../shared/model/defaults'

/** The master's verdict on one record of facts. The edge evaluates the same record; where it disagrees nothing moves. */
export function onResult(turn: EdgeTurn, context: EdgeContext, message: ControlMessageOf<'result'>): void {
  const { link, tenure } = turn.state
  if (
    link.kind === 'waiting' ||
    message.session !== link.session ||
    message.round !== link.round ||
    link.sent === null
  ) {
    turn.refuse(`a result of another session or round (${message.round})`)
    return
  }
  if (tenure.kind === 'releasing' || tenure.kind === 'granted') {
    turn.refuse('a result during a hand-over')
    return
  }
  const facts = { edge: link.sent, master: message.master }
  const own = negotiate(tableFacts(facts))
  if (own.rule !== message.rule || own.winner !== message.winner || !isSame(message.edge, link.sent)) {
    disagree(
      turn,
      context,
      message,
      `master says ${message.rule} ${message.winner}, edge says ${own.rule} ${own.winner}`,
    )
    return
  }
  // The edge began to drive while the master was deciding: those facts are gone, ask again.
  if (link.sent.drivingForMs === null && tenure.kind === 'driving') {
    sendFacts(turn, context)
    return
  }
  const linkedSince = link.kind === 'linked' ? link.since : context.now
  turn.set({
    link: {
      kind: 'linked',
      session: link.session,
      round: link.round,
      heardAt: context.now,
      since: linkedSince,
      sent: null,
    },
    lastFailure: null,
  })
  settleFailOver(turn, context, message.master.record)
  hearOf(turn, message.master.floor, heardIn(message.master.record), message.masterEpoch ?? 0)
  if (own.winner === 'edge' && !own.byHandBack) edgeDrives(turn, context, message, facts)
  else edgeStandsBy(turn, context, message, facts)
  turn.set({ lastRule: message.rule })
}

/** Whether the master decided on the facts this side sent, as far as they can decide anything. */
function isSame(a: EdgeFacts, b: EdgeFacts): boolean {
  return (
    a.devicesUp === b.devicesUp &&
    a.bootId === b.bootId &&
    a.floor === b.floor &&
    a.record.holder === b.record.holder &&
    a.record.epoch === b.record.epoch &&
    a.record.agreedEpoch === b.record.agreedEpoch
  )
}

type Facts = { edge: ControlMessageOf<'result'>['edge']; master: ControlMessageOf<'result'>['master'] }

function edgeDrives(turn: EdgeTurn, context: EdgeContext, message: ControlMessageOf<'result'>, facts: Facts): void {
  takeControl(turn, context, message.rule, { decisionId: message.decisionId, facts, contested: message.contested })
  const { stored } = turn.state
  const agreed = { ...stored, record: { ...stored.record, agreedEpoch: stored.record.epoch } }
  const firstTime =
    message.rule !== turn.state.lastRule ||
    stored.record.agreedEpoch !== agreed.record.agreedEpoch ||
    message.contested !== null
  if (firstTime) {
    const decision = newDecision(
      { ...context, freshId: message.decisionId },
      message.rule,
      'edge',
      stored.record.epoch,
      { facts, contested: message.contested },
    )
    turn.set({ stored: agreed }).persist(decision)
  }
  agree(turn, message, stored.record.epoch)
}

function edgeStandsBy(turn: EdgeTurn, context: EdgeContext, message: ControlMessageOf<'result'>, facts: Facts): void {
  const { stored } = turn.state
  const epoch = message.masterEpoch ?? facts.master.record.epoch
  const changed =
    stored.record.holder !== 'master' || stored.record.epoch !== epoch || stored.record.agreedEpoch !== epoch
  if (changed || message.rule !== turn.state.lastRule) {
    const next = {
      ...stored,
      record: {
        holder: 'master' as const,
        epoch,
        agreedEpoch: epoch,
        decisionId: changed ? message.decisionId : stored.record.decisionId,
        intent: null,
      },
      since: changed ? context.wall : stored.since,
    }
    turn.set({ stored: next })
    // A hand-back is written when the grant comes: until then it is the master's, and open.
    if (message.winner === 'master') {
      turn.persist(
        newDecision({ ...context, freshId: message.decisionId }, message.rule, 'master', epoch, {
          facts,
          contested: message.contested,
        }),
      )
    }
  }
  if (turn.state.tenure.kind === 'driving') turn.out({ type: 'report', event: 'lost-control', detail: message.rule })
  letGo(turn)
  agree(turn, message, null)
}

function agree(turn: EdgeTurn, message: ControlMessageOf<'result'>, drivesAtEpoch: number | null): void {
  turn.send({
    type: 'agree',
    session: message.session,
    round: message.round,
    decisionId: message.decisionId,
    agreed: true,
    rule: message.rule,
    winner: message.winner,
    drivesAtEpoch,
  })
}

function disagree(turn: EdgeTurn, context: EdgeContext, message: ControlMessageOf<'result'>, detail: string): void {
  const own = negotiate(tableFacts({ edge: message.edge, master: message.master }))
  turn.send({
    type: 'agree',
    session: message.session,
    round: message.round,
    decisionId: message.decisionId,
    agreed: false,
    rule: own.rule,
    winner: own.winner,
    drivesAtEpoch: null,
  })
  turn.out({ type: 'report', event: 'disagreement', detail }, { type: 'closeLink', reason: 'the two sides disagree' })
  const { link } = turn.state
  const from = link.kind === 'linked' ? after(link.heardAt, LINK_SILENCE_MS) : turn.state.autonomyFrom
  const latest = link.kind === 'linked' ? AUTONOMY_LATEST_MS : Math.max(0, turn.state.autonomyLatest - context.now)
  unlinked(turn, context, from, latest, after(context.now, LINK_RETRY_MS + context.jitterMs))
  turn.set({ lastFailure: detail })
}
