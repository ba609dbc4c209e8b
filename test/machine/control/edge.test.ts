import { describe, expect, it } from 'vitest'
import { stepEdge } from '../../../electron/core/control/edge'
import { edgeContext, edgeKindOf, edgeStates, type EdgeKind } from './edge-fixtures'
import { edgeInputs, type EdgeInputKind } from './edge-inputs'
import { edgeTable } from './edge-table'
import { inShort, meantBy } from './table'

const kinds = Object.keys(edgeStates) as EdgeKind[]
const inputs = Object.keys(edgeInputs) as EdgeInputKind[]

describe('the machine of the edge', () => {
  for (const kind of kinds) {
    const { state, now, wakeAt } = edgeStates[kind]

    it(`answers every input while ${kind}`, () => {
      expect(edgeKindOf(state)).toBe(kind)
      const seen: Record<string, string> = {}
      const meant: Record<string, string> = {}
      for (const input of inputs) {
        const at = input.startsWith('wake when due') ? (wakeAt ?? now) : now
        seen[input] = inShort(state, stepEdge(state, edgeInputs[input](state), edgeContext(at)), edgeKindOf)
        meant[input] = meantBy(edgeTable[kind][input])
      }
      expect(seen).toEqual(meant)
    })

    it(`leaves its state alone and writes first while ${kind}`, () => {
      const before = JSON.stringify(state)
      for (const input of inputs) {
        const { outputs } = stepEdge(state, edgeInputs[input](state), edgeContext(now))
        expect(
          outputs.slice(1).some(({ type }) => type === 'persist'),
          input,
        ).toBe(false)
      }
      expect(JSON.stringify(state)).toBe(before)
    })
  }
})
