import { describe, expect, it } from 'vitest'
import { ACCEPT_WAIT_MS, AcceptPace, BEGUN_PER_TURN } from '../../../electron/link/accept-pace'
import { monoMs } from '../../../shared/model/time'

function paced() {
  const turns: (() => void)[] = []
  let now = 0
  const pace = new AcceptPace({ mono: () => monoMs(now) }, (call) => void turns.push(call))
  const begun: number[] = []
  const dropped: number[] = []
  return {
    ...{ pace, begun, dropped },
    enter: (id: number, network = 'one') =>
      pace.enter(
        network,
        () => void begun.push(id),
        () => void dropped.push(id),
      ),
    turn: () => turns.shift()?.(),
    pass: (ms: number) => void (now += ms),
    get turnsAhead() {
      return turns.length
    },
  }
}

describe('the pace of accepting', () => {
  it('begins a lone connection in the next turn, and plans none when nobody waits', () => {
    const place = paced()
    place.enter(1)
    place.turn()
    expect(place.begun).toEqual([1])
    expect(place.turnsAhead).toBe(0)
  })

  it('begins a fleet that comes at once a few at a time, in the order in which it came', () => {
    const place = paced()
    const fleet = Array.from({ length: 50 }, (_, id) => id)
    for (const id of fleet) place.enter(id)
    place.turn()
    expect(place.begun).toEqual(fleet.slice(0, BEGUN_PER_TURN))
    while (place.turnsAhead > 0) place.turn()
    expect(place.begun).toEqual(fleet)
  })

  it('drops what has waited too long to prove itself in time, so that others are not late as well', () => {
    const place = paced()
    for (let id = 0; id < 20; id++) place.enter(id)
    place.turn()
    place.pass(ACCEPT_WAIT_MS + 1)
    place.enter(100)
    place.turn()
    expect(place.dropped).toEqual(Array.from({ length: 20 - BEGUN_PER_TURN }, (_, index) => index + BEGUN_PER_TURN))
    expect(place.begun.at(-1)).toBe(100)
  })

  it('forgets a connection that ended while it waited', () => {
    const place = paced()
    const leave = place.enter(1)
    place.enter(2)
    leave()
    place.turn()
    expect(place.begun).toEqual([2])
    expect(place.pace.waiting).toBe(0)
  })

  it('begins those of each network in turn: one that floods keeps the others waiting for no more than a turn', () => {
    const place = paced()
    for (let id = 0; id < 500; id++) place.enter(id, 'flood')
    place.turn()
    for (let id = 1_000; id < 1_003; id++) place.enter(id, 'berlin')
    place.enter(2_000, 'hamburg')
    place.turn()
    const begun = place.begun.slice(BEGUN_PER_TURN)
    expect(begun).toEqual(expect.arrayContaining([1_000, 1_001, 1_002, 2_000]))
    expect(begun).toHaveLength(BEGUN_PER_TURN)
    expect(place.pace.waiting).toBe(500 - BEGUN_PER_TURN - (BEGUN_PER_TURN - 4))
  })
})
