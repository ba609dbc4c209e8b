import { describe, expect, it } from 'vitest'
import { BACKOFF_CAP_MS, Placement, SOUND_AFTER_MS, type HostEnding } from '../../../electron/modules/placement'

const shared = (...ids: string[]) => ids.map((id) => ({ id, isolated: false }))
const named = (culprit: string): HostEnding => ({ culprit, wasReady: true, wasKilled: false })
const unnamed: HostEnding = { culprit: null, wasReady: true, wasKilled: false }

describe('placing modules', () => {
  it('fills a host before it opens another', () => {
    const groups = new Placement(2).assign(shared('a', 'b', 'c'), 0)
    expect(groups.map(({ ids, isFresh }) => [ids, isFresh])).toEqual([
      [['a', 'b'], true],
      [['c'], true],
    ])
  })

  it('gives an isolated module a host that takes nobody else in', () => {
    const placement = new Placement(50)
    placement.assign([{ id: 'alone', isolated: true }], 0)
    placement.assign(shared('other'), 0)
    expect(placement.hostOf('other')).not.toBe(placement.hostOf('alone'))
  })

  it('uses the room a stopped module left', () => {
    const placement = new Placement(2)
    placement.assign(shared('a', 'b'), 0)
    placement.leave('a')
    const [group] = placement.assign(shared('c'), 0)
    expect(group).toMatchObject({ isFresh: false, ids: ['c'] })
  })
})

describe('a host that ends', () => {
  it('restarts the neighbours of a named culprit together and at once, and holds the culprit back', () => {
    const placement = new Placement(50)
    const [group] = placement.assign(shared('a', 'bad', 'b'), 0)
    const verdict = placement.hostEnded(group?.host ?? 0, named('bad'), 10)
    expect(verdict.restart).toEqual([['a', 'b']])
    expect(verdict.backOff).toEqual([{ id: 'bad', delayMs: 1_000, isCulprit: true }])
  })

  it('puts the culprit into a host of its own from then on', () => {
    const placement = new Placement(50)
    const [group] = placement.assign(shared('a', 'bad'), 0)
    placement.hostEnded(group?.host ?? 0, named('bad'), 10)
    placement.assignTogether(['a'], 10)
    placement.assign(shared('bad'), 20)
    placement.assign(shared('c'), 30)
    expect(placement.membersOf(placement.hostOf('bad') ?? 0)).toEqual(['bad'])
    expect(placement.hostOf('c')).toBe(placement.hostOf('a'))
  })

  it('doubles the delay with each fault up to a minute, and starts anew after a minute without', () => {
    const placement = new Placement(50)
    const delays = Array.from({ length: 8 }, () => {
      const [group] = placement.assign(shared('bad'), 0)
      return placement.hostEnded(group?.host ?? 0, named('bad'), 5).backOff[0]?.delayMs
    })
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, BACKOFF_CAP_MS, BACKOFF_CAP_MS])
    const [group] = placement.assign(shared('bad'), 0)
    const later = placement.hostEnded(group?.host ?? 0, named('bad'), SOUND_AFTER_MS + 1)
    expect(later.backOff[0]?.delayMs).toBe(1_000)
  })

  it('forgives everybody the first time nobody is named', () => {
    const placement = new Placement(50)
    const [group] = placement.assign(shared('a', 'b', 'c'), 0)
    expect(placement.hostEnded(group?.host ?? 0, unnamed, 1)).toEqual({ restart: [['a', 'b', 'c']], backOff: [] })
  })

  it('finds an unnamed culprit among fifty by halving, without starting any innocent one more than eight times', () => {
    const placement = new Placement(50)
    const ids = Array.from({ length: 50 }, (_, index) => `m${index}`)
    const starts = new Map(ids.map((id) => [id, 0]))
    const count = (list: readonly string[]) => list.forEach((id) => starts.set(id, (starts.get(id) ?? 0) + 1))
    let [group] = placement.assign(shared(...ids), 0)
    for (let now = 1; now < 20; now++) {
      const verdict = placement.hostEnded(group?.host ?? 0, unnamed, now)
      if (verdict.backOff.length > 0) {
        expect(verdict.backOff.map(({ id }) => id)).toEqual(['m31'])
        break
      }
      const groups = verdict.restart.map((list) => placement.assignTogether(list, now))
      for (const { ids: list } of groups) count(list)
      group = groups.find(({ ids: list }) => list.includes('m31'))
    }
    expect(placement.hostOf('m31')).toBeNull()
    expect(Math.max(...starts.values())).toBeLessThanOrEqual(8)
  })

  it('blames nobody for a host that the controller itself ended', () => {
    const placement = new Placement(50)
    const [group] = placement.assign(shared('a'), 0)
    const verdict = placement.hostEnded(group?.host ?? 0, { ...unnamed, wasKilled: true }, 1)
    expect(verdict).toEqual({ restart: [['a']], backOff: [] })
  })

  it('waits longer and longer when hosts cannot even start', () => {
    const placement = new Placement(50)
    const delays = Array.from({ length: 3 }, () => {
      const [group] = placement.assign(shared('a', 'b'), 0)
      return placement.hostEnded(group?.host ?? 0, { ...unnamed, wasReady: false }, 1).backOff
    })
    expect(delays.map((held) => held.map(({ delayMs }) => delayMs))).toEqual([
      [1_000, 1_000],
      [2_000, 2_000],
      [4_000, 4_000],
    ])
  })
})

describe('many culprits', () => {
  it('share hosts with each other beyond twenty, never with the innocent', () => {
    const placement = new Placement(50)
    const bad = Array.from({ length: 30 }, (_, index) => `bad${index}`)
    placement.assign(shared('good', ...bad), 0)
    for (const id of bad) {
      placement.faulted(id, true, 1)
      placement.leave(id)
    }
    placement.assign(shared(...bad), 2)
    const hosts = new Set(bad.map((id) => placement.hostOf(id)))
    expect(hosts.size).toBe(21)
    expect(hosts.has(placement.hostOf('good'))).toBe(false)
  })
})

describe('a module that threw', () => {
  it('moves to a host of its own at the third fault in a row, at once if it meant to exit', () => {
    const placement = new Placement(50)
    placement.assign(shared('a', 'thrower', 'exiter'), 0)
    placement.faulted('exiter', true, 1)
    placement.leave('exiter')
    placement.assign(shared('exiter'), 2)
    expect(placement.membersOf(placement.hostOf('exiter') ?? 0)).toEqual(['exiter'])
    for (const now of [1, 2, 3]) {
      placement.faulted('thrower', false, now)
      placement.leave('thrower')
      placement.assign(shared('thrower'), now)
      expect(placement.hostOf('thrower') === placement.hostOf('a')).toBe(now < 3)
    }
  })

  it('is forgiven when its document changes', () => {
    const placement = new Placement(50)
    placement.assign(shared('a', 'bad'), 0)
    placement.faulted('bad', true, 1)
    placement.leave('bad')
    placement.forget('bad')
    placement.assign(shared('bad'), 2)
    expect(placement.hostOf('bad')).toBe(placement.hostOf('a'))
  })
})
