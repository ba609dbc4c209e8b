import type { ControlMessage } from '../../../shared/wire/control'
import type { EdgeInput, EdgeState } from '../../../electron/core/control/edge-state'
import { edgeFactsOf } from '../../../electron/core/control/edge-state'
import { edgeContext, masterFacts, message, request, resultFor, sessionOf } from './edge-fixtures'

const EPOCH_GRANTED = 3

const decisionOf = ({ tenure }: EdgeState) => (tenure.kind === 'granted' ? tenure.release.decisionId : 'unknown')

/** One input of each kind, made to fit the state it meets. */
export const edgeInputs = {
  start: () => ({ type: 'start' }),
  attemptProven: () => ({ type: 'attemptProven', session: 's9' }),
  attemptFailed: () => ({ type: 'attemptFailed', reason: 'refused' }),
  linkLost: (state) => ({ type: 'linkLost', session: sessionOf(state), reason: 'closed' }),
  'linkLost of an older session': () => ({ type: 'linkLost', session: 's0', reason: 'closed' }),
  'devices as before': ({ devices }) => ({ type: 'devices', ...devices }),
  'devices up': () => ({ type: 'devices', started: true, connected: 1, total: 1 }),
  modulesStopped: () => ({ type: 'modulesStopped' }),
  'asked: master': (state) => ({ type: 'switchAsked', request: request('master', state) }),
  'asked: edge': (state) => ({ type: 'switchAsked', request: request('edge', state) }),
  'asked: master, stale': (state) => ({
    type: 'switchAsked',
    request: { ...request('master', state), expectedEpoch: 99 },
  }),
  timeGap: () => ({ type: 'timeGap' }),
  'wake, nothing due': () => ({ type: 'wake' }),
  'wake when due': () => ({ type: 'wake' }),
  'wake when due, not written': () => ({ type: 'storageFailed', input: { type: 'wake' }, reason: 'disk full' }),
  ping: () => message({ type: 'ping', n: 7 }),
  loading: (state) => message({ type: 'loading', session: sessionOf(state) }),
  renegotiate: (state) => message({ type: 'renegotiate', session: sessionOf(state), reason: 'test' }),
  'result: edge': (state) => resultFor(state, false),
  'result: master': (state) => resultFor(state, true),
  'result: master, not written': (state) => ({
    type: 'storageFailed',
    input: resultFor(state, true),
    reason: 'disk full',
  }),
  'result of other facts': (state) => {
    const result = resultFor(state, false)
    if (result.type !== 'message' || result.message.type !== 'result') return result
    return message({ ...result.message, rule: 'T5', winner: 'master' })
  },
  'result of another session': (state) => {
    const { link } = state
    return message({
      type: 'result',
      session: 's0',
      round: link.kind === 'waiting' ? 1 : link.round,
      decisionId: 'x',
      rule: 'T6',
      winner: 'edge',
      master: masterFacts(false),
      edge: edgeFactsOf(state, edgeContext(0)),
      masterEpoch: null,
      contested: null,
    })
  },
  grant: (state) => grantTo(state, EPOCH_GRANTED),
  'grant, not written': (state) => ({
    type: 'storageFailed',
    input: grantTo(state, EPOCH_GRANTED),
    reason: 'disk full',
  }),
  'grant of a stale epoch': (state) => grantTo(state, 1),
  'answer: accepted': (state) => answerTo(state, 'accepted'),
  'answer: refused': (state) => answerTo(state, 'refused'),
  'answer to another grant': (state) =>
    message({ type: 'answer', session: sessionOf(state), decisionId: 'x', result: 'accepted', reason: null }),
  cancel: (state) => message({ type: 'cancel', session: sessionOf(state), decisionId: 'never came' }),
  'switch: master': (state) => message({ type: 'switch', session: sessionOf(state), ...request('master', state) }),
  'message for a master': (state) => message({ type: 'pong', n: sessionOf(state).length }),
} satisfies Record<string, (state: EdgeState) => EdgeInput>
export type EdgeInputKind = keyof typeof edgeInputs

function grantTo(state: EdgeState, epoch: number): EdgeInput {
  return message({
    type: 'grant',
    session: sessionOf(state),
    decisionId: 'granted',
    epoch,
    actor: 'console:ana',
    rule: 'restore',
    startedAt: 0,
    answerWithinMs: 3_000,
    statuses: null,
  })
}

function answerTo(state: EdgeState, result: 'accepted' | 'refused'): EdgeInput {
  return message({ type: 'answer', session: sessionOf(state), decisionId: decisionOf(state), result, reason: null })
}

/** Every type of input and of message has its kinds above; the compiler misses a new one here. */
export const edgeKindsOfTypes: Record<Exclude<EdgeInput['type'], 'message'> | ControlMessage['type'], EdgeInputKind> = {
  start: 'start',
  attemptProven: 'attemptProven',
  attemptFailed: 'attemptFailed',
  linkLost: 'linkLost',
  devices: 'devices up',
  modulesStopped: 'modulesStopped',
  switchAsked: 'asked: master',
  timeGap: 'timeGap',
  wake: 'wake when due',
  storageFailed: 'wake when due, not written',
  ping: 'ping',
  loading: 'loading',
  renegotiate: 'renegotiate',
  result: 'result: edge',
  grant: 'grant',
  answer: 'answer: accepted',
  cancel: 'cancel',
  switch: 'switch: master',
  pong: 'message for a master',
  negotiate: 'message for a master',
  agree: 'message for a master',
  switchAnswer: 'message for a master',
  decisions: 'message for a master',
}
