import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Ingest } from '../../../electron/master/ingest'
import { DRAINS_MAX, IngestPace } from '../../../electron/master/ingest-pace'
import { systemClock } from '../../../electron/platform/clock'
import { openTelemetryStores } from '../../../electron/telemetry/sqlite'
import type { TelemetryStores } from '../../../electron/telemetry/telemetry'
import { after, monoMs, type MonoMs } from '../../../shared/model/time'
import { BATCH_BYTES_MAX, receiveBatchParams, type ReceiveBatchParams } from '../../../shared/wire/push'
import { manualClock } from '../../support/console-clock'
import { collectingLogger } from '../../support/journal'
import { temporaryFolder } from '../../support/outbox'
import { until } from '../../support/until'

let folder: ReturnType<typeof temporaryFolder>
let stores: TelemetryStores
let ingest: Ingest
const heard: string[] = []
beforeEach(() => {
  folder = temporaryFolder()
  stores = openTelemetryStores(folder.path)
  heard.length = 0
  ingest = new Ingest({
    stores,
    clock: systemClock(),
    logger: collectingLogger(),
    stored: (edgeId, batch, { stored }) => void heard.push(`${edgeId} ${batch.firstSeq}-${batch.lastSeq} ${stored}`),
  })
})
afterEach(async () => {
  ingest.end()
  await stores[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const writer = { runId: 'run-1', sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: null }
function batch(heads: unknown, bodies: readonly string[], more: Partial<ReceiveBatchParams> = {}): ReceiveBatchParams {
  const payload = Buffer.from([JSON.stringify(heads), ...bodies].join('\n'))
  return receiveBatchParams.parse({
    ...{ batchId: 'b', feedId: 'f', lane: 'telemetry', firstSeq: 1, lastSeq: bodies.length || 1, gaps: [] },
    ...{ writers: [writer], historical: false, pendingEntries: 0, sentAt: 0, gzip: true },
    sha256: createHash('sha256').update(payload).digest('hex'),
    entries: gzipSync(payload).toString('base64'),
    ...more,
  })
}
const two = (more: Partial<ReceiveBatchParams> = {}) =>
  batch(
    [
      [1, 5, 1, 0],
      [2, 6, 1, 0],
    ],
    ['{"body":"a"}', '{"body":"b"}'],
    more,
  )
const refused = (code: string) => expect.objectContaining({ code }) as Error

describe('taking batches', () => {
  test('stores, answers after the commit, tells of it once, and makes it searchable soon', async () => {
    expect(await ingest.receive('berlin', two())).toEqual({ throughSeq: 2, ranges: [], rejected: [], drain: false })
    expect(stores.of('berlin').status().entries).toBe(2)
    await ingest.receive('berlin', two())
    expect(heard).toEqual(['berlin 1-2 2'])
    await until('searchable', () => stores.of('berlin').logs({ text: 'b', limit: 5 }).length === 1)
  })

  test('makes searchable what an earlier process had no time for', async () => {
    await ingest.receive('berlin', two())
    ingest.end()
    expect(stores.of('berlin').status().notIndexed).toBe(2)
    ingest = new Ingest({ stores, clock: systemClock(), logger: collectingLogger() })
    await until('searchable', () => stores.of('berlin').logs({ text: 'b', limit: 5 }).length === 1)
  })

  test('rejects what can never be stored by its number, and keeps its neighbours', async () => {
    const heads = [1, 2, 3, 4, 5].map((seq) => [seq, seq === 3 ? 1.5 : 7, seq === 4 ? 4 : 1, 0])
    const { rejected, throughSeq } = await ingest.receive('berlin', batch(heads, ['{}', '{"half":', '{}', '{}', '"x"']))
    expect(throughSeq).toBe(5)
    expect(rejected.map(({ seq, code }) => [seq, code])).toEqual([
      [2, 'invalid'],
      [3, 'invalid'],
      [4, 'invalid'],
    ])
    expect(stores.of('berlin').status()).toMatchObject({ entries: 2, rejected: 3 })
  })

  test.each<[string, () => ReceiveBatchParams, string]>([
    ['whose checksum does not hold', () => two({ sha256: '0'.repeat(64) }), 'invalid'],
    ['that cannot be unpacked', () => two({ entries: 'AAAA' }), 'invalid'],
    ['that unpacks to more than allowed', bomb, 'too-large'],
    ['whose heads are no list', () => batch({ no: 'list' }, []), 'invalid'],
    [
      'with fewer bodies than heads',
      () =>
        batch(
          [
            [1, 5, 1, 0],
            [2, 5, 1, 0],
          ],
          ['{}'],
        ),
      'invalid',
    ],
    ['whose entries do not fill the range', () => two({ lastSeq: 3 }), 'invalid'],
    ['that holds more than its range', () => two({ lastSeq: 1 }), 'invalid'],
    ['whose gap lies over an entry', () => two({ gaps: [{ from: 2, to: 2, reason: 'lost' }] }), 'invalid'],
    ['of a writer it does not name', () => two({ writers: [] }), 'invalid'],
    ['of a category there is not', () => batch([[1, 5, 99, 0]], ['{}']), 'invalid'],
  ])('refuses a batch %s, whole', async (_, make, code) => {
    await expect(ingest.receive('berlin', make())).rejects.toEqual(refused(code))
    expect(stores.of('berlin').status().entries).toBe(0)
    // The next one finds nothing of it.
    expect(await ingest.receive('berlin', two())).toMatchObject({ throughSeq: 2 })
  })

  test('takes a gap as done', async () => {
    const params = batch([[3, 5, 1, 0]], ['{}'], {
      lastSeq: 5,
      gaps: [
        { from: 1, to: 2, reason: 'lost' },
        { from: 4, to: 5, reason: 'acknowledged' },
      ],
    })
    expect(await ingest.receive('berlin', params)).toMatchObject({ throughSeq: 5 })
    expect(stores.of('berlin').status().gaps).toEqual({ lost: 2, acknowledged: 2 })
  })
})

function bomb(): ReceiveBatchParams {
  const entries = gzipSync(Buffer.alloc(BATCH_BYTES_MAX * 4, 32)).toString('base64')
  return two({ entries })
}

describe('retention', () => {
  function counted(ids: readonly string[], waiting: readonly string[] = []) {
    const clock = manualClock()
    const late = { ...clock, at: (at: MonoMs, call: (lateMs: number) => void) => clock.at(after(at, 20), call) }
    const retained = new Map(ids.map((id) => [id, 0]))
    const received = { stored: 1, arrival: null, throughSeq: 1, ranges: [], rejected: [], isWaiting: false }
    const counting = {
      edges: () => ids,
      notIndexed: () => ids,
      waiting: () => waiting,
      due: () => [],
      onMoved: () => {},
      receive: () => Promise.resolve(received),
      of: (edgeId: string) => ({
        index: () => 0,
        retain: () => void retained.set(edgeId, retained.get(edgeId)! + 1),
      }),
    } as unknown as TelemetryStores
    const counter = new Ingest({ stores: counting, clock: late, logger: collectingLogger() })
    return { clock, counter, timesOf: (id: string) => retained.get(id)! }
  }
  const ids = Array.from({ length: 60 }, (_, n) => `edge-${n}`)

  test('comes to every edge although timers are late, to those that push nothing every tenth time', () => {
    const { clock, counter, timesOf } = counted(ids)
    clock.advance(22 * 60_000)
    counter.end()
    expect(ids.map(timesOf).filter((times) => times < 1 || times > 3)).toEqual([])
    expect(clock.armed).toBe(0)
  })

  test('does not open the file of an edge whose batches wait: it comes when they go into it', () => {
    const [waiting, ...others] = ids
    const { clock, counter, timesOf } = counted(ids, [waiting!])
    clock.advance(22 * 60_000)
    counter.end()
    expect(timesOf(waiting!)).toBe(0)
    expect(others.map(timesOf)).not.toContain(0)
  })

  test('comes to an edge that pushes about once a minute, when its file is open anyway', async () => {
    const { clock, counter, timesOf } = counted(ids)
    for (let halves = 0; halves < 20; halves++) {
      await counter.receive(ids[0]!, two())
      clock.advance(30_000)
    }
    counter.end()
    expect(timesOf(ids[0]!)).toBeGreaterThanOrEqual(8)
    expect(timesOf(ids[0]!)).toBeLessThanOrEqual(12)
    expect(timesOf(ids[1]!)).toBeLessThanOrEqual(2)
  })
})

describe('pacing', () => {
  const spend = (pace: IngestPace, edgeId: string, batches: number, at = 0) => {
    for (let n = 0; n < batches; n++) pace.admit(edgeId, 0, monoMs(at))
  }

  test('takes 60 batches a minute from each edge, and says when the next may come', () => {
    const pace = new IngestPace()
    spend(pace, 'berlin', 70)
    expect(() => pace.admit('berlin', 0, monoMs(0))).toThrow(
      expect.objectContaining({ code: 'rate-limited', retryAfterMs: 1_000 }),
    )
    spend(pace, 'paris', 70)
    spend(pace, 'berlin', 60, 60_000)
    expect(() => spend(pace, 'berlin', 11, 60_000)).toThrow()
  })

  test('lifts the quota while a backlog is drained, and sets it again behind it', () => {
    const pace = new IngestPace()
    for (let n = 0; n < 500; n++) pace.admit('berlin', 100_000, monoMs(0))
    expect(pace.isDraining('berlin')).toBe(true)
    pace.admit('berlin', 0, monoMs(0))
    expect(pace.isDraining('berlin')).toBe(false)
    expect(() => spend(pace, 'berlin', 71)).toThrow()
  })

  test('lets only so many drain at once, and the next when one is done or silent', () => {
    const pace = new IngestPace()
    for (let n = 0; n <= DRAINS_MAX; n++) pace.admit(`edge-${n}`, 100_000, monoMs(0))
    expect(pace.isDraining(`edge-${DRAINS_MAX}`)).toBe(false)
    pace.admit('edge-0', 0, monoMs(1))
    pace.admit(`edge-${DRAINS_MAX}`, 100_000, monoMs(1))
    expect(pace.isDraining(`edge-${DRAINS_MAX}`)).toBe(true)
    pace.admit('late', 100_000, monoMs(100_000))
    expect(pace.isDraining('late')).toBe(true)
  })
})
