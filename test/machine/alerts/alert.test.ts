import { describe, expect, test } from 'vitest'
import { restored, step } from '../../../electron/core/alerts/alert'
import {
  CALM,
  type AlertInput,
  type AlertKind,
  type AlertNow,
  type AlertOutput,
  type AlertPolicy,
  type AlertState,
  type Incident,
} from '../../../electron/core/alerts/alert-state'
import { monoMs, wallMs } from '../../../shared/model/time'

const WALL = 1_750_000_000_000
const at = (ms: number): AlertNow => ({ mono: monoMs(ms), wall: wallMs(WALL + ms) })
const policy: AlertPolicy = { forMs: 10_000, keepFiringForMs: 5_000, staleAfterMs: 60_000, isMomentary: false }
const evidence = { severity: 'warning', said: null, text: 'hot', value: 91 } as const
const incident: Incident = {
  ...evidence,
  since: at(-10_000).wall,
  firedAt: at(0).wall,
  lastAt: at(0).wall,
  unknownSince: null,
  episodes: 1,
  acknowledged: null,
}

const states: Record<AlertKind, AlertState> = {
  calm: CALM,
  pending: { kind: 'pending', since: at(0).wall, dueAt: monoMs(10_000), evidence },
  firing: { kind: 'firing', incident, heardAt: monoMs(0) },
  easing: { kind: 'easing', incident, calmAt: monoMs(5_000) },
  unknown: { kind: 'unknown', incident: { ...incident, unknownSince: at(0).wall } },
}
const inputs: Record<AlertInput['type'], AlertInput> = {
  met: { type: 'met', evidence },
  cleared: { type: 'cleared' },
  silent: { type: 'silent' },
  acknowledgeAsked: { type: 'acknowledgeAsked', by: 'cli:anna', note: 'on it' },
  unacknowledgeAsked: { type: 'unacknowledgeAsked' },
  withdrawn: { type: 'withdrawn', because: 'rule-off' },
  wake: { type: 'wake' },
  timeGap: { type: 'timeGap' },
}

type Expected = readonly [next: AlertKind, ...outputs: AlertOutput['type'][]]
/** Each at 1,000 ms, when no wait is over. */
const table: Record<AlertKind, Record<AlertInput['type'], Expected>> = {
  calm: {
    met: ['pending', 'show'],
    cleared: ['calm'],
    silent: ['calm'],
    acknowledgeAsked: ['calm', 'refused'],
    unacknowledgeAsked: ['calm', 'refused'],
    withdrawn: ['calm'],
    wake: ['calm'],
    timeGap: ['calm'],
  },
  pending: {
    met: ['pending', 'show'],
    cleared: ['calm', 'show'],
    silent: ['calm', 'show'],
    acknowledgeAsked: ['pending', 'refused'],
    unacknowledgeAsked: ['pending', 'refused'],
    withdrawn: ['calm', 'show'],
    wake: ['pending'],
    timeGap: ['pending'],
  },
  firing: {
    met: ['firing', 'show'],
    cleared: ['easing', 'show'],
    silent: ['unknown', 'keep'],
    acknowledgeAsked: ['firing', 'keep'],
    unacknowledgeAsked: ['firing', 'refused'],
    withdrawn: ['calm', 'end'],
    wake: ['firing'],
    timeGap: ['firing'],
  },
  easing: {
    met: ['firing', 'show'],
    cleared: ['easing'],
    silent: ['easing'],
    acknowledgeAsked: ['easing', 'keep'],
    unacknowledgeAsked: ['easing', 'refused'],
    withdrawn: ['calm', 'end'],
    wake: ['easing'],
    timeGap: ['easing'],
  },
  unknown: {
    met: ['firing', 'keep'],
    cleared: ['easing', 'keep'],
    silent: ['unknown'],
    acknowledgeAsked: ['unknown', 'keep'],
    unacknowledgeAsked: ['unknown', 'refused'],
    withdrawn: ['calm', 'end'],
    wake: ['unknown'],
    timeGap: ['unknown'],
  },
}

describe('every state against every input', () => {
  for (const [kind, row] of Object.entries(table) as [AlertKind, (typeof table)[AlertKind]][])
    for (const [type, [next, ...outputs]] of Object.entries(row) as [AlertInput['type'], Expected][])
      test(`${kind} / ${type} -> ${next}`, () => {
        const result = step(states[kind], inputs[type], policy, at(1_000))
        expect(result.state.kind).toBe(next)
        expect(result.outputs.map((output) => output.type)).toEqual(outputs)
      })
})

