import { describe, expect, it } from 'vitest'
import {
  drainStep,
  moveBegan,
  moveDone,
  moveFailed,
  noTries,
  type DrainFacts,
  type DrainTries,
} from '../../../electron/core/fleet/drain'
import { monoMs } from '../../../shared/model/time'

const NOW = monoMs(100_000)
const facts = (change: Partial<NonNullable<DrainFacts['site']>> = {}, isBooted = true): DrainFacts => ({
  site: { masterDrives: false, failover: true, isLinked: true, isStable: true, ...change },
  isBooted,
})
const later: DrainTries = { ...noTries, retryAt: monoMs(NOW + 1) }

describe('the step of draining', () => {
  const cases: [string, DrainFacts, DrainTries, boolean, string][] = [
    ['a node without a site has nothing to move', { site: null, isBooted: true }, noTries, false, 'moved'],
    [
      'what the master drives is moved, linked or not',
      facts({ masterDrives: true, isLinked: false }),
      noTries,
      false,
      'moved',
    ],
    ['a move that runs is waited for', facts(), moveBegan(noTries), false, 'moving'],
    ['without fail-over it is blocked', facts({ failover: false }), noTries, false, 'blocked'],
    ['a loading master waits', facts({}, false), noTries, false, 'waiting'],
    ['an edge that is away is waited for', facts({ isLinked: false, isStable: false }), noTries, false, 'waiting'],
    ['a link that is not stable is waited for', facts({ isStable: false }), noTries, false, 'waiting'],
    ['what failed waits for its time', facts(), { ...later, failures: 2, detail: 'no' }, false, 'blocked'],
    ['what was done or busy waits for its time', facts(), later, false, 'waiting'],
    ['otherwise control is moved', facts(), noTries, true, 'moving'],
    ['and again when its time has come', facts(), { ...noTries, failures: 3, retryAt: NOW }, true, 'moving'],
  ]
  it.each(cases)('%s', (_, of, tries, move, state) => {
    expect(drainStep(of, tries, NOW)).toMatchObject({ move, state })
  })

  it('a person need not wait for a stable link or for a retry, and never moves what must not be moved', () => {
    for (const tries of [noTries, later, { ...later, failures: 4 }])
      expect(drainStep(facts({ isStable: false }), tries, NOW, true).move).toBe(true)
    for (const of of [
      facts({ isLinked: false }),
      facts({ failover: false }),
      facts({}, false),
      facts({ masterDrives: true }),
    ])
      expect(drainStep(of, noTries, NOW, true).move).toBe(false)
    expect(drainStep(facts(), moveBegan(noTries), NOW, true).move).toBe(false)
  })

  it('waits longer after each failure, up to a minute, and a little after what was only busy', () => {
    let tries = noTries
    const waits: number[] = []
    for (let n = 0; n < 6; n++) {
      tries = moveFailed(moveBegan(tries), { code: 'refused', detail: 'no' }, NOW)
      waits.push((tries.retryAt ?? 0) - NOW)
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
    expect(moveFailed(tries, { code: 'busy', detail: 'a negotiation' }, NOW)).toMatchObject({
      ...{ failures: 6, retryAt: NOW + 1_000, isMoving: false },
    })
    expect(moveDone(NOW)).toEqual({ isMoving: false, failures: 0, detail: null, retryAt: NOW + 5_000 })
  })
})
