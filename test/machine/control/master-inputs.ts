import type { ControlMessage } from '../../../shared/wire/control'
import type { MasterInput, MasterState } from '../../../electron/core/control/master-state'
import { agrees, message, negotiates, pong, request, sessionOf } from './master-fixtures'

const decisionOf = ({ tenure }: MasterState) => (tenure.kind === 'handingBack' ? tenure.handBack.decisionId : 'unknown')

/** One input of each kind, made to fit the state it meets. */
export const masterInputs = {
  ready: () => ({ type: 'ready' }),
  sessionProven: () => ({ type: 'sessionProven', session: 's9' }),
  linkLost: (state) => ({ type: 'linkLost', session: sessionOf(state), reason: 'closed' }),
  'linkLost of an older session': () => ({ type: 'linkLost', session: 's0', reason: 'closed' }),
  provenRefusal: () => ({ type: 'provenRefusal', reason: 'version-mismatch' }),
  'edgePosition at the head': () => ({ type: 'edgePosition', seq: 1 }),
  modulesStopped: () => ({ type: 'modulesStopped' }),
  'modulesStopped, not written': () => ({
    type: 'storageFailed',
    input: { type: 'modulesStopped' },
    reason: 'disk full',
  }),
  'asked: edge': (state) => ({ type: 'switchAsked', request: request('edge', state) }),
  'asked: master': (state) => ({ type: 'switchAsked', request: request('master', state) }),
  'asked: edge, stale': (state) => ({ type: 'switchAsked', request: { ...request('edge', state), expectedEpoch: 99 } }),
  forced: (state) => ({ type: 'forced', request: request('master', state) }),
  'forced, not written': (state) => ({
    type: 'storageFailed',
    input: { type: 'forced', request: request('master', state) },
    reason: 'disk full',
  }),
  documentChanged: () => ({ type: 'documentChanged' }),
  timeGap: () => ({ type: 'timeGap' }),
  'wake, nothing due': () => ({ type: 'wake' }),
  'wake when due': () => ({ type: 'wake' }),
  'wake when due, not written': () => ({ type: 'storageFailed', input: { type: 'wake' }, reason: 'disk full' }),
  pong,
  'pong of an older session': () => message({ type: 'pong', n: 0 }),
  'negotiate: up': negotiates(true),
  'negotiate: down': negotiates(false),
  'negotiate: down, not written': (state) => ({
    type: 'storageFailed',
    input: negotiates(false)(state),
    reason: 'disk full',
  }),
  'negotiate of another session': (state) => {
    const input = negotiates(false)(state)
    if (input.type !== 'message' || input.message.type !== 'negotiate') return input
    return message({ ...input.message, session: 's0' })
  },
  agree: agrees(true),
  'agree, not written': (state) => ({ type: 'storageFailed', input: agrees(true)(state), reason: 'disk full' }),
  disagree: agrees(false),
  grant: (state) => grantTo(state, 8),
  'grant, not written': (state) => ({ type: 'storageFailed', input: grantTo(state, 8), reason: 'disk full' }),
  'grant of a stale epoch': (state) => grantTo(state, 0),
  'answer: accepted': (state) => answerTo(state, 'accepted'),
  'answer: refused': (state) => answerTo(state, 'refused'),
  'answer: refused, not written': (state) => ({
    type: 'storageFailed',
    input: answerTo(state, 'refused'),
    reason: 'disk full',
  }),
  cancel: (state) => message({ type: 'cancel', session: sessionOf(state), decisionId: 'never came' }),
  'switch: edge': (state) => message({ type: 'switch', session: sessionOf(state), ...request('edge', state) }),
  'message for an edge': (state) => message({ type: 'loading', session: sessionOf(state) }),
} satisfies Record<string, (state: MasterState) => MasterInput>
export type MasterInputKind = keyof typeof masterInputs

function grantTo(state: MasterState, epoch: number): MasterInput {
  return message({
    type: 'grant',
    session: sessionOf(state),
    decisionId: 'granted',
    epoch,
    actor: 'console:ana',
    rule: 'fail-over',
    startedAt: 0,
    answerWithinMs: 3_000,
    statuses: null,
  })
}

function answerTo(state: MasterState, result: 'accepted' | 'refused'): MasterInput {
  return message({ type: 'answer', session: sessionOf(state), decisionId: decisionOf(state), result, reason: null })
}

/** Every type of input and of message has its kinds above; the compiler misses a new one here. */
export const masterKindsOfTypes: Record<
  Exclude<MasterInput['type'], 'message'> | ControlMessage['type'],
  MasterInputKind
> = {
  ready: 'ready',
  sessionProven: 'sessionProven',
  linkLost: 'linkLost',
  provenRefusal: 'provenRefusal',
  edgePosition: 'edgePosition at the head',
  modulesStopped: 'modulesStopped',
  switchAsked: 'asked: edge',
  forced: 'forced',
  documentChanged: 'documentChanged',
  timeGap: 'timeGap',
  wake: 'wake when due',
  storageFailed: 'wake when due, not written',
  pong: 'pong',
  negotiate: 'negotiate: up',
  agree: 'agree',
  grant: 'grant',
  answer: 'answer: accepted',
  cancel: 'cancel',
  switch: 'switch: edge',
  ping: 'message for an edge',
  loading: 'message for an edge',
  renegotiate: 'message for an edge',
  result: 'message for an edge',
  switchAnswer: 'message for an edge',
  decisions: 'message for an edge',
}
