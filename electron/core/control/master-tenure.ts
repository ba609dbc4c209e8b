import type { Decision, DecisionRule, NegotiationFacts } from '../../../shared/model/control'
import { LINK_SILENCE_MS } from '../../../shared/model/defaults'
import { after, monoMs, type MonoMs } from '../../../shared/model/time'
import { newDecision } from './edge-tenure'
import { heardIn, nextEpoch } from './epoch'
import { isMasterDriving, type MasterContext, type MasterState } from './master-state'
import type { StoredControl } from './stored'
import type { Turn } from './turn'

export type MasterTurn = Turn<MasterState>

export function hearAtMaster(turn: MasterTurn, ...epochs: number[]): void {
  const floor = Math.max(turn.state.stored.floor, ...epochs)
  if (floor > turn.state.stored.floor) turn.set({ stored: { ...turn.state.stored, floor } })
}

/**
 * Until when commands may go out while the edge stands by over the link: 3,000 ms after the sending of the newest message the edge is known to have got
 * (an answered ping, or the result it agreed to); null without a link the edge knows of.
 */
export function leaseOf({ link }: MasterState): MonoMs | null {
  if (link.kind !== 'linked') return null
  const told = Math.max(link.pings.answeredAt ?? 0, link.agreed ? link.result.sentAt : 0)
  return after(monoMs(told), LINK_SILENCE_MS)
}

export function hasPassed(lease: MonoMs | null, { now }: MasterContext): boolean {
  return lease !== null && now >= lease
}

export interface MasterClaim {
  readonly rule: DecisionRule
  readonly decisionId?: string
  readonly actor?: string
  readonly facts?: NegotiationFacts
  readonly contested?: Decision['contested']
  /** By hand: the automatic hand-back needs a later opening. */
  readonly manual?: boolean
  /** The edge stands by over a link and may drive by itself when that is lost. */
  readonly edgeStandsBy: boolean
}

/**
 * The record says master from now on, persisted first: its own epoch again when nothing higher was heard of, else the next even one; a take-over always
 * uses a new one, because the edge may have driven since. An open intent stays until the next negotiation tells what became of it. Nothing is driven yet.
 * Says whether the epoch is a new one.
 */
export function claimControl(turn: MasterTurn, context: MasterContext, claim: MasterClaim): boolean {
  const { stored } = turn.state
  const heard = Math.max(stored.floor, heardIn(stored.record))
  const afresh = claim.rule === 'take-over' || claim.rule === 'force'
  const resumes = !afresh && stored.record.holder === 'master' && stored.record.epoch >= heard
  if (resumes) {
    const edgeStoodBy = stored.edgeStoodBy || claim.edgeStandsBy
    if (edgeStoodBy !== stored.edgeStoodBy) turn.set({ stored: { ...stored, edgeStoodBy } }).persist(null)
    return false
  }
  const epoch = nextEpoch('master', heard)
  const decisionId = claim.decisionId ?? context.freshId
  const next: StoredControl = {
    ...stored,
    record: { ...stored.record, holder: 'master', epoch, decisionId },
    floor: epoch,
    since: context.wall,
    manualAt: claim.manual ? context.wall : stored.record.holder === 'edge' ? null : stored.manualAt,
    edgeStoodBy: claim.edgeStandsBy,
  }
  turn.set({ stored: next })
  turn.persist(
    newDecision(context, claim.rule, 'master', epoch, {
      id: decisionId,
      actor: claim.actor ?? 'system',
      facts: claim.facts ?? null,
      contested: claim.contested ?? null,
    }),
  )
  turn.out({ type: 'report', event: 'took-control', detail: claim.rule })
  return true
}

/**
 * Opens the gate under the record's epoch and starts the modules; while they are still stopping, as soon as they have. Not under a lease that has passed
 * (what told the edge so is too old): then the two negotiate again.
 */
export function driveNow(turn: MasterTurn, context: MasterContext): void {
  const { tenure, stored } = turn.state
  const lease = leaseOf(turn.state)
  turn.set({ takeOverFrom: null })
  if (hasPassed(lease, context) && tenure.kind !== 'driving')
    turn.set({ tenure: tenure.kind === 'stopping' ? { kind: 'stopping', thenDrive: false } : { kind: 'idle' } })
  else if (tenure.kind === 'stopping') {
    turn.set({ tenure: { kind: 'stopping', thenDrive: true } })
  } else if (tenure.kind === 'driving') {
    turn.set({ tenure: { ...tenure, lease } }).out({ type: 'openGate', epoch: stored.record.epoch })
  } else {
    turn.set({ tenure: { kind: 'driving', since: context.now, lease } })
    turn.out({ type: 'openGate', epoch: stored.record.epoch }, { type: 'startModules' })
  }
}

/** Gate closed first; the modules stop in their own time. */
export function masterLetsGo(turn: MasterTurn): void {
  const { tenure } = turn.state
  if (tenure.kind === 'idle') return
  if (tenure.kind === 'stopping') {
    turn.set({ tenure: { kind: 'stopping', thenDrive: false } })
    return
  }
  const modulesRun = isMasterDriving(turn.state)
  const stillStopping = tenure.kind === 'handingBack' && tenure.phase === 'stopping'
  turn.set({ tenure: modulesRun || stillStopping ? { kind: 'stopping', thenDrive: false } : { kind: 'idle' } })
  if (modulesRun) turn.out({ type: 'closeGate' }, { type: 'stopModules' })
}

/** The take-over timer runs exactly while the edge has no link, may be taken over, and the master neither drives nor is being paused. */
export function armTakeOver(turn: MasterTurn, context: MasterContext, restart = false): void {
  const { link, tenure, booted, takeOverFrom } = turn.state
  const busy = isMasterDriving(turn.state) || tenure.kind === 'handingBack'
  const runs = booted && link.kind === 'none' && !busy && context.enrolled && context.failover && !context.paused
  const from = runs ? (restart || takeOverFrom === null ? context.now : takeOverFrom) : null
  if (from !== takeOverFrom) turn.set({ takeOverFrom: from })
}
