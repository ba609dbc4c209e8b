import { describe, expect, it } from 'vitest'
import { stepMaster } from '../../../electron/core/control/master'
import type { MasterInput, MasterState } from '../../../electron/core/control/master-state'
import { differsByPulse } from '../../../electron/master/pulse'
import { masterContext, masterStates, pong, type MasterKind } from '../../machine/control/master-fixtures'

const linkedKinds = (Object.keys(masterStates) as MasterKind[]).filter(
  (kind) => masterStates[kind].state.link.kind !== 'none',
)
const step = (state: MasterState, input: MasterInput, now: number): MasterState =>
  stepMaster(state, input, masterContext(now)).state

/** The same with another value in one field. */
const withOther = <T extends object>(state: T, field: keyof T): T => ({ ...state, [field]: { other: true } })
/** A state whose one link has had an answer, so that it differs from `state` in pings. */
function pulsed(state: MasterState): MasterState {
  const { link } = state
  if (link.kind === 'none') throw new Error('no link')
  return { ...state, link: { ...link, pings: { ...link.pings } } }
}

describe('what only a ping or its answer changed', () => {
  it.each(linkedKinds)('is seen as such at a link that stands: %s', (kind) => {
    const { state } = masterStates[kind]
    expect(differsByPulse(state, pulsed(state))).toBe(true)
    expect(differsByPulse(state, state)).toBe(false)
  })

  it('are the steps of a quiet link', () => {
    const { state, now } = masterStates['idle/linked']
    const pinged = step(state, { type: 'wake' }, now + 1_000)
    const answered = step(pinged, pong(pinged), now + 1_001)
    expect([differsByPulse(state, pinged), differsByPulse(pinged, answered)]).toEqual([true, true])
  })

  it('is not the lease that a driving master has by an answer', () => {
    const { state, now } = masterStates['driving/linked']
    const pinged = step(state, { type: 'wake' }, now + 1_000)
    expect(differsByPulse(pinged, step(pinged, pong(pinged), now + 1_001))).toBe(false)
  })

  it.each(linkedKinds)('is not what changed anything else beside it, in any field: %s', (kind) => {
    const { state } = masterStates[kind]
    const after = pulsed(state)
    const ofState = (Object.keys(after) as (keyof MasterState)[]).filter((name) => !['link', 'nextPing'].includes(name))
    for (const field of ofState) expect([field, differsByPulse(state, withOther(after, field))]).toEqual([field, false])
    const ofLink = (Object.keys(after.link) as (keyof MasterState['link'])[]).filter((name) => String(name) !== 'pings')
    for (const field of ofLink) {
      const other = { ...after, link: withOther(after.link, field) }
      expect([field, differsByPulse(state, other)]).toEqual([field, false])
    }
  })

  it('is not a link that came or went', () => {
    const before = masterStates['idle/none'].state
    const after = masterStates['idle/proven'].state
    expect([differsByPulse(before, after), differsByPulse(after, before)]).toEqual([false, false])
    expect(differsByPulse(after, masterStates['idle/linked'].state)).toBe(false)
  })
})
