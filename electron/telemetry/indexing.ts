import type { Database } from '../platform/sqlite'
import { alertOf, categoryAt, logOf, metricOf, spanOf, type MetricFound } from './body'
import { FLAG_BYTES, FLAG_HISTORICAL, idOf, seqOf } from './schema'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
export const HOURLY = 1
export const DAILY = 2
/** Series kept in memory; beyond it they are looked up again. */
const SERIES_CACHED_MAX = 20_000

interface WaitingBatch {
  readonly key: number
  readonly feed: number
  readonly last_seq: number
  readonly indexed: number
  readonly received_at: number
}
interface Row {
  readonly id: number
  readonly at: number
  readonly category: number
  readonly flags: number
  readonly body: string
}

/** Makes what was stored searchable, in the order of arrival. How far it is lies in the same transaction as what it made, so each entry is counted once. */
export class Indexing {
  readonly #database: Database
  readonly #series = new Map<string, number>()
  readonly #sql

  constructor(database: Database) {
    this.#database = database
    this.#sql = {
      waiting: database.prepare<[], WaitingBatch>(
        'SELECT key, feed, last_seq, indexed, received_at FROM batch WHERE indexed < last_seq ORDER BY key LIMIT 1',
      ),
      left: database
        .prepare<[], number>('SELECT coalesce(sum(last_seq - indexed), 0) FROM batch WHERE indexed < last_seq')
        .pluck(),
      rows: database.prepare<[number, number, number, number], Row>(
        'SELECT id, at, category, flags, body FROM entry WHERE id BETWEEN ? AND ? AND batch = ? ORDER BY id LIMIT ?',
      ),
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
      rollUp: database.prepare<[number, number, number, number, number, number, number, number]>(
        `INSERT INTO rollup (series, width, at, count, sum, min, max, last, last_at) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + 1, sum = sum + excluded.sum, min = min(min, excluded.min), max = max(max, excluded.max),
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
    }
  }

  get left(): number {
    return this.#sql.left.get() ?? 0
  }

  /** At most about `maxEntries`, one transaction for each batch. Returns how many numbers are left. */
  run(maxEntries: number): number {
    let room = maxEntries
    while (room > 0) {
      const batch = this.#sql.waiting.get()
      if (batch === undefined) return 0
      room -= this.#database.transaction(() => this.#some(batch, room)).immediate()
    }
    return this.left
  }

  #some(batch: WaitingBatch, room: number): number {
    const { key, feed, last_seq, indexed } = batch
    const rows = this.#sql.rows.all(idOf(feed, indexed + 1), idOf(feed, last_seq), key, room)
    for (const row of rows) this.#index(row, batch.received_at)
    const last = rows.at(-1)
    this.#sql.move.run(rows.length < room || last === undefined ? last_seq : seqOf(last.id), key)
    return Math.max(1, rows.length)
  }

  #index(row: Row, receivedAt: number): void {
    if ((row.flags & FLAG_BYTES) !== 0) return
    const { id, at } = row
    const body = JSON.parse(row.body) as unknown
    const late = row.flags & FLAG_HISTORICAL
    switch (categoryAt(row.category)) {
      case 'metrics': {
        const metric = metricOf(body, at)
        if (metric) this.#metric(id, metric)
        return
      }
      case 'logs':
      case 'events': {
        const { severity, text, attributes, service, traceId } = logOf(body)
        this.#sql.log.run(id, at, severity, text, attributes, service, traceId, late)
        this.#sql.logText.run(id, text, attributes)
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
        this.#sql.alert.run(id, at, receivedAt, severity, state, text, late, row.body)
      }
    }
  }

  #metric(entry: number, { name, unit, kind, resource, points }: MetricFound): void {
    for (const [place, { at, value, attributes }] of points.entries()) {
      if (!Number.isSafeInteger(at)) continue
      const series = this.#seriesOf(name, unit, kind, { ...resource, ...attributes }, at, value)
      this.#sql.point.run(series, at, entry, place, value)
      this.#sql.lastOf.run(at, value, series, at)
      for (const [width, ms] of [
        [HOURLY, HOUR_MS],
        [DAILY, DAY_MS],
      ] as const)
        this.#sql.rollUp.run(series, width, Math.floor(at / ms) * ms, value, value, value, value, at)
    }
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

  /** A transaction failed or series were deleted: what is in memory may not be on disk. */
  forget(): void {
    this.#series.clear()
  }
}
