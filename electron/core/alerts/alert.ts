import { after } from '../../../shared/model/time'
import { unreachable, type Step } from '../machine'
import {
  CALM,
  type AlertInput,
  type AlertNow,
  type AlertOutput,
  type AlertPolicy,
  type AlertState,
  type Evidence,
  type Incident,
} from './alert-state'

type Turn = Step<AlertState, AlertOutput>
type Of<K extends AlertState['kind']> = Extract<AlertState, { kind: K }>
type Asked = Extract<AlertInput, { type: 'acknowledgeAsked' | 'unacknowledgeAsked' }>

/** One alert of one rule, edge and series; see SPEC.md. */
export function step(state: AlertState, input: AlertInput, policy: AlertPolicy, now: AlertNow): Turn {
  switch (state.kind) {
    case 'calm':
      return calm(input, policy, now)
    case 'pending':
      return pending(state, input, policy, now)
    case 'firing':
      return firing(state, input, policy, now)
    case 'easing':
      return easing(state, input, policy, now)
    case 'unknown':
      return unknown(state, input, policy, now)
    default:
      return unreachable(state)
  }
}

/** As it was left by an earlier process, which nobody has watched since. */
export function restored(incident: Incident, policy: AlertPolicy, now: AlertNow): Turn {
  // Nothing will speak of it again: the wait for its end begins once more.
  if (policy.isMomentary) return easingFrom(incident, policy, now, [])
  return incident.unknownSince === null
    ? unknownFrom(incident, policy, now)
    : turn({ kind: 'unknown', incident }, policy)
}

function calm(input: AlertInput, policy: AlertPolicy, now: AlertNow): Turn {
  switch (input.type) {
    case 'met': {
      const dueAt = after(input.beganAt ?? now.mono, policy.forMs)
      // The monotonic clock has fractions, the calendar has none.
      const agoMs = input.beganAt === undefined ? 0 : Math.round(now.mono - input.beganAt)
      const since = after(now.wall, -agoMs)
      if (dueAt <= now.mono) return raise(input.evidence, since, policy, now)
      return turn({ kind: 'pending', since, dueAt, evidence: input.evidence }, policy, { type: 'show' })
    }
    case 'acknowledgeAsked':
    case 'unacknowledgeAsked':
      return turn(CALM, policy, { type: 'refused', reason: 'not-firing' })
    case 'cleared':
    case 'silent':
    case 'withdrawn':
    case 'wake':
    case 'timeGap':
      return turn(CALM, policy)
    default:
      return unreachable(input)
  }
}

function pending(state: Of<'pending'>, input: AlertInput, policy: AlertPolicy, now: AlertNow): Turn {
  switch (input.type) {
    case 'met': {
      // The length of the wait may have changed meanwhile: it counts from the beginning all the same.
      const { evidence } = input
      if (state.dueAt <= now.mono) return raise(evidence, state.since, policy, now)
      return turn({ ...state, evidence }, policy, { type: 'show' })
    }
    case 'wake':
      return state.dueAt <= now.mono ? raise(state.evidence, state.since, policy, now) : turn(state, policy)
    case 'timeGap':
      return turn({ ...state, dueAt: after(now.mono, policy.forMs) }, policy)
    // Nobody saw it for long enough.
    case 'cleared':
    case 'silent':
    case 'withdrawn':
      return turn(CALM, policy, { type: 'show' })
    case 'acknowledgeAsked':
    case 'unacknowledgeAsked':
      return turn(state, policy, { type: 'refused', reason: 'not-firing' })
    default:
      return unreachable(input)
  }
}

function firing(state: Of<'firing'>, input: AlertInput, policy: AlertPolicy, now: AlertNow): Turn {
  switch (input.type) {
    case 'met':
      return turn({ ...state, incident: seen(state.incident, input.evidence, now), heardAt: now.mono }, policy, {
        type: 'show',
      })
    case 'cleared':
      if (policy.keepFiringForMs > 0) return easingFrom(state.incident, policy, now, [{ type: 'show' }])
      return end(state.incident, 'cleared', policy, now)
    case 'silent':
      return unknownFrom(state.incident, policy, now)
    case 'wake':
      return isStale(state, policy, now) ? unknownFrom(state.incident, policy, now) : turn(state, policy)
    case 'timeGap':
      return turn({ ...state, heardAt: now.mono }, policy)
    case 'withdrawn':
      return end(state.incident, input.because, policy, now)
    case 'acknowledgeAsked':
    case 'unacknowledgeAsked':
      return acknowledging(state, input, policy, now)
    default:
      return unreachable(input)
  }
}