/** The outputs of a life, with the instants of its inputs. */
function life(
  given: AlertPolicy,
  inputsAt: readonly (readonly [ms: number, input: AlertInput])[],
): { state: AlertState; said: string[] } {
  let state: AlertState = CALM
  const said: string[] = []
  for (const [ms, input] of inputsAt) {
    const result = step(state, input, given, at(ms))
    state = result.state
    said.push(...result.outputs.filter(({ type }) => type !== 'show').map(({ type }) => `${type} ${ms}`))
  }
  return { state, said }
}
const { met, cleared, silent, wake, timeGap } = inputs

describe('waits', () => {
  test('fires at once where no wait is asked for', () => {
    expect(life({ ...policy, forMs: 0 }, [[0, met]]).said).toEqual(['raise 0'])
  })

  test('fires when the cause was there for long enough, and not before', () => {
    const { said } = life(policy, [
      [0, met],
      [9_999, wake],
      [10_000, wake],
    ])
    expect(said).toEqual(['raise 10000'])
  })

  test('a word to the contrary begins the wait anew', () => {
    const { said } = life(policy, [
      [0, met],
      [9_000, cleared],
      [9_500, met],
      [10_000, wake],
      [19_500, wake],
    ])
    expect(said).toEqual(['raise 19500'])
  })

  test('counts from where the cause is known to have begun', () => {
    const [fraction] = step(CALM, { ...met, beganAt: monoMs(-12_345.678) } as AlertInput, policy, at(0)).outputs
    expect(fraction).toMatchObject({ incident: { since: at(0).wall - 12_346 } })
    const began = step(CALM, { ...met, beganAt: monoMs(-8_000) } as AlertInput, policy, at(0))
    expect(began).toMatchObject({ state: { kind: 'pending', since: WALL - 8_000 }, wakeAt: 2_000 })
    expect(step(CALM, { ...met, beganAt: monoMs(-10_000) } as AlertInput, policy, at(0)).outputs).toMatchObject([
      { type: 'raise', incident: { since: WALL - 10_000, firedAt: WALL } },
    ])
  })

  test('a gap in time begins it again in full', () => {
    const { said } = life(policy, [
      [0, met],
      [60_000, timeGap],
      [60_000, wake],
      [70_000, wake],
    ])
    expect(said).toEqual(['raise 70000'])
  })

  test('a cause that comes and goes is one incident, acknowledged as it was', () => {
    const { state, said } = life({ ...policy, forMs: 0 }, [
      [0, met],
      [100, inputs.acknowledgeAsked],
      [1_000, cleared],
      [4_000, met],
      [5_000, cleared],
      [9_999, wake],
    ])
    expect(said).toEqual(['raise 0', 'keep 100'])
    expect(state).toMatchObject({ kind: 'easing', incident: { episodes: 2, acknowledged: { by: 'cli:anna' } } })
    expect(step(state, wake, policy, at(10_000)).outputs).toMatchObject([{ type: 'end', because: 'cleared' }])
  })

  test('the next incident is not acknowledged', () => {
    const quick = { ...policy, forMs: 0, keepFiringForMs: 0 }
    const { state, said } = life(quick, [
      [0, met],
      [100, inputs.acknowledgeAsked],
      [1_000, cleared],
      [2_000, met],
    ])
    expect(said).toEqual(['raise 0', 'keep 100', 'end 1000', 'raise 2000'])
    expect(state).toMatchObject({ incident: { acknowledged: null, episodes: 1 } })
  })
})

describe('nobody can tell', () => {
  test('firing without a word for long enough becomes unknown, and stays so until something speaks of it', () => {
    const { state, said } = life({ ...policy, forMs: 0 }, [
      [0, met],
      [59_999, wake],
      [60_000, wake],
      [9_000_000, wake],
    ])
    expect(said).toEqual(['raise 0', 'keep 60000'])
    expect(state).toMatchObject({ kind: 'unknown', incident: { unknownSince: WALL + 60_000 } })
    expect(step(state, met, policy, at(9_000_001)).state).toMatchObject({
      kind: 'firing',
      incident: { unknownSince: null, firedAt: WALL },
    })
    expect(step(state, cleared, { ...policy, keepFiringForMs: 0 }, at(9_000_001)).outputs).toMatchObject([
      { type: 'end', incident: { unknownSince: null } },
    ])
  })

  test('what was silent while it waited is not raised', () => {
    const { said } = life(policy, [
      [0, met],
      [1_000, silent],
      [20_000, wake],
    ])
    expect(said).toEqual([])
  })

  test('what fired before a restart is unknown; what has merely happened eases', () => {
    expect(restored(incident, policy, at(500))).toMatchObject({
      state: { kind: 'unknown', incident: { unknownSince: WALL + 500 } },
      wakeAt: null,
    })
    expect(restored(incident, { ...policy, isMomentary: true, staleAfterMs: null }, at(500))).toMatchObject({
      state: { kind: 'easing' },
      wakeAt: 5_500,
    })
  })
})
