import { describe, expect, it } from 'vitest'
import { variants } from './variants'
import { search } from './walk'

/** A variant that needs more than this is not really caught. */
const WALKS_MAX = 1_500
const EVENTS = 200

describe('a rule that is broken is caught by the walk', () => {
  for (const { name, breakages, caughtBy } of variants) {
    it(
      name,
      () => {
        const found = search(1, WALKS_MAX, EVENTS, breakages)
        if (process.env['HOLDFAST_WALKS']) console.log(`${name}: seed ${found?.seed} ${found?.broken.message}`)
        expect(found?.broken.rule, found?.broken.message ?? 'no walk broke a rule').toBeOneOf(caughtBy)
      },
      60_000,
    )
  }
})
