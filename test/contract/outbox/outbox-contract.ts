import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Outbox } from '../../../electron/outbox/outbox'
import { ENTRY_BYTES_MAX } from '../../../shared/model/telemetry'
import { until } from '../../support/until'
import { entries, entry, feedOf, numbersOf, pending, slices, temporaryFolder } from '../../support/outbox'

const all = { maxEntries: 1_000, maxBytes: 1024 * 1024 }

/** What every outbox does. `open` opens the same one again and again from `folder`. */
export function outboxContract(name: string, open: (folder: string) => Outbox) {
  describe(`outbox (${name})`, () => {
    let folder: ReturnType<typeof temporaryFolder>
    let outbox: Outbox
    const reopen = async () => {
      await outbox[Symbol.asyncDispose]()
      outbox = open(folder.path)
    }
    beforeEach(() => {
      folder = temporaryFolder()
      outbox = open(folder.path)
    })
    afterEach(async () => {
      await outbox[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    })

    test('has two feeds, alerts first, and nothing to read', () => {
      expect(outbox.feeds().map(({ lane, head, pendingEntries }) => [lane, head, pendingEntries])).toEqual([
        ['alerts', 0, 0],
        ['telemetry', 0, 0],
      ])
      for (const { feedId } of outbox.feeds()) expect(outbox.read(feedId, { from: 'oldest', ...all })).toBeNull()
      expect(outbox.status()).toMatchObject({ state: 'open', pendingEntries: 0, pendingBytes: 0, oldestAt: null })
    })

    test('numbers each feed without a gap, and keeps bodies as they were given', async () => {
      const bytes = new Uint8Array([0, 1, 254, 255])
      await outbox.append([entry('metrics', { a: 1 }), entry('alerts', 'fire'), entry('logs', bytes)])
      await outbox.append([{ category: 'traces', at: 5 as never, json: '{"b":[null]}' }])
      expect(pending(outbox).map(({ seq, category, body }) => [seq, category, body])).toEqual([
        [1, 'metrics', '{"a":1}'],
        [2, 'logs', Buffer.from(bytes)],
        [3, 'traces', '{"b":[null]}'],
      ])
      expect(pending(outbox, 'alerts')).toMatchObject([
        { seq: 1, edgeId: 'berlin', enrolmentId: 'enrolment-1', sourceId: 'edge-1', doNotPropagate: false },
      ])
    })

    test('says the same after it was opened again, under the same feed ids and with a new run', async () => {
      await outbox.append([...entries('metrics', 3), ...entries('alerts', 2)])
      const before = { feeds: outbox.feeds(), entries: pending(outbox), sizes: outbox.status().byCategory }
      await reopen()
      expect({ feeds: outbox.feeds(), entries: pending(outbox), sizes: outbox.status().byCategory }).toEqual(before)
      await outbox.append(entries('logs', 1))
      const after = pending(outbox)
      expect(after.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
      expect(after[3]!.runId).not.toBe(after[0]!.runId)
    })

    test('refuses what is too large or no entry and stores the neighbours', async () => {
      const cycle: Record<string, unknown> = {}
      cycle['self'] = cycle
      const outcome = await outbox.append([
        entry('logs', 'before'),
        entry('logs', 'x'.repeat(20 * 1024 * 1024)),
        entry('logs', cycle),
        entry('logs', 'y'.repeat(ENTRY_BYTES_MAX - 2)),
      ])
      expect(outcome.stored).toBe(2)
      expect(outcome.refused.map(({ index, code }) => [index, code])).toEqual([
        [1, 'too-large'],
        [2, 'invalid'],
      ])
      expect(outbox.status().dropped.logs.entries).toBe(2)
      expect(outbox.status().droppedBecause).toEqual({ 'too-large': 1, invalid: 1 })
    })

    test('stores an entry of a name once, also after it was opened again, and tells of it', async () => {
      const told: string[] = []
      outbox.onAppended(({ lane, entries: count }) => told.push(`${lane} ${count}`))
      expect(await outbox.appendOnce('decision 1', entry('events', { n: 1 }))).toBe(true)
      expect(await outbox.appendOnce('decision 1', entry('events', { n: 1 }))).toBe(false)
      await reopen()
      expect(await outbox.appendOnce('decision 1', entry('events', { n: 1 }))).toBe(false)
      expect(await outbox.appendOnce('decision 2', entry('events', { n: 2 }))).toBe(true)
      expect(pending(outbox).map(({ body }) => body)).toEqual(['{"n":1}', '{"n":2}'])
      expect(told).toEqual(['telemetry 1'])
      await expect(outbox.appendOnce('large', entry('events', 'x'.repeat(ENTRY_BYTES_MAX)))).rejects.toMatchObject({
        code: 'too-large',
      })
    })

    test('stores nothing of a category that is switched off but what is urgent, and everything when it is on again', async () => {
      outbox.switchOff(['metrics', 'events'])
      expect(await outbox.append([entry('metrics', 1), entry('logs', 2)])).toMatchObject({ stored: 1, switchedOff: 1 })
      await outbox.append([entry('events', 'decision')], { urgent: true })
      await outbox.appendOnce('decision', entry('events', 'another'))
      expect(outbox.status()).toMatchObject({ switchedOff: ['metrics', 'events'], droppedBecause: {} })
      outbox.switchOff([])
      await outbox.append([entry('metrics', 3)])
      expect(pending(outbox).map(({ category }) => category)).toEqual(['logs', 'events', 'events', 'metrics'])
    })

    test('gives up down to a cap that was lowered while it runs, counted', async () => {
      await outbox.append(entries('metrics', 400, 1_000))
      await outbox.append([...entries('logs', 50, 1_000), ...entries('alerts', 3)])
      outbox.setCaps({ bytes: 150_000, ageMs: 86_400_000 })
      await until('the cap holds', () => outbox.status().pendingBytes <= 150_000)
      const { byCategory, dropped, losses } = outbox.status()
      expect([byCategory.logs.entries, byCategory.alerts.entries]).toEqual([50, 3])
      expect(byCategory.metrics.entries + dropped.metrics.entries).toBe(400)
      expect(losses).toMatchObject([{ category: 'metrics', reason: 'bytes-cap', entries: dropped.metrics.entries }])
    })

    test('gives slices that are filled whole by entries and gaps, in both directions', async () => {
      await outbox.append(entries('metrics', 30))
      const { feedId } = feedOf(outbox, 'telemetry')
      await outbox.acknowledge(feedId, { throughSeq: 4, ranges: [[10, 12]] })
      const forward = outbox.read(feedId, { from: 'oldest', maxEntries: 8, maxBytes: 1e6 })!
      expect([forward.firstSeq, forward.lastSeq]).toEqual([5, 15])
      expect(forward.gaps).toEqual([{ from: 10, to: 12, reason: 'acknowledged' }])
      const newest = outbox.read(feedId, { from: 'newest', maxEntries: 5, maxBytes: 1e6 })!
      expect(newest.entries.map(({ seq }) => seq)).toEqual([26, 27, 28, 29, 30])
      const middle = outbox.read(feedId, { from: { after: 15 }, limit: 25, ...all })!
      expect([middle.firstSeq, middle.lastSeq]).toEqual([16, 25])
      const before = outbox.read(feedId, { from: { before: 14 }, limit: 9, ...all })!
      expect([before.firstSeq, before.lastSeq]).toEqual([9, 13])
      for (const slice of [forward, newest, middle, before])
        expect(numbersOf(slice)).toEqual(
          Array.from({ length: slice.lastSeq - slice.firstSeq + 1 }, (_, n) => slice.firstSeq + n),
        )
      expect(outbox.read(feedId, { from: { after: 30 }, ...all })).toBeNull()
    })

    test('keeps a slice within the bytes, but never without an entry', async () => {
      await outbox.append(entries('logs', 10, 1_000))
      const { feedId } = feedOf(outbox, 'telemetry')
      const read = (maxBytes: number) => outbox.read(feedId, { from: 'oldest', maxEntries: 10, maxBytes })!
      expect(read(3_500).entries).toHaveLength(3)
      expect(read(1)).toMatchObject({ firstSeq: 1, lastSeq: 1 })
    })

    test('deletes exactly what is acknowledged, and a repeat changes nothing', async () => {
      await outbox.append([...entries('metrics', 10), ...entries('logs', 10)])
      const { feedId } = feedOf(outbox, 'telemetry')
      for (let time = 0; time < 2; time++) {
        expect(await outbox.acknowledge(feedId, { throughSeq: 3, ranges: [[8, 12]] })).toBe('done')
        expect(pending(outbox).map(({ seq }) => seq)).toEqual([4, 5, 6, 7, 13, 14, 15, 16, 17, 18, 19, 20])
        expect(outbox.status().byCategory).toMatchObject({ metrics: { entries: 4 }, logs: { entries: 8 } })
        await reopen()
      }
      await outbox.acknowledge(feedId, { throughSeq: 7, ranges: [] })
      expect(feedOf(outbox, 'telemetry')).toMatchObject({ throughSeq: 12, lastAcknowledged: { seq: 12 } })
      await outbox.acknowledge(feedId, { throughSeq: 20, ranges: [] })
      expect(outbox.status()).toMatchObject({ pendingEntries: 0, pendingBytes: 0, oldestAt: null })
      await outbox.append(entries('logs', 1))
      expect(pending(outbox).map(({ seq }) => seq)).toEqual([21])
    })

    test('notices that a master knows numbers it never gave out, and goes on under a new id that names the old one', async () => {
      await outbox.append(entries('metrics', 5))
      const old = feedOf(outbox, 'telemetry')
      await outbox.acknowledge(old.feedId, { throughSeq: 2, ranges: [] })
      expect(await outbox.acknowledge(old.feedId, { throughSeq: 9, ranges: [] })).toBe('beyond-head')
      expect(await outbox.acknowledge('somebody-else', { throughSeq: 1, ranges: [] })).toBe('unknown-feed')
      expect(pending(outbox)).toHaveLength(3)
      const fresh = outbox.renew(old.feedId)
      await outbox.append(entries('metrics', 1))
      await reopen()
      expect(feedOf(outbox, 'telemetry').feedId).toBe(fresh)
      const [slice] = slices(outbox, fresh)
      expect(slice!.gaps).toEqual([{ from: 1, to: 2, reason: 'acknowledged' }])
      expect(slice!.entries.map(({ seq, origin }) => [seq, origin?.feedId, origin?.seq])).toEqual([
        [3, old.feedId, 3],
        [4, old.feedId, 4],
        [5, old.feedId, 5],
        [6, undefined, undefined],
      ])
    })

    test('sets aside what the master refuses, tries it again as a new entry, drops it when told', async () => {
      await outbox.append(entries('logs', 6))
      const { feedId } = feedOf(outbox, 'telemetry')
      await outbox.reject(feedId, [
        { seq: 2, code: 'invalid', message: 'no' },
        { seq: 4, code: 'invalid', message: 'never' },
        { seq: 77, code: 'invalid', message: 'not there' },
      ])
      await reopen()
      expect(pending(outbox).map(({ seq }) => seq)).toEqual([1, 3, 5, 6])
      expect(outbox.gaps(feedId, 1, 6)).toEqual([
        { from: 2, to: 2, reason: 'acknowledged' },
        { from: 4, to: 4, reason: 'acknowledged' },
      ])
      const letters = outbox.deadLetters({ limit: 10 })
      expect(letters).toMatchObject([
        { entry: { seq: 2, category: 'logs' }, code: 'invalid', message: 'no' },
        { entry: { seq: 4 }, message: 'never' },
      ])
      expect(outbox.status().deadLetters).toBe(2)
      expect(await outbox.retryDeadLetters([letters[0]!.id, 4_711])).toBe(1)
      expect(pending(outbox).at(-1)).toMatchObject({ seq: 7, body: letters[0]!.entry.body, origin: { feedId, seq: 2 } })
      expect(await outbox.dropDeadLetters('all')).toBe(1)
      expect(outbox.status()).toMatchObject({ deadLetters: 0, droppedBecause: { 'dropped-by-operator': 1 } })
    })

    test('does not store categories that are switched off', async () => {
      outbox.switchOff(['metrics', 'traces'])
      const outcome = await outbox.append([...entries('metrics', 2), ...entries('logs', 1), ...entries('traces', 3)])
      expect(outcome).toMatchObject({ stored: 1, switchedOff: 5, refused: [] })
      outbox.switchOff([])
      await outbox.append(entries('metrics', 1))
      expect(pending(outbox).map(({ category }) => category)).toEqual(['logs', 'metrics'])
      expect(outbox.status().droppedBecause).toEqual({})
    })

    test('drops what is pending when an operator says so, and counts it', async () => {
      await outbox.append([...entries('metrics', 5), ...entries('alerts', 2)])
      expect(await outbox.dropPending({ enrolmentId: 'another' })).toBe(0)
      expect(await outbox.dropPending({ enrolmentId: 'enrolment-1' })).toBe(7)
      expect(outbox.status()).toMatchObject({ dropped: { metrics: { entries: 5 }, alerts: { entries: 2 } } })
    })

    test('tells listeners of each commit', async () => {
      const told: string[] = []
      const stop = outbox.onAppended(({ lane, entries: count }) => told.push(`${lane} ${count}`))
      await outbox.append(entries('alerts', 1))
      await outbox.append(entries('logs', 2))
      stop()
      await outbox.append(entries('alerts', 1))
      expect(told).toEqual(['alerts 1', 'telemetry 2'])
    })

    test('refuses with busy when more waits than may, and stores all it took', async () => {
      const calls = Array.from({ length: 60 }, () => outbox.append(entries('metrics', 1_000)))
      const settled = await Promise.allSettled(calls)
      const refused = settled.filter((each) => each.status === 'rejected')
      expect(refused).toHaveLength(10)
      expect(refused[0]).toMatchObject({ reason: { code: 'busy', retryAfterMs: 1_000 } })
      expect(outbox.status()).toMatchObject({ pendingEntries: 50_000, droppedBecause: {} })
    })

    test('answers an alert before the metrics that came first', async () => {
      const order: string[] = []
      await outbox.append(entries('metrics', 1))
      const metrics = outbox.append(entries('metrics', 1)).then(() => order.push('metrics'))
      const alert = outbox.append(entries('alerts', 1)).then(() => order.push('alert'))
      const decision = outbox.append(entries('events', 1), { urgent: true }).then(() => order.push('decision'))
      await Promise.all([metrics, alert, decision])
      expect(order).toEqual(['alert', 'decision', 'metrics'])
    })

    test('commits what waits when it is closed', async () => {
      await outbox.append(entries('metrics', 1))
      const waiting = outbox.append(entries('metrics', 1))
      await reopen()
      await waiting
      expect(pending(outbox)).toHaveLength(2)
    })
  })
}
