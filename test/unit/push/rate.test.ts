import { describe, expect, test } from 'vitest'
import { PushRate } from '../../../electron/edge/push-rate'
import { SyncTeller } from '../../../electron/edge/sync-teller'
import type { LinkSession } from '../../../electron/link/link'
import { monoMs, wallMs } from '../../../shared/model/time'
import type { SyncStatus } from '../../../shared/wire/push'
import { SettlingClock } from '../../support/settling-clock'

describe('the rate of pushing', () => {
  test('is that of the last seconds, also when answers come seldom', () => {
    const rate = new PushRate()
    for (let at = 0; at <= 20_000; at += 250) rate.add(250, monoMs(at))
    expect(rate.perS(monoMs(20_000))).toBeGreaterThan(950)
    expect(rate.perS(monoMs(20_000))).toBeLessThan(1_100)
    const slow = new PushRate()
    for (let at = 0; at <= 20_000; at += 4_000) slow.add(4_000, monoMs(at))
    // Between two answers of a slow line nothing seems to stand still.
    for (const after of [100, 2_500, 3_900]) expect(slow.perS(monoMs(20_000 + after))).toBeGreaterThan(500)
  })
  test('is nothing soon after the last answer, and at once when the way is closed', () => {
    const rate = new PushRate()
    for (let at = 0; at <= 3_000; at += 250) rate.add(1_000, monoMs(at))
    expect(rate.perS(monoMs(4_900))).toBeGreaterThan(0)
    expect(rate.perS(monoMs(5_100))).toBe(0)
    rate.add(1_000, monoMs(5_200))
    rate.clear()
    expect(rate.perS(monoMs(5_200))).toBe(0)
  })
})

describe('telling the master how the pushing goes', () => {
  const resting: SyncStatus = {
    ...{ state: 'up to date', pendingEntries: 0, pendingBytes: 0, oldestAt: null, lastAckAt: null, ratePerS: 0 },
    ...{ etaS: 0, dropped: 0, losses: [], deadLetters: 0, failedAttempts: 0, lastError: null },
  }
  function place(version = 3) {
    const clock = new SettlingClock(wallMs(1_750_000_000_000))
    const told: SyncStatus[] = []
    let status = resting
    const teller = new SyncTeller({ clock, status: () => status, changed: () => {} })
    const session = {
      ...{ peer: { version }, closed: new Promise(() => {}) },
      sendEvent: (_name: string, body: SyncStatus) => told.push(body),
    } as unknown as LinkSession
    const set = (change: Partial<SyncStatus>) => {
      status = { ...status, ...change }
      teller.changed()
    }
    return { clock, told, teller, session, set }
  }

  test('happens at once after a link-up, and then seldom while little waits', async () => {
    const { clock, told, teller, session, set } = place()
    teller.linked(session)
    await clock.pass(0)
    expect(told).toHaveLength(1)
    for (let n = 1; n <= 20; n++) {
      set({ pendingEntries: n })
      await clock.pass(400)
    }
    expect(told).toHaveLength(1)
    await clock.pass(10_000)
    expect(told.map(({ pendingEntries }) => pendingEntries)).toEqual([0, 20])
    teller[Symbol.dispose]()
    expect(clock.timers).toBe(0)
  })
  test('happens every second while a backlog moves, and within one of a new state or a loss', async () => {
    const { clock, told, teller, session, set } = place()
    teller.linked(session)
    await clock.pass(5_000)
    set({ state: 'catching up', pendingEntries: 5_000, ratePerS: 800 })
    await clock.pass(0)
    expect(told.at(-1)).toMatchObject({ state: 'catching up' })
    for (let n = 1; n <= 30; n++) {
      set({ pendingEntries: 5_000 - n })
      await clock.pass(100)
    }
    expect(told.length).toBeLessThanOrEqual(6)
    set({ state: 'up to date', ratePerS: 0 })
    await clock.pass(1_000)
    expect(told.at(-1)).toMatchObject({ state: 'up to date' })
    set({ dropped: 3 })
    await clock.pass(1_000)
    expect(told.at(-1)).toMatchObject({ dropped: 3 })
    teller[Symbol.dispose]()
  })
  test('does not happen to a master that does not know of it', async () => {
    const { clock, told, teller, session, set } = place(2)
    teller.linked(session)
    set({ dropped: 1 })
    await clock.pass(20_000)
    expect(told).toEqual([])
    teller[Symbol.dispose]()
  })
})
