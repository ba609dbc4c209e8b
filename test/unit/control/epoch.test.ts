import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heardIn, isGrantable, nextEpoch } from '../../../electron/core/control/epoch'

const floors = fc.integer({ min: 0, max: 1_000_000 })
const sides = fc.constantFrom('edge' as const, 'master' as const)
const parity = { edge: 1, master: 0 }

describe('an epoch', () => {
  it('is odd for the edge and even for the master, and the lowest of its kind above the floor', () => {
    fc.assert(
      fc.property(sides, floors, (side, floor) => {
        const epoch = nextEpoch(side, floor)
        expect(epoch % 2).toBe(parity[side])
        expect(epoch).toBeGreaterThan(floor)
        expect(epoch).toBeLessThanOrEqual(floor + 2)
      }),
    )
  })

  it('is never the same for both sides, whatever each has heard of', () => {
    fc.assert(
      fc.property(floors, floors, (heardByEdge, heardByMaster) => {
        expect(nextEpoch('edge', heardByEdge)).not.toBe(nextEpoch('master', heardByMaster))
      }),
    )
  })

  it('rises with every change of control', () => {
    fc.assert(
      fc.property(fc.array(sides, { maxLength: 50 }), (changes) => {
        let epoch = 1
        for (const side of changes) {
          const next = nextEpoch(side, epoch)
          expect(next).toBeGreaterThan(epoch)
          epoch = next
        }
      }),
    )
  })

  it('goes 1, 2, 3 from enrolment over a take-over to a restore', () => {
    expect(nextEpoch('master', 1)).toBe(2)
    expect(nextEpoch('edge', 2)).toBe(3)
  })

  it('may be granted only to its own side and only above everything heard of', () => {
    fc.assert(
      fc.property(sides, floors, floors, (side, epoch, floor) => {
        expect(isGrantable(side, epoch, floor)).toBe(epoch > floor && epoch % 2 === parity[side])
        expect(isGrantable(side, nextEpoch(side, floor), floor)).toBe(true)
      }),
    )
  })

  it('is known from a record as the highest number in it, an unanswered grant included', () => {
    const record = { holder: 'none' as const, epoch: 4, agreedEpoch: 4, decisionId: 'd' }
    expect(heardIn({ ...record, intent: null })).toBe(4)
    expect(heardIn({ ...record, intent: { to: 'edge', epoch: 5, decisionId: 'd' } })).toBe(5)
    expect(heardIn({ ...record, agreedEpoch: 8, intent: null })).toBe(8)
  })
})
