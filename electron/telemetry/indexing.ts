import type { Database } from '../platform/sqlite'
import type { ReceivedEntry } from '../../shared/wire/payload'
import { wallMs } from '../../shared/model/time'
import { alertOf, logOf, lossesOf, metricOf, spanOf, type MetricFound } from './body'
import type { Chunks } from './chunks'
import { idOf } from './schema'
import type { Tail } from './telemetry'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
export const HOURLY = 1
export const DAILY = 2
/** No roll-up: the newest value of the series. */
const NEWEST = 0
const widths = [
  [NEWEST, null],
  [HOURLY, HOUR_MS],
  [DAILY, DAY_MS],
] as const
/** Sums of one transaction in memory; beyond it they are written before its end. */
const SUMMING_MAX = 5_000
/** Series kept in memory; beyond it they are looked up again. */
const SERIES_CACHED_MAX = 20_000

interface WaitingBatch {
  readonly key: number
  readonly feed: number
  readonly last_seq: number
  readonly indexed: number
  readonly received_at: number
  readonly historical: number
}

/** What points of one transaction come to: written once, and not for each of them. */
interface Sum {
  readonly series: number
  readonly width: number
  readonly from: number
  count: number
  sum: number
  min: number
  max: number
  last: number
  lastAt: number
}

/** Makes what was stored searchable, alerts first, else in the order of arrival. How far it is lies in the same transaction as what it made, so each entry is counted once. */
export class Indexing {
  readonly #database: Database
  readonly #chunks: Chunks
  readonly #series = new Map<string, number>()
  /** Numbers that wait; null: to be counted. Counting looks at each batch that waits, and after an outage that is a thousand of them for each turn. */
  #left: number | null = null
  /** Alerts may be waiting; looked for once after a start. */
  #alertsWait = true
  /** Of the transaction that runs: what its points add to charts, by series, width and beginning. */
  readonly #summing = new Map<string, Sum>()
  /** Of the transaction that runs: it is told when that is on disk. */
  #tail: Tail = {}
  readonly #sql

