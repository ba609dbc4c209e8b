import { wallMs } from '../../shared/model/time'
import type { Database } from '../platform/sqlite'
import type { TelemetryExtent, TelemetryStatus } from './telemetry'

/** Batches whose clocks are compared. The one that travelled the least time says most. */
const SKEW_OF_BATCHES = 20
const SKEW_FRESH_MS = 15 * 60_000
/** No batch is on its way for so long: a greater difference from the newest one is that a calendar has been set meanwhile. */
const SKEW_STEP_MS = 60_000

/** What the file of an edge says of itself. */
export class Tallies {
  readonly #sql

  constructor(database: Database) {
    this.#sql = {
      tallies: database.prepare<[], { name: string; value: number }>('SELECT name, value FROM tally'),
      clocks: database.prepare<[number], { received_at: number; sent_at: number }>(
        'SELECT received_at, sent_at FROM batch ORDER BY key DESC LIMIT ?',
      ),
      // Kept over deletions: a position beyond all that is left must not seem to be ahead.
      newest: database.prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'batch'`).pluck(),
      gaps: database.prepare<[], { reason: string; count: number }>(
        'SELECT reason, sum(high - low + 1) AS count FROM gap GROUP BY reason',
      ),
    }
  }

  status(): Omit<TelemetryStatus, 'bytes' | 'notIndexed'> {
    const tallies = this.#tallies()
    const gaps = this.#sql.gaps.all().map(({ reason, count }): [string, number] => [reason, count])
    return {
      entries: tallies.get('entries') ?? 0,
      rejected: tallies.get('rejected') ?? 0,
      fromFuture: tallies.get('future') ?? 0,
      ...this.#clocks(),
      gaps: Object.fromEntries(gaps),
    }
  }

  extent(): TelemetryExtent {
    const tallies = this.#tallies()
    const deleted = tallies.get('deleted') ?? 0
    return { newest: this.#sql.newest.get() ?? 0, stored: (tallies.get('entries') ?? 0) + deleted, deleted }
  }

  #tallies(): ReadonlyMap<string, number> {
    return new Map(this.#sql.tallies.all().map(({ name, value }) => [name, value]))
  }

  #clocks(): Pick<TelemetryStatus, 'lastReceivedAt' | 'skewMs'> {
    const clocks = this.#sql.clocks.all(SKEW_OF_BATCHES)
    const newest = clocks[0]?.received_at
    const skews = clocks
      .filter(({ received_at }) => received_at > newest! - SKEW_FRESH_MS)
      .map(({ sent_at, received_at }) => sent_at - received_at)
      .filter((skew, _, [last]) => Math.abs(skew - last!) < SKEW_STEP_MS)
    return {
      lastReceivedAt: newest === undefined ? null : wallMs(newest),
      // What was longest on its way makes the edge's clock seem behind; the greatest difference is the truest.
      skewMs: skews.length === 0 ? null : Math.max(...skews),
    }
  }
}
