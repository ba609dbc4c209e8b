import { describe, expect, it } from 'vitest'
import { Site } from './site'

function site(run: (site: Site, until: (ms: number) => void) => void): void {
  const made = new Site(7)
  made.begin()
  let now = 0
  run(made, (ms) => {
    now += ms
    made.timeline.until(now)
    made.judge.judge()
  })
}
const driver = ({ judge }: Site) => (judge.drives('edge') ? 'edge' : judge.drives('master') ? 'master' : 'nobody')
const epochs = ({ edge, master }: Site) => [edge.state.stored.record.epoch, master.state.stored.record.epoch]

describe('a site from enrolment to restore', () => {
  it('is driven by the enrolled edge at epoch 1 within 6 s, and linked', () => {
    site((world, pass) => {
      pass(6_500)
      expect(driver(world)).toBe('edge')
      expect(world.judge.isLinked).toBe(true)
      expect(epochs(world)).toEqual([1, 1])
    })
  })

  it('is taken over after the timeout when the edge dies, stands by when it is back, and returns at epoch 3', () => {
    site((world, pass) => {
      pass(10_000)
      world.crash('edge', false, 60_000)
      pass(19_000)
      expect(driver(world)).toBe('nobody')
      pass(1_500)
      expect(driver(world)).toBe('master')
      pass(45_000)
      expect(driver(world)).toBe('master')
      expect(world.judge.isLinked).toBe(true)
      expect(epochs(world)).toEqual([2, 2])
      world.ask('master', 'edge', false)
      pass(4_000)
      expect(driver(world)).toBe('edge')
      expect(epochs(world)).toEqual([3, 3])
    })
  })

  it('fails over by hand and comes back by the 3 s rule when the link is lost', () => {
    site((world, pass) => {
      pass(10_000)
      world.ask('edge', 'master', false)
      pass(4_000)
      expect(driver(world)).toBe('master')
      expect(epochs(world)).toEqual([2, 2])
      world.block(true, true)
      pass(3_000)
      expect(world.judge.drives('master')).toBe(false)
      pass(4_500)
      expect(driver(world)).toBe('edge')
      expect(world.edge.state.stored.record.epoch).toBe(3)
      world.block(false, false)
      pass(8_000)
      expect(driver(world)).toBe('edge')
      expect(epochs(world)).toEqual([3, 3])
      expect(world.judge.overlapMs).toBe(0)
    })
  })

  it('is not taken over while paused, and by force at once', () => {
    site((world, pass) => {
      pass(10_000)
      world.setPaused(true)
      world.crash('edge', true, 200_000)
      pass(60_000)
      expect(driver(world)).toBe('nobody')
      world.force()
      pass(500)
      expect(driver(world)).toBe('master')
    })
  })

  it('stays taken over when the master restarts while the edge is gone', () => {
    site((world, pass) => {
      pass(10_000)
      world.crash('edge', true, 200_000)
      pass(30_000)
      world.crash('master', false, 1_000)
      pass(8_000)
      expect(driver(world)).toBe('master')
      expect(world.master.state.stored.record.epoch).toBe(2)
    })
  })

  it('goes back by itself in the window, never before it is stable', () => {
    site((world, pass) => {
      pass(10_000)
      world.crash('edge', false, 40_000)
      pass(30_000)
      world.edit({ window: { periodMs: 100_000, lengthMs: 99_000 } })
      pass(12_000)
      expect(driver(world)).toBe('master')
      pass(20_000)
      expect(driver(world)).toBe('edge')
      expect(world.judge.rules['T3']).toBeGreaterThan(0)
    })
  })
})