  constructor(database: Database, chunks: Chunks) {
    this.#database = database
    this.#chunks = chunks
    this.#sql = {
      waiting: database.prepare<[], WaitingBatch>(
        'SELECT key, feed, last_seq, indexed, received_at, historical FROM batch WHERE indexed < last_seq ORDER BY key LIMIT 1',
      ),
      alertsWaiting: database.prepare<[], WaitingBatch>(
        `SELECT key, feed, last_seq, indexed, received_at, historical FROM batch
         WHERE indexed < last_seq AND feed IN (SELECT key FROM feed WHERE lane = 'alerts') ORDER BY key LIMIT 1`,
      ),
      left: database
        .prepare<[], number>('SELECT coalesce(sum(last_seq - indexed), 0) FROM batch WHERE indexed < last_seq')
        .pluck(),
      move: database.prepare<[number, number]>('UPDATE batch SET indexed = ? WHERE key = ?'),
      findSeries: database.prepare<[string], number>('SELECT key FROM series WHERE identity = ?').pluck(),
      newSeries: database.prepare<[string, string | null, string, string, string, number, number]>(
        'INSERT INTO series (name, unit, kind, attributes, identity, last_at, last_value) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ),
      lastOf: database.prepare<[number, number, number, number]>(
        'UPDATE series SET last_at = ?, last_value = ? WHERE key = ? AND last_at <= ?',
      ),
      point: database.prepare<[number, number, number, number, number]>(
        'INSERT INTO point (series, at, entry, place, value) VALUES (?, ?, ?, ?, ?)',
      ),
      rollUp: database.prepare<[number, number, number, number, number, number, number, number, number]>(
        `INSERT INTO rollup (series, width, at, count, sum, min, max, last, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count, sum = sum + excluded.sum, min = min(min, excluded.min), max = max(max, excluded.max),
           last = CASE WHEN excluded.last_at >= last_at THEN excluded.last ELSE last END, last_at = max(last_at, excluded.last_at)`,
      ),
      log: database.prepare<[number, number, number, string, string, string | null, string | null, number]>(
        'INSERT INTO log (id, at, severity, text, attributes, service, trace_id, historical) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ),
      logText: database.prepare<[number, string, string]>(
        'INSERT INTO log_text (rowid, text, attributes) VALUES (?, ?, ?)',
      ),
      span: database.prepare<
        [number, string, string, string | null, string, string | null, string, string, number, number]
      >(
        `INSERT INTO span (id, trace_id, span_id, parent_id, name, service, kind, status, at, duration_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      alert: database.prepare<[number, number, number, string, string, string, number, string]>(
        'INSERT INTO alert (id, at, received_at, severity, state, text, historical, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ),
      loss: database.prepare<[number, number, number, string]>(
        'INSERT INTO loss (id, at, received_at, body) VALUES (?, ?, ?, ?)',
      ),
    }
  }

  get left(): number {
    return (this.#left ??= this.#sql.left.get() ?? 0)
  }

  /** So many numbers more are stored. */
  arrived(numbers: number): void {
    if (this.#left !== null) this.#left += numbers
  }

  /** A batch of alerts was stored: it does not wait behind what came before. */
  alertsCame(): void {
    this.#alertsWait = true
  }

  /** At most about `maxEntries`, in one transaction. Returns how many numbers are left. */
  run(maxEntries: number, tail: Tail = {}): number {
    // What loss of power takes back is made again: nothing here waits for the disk.
    this.#database.pragma('synchronous = NORMAL')
    try {
      return this.#run(maxEntries, tail)
    } finally {
      this.#database.pragma('synchronous = FULL')
    }
  }

  #run(maxEntries: number, tail: Tail): number {
    this.#tail = { ...(tail.lines && { lines: [] }), ...(tail.points && { points: [] }) }
    this.#summing.clear()
    const { numbers, isAll } = this.#database.transaction(() => this.#batches(maxEntries)).immediate()
    tail.lines?.push(...(this.#tail.lines ?? []))
    tail.points?.push(...(this.#tail.points ?? []))
    if (isAll) {
      this.#chunks.release()
      return (this.#left = 0)
    }
    if (this.#left !== null) this.#left -= numbers
    return this.left
  }

  /** `numbers`: so many were passed; `isAll`: none is left. */
  #batches(maxEntries: number): { readonly numbers: number; readonly isAll: boolean } {
    let room = maxEntries
    let numbers = 0
    let batch = this.#next()
    for (; batch !== undefined && room > 0; batch = room > 0 ? this.#next() : batch) {
      const { done, reached } = this.#some(batch, room)
      room -= Math.max(1, done)
      numbers += reached - batch.indexed
    }
    this.#writeSums()
    return { numbers, isAll: batch === undefined }
  }

  #next(): WaitingBatch | undefined {
    const alerts = this.#alertsWait ? this.#sql.alertsWaiting.get() : undefined
    this.#alertsWait = alerts !== undefined
    return alerts ?? this.#sql.waiting.get()
  }

  #some(batch: WaitingBatch, room: number): { done: number; reached: number } {
    const { key, last_seq, indexed } = batch
    let done = 0
    let reached = last_seq
    for (const { entries, lastSeq } of this.#chunks.ofBatch(key)) {
      if (lastSeq <= indexed) continue
      if (done === room) break
      const from = entries.findIndex(({ seq }) => seq > indexed)
      const some = from < 0 ? [] : entries.slice(from, from + room - done)
      for (const entry of some) this.#index(entry, batch)
      done += some.length
      if (done === room) reached = some.at(-1)!.seq
    }
    this.#sql.move.run(reached, key)
    return { done, reached }
  }

  #index(entry: ReceivedEntry, { feed, received_at, historical }: WaitingBatch): void {
    if (entry.isBytes) return
    const { at } = entry
    const id = idOf(feed, entry.seq)
    const body = JSON.parse(entry.text) as unknown
    switch (entry.category) {
      case 'metrics': {
        const metric = metricOf(body, at)
        if (metric) this.#metric(id, metric)
        return
      }
      case 'logs':
      case 'events': {
        const losses = lossesOf(body)
        if (losses) this.#sql.loss.run(id, at, received_at, JSON.stringify(losses))
        const { severity, text, attributes, service, traceId } = logOf(body)
        this.#sql.log.run(id, at, severity, text, attributes, service, traceId, historical)
        this.#sql.logText.run(id, text, attributes)
        this.#tail.lines?.push({
          ...{ id, at: wallMs(at), severity, text, service, traceId, historical: historical !== 0 },
          attributes: JSON.parse(attributes) as Record<string, unknown>,
        })
        return
      }
      case 'traces': {
        const span = spanOf(body)
        if (!span) return
        const { traceId, spanId, parentSpanId, name, service, kind, status, durationMs } = span
        this.#sql.span.run(id, traceId, spanId, parentSpanId, name, service, kind, status, at, durationMs)
        return
      }
      case 'alerts': {
        const { severity, state, text } = alertOf(body)
        this.#sql.alert.run(id, at, received_at, severity, state, text, historical, entry.text)
      }
    }
  }

  #metric(entry: number, { name, unit, kind, resource, points }: MetricFound): void {
    for (const [place, { at, value, attributes }] of points.entries()) {
      if (!Number.isSafeInteger(at)) continue
      const series = this.#seriesOf(name, unit, kind, { ...resource, ...attributes }, at, value)
      this.#sql.point.run(series, at, entry, place, value)
      this.#tail.points?.push({ series, at, value })
      this.#sum(series, at, value)
    }
    if (this.#summing.size >= SUMMING_MAX) this.#writeSums()
  }

  #sum(series: number, at: number, value: number): void {
    for (const [width, ms] of widths) {
      const from = ms === null ? 0 : Math.floor(at / ms) * ms
      const key = `${series} ${width} ${from}`
      const known = this.#summing.get(key)
      if (known === undefined) {
        const first = { count: 1, sum: value, min: value, max: value, last: value, lastAt: at }
        this.#summing.set(key, { series, width, from, ...first })
        continue
      }
      known.count++
      known.sum += value
      known.min = Math.min(known.min, value)
      known.max = Math.max(known.max, value)
      if (at < known.lastAt) continue
      known.last = value
      known.lastAt = at
    }
  }

  #writeSums(): void {
    for (const { series, width, from, count, sum, min, max, last, lastAt } of this.#summing.values())
      if (width === NEWEST) this.#sql.lastOf.run(lastAt, last, series, lastAt)
      else this.#sql.rollUp.run(series, width, from, count, sum, min, max, last, lastAt)
    this.#summing.clear()
  }

  #seriesOf(name: string, unit: string | null, kind: string, attributes: object, at: number, value: number): number {
    const inOrder = Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
    const text = JSON.stringify(inOrder)
    const identity = JSON.stringify([name, unit, kind, text])
    const cached = this.#series.get(identity)
    if (cached !== undefined) return cached
    const key =
      this.#sql.findSeries.get(identity) ??
      Number(this.#sql.newSeries.run(name, unit, kind, text, identity, at, value).lastInsertRowid)
    if (this.#series.size >= SERIES_CACHED_MAX) this.#series.clear()
    this.#series.set(identity, key)
    return key
  }

  /** Batches were deleted, and perhaps some of them waited. */
  recount(): void {
    this.#left = null
  }

  /** A transaction failed or series were deleted: what is in memory may not be on disk. */
  forget(): void {
    this.#series.clear()
    this.#left = null
  }
}
