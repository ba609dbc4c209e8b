import { monoMs, wallMs } from '../../../shared/model/time'
import type { MasterFacts } from '../../../shared/model/control'
import type { ControlMessage } from '../../../shared/wire/control'
import { newEdge, stepEdge } from '../../../electron/core/control/edge'
import type { EdgeContext, EdgeInput, EdgeState } from '../../../electron/core/control/edge-state'
import { negotiate, tableFacts } from '../../../electron/core/control/negotiate'
import { enrolledControl } from '../../../electron/core/control/stored'

export const NOW = 100_000

export function edgeContext(now: number): EdgeContext {
  return {
    now: monoMs(now),
    wall: wallMs(now),
    freshId: `d${now}`,
    jitterMs: 0,
    edgeId: 'berlin',
    instanceId: 'i',
    bootId: 'b',
    journalSeq: 1,
    failover: true,
  }
}

export const request = (target: 'edge' | 'master', state: { stored: EdgeState['stored'] }) => ({
  requestId: 'r',
  target,
  expectedEpoch: state.stored.record.epoch,
  actor: 'console:ana',
})

export function masterFacts(holds: boolean): MasterFacts {
  const epoch = holds ? 2 : 1
  return {
    record: { holder: holds ? 'master' : 'edge', epoch, agreedEpoch: 1, decisionId: null, intent: null },
    floor: epoch,
    loading: false,
    window: 'unset',
    paused: false,
    failover: true,
    stable: false,
    docRevision: 1,
    drivingForMs: null,
  }
}

const sessionOf = ({ link }: EdgeState) => (link.kind === 'waiting' ? 's1' : (link.session ?? 's1'))

/** The master's result for what the edge has asked; where it has asked nothing, an answer to nothing. */
export function resultFor(state: EdgeState, masterHolds: boolean): EdgeInput {
  const { link } = state
  const asked = link.kind === 'waiting' ? null : link.sent
  const edge = asked ?? edgeFacts(state)
  const master = masterFacts(masterHolds)
  const { rule, winner } = negotiate(tableFacts({ edge, master }))
  return message({
    type: 'result',
    session: sessionOf(state),
    round: link.kind === 'waiting' ? 1 : link.round,
    decisionId: 'result',
    rule,
    winner,
    master,
    edge,
    masterEpoch: masterHolds ? 2 : null,
    contested: null,
  })
}

function edgeFacts({ stored }: EdgeState) {
  return {
    devicesUp: false,
    devicesConnected: 0,
    devicesTotal: 0,
    record: stored.record,
    floor: stored.floor,
    instanceId: 'i',
    bootId: 'b',
    journalSeq: 1,
    drivingForMs: null,
  }
}

export const message = (content: ControlMessage): EdgeInput => ({ type: 'message', message: content })

type Next = (state: EdgeState) => EdgeInput

/** States as they come about, each by the inputs that lead to it. `wake`: when the machine asked to be woken. */
function reach(...inputs: (EdgeInput | Next | 'wake' | { afterMs: number; then: EdgeInput })[]): {
  state: EdgeState
  now: number
  wakeAt: number
} {
  let now = NOW
  let state = newEdge(enrolledControl(wallMs(0)), monoMs(now))
  let wakeAt = now
  for (const each of inputs) {
    let input: EdgeInput
    if (each === 'wake') {
      now = wakeAt
      input = { type: 'wake' }
    } else if (typeof each === 'function') input = each(state)
    else if ('then' in each) {
      now += each.afterMs
      input = each.then
    } else input = each
    const step = stepEdge(state, input, edgeContext(now))
    state = step.state
    wakeAt = step.wakeAt ?? now
  }
  return { state, now, wakeAt }
}

const proven = (session: string): EdgeInput => ({ type: 'attemptProven', session })
const lost: Next = (state) => ({ type: 'linkLost', session: sessionOf(state), reason: 'closed' })
const stands: Next = (state) => resultFor(state, true)
const drives: Next = (state) => resultFor(state, false)
const asksMaster: Next = (state) => ({ type: 'switchAsked', request: request('master', state) })
const renegotiate: Next = (state) => message({ type: 'renegotiate', session: sessionOf(state), reason: 'test' })

const linkedDriving = [{ type: 'start' } as const, proven('s1'), drives]
const stoppingLinked = [...linkedDriving, renegotiate, stands]
const releasing = [...linkedDriving, asksMaster]
const granted = [...releasing, { type: 'modulesStopped' } as const]

export const edgeStates = {
  'idle/waiting': reach({ type: 'start' }, { type: 'attemptFailed', reason: 'refused' }),
  'idle/dialling': reach({ type: 'start' }),
  'idle/proven': reach({ type: 'start' }, proven('s1')),
  'idle/linked': reach({ type: 'start' }, proven('s1'), stands),
  'driving/waiting': reach(...linkedDriving, lost),
  'driving/dialling': reach(...linkedDriving, lost, 'wake'),
  'driving/proven': reach(...linkedDriving, lost, 'wake', proven('s2')),
  'driving/linked': reach(...linkedDriving),
  'stopping/waiting': reach(...stoppingLinked, lost),
  'stopping/dialling': reach(...stoppingLinked, lost, 'wake'),
  'stopping/proven': reach(...stoppingLinked, lost, 'wake', proven('s2')),
  'stopping/linked': reach(...stoppingLinked),
  'resuming/waiting': reach(...releasing, lost),
  'releasing/linked': reach(...releasing),
  'granted/linked': reach(...granted),
  'cancelling/linked': reach(
    ...granted,
    // A ping keeps the link alive until the answer is overdue.
    { afterMs: 2_500, then: message({ type: 'ping', n: 1 }) },
    { afterMs: 1_500, then: { type: 'wake' } },
  ),
} as const
export type EdgeKind = keyof typeof edgeStates

export function edgeKindOf({ tenure, link }: EdgeState): string {
  const drives =
    tenure.kind === 'granted' && tenure.phase === 'cancelling'
      ? 'cancelling'
      : tenure.kind === 'stopping' && tenure.thenDrive !== null
        ? 'resuming'
        : tenure.kind
  const reached = link.kind === 'attempting' ? (link.session === null ? 'dialling' : 'proven') : link.kind
  return `${drives}/${reached}`
}

export { sessionOf }
