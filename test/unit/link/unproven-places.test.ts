import { describe, expect, it } from 'vitest'
import { UnprovenPlaces } from '../../../electron/link/unproven-places'
import { manualClock } from '../../support/console-clock'

function placesFor(max: number) {
  const clock = manualClock()
  const places = new UnprovenPlaces({ clock, max, deadlineMs: 5_000 })
  const dropped: string[] = []
  let n = 0
  /** Ends of those that got in. */
  const come = (network: string, count = 1): string[] =>
    Array.from({ length: count }, () => `${network} ${n++}`).filter((end) =>
      places.take(end, network, () => {
        dropped.push(end)
        places.give(end)
      }),
    )
  return { clock, places, dropped, come }
}

describe('the places of connections that have proven nothing', () => {
  it('are all for one network while nobody else wants them', () => {
    const { come, dropped, places } = placesFor(200)
    expect(come('router', 200)).toHaveLength(200)
    expect(come('router', 10)).toEqual([])
    expect([dropped, places.size]).toEqual([[], 200])
  })

  it('are found by others however hard one network floods, at the cost of its newest', () => {
    const { come, dropped, places } = placesFor(100)
    const flood = come('flood', 5_000)
    expect(come('berlin', 30)).toHaveLength(30)
    expect(come('flood', 5_000)).toEqual([])
    expect(dropped).toEqual(flood.slice(-30).reverse())
    // Neither does a second one take more than the first has.
    come('hamburg', 5_000)
    const left = (network: string) => dropped.filter((end) => end.startsWith(network)).length
    expect([left('flood'), left('berlin'), left('hamburg')]).toEqual([65, 0, 0])
    expect(places.size).toBe(100)
  })

  it('are had by turns, so that no two networks push each other out for ever', () => {
    const { come, dropped } = placesFor(2)
    come('one')
    come('two')
    expect([come('three'), come('one')]).toEqual([[], []])
    expect(dropped).toEqual([])
  })

  it('end with the deadline for whoever says nothing, and not for whoever has given theirs back', () => {
    const { clock, come, dropped, places } = placesFor(10)
    const [silent = '', proven = ''] = come('berlin', 2)
    places.give(proven)
    expect([places.has(silent), places.has(proven)]).toEqual([true, false])
    clock.advance(5_000)
    expect([dropped, places.size]).toEqual([[silent], 0])
  })
})
