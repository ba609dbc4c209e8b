import { wallMs } from '../../shared/model/time'
import type { Loss } from '../../shared/model/telemetry'
import type { Database } from '../platform/sqlite'
import type { ReceivedEntry } from '../../shared/wire/payload'
import type { Chunks } from './chunks'
import { DAILY, HOURLY } from './indexing'
import { feedOf, idOf } from './schema'
import { FUTURE_AFTER_MS } from './telemetry'
import type {
  AlertRow,
  KeptEntry,
  LogLine,
  MetricPoint,
  MetricRollUp,
  MetricSeries,
  SpanRow,
  TelemetryStore,
  TimeSpan,
  TraceSummary,
} from './telemetry'

/** What one question returns at most, whatever it asks for. */
const ROWS_MAX = 10_000
const WORDS_MAX = 10

/** What the entries of a batch have in common. */
interface Arrival {
  readonly key: number
  readonly received_at: number
  readonly historical: number
  readonly feed_id: string
}
const ARRIVAL = 'SELECT b.key, b.received_at, b.historical, f.feed_id FROM batch b JOIN feed f ON f.key = b.feed'

const within = ({ from, to }: TimeSpan) => [from ?? Number.MIN_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER] as const
const atMost = (limit: number) => Math.max(0, Math.min(limit, ROWS_MAX))

/** Words as a question to FTS5: each quoted, so that nothing a person types is taken for its language. Null: no word. */
export function question(text: string): string | null {
  const words = text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  return words.length === 0
    ? null
    : words
        .slice(0, WORDS_MAX)
        .map((word, at, all) => `"${word.replaceAll('"', '""')}"${at === all.length - 1 ? '*' : ''}`)
        .join(' ')
}

type Reading = Pick<
  TelemetryStore,
  'arrivals' | 'entries' | 'series' | 'points' | 'rollUps' | 'logs' | 'traces' | 'spans' | 'alerts' | 'losses'
>

export function openReading(database: Database, chunks: Chunks): Reading {
  const sql = {
    arrivals: database.prepare<[number, number], Arrival>(`${ARRIVAL} WHERE b.key > ? ORDER BY b.key LIMIT ?`),
    arrival: database.prepare<[number], Arrival>(`${ARRIVAL} WHERE b.key = ?`),
    feed: database.prepare<[string], number>('SELECT key FROM feed WHERE feed_id = ?').pluck(),
    points: database.prepare<[number, number, number, number], { at: number; entry: number; value: number }>(
      'SELECT at, entry, value FROM point WHERE series = ? AND at BETWEEN ? AND ? ORDER BY at LIMIT ?',
    ),
    cameIn: database.prepare<[number], { id: number; lastSeq: number; historical: number }>(
      `SELECT c.id, c.last_seq AS lastSeq, b.historical FROM chunk c JOIN batch b ON b.key = c.batch WHERE c.id <= ? ORDER BY c.id DESC LIMIT 1`,
    ),
    rollUps: database.prepare<[number, number, number, number, number], MetricRollUp>(
      `SELECT at, count, sum, min, max, last FROM rollup WHERE series = ? AND width = ? AND at BETWEEN ? AND ? ORDER BY at LIMIT ?`,
    ),
    spans: database.prepare<[string, number], Omit<SpanRow, 'at'> & { at: number }>(
      `SELECT trace_id AS traceId, span_id AS spanId, parent_id AS parentSpanId, name, service, kind, status, at, duration_ms AS durationMs
       FROM span WHERE trace_id = ? ORDER BY at, id LIMIT ?`,
    ),
    // The newest spans decide which traces are listed; a trace is summed over all of its spans.
    traces: database.prepare<[number, number, number, number], TraceSummary>(
      `SELECT s.trace_id AS traceId, min(s.at) AS at, max(s.at + s.duration_ms) - min(s.at) AS durationMs, count(*) AS spans,
         sum(s.status = 'error') AS errors,
         (SELECT name FROM span r WHERE r.trace_id = s.trace_id ORDER BY r.parent_id IS NOT NULL, r.at LIMIT 1) AS name,
         (SELECT service FROM span r WHERE r.trace_id = s.trace_id ORDER BY r.parent_id IS NOT NULL, r.at LIMIT 1) AS service
       FROM span s WHERE s.trace_id IN (SELECT trace_id FROM span WHERE at BETWEEN ? AND ? ORDER BY at DESC LIMIT 5000)
       GROUP BY s.trace_id HAVING durationMs >= ? ORDER BY at DESC LIMIT ?`,
    ),
    alerts: database.prepare<
      [number, number, number],
      Omit<AlertRow, 'historical' | 'body'> & { historical: number; body: string }
    >(
      `SELECT id, at, received_at AS receivedAt, severity, state, text, historical, body FROM alert
       WHERE at BETWEEN ? AND ? ORDER BY at DESC, id DESC LIMIT ?`,
    ),
    losses: database.prepare<[number, number, number], { at: number; receivedAt: number; body: string }>(
      `SELECT at, received_at AS receivedAt, body FROM loss WHERE at BETWEEN ? AND ? ORDER BY at DESC, id DESC LIMIT ?`,
    ),
  }

  return {
    arrivals: (after, limit) =>
      sql.arrivals.all(after, atMost(limit)).map((arrival) => ({
        arrival: arrival.key,
        entries: [...chunks.ofBatch(arrival.key)].flatMap(({ entries }) =>
          entries.map((each) => keptOf(each, arrival)),
        ),
      })),
    entries: ({ feedId, after = 0, limit }) => {
      const feed = sql.feed.get(feedId)
      if (feed === undefined) return []
      const kept: KeptEntry[] = []
      for (const { batch, entries } of chunks.from(feed, after + 1)) {
        const arrival = sql.arrival.get(batch)!
        for (const each of entries) if (each.seq > after) kept.push(keptOf(each, arrival))
        if (kept.length >= atMost(limit)) break
      }
      return kept.slice(0, atMost(limit))
    },
    series: ({ name, limit }) =>
      database
        .prepare<unknown[], Omit<MetricSeries, 'attributes'> & { attributes: string }>(
          `SELECT key AS id, name, unit, kind, attributes, last_at AS lastAt, last_value AS lastValue FROM series
           ${name === undefined ? '' : 'WHERE name = ?'} ORDER BY name, key LIMIT ?`,
        )
        .all(...(name === undefined ? [] : [name]), atMost(limit))
        .map((row) => ({ ...row, attributes: JSON.parse(row.attributes) as Record<string, unknown> })),
    points: (series, { limit, ...span }) => {
      const isLate = lateness((entry) => sql.cameIn.get(entry))
      return sql.points.all(series, ...within(span), atMost(limit)).map(({ at, entry, value }): MetricPoint => ({
        at: wallMs(at),
        value,
        historical: isLate(entry),
      }))
    },
    rollUps: (series, width, { limit, ...span }) =>
      sql.rollUps.all(series, width === 'hour' ? HOURLY : DAILY, ...within(span), atMost(limit)),
    logs: (options) => logs(database, options),
    traces: ({ minDurationMs = -Infinity, limit, ...span }) =>
      sql.traces.all(...within(span), Math.max(minDurationMs, -1e15), atMost(limit)),
    spans: (traceId, limit) => sql.spans.all(traceId, atMost(limit)).map((row) => ({ ...row, at: wallMs(row.at) })),
    alerts: ({ limit, ...span }) =>
      sql.alerts.all(...within(span), atMost(limit)).map((row) => ({
        ...row,
        historical: row.historical !== 0,
        body: JSON.parse(row.body) as unknown,
      })),
    losses: ({ limit, ...span }) =>
      sql.losses
        .all(...within(span), atMost(limit))
        .flatMap(({ at, receivedAt, body }) =>
          (JSON.parse(body) as Loss[]).map((loss) => ({ at: wallMs(at), receivedAt: wallMs(receivedAt), loss })),
        )
        .slice(0, atMost(limit)),
  }
}

