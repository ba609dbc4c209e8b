import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Supervisor } from '../../../electron/modules/supervisor'
import { systemClock } from '../../../electron/platform/clock'
import { moduleOf, runtimeUnderTest, type RuntimeUnderTest } from '../../support/module-runtime'
import { until } from '../../support/until'

let under: RuntimeUnderTest

beforeEach(async () => {
  under = await runtimeUnderTest({ startingMax: 1 })
}, 60_000)
afterEach(() => under[Symbol.asyncDispose]())

it('sets that are to drive at the same moment start one after the other; one that is stopped while it waits is let go at once', async () => {
  const names = ['one', 'two', 'three', 'four']
  const sets = names.map((name) => under.another(name))
  const isRunning = (at: number) => sets[at]!.views()[0]?.state === 'running'
  const started = sets.map((set, at) => set.start([moduleOf(names[at]!, 'quiet')]))
  await started[0]
  expect(sets.map((set) => set.hostPids().length)).toEqual([1, 0, 0, 0])
  await sets[2]!.stop()
  await started[2]
  expect(sets.map((set) => set.devices().started)).toEqual([true, true, false, true])
  await until('the others run', () => [0, 1, 3].every(isRunning))
  expect(sets.map((set) => set.hostPids().length)).toEqual([1, 1, 0, 1])
})

it('a set that waits for its host says so when that lasts, and reads as starting, not as stopped; then it runs, or is stopped, and says no more', async () => {
  const [first, second, third] = ['first', 'second', 'third'].map((name) => under.another(name)) as [
    Supervisor,
    Supervisor,
    Supervisor,
  ]
  const told = vi.fn()
  second.onWaiting(told)
  await first.start([moduleOf('first', 'quiet')])
  // Stopped like that it does not come to be ready, and the next one does not have its turn.
  const pid = first.hostPids()[0]!
  process.kill(pid, 'SIGSTOP')
  const askedAt = systemClock().mono()
  const started = [second.start([moduleOf('second', 'quiet')]), third.start([moduleOf('third', 'quiet')])]
  const stateOf = (set: Supervisor) => set.views()[0]?.state
  await until('both are to start', () => stateOf(second) === 'starting' && stateOf(third) === 'starting')
  expect([second.waiting(), told.mock.calls.length]).toEqual([null, 0])
  const wait = await until('the waits are told', () => third.waiting() && second.waiting())
  expect(wait.why).toBe('turn')
  expect(wait.since).toBeGreaterThanOrEqual(askedAt)
  expect(told).toHaveBeenCalledTimes(1)
  await third.stop()
  expect([third.waiting(), stateOf(third)]).toEqual([null, 'stopped'])
  process.kill(pid, 'SIGCONT')
  await Promise.all(started)
  expect([second.waiting(), told.mock.calls.length, second.hostPids().length]).toEqual([null, 2, 1])
  await until('both run', () => stateOf(first) === 'running' && stateOf(second) === 'running')
  expect(stateOf(third)).toBe('stopped')
}, 30_000)
