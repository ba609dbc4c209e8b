import type { WallMs } from '../../shared/model/time'
import type { Database } from '../platform/sqlite'
import { DAILY, HOURLY } from './indexing'
import { idOf } from './schema'
import type { Retention } from './telemetry'

/** Series whose points are looked at in one call. */
const SERIES_PER_TURN = 200

/** Deletes what is too old or too much, oldest arrival first, with all that was made of it. */
export class Retaining {
  readonly #database: Database
  readonly #sql
  /** Series are looked at in turns; each turn goes on where the last one ended. */
  #series = 0

  constructor(database: Database) {
    this.#database = database
    const belongs = 'id BETWEEN ? AND ?'
    const of = (statement: string) => database.prepare<[number, number]>(statement)
    this.#sql = {
      oldest: database.prepare<[], { key: number; feed: number; received_at: number; stored: number }>(
        'SELECT key, feed, received_at, stored FROM batch ORDER BY key LIMIT 1',
      ),
      chunks: database.prepare<[number], { id: number; last_seq: number }>(
        'SELECT id, last_seq FROM chunk WHERE batch = ?',
      ),
      dropChunk: database.prepare<[number]>('DELETE FROM chunk WHERE id = ?'),
      logText: of(
        `INSERT INTO log_text (log_text, rowid, text, attributes) SELECT 'delete', id, text, attributes FROM log WHERE ${belongs}`,
      ),
      derived: ['log', 'span', 'alert', 'loss'].map((table) => of(`DELETE FROM ${table} WHERE ${belongs}`)),
      batch: database.prepare<[number]>('DELETE FROM batch WHERE key = ?'),
      count: database.prepare<[number]>(`UPDATE tally SET value = value - ? WHERE name = 'entries'`),
      deleted: database.prepare<[number]>(
        `INSERT INTO tally (name, value) VALUES ('deleted', ?) ON CONFLICT DO UPDATE SET value = value + excluded.value`,
      ),
      series: database
        .prepare<[number, number], number>('SELECT key FROM series WHERE key > ? ORDER BY key LIMIT ?')
        .pluck(),
      points: database.prepare<[number, number]>('DELETE FROM point WHERE series = ? AND at < ?'),
      rollUps: database.prepare<[number, number, number]>(
        'DELETE FROM rollup WHERE series = ? AND width = ? AND at < ?',
      ),
    }
  }

  get bytes(): number {
    const pragma = (name: string) => this.#database.pragma(name, { simple: true }) as number
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  }

  run(retention: Retention, now: WallMs, maxEntries: number): boolean {
    let room = maxEntries
    this.#database.transaction(() => this.#points(retention, now)).immediate()
    while (room > 0) {
      const oldest = this.#sql.oldest.get()
      if (oldest === undefined) return false
      if (oldest.received_at >= now - retention.ageMs && this.bytes <= retention.bytes) return false
      this.#database
        .transaction(() => {
          for (const { id, last_seq } of this.#sql.chunks.all(oldest.key)) {
            const last = idOf(oldest.feed, last_seq)
            this.#sql.logText.run(id, last)
            for (const statement of this.#sql.derived) statement.run(id, last)
            this.#sql.dropChunk.run(id)
          }
          this.#sql.batch.run(oldest.key)
          this.#sql.count.run(oldest.stored)
          this.#sql.deleted.run(oldest.stored)
        })
        .immediate()
      room -= Math.max(1, oldest.stored)
    }
    return true
  }

  /** Points and roll-ups have ages of their own: charts reach further back than the entries. */
  #points({ pointsAgeMs, hourlyAgeMs, dailyAgeMs }: Retention, now: WallMs): void {
    const keys = this.#sql.series.all(this.#series, SERIES_PER_TURN)
    this.#series = keys.length < SERIES_PER_TURN ? 0 : keys.at(-1)!
    for (const key of keys) {
      this.#sql.points.run(key, now - pointsAgeMs)
      this.#sql.rollUps.run(key, HOURLY, now - hourlyAgeMs)
      this.#sql.rollUps.run(key, DAILY, now - dailyAgeMs)
    }
  }
}
