import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Outbox } from '../../../electron/outbox/outbox'
import type { OutboxOptions } from '../../../electron/outbox/sqlite'
import { telemetryCategories } from '../../../shared/model/telemetry'
import type { Loss } from '../../../shared/model/telemetry'
import { manualClock } from '../../support/console-clock'
import { entries, entry, feedOf, outboxIn, pending, temporaryFolder, toldLosses } from '../../support/outbox'

/** Twice the distance of two marks, by which age is judged. */
const span = 1_200_000
let folder: ReturnType<typeof temporaryFolder>
let outbox: Outbox
let clock: ReturnType<typeof manualClock>
const open = (options: Partial<OutboxOptions> = {}) => (outbox = outboxIn(folder.path, { clock, ...options }))
const close = () => outbox[Symbol.asyncDispose]()
const counts = () =>
  Object.fromEntries(telemetryCategories.map((name) => [name, outbox.status().byCategory[name].entries]))
const dropped = () =>
  Object.fromEntries(telemetryCategories.map((name) => [name, outbox.status().dropped[name].entries]))

beforeEach(() => {
  folder = temporaryFolder()
  clock = manualClock()
})
afterEach(async () => {
  await close()
  folder[Symbol.dispose]()
})

/** Appended and committed: the clock stands still. */
async function put(...args: Parameters<typeof entries>) {
  const done = outbox.append(entries(...args))
  await outbox.flush()
  await done
}

describe('over the cap of bytes', () => {
  test('the lowest class loses its oldest first, alerts go last, and what is left is within the cap', async () => {
    open({ bytesCap: 100_000 })
    for (const category of telemetryCategories) await put(category, 20, 900)
    expect(Object.values(counts())).toEqual([20, 20, 20, 20, 20])
    await put('alerts', 10, 900)
    expect(counts()).toMatchObject({ logs: 20, traces: 20, events: 20, alerts: 30 })
    expect(counts()['metrics']).toBeLessThan(20)
    const metrics = pending(outbox).filter(({ category }) => category === 'metrics')
    expect(metrics.map(({ seq }) => seq)).toEqual(metrics.map((_, n) => 20 - metrics.length + 1 + n))
    await put('alerts', 60, 900)
    expect(counts()).toMatchObject({ metrics: 0, traces: 0, alerts: 90 })
    await put('alerts', 40, 900)
    // Nothing but alerts is left besides the report of the losses: the oldest of them go.
    expect(counts()).toMatchObject({ metrics: 0, traces: 0, logs: 0 })
    expect(pending(outbox, 'alerts').at(-1)!.seq).toBe(130)
    expect(outbox.status().pendingBytes).toBeLessThanOrEqual(100_000 + 4_000)
  })

  test('every entry is either there or counted, to the last one', async () => {
    open({ bytesCap: 60_000 })
    const sent = { metrics: 0, logs: 0, traces: 0, events: 0, alerts: 0 }
    for (let round = 0; round < 60; round++) {
      const category = telemetryCategories[round % 5]!
      await put(category, 7 + (round % 5), 300)
      sent[category] += 7 + (round % 5)
      if (round === 30) {
        await close()
        open({ bytesCap: 60_000 })
      }
    }
    const reports = pending(outbox).filter(({ body }) => String(body).includes('telemetry.lost')).length
    const there = counts()
    for (const category of telemetryCategories) {
      const own = category === 'events' ? reports : 0
      expect([category, there[category]! - own + dropped()[category]!]).toEqual([category, sent[category]])
    }
    expect(Object.values(dropped()).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(200)
  })

  test('losses are pushed as entries of their own, with the numbers that are gone, each loss told once', async () => {
    open({ bytesCap: 40_000 })
    for (let round = 0; round < 6; round++) {
      await put('metrics', 40, 400)
      clock.advance(700_000)
    }
    clock.advance(700_000)
    const told = toldLosses(outbox)
    expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(dropped()['metrics'])
    const gone = new Set(
      told.flatMap(({ ranges }) =>
        ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n)),
      ),
    )
    const there = new Set(pending(outbox).map(({ seq }) => seq))
    const { feedId, head } = feedOf(outbox, 'telemetry')
    for (let seq = 1; seq <= head; seq++) expect([seq, gone.has(seq)]).toEqual([seq, !there.has(seq)])
    expect(
      told.every((loss: Loss) => loss.feedId === feedId && loss.reason === 'bytes-cap' && loss.rangesAreExact),
    ).toBe(true)
    expect(outbox.gaps(feedId, 1, head).every(({ reason }) => reason === 'lost')).toBe(true)
  })

  test('a report that is itself dropped is told again: nothing is forgotten', async () => {
    open({ bytesCap: 30_000 })
    await put('metrics', 100, 400)
    clock.advance(2_000)
    expect(toldLosses(outbox)).not.toEqual([])
    for (let round = 0; round < 30; round++) await put('alerts', 10, 400)
    const gone = dropped()
    await close()
    // With room again everything that was lost so far is told.
    open({ bytesCap: 10_000_000 })
    clock.advance(700_000)
    const told = toldLosses(outbox)
    for (const category of telemetryCategories) {
      const count = told.filter((loss) => loss.category === category).reduce((sum, loss) => sum + loss.count, 0)
      expect([category, count]).toEqual([category, gone[category]])
    }
  })

  test('a cap that was lowered while the controller was down takes effect by itself', async () => {
    open()
    for (let round = 0; round < 10; round++) await put('metrics', 1_000, 100)
    await close()
    open({ bytesCap: 200_000 })
    expect(outbox.status().pendingEntries).toBe(10_000)
    clock.advance(10_000)
    expect(outbox.status().pendingBytes).toBeLessThan(200_000)
    expect(dropped()['metrics']! + counts()['metrics']!).toBe(10_000)
  })
})

