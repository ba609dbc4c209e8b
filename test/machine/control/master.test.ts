import { describe, expect, it } from 'vitest'
import { stepMaster } from '../../../electron/core/control/master'
import { masterContext, masterKindOf, masterStates, type MasterKind } from './master-fixtures'
import { masterInputs, type MasterInputKind } from './master-inputs'
import { masterTable } from './master-table'
import { inShort, meantBy } from './table'

const kinds = Object.keys(masterStates) as MasterKind[]
const inputs = Object.keys(masterInputs) as MasterInputKind[]

describe('the machine of the master', () => {
  for (const kind of kinds) {
    const { state, now, wakeAt } = masterStates[kind]

    it(`answers every input while ${kind}`, () => {
      expect(masterKindOf(state)).toBe(kind)
      const seen: Record<string, string> = {}
      const meant: Record<string, string> = {}
      for (const input of inputs) {
        const at = input.startsWith('wake when due') ? (wakeAt ?? now) : now
        seen[input] = inShort(state, stepMaster(state, masterInputs[input](state), masterContext(at)), masterKindOf)
        meant[input] = meantBy(masterTable[kind][input])
      }
      expect(seen).toEqual(meant)
    })

    it(`leaves its state alone and writes first while ${kind}`, () => {
      const before = JSON.stringify(state)
      for (const input of inputs) {
        const { outputs } = stepMaster(state, masterInputs[input](state), masterContext(now))
        expect(
          outputs.slice(1).some(({ type }) => type === 'persist'),
          input,
        ).toBe(false)
      }
      expect(JSON.stringify(state)).toBe(before)
    })
  }

  it('wakes to write what could not be written, whatever else it waits for', () => {
    const wakes = kinds.flatMap((kind) =>
      inputs.flatMap((input) => {
        const { state, now } = masterStates[kind]
        const step = stepMaster(state, masterInputs[input](state), masterContext(now))
        const retryAt = step.state.retryPersistAt
        return retryAt === null ? [] : [{ place: `${input} while ${kind}`, late: (step.wakeAt ?? Infinity) - retryAt }]
      }),
    )
    expect(wakes.length).toBeGreaterThan(5)
    expect(wakes.filter(({ late }) => late > 0)).toEqual([])
  })
})
