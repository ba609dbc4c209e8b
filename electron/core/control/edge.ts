import { after, monoMs, type MonoMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import { unreachable, type Step } from '../machine'
import { LINK_SILENCE_MS } from '../../../shared/model/defaults'
import { onAnswer, onCancel, onGrant, onHandOverWake, onModulesStopped, onSwitchAsked } from './edge-hand-over'
import {
  AUTONOMY_LATEST_MS,
  linkWakeAt,
  onAttemptFailed,
  onAttemptProven,
  onLinkLost,
  onLinkWake,
  onLoading,
  onPing,
  onStart,
  onTimeGap,
  sendFacts,
} from './edge-link'
import { onResult } from './edge-negotiation'
import type { EdgeContext, EdgeInput, EdgeState } from './edge-state'
import { beginDriving, type EdgeTurn } from './edge-tenure'
import { PERSIST_RETRY_MS, type StoredControl } from './stored'
import { Turn, type ControlOutput } from './turn'

export function newEdge(stored: StoredControl, now: MonoMs): EdgeState {
  return {
    stored,
    retryPersistAt: null,
    tenure: { kind: 'idle' },
    link: { kind: 'waiting', dialAt: now },
    // The first attempt never counts: it is the one after the 3,000 ms wait that decides. A predecessor may have heard a ping just now.
    autonomyFrom: after(now, LINK_SILENCE_MS),
    autonomyLatest: after(now, AUTONOMY_LATEST_MS),
    devices: { started: false, connected: 0, total: 0 },
    lastRule: null,
    cancelledDecision: null,
    acceptedDecision: null,
    lastFailure: null,
  }
}

/** One step of the edge's side of control. Pure; see SPEC.md. */
export function stepEdge(state: EdgeState, input: EdgeInput, context: EdgeContext): Step<EdgeState, ControlOutput> {
  const turn = new Turn(state)
  let outputs: readonly ControlOutput[]
  if (input.type === 'storageFailed') {
    onStorageFailed(turn, context, input)
    outputs = turn.finishUnwritten(after(context.now, PERSIST_RETRY_MS))
  } else {
    perform(turn, input, context)
    outputs = turn.finish(state)
  }
  return { state: turn.state, outputs, wakeAt: wakeAt(turn.state) }
}

function perform(turn: EdgeTurn, input: EdgeInput, context: EdgeContext): void {
  switch (input.type) {
    case 'start':
      return onStart(turn, context)
    case 'attemptProven':
      return onAttemptProven(turn, context, input.session)
    case 'attemptFailed':
      return onAttemptFailed(turn, context, input.reason)
    case 'linkLost':
      return onLinkLost(turn, context, input.session, input.reason)
    case 'message':
      return onMessage(turn, context, input.message)
    case 'devices':
      turn.set({ devices: { started: input.started, connected: input.connected, total: input.total } })
      return
    case 'modulesStopped':
      return onModulesStopped(turn, context)
    case 'switchAsked':
      return onSwitchAsked(turn, context, input.request)
    case 'timeGap':
      return onTimeGap(turn, context)
    case 'wake':
      return onWake(turn, context)
    case 'storageFailed':
      return onStorageFailed(turn, context, input)
    default:
      return unreachable(input)
  }
}

function onMessage(turn: EdgeTurn, context: EdgeContext, message: ControlMessage): void {
  const { link } = turn.state
  if (message.type === 'ping') return onPing(turn, context, message.n)
  if (link.kind === 'waiting' || ('session' in message && message.session !== link.session)) {
    turn.refuse(`${message.type} of another session`)
    return
  }
  switch (message.type) {
    case 'loading':
      return onLoading(turn)
    case 'renegotiate':
      if (turn.state.tenure.kind === 'releasing' || turn.state.tenure.kind === 'granted')
        turn.refuse('a hand-over is running: the edge negotiates when it has ended')
      else sendFacts(turn, context)
      return
    case 'result':
      return onResult(turn, context, message)
    case 'grant':
      return onGrant(turn, context, message)
    case 'answer':
      return onAnswer(turn, context, message)
    case 'cancel':
      return onCancel(turn, context, message)
    case 'switch':
      return onSwitchAsked(turn, context, message)
    default:
      turn.refuse(`${message.type} is not for an edge`)
  }
}

function onWake(turn: EdgeTurn, context: EdgeContext): void {
  onHandOverWake(turn, context)
  onLinkWake(turn, context)
  const { retryPersistAt } = turn.state
  if (retryPersistAt !== null && context.now >= retryPersistAt) turn.persist(null)
}

/**
 * The store refused to write. A grant is refused and a fail-over goes no further; everything else happens all the same, with the record in memory:
 * the site keeps running, says *degraded*, and the record is written as soon as that works again.
 */
function onStorageFailed(
  turn: EdgeTurn,
  context: EdgeContext,
  { input, reason }: Extract<EdgeInput, { type: 'storageFailed' }>,
): void {
  turn.out({ type: 'report', event: 'not-persisted', detail: reason })
  if (input.type === 'message' && input.message.type === 'grant') {
    const { session, decisionId } = input.message
    turn.send({ type: 'answer', session, decisionId, result: 'refused', reason: `storage: ${reason}` })
  } else if (input.type === 'modulesStopped' && turn.state.tenure.kind === 'releasing') {
    turn.set({ tenure: { kind: 'idle' } })
    turn.out({ type: 'report', event: 'hand-over-failed', detail: `storage: ${reason}` })
    beginDriving(turn, context, 'resume')
  } else perform(turn, input, context)
}

function wakeAt(state: EdgeState): MonoMs {
  const { tenure, retryPersistAt } = state
  const times: number[] = [linkWakeAt(state)]
  if (tenure.kind === 'releasing' || tenure.kind === 'granted') times.push(tenure.until)
  if (retryPersistAt !== null) times.push(retryPersistAt)
  return monoMs(Math.min(...times))
}