describe('over the age cap', () => {
  test('entries of every class go, counted, and younger ones stay', async () => {
    open({ ageCapMs: 7 * span })
    await put('metrics', 5)
    await put('alerts', 3)
    clock.advance(4 * span)
    await put('metrics', 2)
    clock.advance(3.8 * span)
    expect(counts()).toMatchObject({ metrics: 2, alerts: 0 })
    expect(outbox.status().droppedBecause).toEqual({ 'age-cap': 8 })
  })
  test('goes on counting over a restart', async () => {
    open({ ageCapMs: 7 * span })
    await put('metrics', 5)
    clock.advance(4 * span)
    await close()
    open({ ageCapMs: 7 * span })
    clock.advance(3.5 * span)
    expect(counts()['metrics']).toBe(0)
  })
  test('counts what was written shortly before a long absence from when it was written', async () => {
    open({ ageCapMs: 7 * span })
    await put('metrics', 1)
    clock.advance(60_000)
    await put('logs', 4)
    await close()
    clock.advance(6 * span)
    open({ ageCapMs: 7 * span })
    await put('traces', 2)
    clock.advance(2 * span)
    expect(counts()).toMatchObject({ metrics: 0, logs: 0, traces: 2 })
    expect(dropped()).toMatchObject({ metrics: 1, logs: 4, traces: 0 })
    expect(outbox.status().losses).toMatchObject([
      { category: 'metrics', reason: 'age-cap', entries: 1 },
      { category: 'logs', reason: 'age-cap', entries: 4 },
    ])
  })
  test('a calendar that is set forward while the controller runs costs nothing', async () => {
    let jumpMs = 0
    const jumping = { ...clock, wall: () => (clock.wall() + jumpMs) as ReturnType<typeof clock.wall> }
    open({ clock: jumping, ageCapMs: 7 * span })
    await put('metrics', 5)
    jumpMs = 400 * 24 * span
    clock.advance(span)
    expect(counts()['metrics']).toBe(5)
  })
  test('an entry that happened long ago is as young as its arrival', async () => {
    open({ ageCapMs: 7 * span })
    const done = outbox.append([entry('logs', 'late', 0)])
    await outbox.flush()
    await done
    clock.advance(span)
    expect(counts()['logs']).toBe(1)
    expect(outbox.status().oldestAt).toBe(0)
  })
})
