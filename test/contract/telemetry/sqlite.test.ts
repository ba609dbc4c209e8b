import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RUNS_MAX } from '../../../electron/telemetry/receiving'
import { openTelemetry } from '../../../electron/telemetry/edge-file'
import { openTelemetryStores } from '../../../electron/telemetry/sqlite'
import type { ArrivedBatch, ArrivedEntry, LogLine, TelemetryStore } from '../../../electron/telemetry/telemetry'
import { wallMs } from '../../../shared/model/time'
import { temporaryFolder } from '../../support/outbox'

const NOW = wallMs(1_750_000_000_000)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const forever = { ageMs: 1e14, bytes: 1e14, pointsAgeMs: 1e14, hourlyAgeMs: 1e14, dailyAgeMs: 1e14 }

let folder: ReturnType<typeof temporaryFolder>
let store: TelemetryStore
const file = () => `${folder.path}/telemetry.db`
beforeEach(() => {
  folder = temporaryFolder()
  store = openTelemetry(file())
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})
const reopen = async () => {
  await store[Symbol.asyncDispose]()
  store = openTelemetry(file())
}

const entryAt = (seq: number, more: Partial<ArrivedEntry> = {}): ArrivedEntry => ({
  ...{ seq, runId: 'run-1', sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: 'enrolment-1', category: 'logs' },
  ...{ at: NOW, doNotPropagate: false, isBytes: false, text: `{"body":"line ${seq}"}` },
  ...more,
})
function batch(firstSeq: number, lastSeq: number, more: Partial<ArrivedBatch> = {}, of: Partial<ArrivedEntry> = {}) {
  const entries = Array.from({ length: lastSeq - firstSeq + 1 }, (_, n) => entryAt(firstSeq + n, of))
  return {
    ...{ feedId: 'feed-1', lane: 'telemetry' as const, firstSeq, lastSeq, entries, gaps: [] },
    ...{ historical: false, sentAt: NOW, ...more },
  }
}
const seqs = (feedId = 'feed-1') => store.entries({ feedId, limit: 1_000 }).map(({ seq }) => seq)
const one = (entry: ArrivedEntry, more: Partial<ArrivedBatch> = {}) =>
  batch(entry.seq, entry.seq, { entries: [entry], ...more })

