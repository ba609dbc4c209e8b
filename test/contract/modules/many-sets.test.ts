import { afterEach, beforeEach, expect, it } from 'vitest'
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
