import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Outbox } from '../../../electron/outbox/outbox'
import { Tail, TAIL_BYTES_MAX, type Segment } from '../../../electron/outbox/tail'
import type { OutboxEntry } from '../../../shared/model/telemetry'
import { wallMs } from '../../../shared/model/time'
import { feedOf, numbersOf, outboxIn, slices, temporaryFolder } from '../../support/outbox'
import { seeded } from '../../simulation/push/world'

const segment = (from: number, to: number, bytes = 10): Segment => ({
  ...{ key: from, first: from, last: to, author: 1, bytes: bytes * (to - from + 1) },
  rows: Array.from({ length: to - from + 1 }, (_, n) => ({ category: 0, at: 1, size: bytes, body: `${from + n}` })),
})
const all = { maxEntries: 1_000, maxBytes: 1_000_000 }

describe('the newest entries in memory', () => {
  let tail: Tail
  const read = (from: number, to: number, limits = all) =>
    tail.read(from, to, limits, (_, __, { body }) => Number(body))
  beforeEach(() => {
    tail = new Tail()
    tail.add(segment(11, 15))
    tail.add(segment(16, 20))
    tail.add(segment(31, 35))
  })

  test('come in order as long as one follows the other', () => {
    expect(read(13, 17)).toEqual({ entries: [13, 14, 15, 16, 17], isMore: false })
    expect(read(19, 40)).toEqual({ entries: [19, 20], isMore: true })
    expect(read(31, 35)).toEqual({ entries: [31, 32, 33, 34, 35], isMore: false })
    expect([read(10, 12), read(21, 40), read(36, 40)]).toEqual([null, null, null])
  })

  test('end at the limits, and one comes however large it is', () => {
    expect(read(11, 20, { ...all, maxEntries: 7 })).toEqual({ entries: [11, 12, 13, 14, 15, 16, 17], isMore: true })
    expect(read(11, 20, { ...all, maxBytes: 5 })).toEqual({ entries: [11, 12], isMore: true })
    expect(read(11, 20, { ...all, maxBytes: 1 })).toEqual({ entries: [11], isMore: true })
  })

  test('are none of them that were deleted, at the beginning, at the end, in between', () => {
    tail.gone(1, 12)
    tail.gone(19, 33)
    expect([read(12, 20), read(33, 35)]).toEqual([null, null])
    expect(read(13, 40)).toEqual({ entries: [13, 14, 15, 16, 17, 18], isMore: true })
    expect(read(34, 35)).toEqual({ entries: [34, 35], isMore: false })
    tail.gone(17, 17)
    expect([read(13, 20)?.entries, read(16, 20)?.entries ?? null]).toEqual([[13, 14, 15], null])
    tail.gone(14, 14)
    expect(read(13, 20)).toBeNull()
  })

  test('are summed up only where all of them are here', () => {
    expect(tail.sums(12, 18)).toEqual([{ category: 0, entries: 7, bytes: 70 }])
    expect([tail.sums(10, 12), tail.sums(19, 22), tail.sums(35, 36)]).toEqual([null, null, null])
    expect([tail.authorOf(20), tail.authorOf(21)]).toEqual([1, null])
  })

  test('are given up when they are too many, until the reader has come to the end', () => {
    tail.add(segment(36, 36, TAIL_BYTES_MAX))
    tail.add(segment(37, 40))
    expect([read(11, 20), read(37, 40)]).toEqual([null, null])
    tail.caughtUp()
    tail.add(segment(41, 42))
    expect(read(41, 42)?.entries).toEqual([41, 42])
  })
})

describe('an outbox under way', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let outbox: Outbox
  beforeEach(() => {
    folder = temporaryFolder()
    outbox = outboxIn(folder.path)
  })
  afterEach(async () => {
    await outbox[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  function inFile() {
    const database = new Sqlite(`${folder.path}/outbox.db`, { readonly: true })
    const rows = database
      .prepare<[number], { key: number; body: string | Buffer }>(
        'SELECT key, body FROM entry WHERE key > ? ORDER BY key',
      )
      .all(1_000 * 2 ** 40)
    const sums = database
      .prepare<[number], { entries: number; bytes: number }>(
        'SELECT count(*) AS entries, coalesce(sum(octet_length(body) + 32), 0) AS bytes FROM entry WHERE key > ?',
      )
      .get(1_000 * 2 ** 40)!
    database.close()
    return { rows: rows.map(({ key, body }) => [key % 2 ** 40, body]), sums }
  }

  test.for([1, 2, 3])('reads from memory what is in the file, and counts the same (%i)', async (seed) => {
    const chance = seeded(seed)
    const upTo = (max: number) => Math.floor(chance() * max)
    const categories = ['metrics', 'logs', 'traces', 'events', 'alerts'] as const
    const some = (count: number): OutboxEntry[] =>
      Array.from({ length: count }, () => {
        const category = categories[upTo(5)]!
        const at = wallMs(upTo(1_000_000))
        const body = chance() < 0.02 ? new Uint8Array([upTo(256), 0, 1]) : { n: upTo(1_000), ä: 'x'.repeat(upTo(400)) }
        return { category, at, body }
      })
    for (let step = 0; step < 120; step++) {
      const { feedId, throughSeq, head } = feedOf(outbox, 'telemetry')
      const within = () => throughSeq + 1 + upTo(head - throughSeq)
      const kind = chance()
      if (kind < 0.5) await outbox.append(some(1 + upTo(chance() < 0.2 ? 400 : 20)))
      else if (kind < 0.65 && head > throughSeq) await outbox.acknowledge(feedId, { throughSeq: within(), ranges: [] })
      else if (kind < 0.8 && head > throughSeq) {
        const from = within()
        const to = Math.min(head, from + upTo(30))
        await outbox.acknowledge(feedId, { throughSeq, ranges: [[from, to]] })
      } else if (kind < 0.88 && head > throughSeq)
        await outbox.reject(feedId, [{ seq: within(), code: 'invalid', message: 'no' }])
      else if (kind < 0.9) await outbox.dropPending({})
      else if (kind < 0.93) outbox.renew(feedId)
      else if (kind < 0.96) await outbox.retryDeadLetters('all')
      else {
        outbox.setCaps({ bytes: 20_000 + upTo(60_000), ageMs: 1e9 })
        await outbox.append(some(3))
      }
      await outbox.flush()
      const now = feedOf(outbox, 'telemetry')
      const told = slices(outbox, now.feedId, 1 + upTo(200))
      const { rows, sums } = inFile()
      expect(told.flatMap(({ entries }) => entries.map(({ seq, body }) => [seq, body]))).toEqual(rows)
      expect({ entries: now.pendingEntries, bytes: now.pendingBytes }).toEqual(sums)
      for (const slice of told)
        expect(numbersOf(slice)).toEqual(
          Array.from({ length: slice.lastSeq - slice.firstSeq + 1 }, (_, n) => slice.firstSeq + n),
        )
    }
  })
})
