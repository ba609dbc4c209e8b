import { RANGES_MAX } from '../../shared/model/telemetry'
import { covers, missing, NOTHING, withRange, type Coverage, type Range } from '../../shared/model/coverage'
import { HoldfastError } from '../../shared/model/failures'
import type { WallMs } from '../../shared/model/time'
import type { Database } from '../platform/sqlite'
import type { Chunks } from './chunks'
import { FEEDS_MAX, idOf, seqOf, SEQ_SPACE } from './schema'
import { FUTURE_AFTER_MS, type ArrivedBatch, type ArrivedEntry, type Received } from './telemetry'
import type { FeedEnd } from './tip'

/** Runs that are known one by one, of each feed; beyond it the lowest become one. A process that starts anew each minute has as many in a day and a half. */
export const RUNS_MAX = 2_000
const RUNS_KEPT = 1_000
/** Stands for all runs that are no longer known one by one: whose numbers they were is told by the entries themselves. Longer than an id that travels. */
const FORGOTTEN = '-'.repeat(65)

interface FeedRow {
  readonly key: number
  readonly feedId: string
  readonly coverage: Coverage
  /** By the numbers they used. */
  readonly runs: ReadonlyMap<string, Range>
}

/** Stores batches: entries, position and the order of arrival in one transaction. What is in memory is what the last commit left. */
export class Receiving {
  readonly #database: Database
  readonly #chunks: Chunks
  readonly #feeds = new Map<string, FeedRow>()
  readonly #sql

