import { describe, expect, it } from 'vitest'
import { describeFound, search } from './walk'

/** `HOLDFAST_WALKS=20000` for the long run, `HOLDFAST_SEED` to begin elsewhere. */
const walks = Number(process.env['HOLDFAST_WALKS'] ?? 1_000)
const firstSeed = Number(process.env['HOLDFAST_SEED'] ?? 1)
const EVENTS = 200

describe('a random walk of one edge and its master', () => {
  it(
    `breaks no rule of control in ${walks} walks of ${EVENTS} events`,
    () => {
      const rules: Record<string, number> = {}
      let contested = 0
      const found = search(firstSeed, walks, EVENTS, {}, ({ judge }) => {
        contested += judge.contested
        for (const [rule, times] of Object.entries(judge.rules)) rules[rule] = (rules[rule] ?? 0) + times
      })
      if (found) expect.fail(describeFound(found))
      // A walk that never gets anywhere judges nothing.
      for (const rule of [
        'T1',
        'T2',
        'T3',
        'T5',
        'T6',
        'T7',
        'T8',
        'autonomy',
        'take-over',
        'restore',
        'fail-over',
        'force',
      ])
        expect(rules[rule] ?? 0, `${rule} was decided`).toBeGreaterThan(walks / 100)
      expect(contested).toBeGreaterThan(walks / 100)
      if (process.env['HOLDFAST_WALKS']) console.log(JSON.stringify({ walks, contested, rules }))
    },
    Math.max(60_000, walks * 60),
  )
})