describe('the telemetry of one edge', () => {
  test('is there after a restart, with its position', async () => {
    expect(store.receive(batch(1, 3), NOW)).toMatchObject({ throughSeq: 3, ranges: [], stored: 3, rejected: [] })
    await reopen()
    expect(seqs()).toEqual([1, 2, 3])
    expect(store.position('feed-1')).toEqual({ throughSeq: 3, ranges: [] })
    expect(store.entries({ feedId: 'feed-1', limit: 1 })[0]).toEqual({
      ...entryAt(1),
      feedId: 'feed-1',
      ...{ receivedAt: NOW, historical: false, fromFuture: false },
    })
  })

  test('takes batches in any order and the new part of those it knows in part', () => {
    store.receive(batch(7, 9), NOW)
    expect(store.position('feed-1')).toEqual({ throughSeq: 0, ranges: [[7, 9]] })
    store.receive(batch(1, 3), NOW)
    expect(store.receive(batch(2, 8), NOW)).toMatchObject({ throughSeq: 9, ranges: [], stored: 3 })
    expect(seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('tells those who look on what became searchable, each once, and lists what was told of losses', () => {
    const loss = {
      ...{ category: 'metrics', reason: 'bytes-cap', count: 7, bytes: 700, firstAt: 1, lastAt: 2, lostAt: 3 },
      ...{ feedId: 'feed-1', ranges: [[1, 7]], rangesAreExact: true, countIsExact: true },
    }
    const report = JSON.stringify({ kind: 'telemetry.lost', losses: [loss] })
    store.receive(batch(1, 2), NOW)
    store.receive(one(entryAt(3, { category: 'events', text: report })), wallMs(NOW + 5))
    const gauge = '{"name":"load","type":"gauge","value":0.5}'
    store.receive(one(entryAt(4, { category: 'metrics', text: gauge })), NOW)
    const tail = { lines: [] as LogLine[], points: [] as { series: number; at: number; value: number }[] }
    while (store.index(1, tail) > 0);
    expect(tail.lines.map(({ text }) => text)).toEqual(['line 1', 'line 2', 'telemetry.lost'])
    expect(tail.points).toEqual([{ series: store.series({ limit: 1 })[0]!.id, at: NOW, value: 0.5 }])
    store.index(100, tail)
    expect(tail.lines).toHaveLength(3)
    expect(store.losses({ limit: 10 })).toEqual([{ at: NOW, receivedAt: NOW + 5, loss }])
  })

  test('is not changed by a repeat, and answers it the same', () => {
    const rejection = { code: 'invalid', message: 'no' }
    const mixed = batch(1, 3, { entries: [entryAt(1), entryAt(2, { rejection }), entryAt(3)] })
    const { throughSeq, ranges, rejected } = store.receive(mixed, NOW)
    expect(rejected).toEqual([{ seq: 2, ...rejection }])
    expect(store.receive(mixed, wallMs(NOW + 5))).toEqual({ throughSeq, ranges, rejected, stored: 0, arrival: null })
    expect(seqs()).toEqual([1, 3])
    expect(store.status()).toMatchObject({ entries: 2, rejected: 1 })
  })

  test('counts gaps by reason and moves on over them', () => {
    store.receive(batch(1, 3, { entries: [entryAt(3)], gaps: [{ from: 1, to: 2, reason: 'lost' }] }), NOW)
    expect(store.position('feed-1').throughSeq).toBe(3)
    expect(store.status().gaps).toEqual({ lost: 2 })
  })

  test('refuses numbers under two runs, and changes nothing', () => {
    store.receive(batch(1, 10), NOW)
    expect(() => store.receive(batch(8, 12, {}, { runId: 'run-2' }), NOW)).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    )
    expect(() => store.receive(batch(5, 6, {}, { runId: 'run-2' }), NOW)).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    )
    expect(store.receive(batch(11, 12, {}, { runId: 'run-2' }), NOW)).toMatchObject({ throughSeq: 12 })
  })

  test('knows the runs of a writer that begins anew all the time up to a limit, and a fork beyond it all the same', async () => {
    const each = (first: number, count: number): ArrivedBatch =>
      batch(first, first + count - 1, {
        entries: Array.from({ length: count }, (_, n) => entryAt(first + n, { runId: `run-${first + n}` })),
      })
    const rejection = { code: 'invalid', message: 'no' }
    store.receive(one(entryAt(1, { runId: 'run-1', rejection })), NOW)
    for (let first = 2; first <= 2 * RUNS_MAX; first += 500) store.receive(each(first, 500), NOW)
    await reopen()
    const rows = new Sqlite(file(), { readonly: true })
    const count = rows.prepare('SELECT count(*) FROM run').pluck()
    expect(count.get()).toBeLessThanOrEqual(RUNS_MAX)
    // A repeat from long ago, and one that goes on into what is new.
    expect(store.receive(each(1, 500), NOW)).toMatchObject({ stored: 0, rejected: [{ seq: 1 }] })
    const head = store.position('feed-1').throughSeq
    expect(store.receive(each(head - 300, 500), NOW)).toMatchObject({ stored: 199, throughSeq: head + 199 })
    // A copy from long ago gives the same numbers out again.
    for (const [from, to] of [
      [5, 5],
      [5, head + 400],
    ] as const)
      expect(() => store.receive(batch(from, to, {}, { runId: 'another' }), NOW)).toThrow(
        expect.objectContaining({ code: 'conflict' }),
      )
    expect(count.get()).toBeLessThanOrEqual(RUNS_MAX)
    rows.close()
  })

  test('asks for what is missing first, when there are too many runs beyond it', () => {
    const each = (first: number) =>
      batch(first, first + 999, {
        entries: Array.from({ length: 1_000 }, (_, n) => entryAt(first + n, { runId: `run-${first + n}` })),
      })
    for (let first = 1_001; first <= RUNS_MAX; first += 1_000) store.receive(each(first), NOW)
    store.receive(each(RUNS_MAX + 1), NOW)
    expect(() => store.receive(each(RUNS_MAX + 1_001), NOW)).toThrow(expect.objectContaining({ code: 'busy' }))
    expect(store.receive(each(1), NOW)).toMatchObject({ throughSeq: RUNS_MAX + 1_000 })
    expect(store.receive(each(RUNS_MAX + 1_001), NOW)).toMatchObject({ throughSeq: RUNS_MAX + 2_000 })
  })

  test('knows an entry by the number it had before', () => {
    store.receive(batch(1, 3), NOW)
    const origin = (seq: number) => ({ origin: { feedId: 'feed-1', seq, runId: 'run-1' } })
    const moved = batch(3, 4, { feedId: 'feed-2', entries: [entryAt(3, origin(3)), entryAt(4, origin(4))] })
    expect(store.receive(moved, NOW)).toMatchObject({ ranges: [[3, 4]], stored: 1 })
    expect(seqs('feed-2')).toEqual([4])
  })

  test('refuses the batch that would make a 65th range, and takes it when there is room', () => {
    for (let n = 1; n <= 64; n++) store.receive(batch(n * 2, n * 2), NOW)
    expect(() => store.receive(batch(200, 200), NOW)).toThrow(expect.objectContaining({ code: 'busy' }))
    store.receive(batch(1, 1), NOW)
    expect(store.receive(batch(200, 200), NOW).ranges).toHaveLength(64)
  })

  test('keeps and flags entries from the future, and late ones; measures the clock of the edge', () => {
    store.receive(one(entryAt(1, { at: wallMs(NOW + DAY) }), { sentAt: NOW + DAY - 40 }), NOW)
    store.receive(one(entryAt(2), { historical: true, sentAt: NOW + DAY - 5 }), NOW)
    const [future, late] = store.entries({ feedId: 'feed-1', limit: 2 })
    expect(future).toMatchObject({ fromFuture: true, historical: false, at: NOW + DAY })
    expect(late).toMatchObject({ fromFuture: false, historical: true })
    expect(store.status()).toMatchObject({ fromFuture: 1, skewMs: DAY - 5 })
  })

  test('a calendar that is set is seen with the next batch; one that was long on its way changes nothing', () => {
    const sent = (seq: number, skewMs: number) => store.receive(one(entryAt(seq), { sentAt: NOW + skewMs }), NOW)
    sent(1, -5)
    sent(2, -20_000)
    expect(store.status().skewMs).toBe(-5)
    sent(3, -3_600_020)
    sent(4, -3_600_005)
    expect(store.status().skewMs).toBe(-3_600_005)
  })

  test('counts exactly what is not searchable yet, whatever comes and goes meanwhile', async () => {
    const waits = () => store.status().notIndexed
    store.receive(batch(1, 10), NOW)
    expect(waits()).toBe(10)
    store.receive(batch(5, 20, { gaps: [] }), NOW)
    expect(waits()).toBe(26)
    store.receive(batch(1, 10), NOW)
    expect([store.index(4), waits()]).toEqual([22, 22])
    store.receive(batch(31, 40), wallMs(NOW + DAY))
    expect([store.index(3), waits()]).toEqual([29, 29])
    while (store.retain({ ...forever, ageMs: HOUR }, wallMs(NOW + DAY), 1));
    expect([waits(), store.index(4)]).toEqual([10, 6])
    await reopen()
    expect([waits(), store.index(1_000), waits()]).toEqual([6, 0, 0])
  })

  test('finds log lines by their words, newest first, once they are indexed, each once', async () => {
    store.receive(batch(1, 30), NOW)
    store.receive(
      one(entryAt(31, { text: '{"body":"Pumpe 7: \\"Störung\\"","severity":17,"attributes":{"room":"lobby"}}' })),
      NOW,
    )
    expect(store.logs({ text: 'störung', limit: 5 })).toEqual([])
    expect(store.index(10)).toBe(21)
    await reopen()
    expect(store.index(1_000)).toBe(0)
    expect(store.logs({ limit: 100 })).toHaveLength(31)
    expect(store.logs({ text: 'pumpe stör', limit: 5 })).toMatchObject([
      { severity: 17, attributes: { room: 'lobby' } },
    ])
    expect(store.logs({ text: 'lobby', limit: 5 })).toHaveLength(1)
    // Taken as words, never as the language of the search.
    expect(store.logs({ text: 'lobby" OR "line', limit: 5 })).toEqual([])
    expect(store.logs({ text: '"* (', limit: 5 })).toHaveLength(5)
    expect(store.logs({ severityMin: 17, limit: 5 })).toHaveLength(1)
    expect(store.logs({ text: 'line', limit: 3 }).map(({ text }) => text)).toEqual(['line 30', 'line 29', 'line 28'])
  })

  test('an alert does not wait for what came before it', async () => {
    const raised = (seq: number) =>
      one(entryAt(seq, { category: 'alerts', text: `{"text":"alert ${seq}"}` }), { feedId: 'alerts-1', lane: 'alerts' })
    const listed = () => store.alerts({ limit: 5 }).map(({ text }) => text)
    store.receive(batch(1, 500), NOW)
    store.receive(raised(1), NOW)
    expect([store.index(1), listed()]).toEqual([500, ['alert 1']])
    store.index(10)
    store.receive(raised(2), wallMs(NOW + 1))
    await reopen()
    expect([store.index(1), listed().length]).toEqual([490, 2])
    expect(store.index(1_000)).toBe(0)
    expect([store.logs({ limit: 1_000 }).length, listed().length]).toEqual([500, 2])
  })

  test('pages through log lines of one instant, each once', () => {
    store.receive(batch(1, 25), NOW)
    store.index(100)
    const seen: string[] = []
    for (let page = store.logs({ limit: 10 }); page.length > 0;) {
      seen.push(...page.map(({ text }) => text))
      const { at, id } = page.at(-1)!
      page = store.logs({ limit: 10, before: at, beforeId: id })
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `line ${25 - n}`))
  })

  test('charts metrics as points and rolls them up by hour and day, late ones too, none twice', () => {
    const metric = (seq: number, at: number, value: number) =>
      entryAt(seq, {
        category: 'metrics',
        at: wallMs(at),
        text: JSON.stringify({
          name: 'cpu',
          unit: '1',
          type: 'gauge',
          points: [{ time: at, value, attributes: { core: 0 } }],
        }),
      })
    const day = Math.floor(NOW / DAY) * DAY
    store.receive(one(metric(3, day + HOUR + 5, 30)), NOW)
    const late = { entries: [metric(1, day + 5, 10), metric(2, day + 9, 20)], historical: true }
    store.receive(batch(1, 2, late), NOW)
    store.receive(batch(1, 3, { entries: [metric(1, day, 1), metric(2, day, 1), metric(3, day, 1)] }), NOW)
    store.index(1_000)
    const [series] = store.series({ name: 'cpu', limit: 5 })
    expect(series).toMatchObject({ unit: '1', attributes: { core: 0 }, lastAt: day + HOUR + 5, lastValue: 30 })
    expect(store.points(series!.id, { limit: 10 }).map(({ value, historical }) => [value, historical])).toEqual([
      [10, true],
      [20, true],
      [30, false],
    ])
    expect(store.rollUps(series!.id, 'hour', { limit: 10 })).toEqual([
      { at: day, count: 2, sum: 30, min: 10, max: 20, last: 20 },
      { at: day + HOUR, count: 1, sum: 30, min: 30, max: 30, last: 30 },
    ])
    expect(store.rollUps(series!.id, 'day', { limit: 10 })).toEqual([
      { at: day, count: 3, sum: 60, min: 10, max: 30, last: 30 },
    ])
  })

  test('lists traces with their root, and alerts', () => {
    const span = (seq: number, more: object) =>
      entryAt(seq, {
        category: 'traces',
        text: JSON.stringify({ traceId: 't1', durationMs: 5, status: 'ok', ...more }),
      })
    store.receive(
      batch(1, 2, {
        entries: [
          span(1, { spanId: 's2', parentSpanId: 's1', name: 'query', status: 'error' }),
          span(2, { spanId: 's1', name: 'GET /', durationMs: 12 }),
        ],
      }),
      NOW,
    )
    const alert = entryAt(1, { category: 'alerts', text: '{"severity":"critical","text":"pump"}' })
    store.receive(one(alert, { feedId: 'alerts-1', lane: 'alerts' }), NOW)
    store.index(100)
    expect(store.traces({ limit: 5 })).toMatchObject([
      { traceId: 't1', name: 'GET /', spans: 2, errors: 1, durationMs: 12 },
    ])
    expect(store.spans('t1', 5)).toHaveLength(2)
    expect(store.alerts({ limit: 5 })).toMatchObject([{ severity: 'critical', state: 'firing', text: 'pump' }])
  })

  test('survives bodies that are nothing it knows', () => {
    const odd = [
      'null',
      '5',
      '"text"',
      '[1]',
      '{"name":5}',
      '{"name":"x","points":[{"value":"NaN"},{"value":null}]}',
      '{}',
    ]
    const categories = ['metrics', 'logs', 'traces', 'alerts', 'events'] as const
    let seq = 0
    for (const category of categories)
      for (const text of odd) store.receive(one(entryAt(++seq, { category, text })), NOW)
    store.receive(one(entryAt(++seq, { isBytes: true, text: 'AAEC' })), NOW)
    expect(store.index(1_000)).toBe(0)
    expect(seqs()).toHaveLength(seq)
  })

  test('deletes what is too old, with all that was made of it, and never takes it again', () => {
    store.receive(batch(1, 10), NOW)
    store.receive(batch(11, 12), wallMs(NOW + 2 * HOUR))
    store.index(100)
    expect(store.retain({ ...forever, ageMs: HOUR }, wallMs(NOW + 2 * HOUR), 1_000)).toBe(false)
    expect(seqs()).toEqual([11, 12])
    expect(store.logs({ text: 'line', limit: 100 })).toHaveLength(2)
    expect(store.status()).toMatchObject({ entries: 2 })
    expect(store.receive(batch(1, 10), NOW)).toMatchObject({ stored: 0, throughSeq: 12 })
    expect(seqs()).toEqual([11, 12])
  })

  test('deletes the oldest first when it is too much, in steps', () => {
    // Chance does not compress.
    const long = (seq: number) => entryAt(seq, { text: `"${randomBytes(1_000).toString('base64')}"` })
    for (let n = 0; n < 20; n++) {
      const entries = Array.from({ length: 50 }, (_, at) => long(n * 50 + 1 + at))
      store.receive(batch(n * 50 + 1, n * 50 + 50, { entries }), NOW)
    }
    const half = store.status().bytes / 2
    expect(store.retain({ ...forever, bytes: half }, NOW, 100)).toBe(true)
    while (store.retain({ ...forever, bytes: half }, NOW, 100));
    expect(store.status().bytes).toBeLessThanOrEqual(half)
    expect(seqs().at(-1)).toBe(1_000)
    expect(seqs()[0]).toBeGreaterThan(400)
  })

  test('tells arrivals in order, for forwarding', () => {
    store.receive(batch(5, 6), NOW)
    store.receive(batch(1, 4), NOW)
    const [first, second] = store.arrivals(0, 10)
    expect(first!.entries.map(({ seq }) => seq)).toEqual([5, 6])
    expect(second!.entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(store.arrivals(first!.arrival, 10)).toHaveLength(1)
  })
})

describe('a file that the disk has changed', () => {
  const told: { edgeId: string; what: string; aside: string | null }[] = []
  const open = () =>
    openTelemetryStores(folder.path, {
      damage: { clock: { wall: () => NOW }, told: (edgeId, what, aside) => void told.push({ edgeId, what, aside }) },
    })
  beforeEach(() => void told.splice(0))
  const place = () => `${folder.path}/edge-berlin.db`
  async function filled() {
    await using stores = open()
    for (let n = 0; n < 20; n++) stores.of('berlin').receive(batch(n * 50 + 1, n * 50 + 50), NOW)
  }

  test('is set aside when it cannot be opened, told, and the edge begins anew', async () => {
    await filled()
    writeFileSync(place(), 'not a database, but long enough to be looked at'.repeat(100))
    await using stores = open()
    expect(stores.of('berlin').position('feed-1')).toEqual({ throughSeq: 0, ranges: [] })
    expect(told).toMatchObject([{ edgeId: 'berlin', aside: `${place()}.damaged-2025-06-15T15-06-40.000Z` }])
    expect(existsSync(told[0]!.aside!)).toBe(true)
    expect(stores.of('berlin').receive(batch(1_001, 1_010), NOW)).toMatchObject({ ranges: [[1_001, 1_010]] })
    expect(stores.edges()).toEqual(['berlin'])
  })

  test('is set aside when damage shows while it is written to; the batch comes again', async () => {
    await filled()
    const bytes = readFileSync(place())
    // The first page stays, so that it opens; every other one is noise.
    writeFileSync(place(), Buffer.concat([bytes.subarray(0, 4_096), randomBytes(bytes.length - 4_096)]))
    await using stores = open()
    const push = () => stores.of('berlin').receive(batch(1_001, 1_010), NOW)
    try {
      push()
    } catch (error) {
      expect(error).toMatchObject({ code: 'busy', retryAfterMs: 1_000 })
    }
    expect(push()).toMatchObject({ ranges: [[1_001, 1_010]] })
    expect(told).toHaveLength(1)
  })

  test('gives what is left of it when entries can no longer be unpacked, and tells which', async () => {
    await filled()
    const database = new Sqlite(place())
    database
      .prepare(
        `UPDATE chunk SET body = CAST(substr(body, 1, 40) || zeroblob(length(body) - 40) AS BLOB) WHERE batch = 2`,
      )
      .run()
    database.close()
    await using stores = open()
    expect(stores.of('berlin').entries({ feedId: 'feed-1', limit: 10_000 })).toHaveLength(950)
    expect(told).toEqual([{ edgeId: 'berlin', what: '51 to 100 of arrival 2', aside: null }])
    expect(stores.of('berlin').index(10_000)).toBe(0)
    expect(stores.of('berlin').logs({ limit: 10_000 })).toHaveLength(950)
  })
})

test('each edge has a file of its own, whatever its id, and only its own is removed', async () => {
  await using stores = openTelemetryStores(folder.path)
  for (const id of ['berlin', 'Berlin', 'a.b-c_1', 'con']) stores.of(id).receive(batch(1, 1), NOW)
  expect([...stores.edges()].sort()).toEqual(['Berlin', 'a.b-c_1', 'berlin', 'con'])
  await stores.remove('Berlin')
  expect([...stores.edges()].sort()).toEqual(['a.b-c_1', 'berlin', 'con'])
  expect(stores.of('berlin').status().entries).toBe(1)
  expect(() => stores.of('../records')).toThrow(expect.objectContaining({ code: 'invalid' }))
})

test('says how much there is of an edge whose file was closed to make room, without opening it again', async () => {
  await using stores = openTelemetryStores(folder.path, { openMax: 2 })
  stores.of('berlin').receive(batch(1, 5), NOW)
  for (const other of ['oslo', 'rome']) stores.of(other)
  const log = `${folder.path}/edge-berlin.db-wal`
  expect(existsSync(log)).toBe(false)
  expect(stores.extent('berlin')).toEqual({ newest: 1, stored: 5, deleted: 0 })
  expect(existsSync(log)).toBe(false)
  stores.of('berlin').receive(batch(6, 7), NOW)
  expect(stores.extent('berlin')).toEqual({ newest: 2, stored: 7, deleted: 0 })
  await stores.remove('berlin')
  expect(stores.extent('berlin')).toEqual({ newest: 0, stored: 0, deleted: 0 })
})
