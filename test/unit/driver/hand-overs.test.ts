import { describe, expect, it } from 'vitest'
import { HandOvers } from '../../../electron/core/driver/hand-overs'
import type { Decision } from '../../../shared/model/control'
import { HoldfastError } from '../../../shared/model/failures'
import { manualClock } from '../../support/console-clock'

const decision = (more: Partial<Decision> = {}): Decision => ({
  ...{ id: 'd-1', edgeId: 'berlin', rule: 'restore', winner: 'edge', epoch: 3, actor: 'cli:grace', facts: null },
  ...{ outcome: 'done', detail: null, startedAt: 1, finishedAt: 2, contested: null },
  ...more,
})

describe('who waits for a hand-over', () => {
  it('gets the decision that answers the request, then its end', async () => {
    const handOvers = new HandOvers(manualClock(), () => decision({ finishedAt: null, outcome: 'open' }))
    const asked = handOvers.ask('r-1', () => expect(handOvers.answered('r-1', 'd-1', null)).toBe('ours'))
    expect(await asked).toBe('d-1')
    const end = handOvers.finished('d-1')
    handOvers.decided(decision({ finishedAt: null }))
    handOvers.decided(decision())
    expect(await end).toMatchObject({ decisionId: 'd-1', holder: 'edge', epoch: 3 })
  })

  it('gets what is finished already at once', async () => {
    expect(await new HandOvers(manualClock(), () => decision()).finished('d-1')).toMatchObject({ outcome: 'done' })
  })

  it('leaves nothing behind when the request cannot be sent, however often', async () => {
    const clock = manualClock()
    const handOvers = new HandOvers(clock, () => null)
    const away = () => {
      throw new HoldfastError('link-lost', 'away')
    }
    for (let times = 0; times < 1_001; times++) await expect(handOvers.ask(`r-${times}`, away)).rejects.toThrow('away')
    expect(handOvers.answered('r-1', 'd-1', null)).toBe('unknown')
    expect(clock.armed).toBe(0)
    const sent = handOvers.ask('last', () => {})
    handOvers.answered('last', 'd-1', null)
    expect(await sent).toBe('d-1')
  })

  it('is told that the time is over, and that nobody knows what became of it', async () => {
    const clock = manualClock()
    const handOvers = new HandOvers(clock, () => null)
    const asked = handOvers.ask('r-1', () => {})
    clock.advance(5_000)
    await expect(asked).rejects.toMatchObject({ code: 'timeout', outcomeUnknown: true })
  })

  it('is answered when the controller stops, and refused when too many wait', async () => {
    const clock = manualClock()
    const handOvers = new HandOvers(clock, () => null)
    const waiting = Array.from({ length: 1_000 }, (_, n) => handOvers.ask(`r-${n}`, () => {}))
    await expect(handOvers.ask('one more', () => {})).rejects.toMatchObject({ code: 'busy' })
    handOvers.end()
    const ends = await Promise.allSettled(waiting)
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true)
    await expect(handOvers.ask('after the end', () => {})).rejects.toMatchObject({ code: 'link-lost' })
    expect(clock.armed).toBe(0)
  })
})
