import { describe, expect, test } from 'vitest'
import { walk, type Variant } from './world'

const WALKS = 100

/** The first seed whose walk finds a fault. */
function caught(variant: Variant): { seed: number; faults: string[] } | null {
  for (let seed = 1; seed <= WALKS; seed++) {
    const { faults } = walk(seed, variant)
    if (faults.length > 0) return { seed, faults }
  }
  return null
}

describe('an edge that pushes through lost answers, repeats, crashes and cuts', () => {
  test(`brings each answered append exactly once, in ${WALKS} lives`, () => {
    let batches = 0
    for (let seed = 1; seed <= WALKS; seed++) {
      const walked = walk(seed, 'correct')
      expect({ seed, faults: walked.faults.slice(0, 5) }).toEqual({ seed, faults: [] })
      batches += walked.batches
    }
    // A walk in which nothing moves would find nothing.
    expect(batches).toBeGreaterThan(WALKS * 20)
  })

  test.each<[Variant, RegExp]>([
    ['answersBeforeCommit', /is lost/],
    ['storesRepeats', /is stored 2 times/],
    ['deletesOnSend', /is lost/],
  ])('is caught when it is broken: %s', (variant, fault) => {
    expect(caught(variant)?.faults[0]).toMatch(fault)
  })
})