  constructor(database: Database, chunks: Chunks) {
    this.#database = database
    this.#chunks = chunks
    this.#sql = {
      newFeed: database.prepare<[number, string, string]>(
        `INSERT INTO feed (key, feed_id, lane, through, ranges) VALUES (?, ?, ?, 0, '[]')`,
      ),
      moveFeed: database.prepare<[number, string, number]>('UPDATE feed SET through = ?, ranges = ? WHERE key = ?'),
      run: database.prepare<[number, string, number, number]>(
        `INSERT INTO run (feed, run_id, low, high) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET low = min(low, excluded.low), high = max(high, excluded.high)`,
      ),
      forgetRun: database.prepare<[number, string]>('DELETE FROM run WHERE feed = ? AND run_id = ?'),
      batch: database.prepare<[number, number, number, number, number, number, number, number]>(
        `INSERT INTO batch (feed, first_seq, last_seq, received_at, sent_at, historical, stored, indexed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      reject: database.prepare<[number, string, string, number]>(
        'INSERT INTO rejected (id, code, message, at) VALUES (?, ?, ?, ?)',
      ),
      rejected: database.prepare<[number, number], { id: number; code: string; message: string }>(
        'SELECT id, code, message FROM rejected WHERE id BETWEEN ? AND ? ORDER BY id',
      ),
      gap: database.prepare<[number, number, number, string, number]>(
        'INSERT INTO gap (feed, low, high, reason, at) VALUES (?, ?, ?, ?, ?)',
      ),
      counted: database.prepare<[number, number]>('UPDATE batch SET stored = ? WHERE key = ?'),
      count: database.prepare<[string, number]>(
        'INSERT INTO tally (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value',
      ),
    }
    this.#load()
  }

  #load(): void {
    this.#feeds.clear()
    for (const row of this.#database
      .prepare<[], { key: number; feed_id: string; through: number; ranges: string }>('SELECT * FROM feed')
      .all()) {
      const runs = this.#database
        .prepare<[number], { run_id: string; low: number; high: number }>('SELECT * FROM run WHERE feed = ?')
        .all(row.key)
      this.#feeds.set(row.feed_id, {
        key: row.key,
        feedId: row.feed_id,
        coverage: { throughSeq: row.through, ranges: JSON.parse(row.ranges) as Range[] },
        runs: new Map(runs.map(({ run_id, low, high }) => [run_id, [low, high]])),
      })
    }
  }

  position(feedId: string): Coverage {
    return this.#feeds.get(feedId)?.coverage ?? NOTHING
  }

  /** Of feeds without holes. */
  ends(): Map<string, FeedEnd> {
    const ends = new Map<string, FeedEnd>()
    for (const { feedId, coverage, runs } of this.#feeds.values()) {
      if (coverage.ranges.length > 0) continue
      let newest: readonly [runId: string, Range] | undefined
      for (const run of runs) if (newest === undefined || run[1][1] > newest[1][1]) newest = run
      if (newest !== undefined && newest[0] !== FORGOTTEN)
        ends.set(feedId, { throughSeq: coverage.throughSeq, runId: newest[0] })
    }
    return ends
  }

  /** All of them in one transaction, or none. What is here already is passed over. */
  receiveAll(waiting: readonly { readonly batch: ArrivedBatch; readonly receivedAt: WallMs }[]): number {
    try {
      return this.#database
        .transaction(() => {
          let numbers = 0
          for (const { batch, receivedAt } of waiting)
            if (this.receive(batch, receivedAt).arrival !== null) numbers += batch.lastSeq - batch.firstSeq + 1
          return numbers
        })
        .immediate()
    } catch (error) {
      this.#load()
      throw error
    }
  }

  keyOf(feedId: string): number | null {
    return this.#feeds.get(feedId)?.key ?? null
  }

  receive(batch: ArrivedBatch, now: WallMs): Received {
    if (batch.lastSeq >= SEQ_SPACE) throw new HoldfastError('invalid', 'A number beyond all that a feed can have')
    const known = this.#feeds.get(batch.feedId)
    const coverage = known?.coverage ?? NOTHING
    this.#refuseFork(known, batch)
    if (covers(coverage, batch.firstSeq, batch.lastSeq)) return this.#repeat(known!, batch)
    const next = withRange(coverage, batch.firstSeq, batch.lastSeq)
    if (next.ranges.length > RANGES_MAX) {
      throw new HoldfastError('busy', `More than ${RANGES_MAX} separate ranges of one feed`, {
        retryAfterMs: 5_000,
        hint: 'Older entries have to come first.',
      })
    }
    const { runs, forgotten } = bounded(runsWith(known, batch), next.throughSeq)
    if (runs.size > RUNS_MAX && next.throughSeq === coverage.throughSeq) {
      throw new HoldfastError('busy', `More than ${RUNS_MAX} runs of one feed beyond what is missing`, {
        retryAfterMs: 5_000,
        hint: 'Older entries have to come first.',
      })
    }
    const feed: FeedRow = { ...(known ?? this.#newFeed(batch)), coverage: next, runs }
    try {
      const written = this.#database.transaction(() => {
        const done = this.#write(feed, known === undefined, coverage, batch, now)
        for (const run of forgotten) this.#sql.forgetRun.run(feed.key, run)
        return done
      })
      const { stored, arrival } = written.immediate()
      this.#feeds.set(batch.feedId, feed)
      return { ...next, rejected: this.#rejectedOf(feed.key, batch), stored, arrival }
    } catch (error) {
      this.#load()
      throw error
    }
  }

  /**
   * A store put back from an older copy gives numbers out a second time, in a new run. The numbers of one run lie between those of the run before and the run
   * after it; where two runs overlap the numbers mean two things, and nothing of the batch may be taken for known.
   */
  #refuseFork(known: FeedRow | undefined, batch: ArrivedBatch): void {
    if (known === undefined) return
    const forgotten = known.runs.get(FORGOTTEN)
    const all = runsWith(known, batch)
    for (const [run, own] of runsOf(batch)) {
      const [low, high] = all.get(run) ?? own
      for (const [other, [from, to]] of all) {
        if (other === run || to < low || from > high) continue
        if (other === FORGOTTEN && this.#isRepeat(known, batch, run, forgotten![1])) continue
        throw new HoldfastError('conflict', `Numbers ${Math.max(low, from)} and on were given out twice`, {
          hint: 'The store of the edge was put back from an older copy; it continues under a new feed id.',
        })
      }
    }
  }

  /** Of a run that is no longer known by itself: what is kept under its numbers up to `to` is of that very run, or was rejected. */
  #isRepeat({ key }: FeedRow, { entries }: ArrivedBatch, run: string, to: number): boolean {
    return entries.every(({ runId, seq }) => {
      if (runId !== run || seq > to) return true
      const kept = this.#chunks.entryAt(key, seq)
      return kept === undefined
        ? this.#sql.rejected.get(idOf(key, seq), idOf(key, seq)) !== undefined
        : kept.runId === run
    })
  }

  #newFeed({ feedId }: ArrivedBatch): FeedRow {
    const key = Math.max(0, ...[...this.#feeds.values()].map((feed) => feed.key)) + 1
    if (key > FEEDS_MAX) throw new HoldfastError('refused', `This edge has more than ${FEEDS_MAX} feeds`)
    return { key, feedId, coverage: NOTHING, runs: new Map() }
  }

  #repeat(feed: FeedRow, batch: ArrivedBatch): Received {
    return { ...feed.coverage, rejected: this.#rejectedOf(feed.key, batch), stored: 0, arrival: null }
  }

  #rejectedOf(feed: number, { firstSeq, lastSeq }: ArrivedBatch): Received['rejected'] {
    return this.#sql.rejected
      .all(idOf(feed, firstSeq), idOf(feed, lastSeq))
      .map(({ id, code, message }) => ({ seq: seqOf(id), code, message }))
  }

  #write(feed: FeedRow, isNew: boolean, before: Coverage, batch: ArrivedBatch, now: WallMs) {
    const sql = this.#sql
    if (isNew) sql.newFeed.run(feed.key, feed.feedId, batch.lane)
    const { firstSeq, lastSeq, historical } = batch
    const sentAt = Math.trunc(batch.sentAt)
    const holes = missing(before, firstSeq, lastSeq)
    const arrival = Number(
      sql.batch.run(feed.key, firstSeq, lastSeq, now, sentAt, historical ? 1 : 0, 0, firstSeq - 1).lastInsertRowid,
    )
    const isWhole = holes.length === 1 && holes[0]![0] === firstSeq && holes[0]![1] === lastSeq
    const kept: ArrivedEntry[] = []
    let rejected = 0
    let future = 0
    for (const entry of batch.entries) {
      if (!isWhole && !holes.some(([from, to]) => from <= entry.seq && entry.seq <= to)) continue
      if (entry.rejection) {
        sql.reject.run(idOf(feed.key, entry.seq), entry.rejection.code, entry.rejection.message, now)
        rejected++
      } else if (entry.origin === undefined || !this.#has(entry)) {
        if (entry.at > now + FUTURE_AFTER_MS) future++
        kept.push(entry)
      }
    }
    const stored = kept.length
    if (batch.packed && isWhole && stored > 0 && stored === batch.entries.length)
      this.#chunks.add(feed.key, arrival, kept[0]!.seq, kept.at(-1)!.seq, batch.packed)
    else
      for (const [from, to] of holes)
        this.#chunks.pack(
          feed.key,
          arrival,
          kept.filter(({ seq }) => from <= seq && seq <= to),
        )
    for (const { from, to, reason } of batch.gaps)
      for (const [low, high] of missing(before, from, to)) sql.gap.run(feed.key, low, high, reason, now)
    for (const run of [...runsOf(batch).keys(), FORGOTTEN]) {
      const range = feed.runs.get(run)
      if (range !== undefined) sql.run.run(feed.key, run, ...range)
    }
    sql.moveFeed.run(feed.coverage.throughSeq, JSON.stringify(feed.coverage.ranges), feed.key)
    sql.counted.run(stored, arrival)
    sql.count.run('entries', stored)
    if (rejected > 0) sql.count.run('rejected', rejected)
    if (future > 0) sql.count.run('future', future)
    return { stored, arrival }
  }

  /** Whether an entry that had another number before is here under that one. */
  #has({ origin, sourceId, edgeId, enrolmentId }: ArrivedEntry): boolean {
    const feed = this.#feeds.get(origin!.feedId)
    const known = feed === undefined ? undefined : this.#chunks.entryAt(feed.key, origin!.seq)
    if (known === undefined) return false
    const isSameWriter = known.sourceId === sourceId && known.edgeId === edgeId && known.enrolmentId === enrolmentId
    return isSameWriter && known.runId === origin!.runId
  }
}

/**
 * The lowest runs become one, where there are too many. Only those that are over: all up to the next one's first number is here, so that no number of theirs
 * is still to come.
 */
function bounded(runs: ReadonlyMap<string, Range>, throughSeq: number) {
  if (runs.size <= RUNS_MAX) return { runs, forgotten: [] }
  const sorted = [...runs].sort(([, [a]], [, [b]]) => a - b)
  const isOver = (place: number) => (sorted[place + 1]?.[1][0] ?? Infinity) <= throughSeq + 1
  let count = 0
  while (sorted.length - count > RUNS_KEPT && isOver(count)) count++
  if (count === 0) return { runs, forgotten: [] }
  const over = sorted.slice(0, count)
  const merged: Range = [over[0]![1][0], over.at(-1)![1][1]]
  const forgotten = over.map(([run]) => run).filter((run) => run !== FORGOTTEN)
  return { runs: new Map<string, Range>([[FORGOTTEN, merged], ...sorted.slice(count)]), forgotten }
}

/** Numbers per run, as the batch has them. Entries of a run lie together: a program start ends the run before it. */
function runsOf({ entries }: ArrivedBatch): Map<string, [number, number]> {
  const runs = new Map<string, [number, number]>()
  let last: [number, number] | undefined
  let lastRun: string | undefined
  for (const { runId, seq } of entries) {
    if (runId !== lastRun) {
      last = runs.get(runId)
      lastRun = runId
      if (last === undefined) runs.set(runId, (last = [seq, seq]))
    }
    last![1] = seq
  }
  return runs
}

function runsWith(known: FeedRow | undefined, batch: ArrivedBatch): ReadonlyMap<string, Range> {
  const runs = new Map<string, Range>(known?.runs)
  const forgotten = runs.get(FORGOTTEN)
  for (const [run, [low, high]] of runsOf(batch)) {
    const had = runs.get(run)
    if (had === undefined && forgotten !== undefined && high <= forgotten[1]) continue
    runs.set(run, had === undefined ? [low, high] : [Math.min(had[0], low), Math.max(had[1], high)])
  }
  return runs
}
