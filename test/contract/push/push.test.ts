import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../shared/model/failures'
import type { OutboxEntry } from '../../../shared/model/telemetry'
import { wallMs } from '../../../shared/model/time'
import { EDGE_ID } from '../../support/link'
import { entries, feedOf } from '../../support/outbox'
import { keptIds, pushPlace, type PushPlace, type PushPlaceOptions } from '../../support/push'
import { until } from '../../support/until'

let place: PushPlace
afterEach(() => place[Symbol.asyncDispose]())
const begin = (options?: PushPlaceOptions) => (place = pushPlace(options))
const drained = () => until('all pushed', () => place.outbox.status().pendingEntries === 0)
const kept = () => place.stores.of(EDGE_ID).status().entries
const fresh = (category: OutboxEntry['category'], body: unknown): OutboxEntry => ({
  category,
  at: wallMs(Date.now()),
  body,
})

describe('pushing over a link', () => {
  test('brings what was buffered before the link, each entry once, and empties the outbox', async () => {
    begin()
    await place.outbox.append(entries('logs', 2_500))
    await place.outbox.append(entries('alerts', 3))
    const feeds = place.outbox.feeds().map(({ feedId }) => feedId)
    await place.link()
    await drained()
    const ids = keptIds(place.stores, feeds)
    expect(ids).toHaveLength(2_503)
    expect(new Set(ids).size).toBe(2_503)
    expect(place.batches[0]!.lane).toBe('alerts')
    expect(place.push.status()).toMatchObject({ state: 'up to date', pendingEntries: 0, failedAttempts: 0, etaS: 0 })
    expect(place.push.status().lastAckAt).not.toBeNull()
  })

  test('sends a large batch of alerts before a small one of anything else, although that is sooner packed', async () => {
    begin()
    const noise = Array.from({ length: 600 }, () => Math.random().toString(36).slice(2)).join('')
    await place.outbox.append(Array.from({ length: 40 }, (_, n) => fresh('alerts', { text: `${n} ${noise}` })))
    await place.outbox.append([fresh('logs', { n: 1 })])
    await place.link()
    await drained()
    expect(place.batches.map(({ lane }) => lane)).toEqual(['alerts', 'telemetry'])
  })

  test('sends an alert at once, and a full batch at once, but leaves a few entries for the interval', async () => {
    begin()
    await place.link()
    await place.outbox.append(entries('metrics', 10))
    await place.outbox.append([fresh('alerts', { text: 'pump stopped' })])
    await until('the alert is there', () => kept() === 1)
    await until('its edge knows', () => place.outbox.status().pendingEntries === 10)
    expect(place.batches.map(({ lane }) => lane)).toEqual(['alerts'])
    await place.outbox.append(entries('metrics', 990))
    await drained()
    expect(kept()).toBe(1_001)
  })

  test('marks what waited for a link as historical, and what is new as live', async () => {
    begin()
    const { feedId } = feedOf(place.outbox, 'alerts')
    const file = await place.link()
    file.close('lost')
    await place.outbox.append([fresh('alerts', { text: 'while away' })])
    await place.link()
    await drained()
    // Written seconds ago: still a live alert, though it waited.
    expect(place.stores.of(EDGE_ID).entries({ feedId, limit: 10 })[0]).toMatchObject({ historical: false })
  })

  test('sets aside what the master rejects for good, with its reason, and brings its neighbours', async () => {
    begin()
    await place.outbox.append([
      fresh('logs', { n: 1 }),
      { category: 'logs', at: wallMs(1), json: '{"broken":' },
      fresh('logs', { n: 3 }),
    ])
    await place.link()
    await drained()
    expect(kept()).toBe(2)
    expect(place.outbox.deadLetters({ limit: 10 })).toMatchObject([
      { entry: { seq: 2 }, code: 'invalid', message: 'The body is not JSON' },
    ])
    expect(place.push.status().deadLetters).toBe(1)
    await place.outbox.retryDeadLetters('all')
    place.push.drain(null)
    await until('tried again', () => place.outbox.deadLetters({ limit: 10 })[0]?.entry.seq === 4)
    expect(kept()).toBe(2)
  })

  test('splits a batch that is too large and sets aside the one entry that is too large by itself', async () => {
    begin({
      receive: (params, next) => {
        const bytes = Buffer.byteLength(params.entries)
        if (bytes > 4_000) throw new HoldfastError('too-large', `${bytes} bytes`)
        return next(params)
      },
    })
    const noise = (n: number) => Array.from({ length: n }, () => Math.random().toString(36).slice(2)).join('')
    await place.outbox.append([
      ...Array.from({ length: 50 }, (_, n) => fresh('logs', { n, noise: noise(20) })),
      fresh('logs', { noise: noise(1_000) }),
      ...Array.from({ length: 50 }, (_, n) => fresh('logs', { n, noise: noise(20) })),
    ])
    await place.link()
    await drained()
    expect(kept()).toBe(100)
    expect(place.outbox.deadLetters({ limit: 10 })).toMatchObject([{ entry: { seq: 51 }, code: 'too-large' }])
  })

  test('changes nothing at the master when an answer is lost and the batch comes again', async () => {
    let lose = true
    begin({
      receive: async (params, next) => {
        const answer = await next(params)
        if (lose) {
          lose = false
          session.close('lost before the answer')
        }
        return answer
      },
    })
    await place.outbox.append(entries('logs', 100))
    const session = await place.link()
    await session.closed
    expect(place.outbox.status().pendingEntries).toBe(100)
    await place.link()
    await drained()
    expect(kept()).toBe(100)
    expect(place.batches).toHaveLength(2)
  })

  test('keeps everything and waits as long as it is told when the master is busy', async () => {
    let refusals = 0
    begin({
      receive: (params, next) => {
        if (refusals++ < 2) throw new HoldfastError('busy', 'later', { retryAfterMs: 50 })
        return next(params)
      },
    })
    await place.outbox.append(entries('logs', 10))
    await place.link()
    await until('refused', () => refusals > 0)
    await drained()
    expect(kept()).toBe(10)
    expect(place.push.status().lastError).toMatchObject({ code: 'busy' })
  })

  test('refuses a batch whose checksum does not hold, and takes it when it does', async () => {
    let damage = true
    const codes: string[] = []
    begin({
      receive: async (params, next) => {
        const sha256 = damage ? 'f'.repeat(64) : params.sha256
        damage = false
        try {
          return await next({ ...params, sha256 })
        } catch (error) {
          codes.push((error as HoldfastError).code)
          // The wait after a checksum is by chance; a named one keeps the test short.
          throw new HoldfastError('busy', 'again', { retryAfterMs: 10 })
        }
      },
    })
    await place.outbox.append(entries('logs', 10))
    await place.link()
    await drained()
    expect(codes).toEqual(['invalid'])
    expect(kept()).toBe(10)
  })

  test('brings a fresh alert and new entries beside a long backlog', async () => {
    begin()
    for (let n = 0; n < 20; n++) await place.outbox.append(entries('logs', 1_000, 100, n * 1_000))
    await place.link()
    const { feedId } = feedOf(place.outbox, 'alerts')
    const written = performance.now()
    await place.outbox.append([fresh('alerts', { text: 'now' })])
    await until('the alert is there', () => place.stores.of(EDGE_ID).position(feedId).throughSeq === 1)
    const tookMs = performance.now() - written
    expect(place.outbox.status().pendingEntries).toBeGreaterThan(0)
    expect(tookMs).toBeLessThan(5_000)
    await drained()
    expect(kept()).toBe(20_001)
  })

  test('says once how much a master has lost whose store is gone, and brings it what is new', async () => {
    begin()
    await place.outbox.append(entries('logs', 10))
    const session = await place.link()
    await drained()
    session.close('the master is rebuilt')
    await place.stores.remove(EDGE_ID)
    await place.outbox.append(entries('logs', 5, 20, 10))
    await place.link()
    await drained()
    await place.outbox.append(entries('logs', 2, 20, 15))
    place.push.drain(null)
    await drained()
    expect(place.lostThere).toEqual([10])
    expect(kept()).toBe(7)
    expect(place.stores.of(EDGE_ID).status().gaps).toEqual({ acknowledged: 10 })
    const { feedId } = feedOf(place.outbox, 'telemetry')
    expect(place.stores.of(EDGE_ID).position(feedId)).toEqual({ throughSeq: 17, ranges: [] })
  })

  test('does not take what a former master holds for lost at the next one, and tells it of the numbers', async () => {
    let enrolment = 'enrolment-1'
    begin({ enrolment: () => enrolment })
    await place.outbox.append(entries('logs', 10))
    const former = await place.link()
    await drained()
    former.close('the edge joins another master')
    // The other master knows nothing of this edge.
    await place.stores.remove(EDGE_ID)
    enrolment = 'enrolment-2'
    await place.outbox.append(entries('logs', 5, 20, 10))
    const next = await place.link()
    await drained()
    expect(place.lostThere).toEqual([])
    expect(kept()).toBe(5)
    expect(place.stores.of(EDGE_ID).status().gaps).toEqual({ acknowledged: 10 })
    next.close('this one is rebuilt')
    await place.stores.remove(EDGE_ID)
    await place.outbox.append(entries('logs', 2, 20, 15))
    await place.link()
    await drained()
    expect(place.lostThere).toEqual([15])
    expect(kept()).toBe(2)
  })

  test('begins a new feed when the outbox was put back from an older copy, and loses nothing and doubles nothing', async () => {
    begin()
    const { feedId } = feedOf(place.outbox, 'telemetry')
    const session = await place.link()
    await place.outbox.append(entries('logs', 10))
    place.push.drain(null)
    await drained()
    session.close('the machine is put back')
    // What the master holds of another run under the numbers this store gives out next.
    const foreign = place.batches.at(-1)!
    await place.ingest.receive(EDGE_ID, {
      ...foreign,
      ...{ batchId: 'other', firstSeq: 11, lastSeq: 11, gaps: [], historical: true },
      ...payload([[11, 1, 1, 0]], ['{"of":"another life"}']),
      writers: [{ runId: 'another-run', sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: 'enrolment-1' }],
    })
    await place.outbox.append(entries('logs', 5, 20, 10))
    await place.link()
    await drained()
    const now = feedOf(place.outbox, 'telemetry').feedId
    expect(now).not.toBe(feedId)
    expect(keptIds(place.stores, [feedId])).toHaveLength(11)
    expect(keptIds(place.stores, [now])).toHaveLength(5)
  })
})

function payload(heads: unknown[], bodies: string[]) {
  const text = [JSON.stringify(heads), ...bodies].join('\n')
  return { gzip: false, entries: Buffer.from(text).toString('base64'), sha256: sha256(text) }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
