import { expect, it } from 'vitest'
import { Heartbeats } from '../../../electron/edge/heartbeat'
import type { LinkSession } from '../../../electron/link/link'
import { FLEET_SINCE_VERSION } from '../../../shared/wire/fleet'
import { manualClock } from '../../support/console-clock'

const told = { hostname: 'edge', version: '1', cpu: 0, memory: 0, disk: 0, systems: 0, modules: 0 }

function beating(version = FLEET_SINCE_VERSION) {
  const clock = manualClock()
  const at: number[] = []
  const closed = Promise.withResolvers<never>()
  const session = { peer: { version }, closed: closed.promise, sendEvent: () => void at.push(clock.mono()) }
  const heartbeats = new Heartbeats({ clock, now: () => told })
  heartbeats.linked(session as unknown as LinkSession)
  const pings = (count: number, everyMs: number) => {
    for (let n = 0; n < count; n++) {
      clock.advance(everyMs)
      heartbeats.pinged()
    }
  }
  return { clock, heartbeats, at, pings, closed }
}

it('a heartbeat goes out with each second answer to a ping, however late or early pings are by a little', () => {
  const late = beating()
  late.pings(6, 1_004)
  expect(late.at).toEqual([0, 2_008, 4_016, 6_024])
  const early = beating()
  early.pings(6, 996)
  expect(early.at).toEqual([0, 1_992, 3_984, 5_976])
})

it('heartbeats go out without pings as well, and end with the link', () => {
  const { clock, heartbeats, at } = beating()
  clock.advance(7_500)
  expect(at).toEqual([0, 2_500, 5_000, 7_500])
  heartbeats[Symbol.dispose]()
  heartbeats.pinged()
  clock.advance(10_000)
  expect(at).toHaveLength(4)
  expect(clock.armed).toBe(0)
})

it('a master that knows none is sent none', () => {
  const { at, pings } = beating(FLEET_SINCE_VERSION - 1)
  pings(6, 1_000)
  expect(at).toEqual([])
})