function easing(state: Of<'easing'>, input: AlertInput, policy: AlertPolicy, now: AlertNow): Turn {
  switch (input.type) {
    case 'met': {
      const incident = { ...seen(state.incident, input.evidence, now), episodes: state.incident.episodes + 1 }
      return turn({ kind: 'firing', incident, heardAt: now.mono }, policy, { type: 'show' })
    }
    case 'wake':
      return state.calmAt <= now.mono ? end(state.incident, 'cleared', policy, now) : turn(state, policy)
    case 'timeGap':
      return easingFrom(state.incident, policy, now, [])
    // What was said last is that the cause is gone: silence does not bring it back.
    case 'cleared':
    case 'silent':
      return turn(state, policy)
    case 'withdrawn':
      return end(state.incident, input.because, policy, now)
    case 'acknowledgeAsked':
    case 'unacknowledgeAsked':
      return acknowledging(state, input, policy, now)
    default:
      return unreachable(input)
  }
}

function unknown(state: Of<'unknown'>, input: AlertInput, policy: AlertPolicy, now: AlertNow): Turn {
  switch (input.type) {
    case 'met': {
      const incident = { ...seen(state.incident, input.evidence, now), unknownSince: null }
      return turn({ kind: 'firing', incident, heardAt: now.mono }, policy, { type: 'keep', incident })
    }
    case 'cleared': {
      const incident = { ...state.incident, unknownSince: null }
      if (policy.keepFiringForMs > 0) return easingFrom(incident, policy, now, [{ type: 'keep', incident }])
      return end(incident, 'cleared', policy, now)
    }
    case 'withdrawn':
      return end(state.incident, input.because, policy, now)
    case 'silent':
    case 'wake':
    case 'timeGap':
      return turn(state, policy)
    case 'acknowledgeAsked':
    case 'unacknowledgeAsked':
      return acknowledging(state, input, policy, now)
    default:
      return unreachable(input)
  }
}

function acknowledging(
  state: Of<'firing' | 'easing' | 'unknown'>,
  input: Asked,
  policy: AlertPolicy,
  now: AlertNow,
): Turn {
  const isAcknowledged = state.incident.acknowledged !== null
  if (isAcknowledged === (input.type === 'acknowledgeAsked'))
    return turn(state, policy, {
      type: 'refused',
      reason: isAcknowledged ? 'acknowledged-already' : 'not-acknowledged',
    })
  const acknowledged = input.type === 'acknowledgeAsked' ? { at: now.wall, by: input.by, note: input.note } : null
  const incident = { ...state.incident, acknowledged }
  return turn({ ...state, incident }, policy, { type: 'keep', incident })
}

function raise(
  { severity, said, text, value }: Evidence,
  since: Incident['since'],
  policy: AlertPolicy,
  now: AlertNow,
): Turn {
  const incident: Incident = {
    ...{ severity, said, text, value, since },
    firedAt: now.wall,
    lastAt: now.wall,
    unknownSince: null,
    episodes: 1,
    acknowledged: null,
  }
  return turn({ kind: 'firing', incident, heardAt: now.mono }, policy, { type: 'raise', incident })
}

function end(
  incident: Incident,
  because: 'cleared' | Extract<AlertInput, { type: 'withdrawn' }>['because'],
  policy: AlertPolicy,
  now: AlertNow,
): Turn {
  return turn(CALM, policy, { type: 'end', incident, because, at: now.wall })
}

function easingFrom(incident: Incident, policy: AlertPolicy, now: AlertNow, outputs: readonly AlertOutput[]): Turn {
  return turn({ kind: 'easing', incident, calmAt: after(now.mono, policy.keepFiringForMs) }, policy, ...outputs)
}

function unknownFrom(before: Incident, policy: AlertPolicy, now: AlertNow): Turn {
  const incident = { ...before, unknownSince: now.wall }
  return turn({ kind: 'unknown', incident }, policy, { type: 'keep', incident })
}

const seen = (incident: Incident, { severity, said, text, value }: Evidence, now: AlertNow): Incident => ({
  ...incident,
  ...{ severity, said, text, value },
  lastAt: now.wall,
})

const staleAt = ({ heardAt }: Of<'firing'>, { staleAfterMs }: AlertPolicy) =>
  staleAfterMs === null ? null : after(heardAt, staleAfterMs)

function isStale(state: Of<'firing'>, policy: AlertPolicy, now: AlertNow): boolean {
  const at = staleAt(state, policy)
  return at !== null && at <= now.mono
}

function turn(state: AlertState, policy: AlertPolicy, ...outputs: readonly AlertOutput[]): Turn {
  return { state, outputs, wakeAt: wakeAtOf(state, policy) }
}

export function wakeAtOf(state: AlertState, policy: AlertPolicy): Turn['wakeAt'] {
  switch (state.kind) {
    case 'calm':
    case 'unknown':
      return null
    case 'pending':
      return state.dueAt
    case 'firing':
      return staleAt(state, policy)
    case 'easing':
      return state.calmAt
    default:
      return unreachable(state)
  }
}
