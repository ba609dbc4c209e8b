import { after, sooner, type MonoMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import { unreachable, type Step } from '../machine'
import {
  onForced,
  onMasterAnswer,
  onMasterCancel,
  onMasterGrant,
  onMasterHandOverWake,
  onMasterModulesStopped,
  onMasterSwitchAsked,
  stopForHandBack,
} from './master-hand-over'
import {
  masterLinkWakeAt,
  onMasterLinkLost,
  onMasterLinkWake,
  onMasterTimeGap,
  onPong,
  onProvenRefusal,
  onSessionProven,
} from './master-link'
import { evaluate, evaluateAt, onAgree, onNegotiate } from './master-negotiation'
import { isMasterDriving, type MasterContext, type MasterInput, type MasterState } from './master-state'
import { armTakeOver, claimControl, driveNow, masterLetsGo, type MasterTurn } from './master-tenure'
import { PERSIST_RETRY_MS, type StoredControl } from './stored'
import { Turn, type ControlOutput } from './turn'

export function newMaster(stored: StoredControl, now: MonoMs, booted: boolean): MasterState {
  return {
    stored,
    retryPersistAt: null,
    nextPing: 1,
    booted,
    tenure: { kind: 'idle' },
    link: { kind: 'none', since: now },
    takeOverFrom: null,
    edgeJournalSeq: 0,
    lastRule: null,
    cancelledDecision: null,
    acceptedDecision: null,
    lastFailure: null,
  }
}

/** One step of the master's side of control of one edge. Pure; see SPEC.md. */
export function stepMaster(
  state: MasterState,
  input: MasterInput,
  context: MasterContext,
): Step<MasterState, ControlOutput> {
  const turn = new Turn(state)
  let outputs: readonly ControlOutput[]
  if (input.type === 'storageFailed') {
    onStorageFailed(turn, context, input)
    outputs = turn.finishUnwritten(after(context.now, PERSIST_RETRY_MS))
  } else {
    perform(turn, input, context)
    outputs = turn.finish(state)
  }
  return { state: turn.state, outputs, wakeAt: wakeAt(turn.state, context) }
}

function perform(turn: MasterTurn, input: MasterInput, context: MasterContext): void {
  switch (input.type) {
    case 'ready':
      return onReady(turn, context)
    case 'sessionProven':
      return onSessionProven(turn, context, input.session)
    case 'linkLost':
      return onMasterLinkLost(turn, context, input.session, input.reason)
    case 'message':
      return onMessage(turn, context, input.message)
    case 'provenRefusal':
      return onProvenRefusal(turn, context, input.reason)
    case 'edgePosition':
      turn.set({ edgeJournalSeq: input.seq })
      return stopForHandBack(turn, context)
    case 'modulesStopped':
      onMasterModulesStopped(turn, context)
      return evaluate(turn, context)
    case 'switchAsked':
      return onMasterSwitchAsked(turn, context, input.request)
    case 'forced':
      return onForced(turn, context, input.request)
    case 'documentChanged':
      armTakeOver(turn, context)
      return evaluate(turn, context)
    case 'timeGap':
      return onMasterTimeGap(turn, context)
    case 'wake':
      onMasterHandOverWake(turn, context)
      onMasterLinkWake(turn, context)
      if (turn.state.retryPersistAt !== null && context.now >= turn.state.retryPersistAt) turn.persist(null)
      return evaluate(turn, context)
    case 'storageFailed':
      return onStorageFailed(turn, context, input)
    default:
      return unreachable(input)
  }
}

function onMessage(turn: MasterTurn, context: MasterContext, message: ControlMessage): void {
  const { link } = turn.state
  if (message.type === 'pong') return onPong(turn, message.n)
  if (link.kind === 'none' || ('session' in message && message.session !== link.session)) {
    turn.refuse(`${message.type} of another session`)
    return
  }
  switch (message.type) {
    case 'negotiate':
      return onNegotiate(turn, context, message.round, message.edge)
    case 'agree':
      onAgree(turn, context, message)
      return evaluate(turn, context)
    case 'grant':
      return onMasterGrant(turn, context, message)
    case 'answer':
      onMasterAnswer(turn, context, message)
      return evaluate(turn, context)
    case 'cancel':
      return onMasterCancel(turn, context, message)
    case 'switch':
      return onMasterSwitchAsked(turn, context, message)
    default:
      turn.refuse(`${message.type} is not for a master`)
  }
}

/**
 * The wait for edges is over. An edge taken over before the restart stays taken over: at once if it has had no link since, otherwise only after a negotiation
 * or `timeoutMs` without a link, because it may have begun to drive. Edges still missing get their timers.
 */
function onReady(turn: MasterTurn, context: MasterContext): void {
  if (turn.state.booted) {
    turn.refuse('booted already')
    return
  }
  turn.set({ booted: true })
  const { link, stored, tenure } = turn.state
  if (link.kind === 'proven' && link.pending !== null) {
    const { round, edge } = link.pending
    turn.set({ link: { ...link, pending: null } })
    return onNegotiate(turn, context, round, edge)
  }
  const stays =
    stored.record.holder === 'master' &&
    !stored.edgeStoodBy &&
    link.kind === 'none' &&
    tenure.kind === 'idle' &&
    context.enrolled &&
    context.failover
  if (link.kind === 'linked') {
    turn.set({ link: { ...link, askedAt: context.now } })
    turn.send({ type: 'renegotiate', session: link.session, reason: 'master.ready' })
  } else if (stays) {
    claimControl(turn, context, { rule: 'resume', edgeStandsBy: false })
    driveNow(turn, context)
  } else armTakeOver(turn, context)
}

/**
 * The master never drives on an epoch that is not on disk. What would begin to drive is refused or put off; where an edge is alive, the master yields to it:
 * gate closed, link closed, and the edge drives by its 3 s rule. What only lets go happens all the same, with the record in memory until it can be written.
 */
function onStorageFailed(
  turn: MasterTurn,
  context: MasterContext,
  { input, reason }: Extract<MasterInput, { type: 'storageFailed' }>,
): void {
  const before = turn.state
  const { tenure } = before
  turn.out({ type: 'report', event: 'not-persisted', detail: reason })
  if (input.type === 'message' && input.message.type === 'grant') {
    const { session, decisionId } = input.message
    turn.send({ type: 'answer', session, decisionId, result: 'refused', reason: `storage: ${reason}` })
    return
  }
  if (input.type === 'modulesStopped' && tenure.kind === 'handingBack' && tenure.phase === 'stopping') {
    turn.set({ tenure: { kind: 'idle' } })
    turn.out({ type: 'report', event: 'hand-over-failed', detail: `storage: ${reason}` })
    // It may not have driven before (T7 right after a restart), and then must not begin.
    if (context.failover) driveNow(turn, context)
    else closeForStorage(turn, context, reason)
    return
  }
  const said = turn.outputs.length
  perform(turn, input, context)
  if (!beginsToDrive(before, turn.state)) return
  turn.outputs.splice(said)
  turn.undecide()
  turn.state = { ...before, takeOverFrom: before.takeOverFrom === null ? null : context.now }
  if (input.type === 'forced') {
    const failure = { code: 'storage' as const, message: reason }
    turn.out({ type: 'answerSwitch', requestId: input.request.requestId, decisionId: null, failure })
  } else closeForStorage(turn, context, reason)
}

/** Yields to an edge that is alive: it drives by its 3 s rule. */
function closeForStorage(turn: MasterTurn, context: MasterContext, reason: string): void {
  const { link } = turn.state
  if (link.kind === 'none') return
  turn.out({ type: 'closeLink', reason: 'storage' })
  onMasterLinkLost(turn, context, link.session, `storage: ${reason}`)
  masterLetsGo(turn)
  armTakeOver(turn, context, true)
}

/** Drives, says it holds control, or keeps an edge standing by on a record that is not on disk. */
function beginsToDrive(before: MasterState, state: MasterState): boolean {
  const { stored } = state
  if (stored.record.holder !== 'master') return false
  return (
    stored.record.epoch !== before.stored.record.epoch ||
    before.stored.record.holder !== 'master' ||
    stored.edgeStoodBy !== before.stored.edgeStoodBy ||
    (isMasterDriving(state) && !isMasterDriving(before))
  )
}

function wakeAt(state: MasterState, context: MasterContext): MonoMs | null {
  const handsBackUntil = state.tenure.kind === 'handingBack' ? state.tenure.until : null
  const linkOrSwitch = sooner(masterLinkWakeAt(state, context), evaluateAt(state, context))
  return sooner(linkOrSwitch, sooner(handsBackUntil, state.retryPersistAt))
}
