import type { Decision, DecisionRule, NegotiationFacts } from '../../../shared/model/control'
import { after } from '../../../shared/model/time'
import { heardIn, nextEpoch } from './epoch'
import type { EdgeContext, EdgeState } from './edge-state'
import type { Turn } from './turn'

export type EdgeTurn = Turn<EdgeState>

/** A decision this side makes now; fields that are not known yet are filled in by whoever finishes it. */
export function newDecision(
  context: { freshId: string; edgeId: string; wall: number },
  rule: DecisionRule,
  winner: Decision['winner'],
  epoch: number,
  more: Partial<Decision> = {},
): Decision {
  return {
    id: context.freshId,
    edgeId: context.edgeId,
    rule,
    winner,
    epoch,
    actor: 'system',
    facts: null,
    outcome: 'done',
    detail: null,
    startedAt: context.wall,
    finishedAt: context.wall,
    contested: null,
    ...more,
  }
}

/** Raises the floor to everything a record or a number tells of. */
export function hearOf(turn: EdgeTurn, ...epochs: number[]): void {
  const floor = Math.max(turn.state.stored.floor, ...epochs)
  if (floor > turn.state.stored.floor) turn.set({ stored: { ...turn.state.stored, floor } })
}

/**
 * The edge drives from now on. Resumes its own epoch when it holds control and nothing higher was ever heard of, else takes the next odd one, persisted
 * first; a resume writes nothing. An open intent stays until the next negotiation tells what became of it.
 */
export function takeControl(
  turn: EdgeTurn,
  context: EdgeContext,
  rule: DecisionRule,
  given: { decisionId?: string; actor?: string; facts?: NegotiationFacts; contested?: Decision['contested'] } = {},
): void {
  const { stored, tenure } = turn.state
  const resumes =
    stored.record.holder === 'edge' && stored.record.epoch >= Math.max(stored.floor, heardIn(stored.record))
  if (!resumes) {
    const epoch = nextEpoch('edge', Math.max(stored.floor, heardIn(stored.record)))
    const decision = newDecision(context, rule, 'edge', epoch, {
      id: given.decisionId ?? context.freshId,
      actor: given.actor ?? 'system',
      facts: given.facts ?? null,
      contested: given.contested ?? null,
    })
    const next = {
      ...stored,
      record: { ...stored.record, holder: 'edge' as const, epoch, decisionId: decision.id },
      floor: epoch,
      since: context.wall,
      manualAt: null,
    }
    turn.set({ stored: next }).persist(decision)
    turn.out({ type: 'report', event: 'took-control', detail: rule })
  }
  beginDriving(turn, context, rule, tenure.kind === 'driving' && !resumes)
}

/** Opens the gate and starts the modules; while they are still stopping, as soon as they have. */
export function beginDriving(turn: EdgeTurn, context: EdgeContext, rule: DecisionRule, epochChanged = false): void {
  const { tenure } = turn.state
  const { epoch } = turn.state.stored.record
  if (tenure.kind === 'driving') {
    if (epochChanged) turn.out({ type: 'openGate', epoch })
    return
  }
  if (tenure.kind === 'stopping') {
    turn.set({ tenure: { kind: 'stopping', thenDrive: rule } })
    return
  }
  turn.set({ tenure: { kind: 'driving', since: context.now } })
  turn.out({ type: 'openGate', epoch }, { type: 'startModules' })
}

/** The gate closes before anything else is said; the modules stop in their own time. */
export function letGo(turn: EdgeTurn): void {
  if (turn.state.tenure.kind === 'driving') {
    turn.set({ tenure: { kind: 'stopping', thenDrive: null } })
    turn.out({ type: 'closeGate' }, { type: 'stopModules' })
  } else if (turn.state.tenure.kind === 'stopping') {
    turn.set({ tenure: { kind: 'stopping', thenDrive: null } })
  }
}

/** Without a link from now on: when the edge may drive, and when it does in any case. */
export function unlinked(
  turn: EdgeTurn,
  context: EdgeContext,
  autonomyFrom: EdgeState['autonomyFrom'],
  autonomyLatestMs: number,
  dialAt: EdgeState['autonomyFrom'],
): void {
  turn.set({ link: { kind: 'waiting', dialAt }, autonomyFrom, autonomyLatest: after(context.now, autonomyLatestMs) })
}