/** Whether entries came late. Those that follow each other mostly came together: it is looked up once for all of them. */
function lateness(
  cameIn: (entry: number) => { id: number; lastSeq: number; historical: number } | undefined,
): (entry: number) => boolean {
  let last: { from: number; to: number; isLate: boolean } | null = null
  return (entry) => {
    if (last === null || entry < last.from || entry > last.to) {
      const found = cameIn(entry)
      const to = found === undefined ? entry : idOf(feedOf(found.id), found.lastSeq)
      const isThere = found !== undefined && to >= entry
      last = isThere
        ? { from: found.id, to, isLate: found.historical !== 0 }
        : { from: entry, to: entry, isLate: false }
    }
    return last.isLate
  }
}

function keptOf(entry: ReceivedEntry, { feed_id, received_at, historical }: Arrival): KeptEntry {
  return {
    ...entry,
    feedId: feed_id,
    receivedAt: wallMs(received_at),
    historical: historical !== 0,
    fromFuture: entry.at > received_at + FUTURE_AFTER_MS,
  }
}

interface LogRow extends Omit<LogLine, 'attributes' | 'historical'> {
  readonly attributes: string
  readonly historical: number
}

function logs(database: Database, options: Parameters<TelemetryStore['logs']>[0]): LogLine[] {
  const { text, severityMin, traceId, before, beforeId, limit, ...span } = options
  const asked = text === undefined ? null : question(text)
  const conditions = ['l.at BETWEEN ? AND ?']
  const values: (string | number)[] = [...within(span)]
  const add = (condition: string, value: string | number) => {
    conditions.push(condition)
    values.push(value)
  }
  if (asked !== null) add('l.id IN (SELECT rowid FROM log_text WHERE log_text MATCH ?)', asked)
  if (severityMin !== undefined) add('l.severity >= ?', severityMin)
  if (traceId !== undefined) add('l.trace_id = ?', traceId)
  if (before !== undefined && beforeId === undefined) add('l.at < ?', before)
  if (before !== undefined && beforeId !== undefined) {
    add('(l.at, l.id) < (?, ?)', before)
    values.push(beforeId)
  }
  return database
    .prepare<(string | number)[], LogRow>(
      `SELECT l.id, l.at, l.severity, l.text, l.attributes, l.service, l.trace_id AS traceId, l.historical FROM log l
       WHERE ${conditions.join(' AND ')} ORDER BY l.at DESC, l.id DESC LIMIT ?`,
    )
    .all(...values, atMost(limit))
    .map((row) => ({
      ...row,
      attributes: JSON.parse(row.attributes) as Record<string, unknown>,
      historical: row.historical !== 0,
    }))
}
