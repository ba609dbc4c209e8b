import { laneOf, telemetryLanes } from '../../shared/model/telemetry'
import type { Loss, LossReason, TelemetryCategory } from '../../shared/model/telemetry'
import type { OutboxRules } from '../core/replication/outbox'
import type { Clock, Logger, Random } from '../platform/ports'
import type { Database } from '../platform/sqlite'
import { columnsOf, feedFrom } from './feed-row'
import type { Feed, FeedColumns } from './feed-row'
import type { OutboxIdentity } from './outbox'
import { Tail } from './tail'
import type { Segment } from './tail'
import { categoryCodes, categoryOf, checksum, codeOf, currentFeed, keyOf, lastKeyOf, ROW_BYTES } from './schema'

export interface StoreOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly identity: () => OutboxIdentity
  readonly rules: OutboxRules
}

export interface Author extends OutboxIdentity {
  readonly runId: string
}
/** A row about to be written; its size counts as the caps do. */
export interface NewRow {
  readonly category: number
  readonly at: number
  readonly size: number
  readonly body: string | Uint8Array
  readonly flags?: number
  readonly origin?: string | null
}
export interface LostTotal {
  readonly category: TelemetryCategory
  readonly reason: LossReason
  entries: number
  bytes: number
  lastAt: number
}
type Size = { entries: number; bytes: number }

/** One transaction under way. What it changes shows in memory only after the commit. */
export interface Change {
  feed(number: number): Feed
  setFeed(feed: Feed): void
  removeFeed(number: number): void
  /** Gives each the next number of its lane; `author` null: this run. Returns the key of the last. */
  append(rows: readonly NewRow[], author?: number | null): number
  insert(key: number, row: NewRow, author: number): void
  /** Rows were deleted, by key; whoever deletes says so. */
  gone(from: number, to: number): void
  tally(feed: number, category: number, entries: number, bytes: number): void
  author(author: Author): number
  /** Counted and to be told. */
  lose(loss: Loss): void
  /** To be told again: they were counted before. */
  tellAgain(losses: readonly Loss[]): void
  /** A report now tells everything. */
  told(): void
}

/** The present enrolment. Without one there is no master, and none may seem to be the same. */
export const enrolmentOf = ({ identity }: Pick<StoreOptions, 'identity'>): string => identity().enrolmentId ?? ''

export type Store = ReturnType<typeof storeOver>

/** One open database with what is kept of it in memory: feeds, tallies, totals. */
export function storeOver(database: Database, options: StoreOptions) {
  const { random, rules } = options
  const runId = random.id()
  const sql = {
    putFeed: database.prepare<unknown[]>('INSERT OR REPLACE INTO feed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    removeFeed: database.prepare<[number]>('DELETE FROM feed WHERE number = ?'),
    removeTallies: database.prepare<[number]>('DELETE FROM tally WHERE feed = ?'),
    insert: database.prepare<unknown[]>('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    insertMany: database.prepare<unknown[]>(
      `INSERT INTO entry VALUES ${Array(ROWS_AT_ONCE).fill('(?, ?, ?, ?, ?, 0, NULL, ?)').join(', ')}`,
    ),
    tally: database.prepare<[number, number, number, number]>(
      `INSERT INTO tally VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes`,
    ),
    author: database.prepare<[number], { run_id: string; source_id: string; edge_id: string; enrolment_id: string }>(
      'SELECT * FROM author WHERE number = ?',
    ),
    addAuthor: database.prepare<unknown[]>(
      'INSERT INTO author (run_id, source_id, edge_id, enrolment_id) VALUES (?, ?, ?, ?)',
    ),
    lost: database.prepare<[number, string, number, number, number]>(
      `INSERT INTO lost VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
       entries = entries + excluded.entries, bytes = bytes + excluded.bytes, last_at = max(last_at, excluded.last_at)`,
    ),
    putUntold: database.prepare<[string, string]>('INSERT OR REPLACE INTO untold VALUES (?, ?)'),
    first: database.prepare<[number, number], { key: number; at: number }>(
      'SELECT key, at FROM entry WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1',
    ),
  }

  const feeds = new Map<number, Feed>()
  for (const row of database.prepare<[], FeedColumns>('SELECT * FROM feed ORDER BY number').all())
    feeds.set(row.number, feedFrom(row))
  const tallies = new Map<number, Size[]>()
  for (const row of database.prepare<[], Size & { feed: number; category: number }>('SELECT * FROM tally').all())
    Object.assign(sizesOf(row.feed)[row.category]!, { entries: row.entries, bytes: row.bytes })
  const totals = new Map<string, LostTotal>()
  for (const row of database
    .prepare<[], Size & { category: number; reason: LossReason; last_at: number }>('SELECT * FROM lost')
    .all())
    countLost(categoryOf(row.category), row.reason, row.entries, row.bytes, row.last_at)
  let untold = new Map<string, Loss>()
  for (const row of database.prepare<[], { key: string; body: string }>('SELECT * FROM untold').all())
    untold.set(row.key, JSON.parse(row.body) as Loss)
  const authors = new Map<number, Author>()
  const authorNumbers = new Map<string, number>()
  const tail = new Tail()
  /** Lost while nothing could be written; part of the next commit. */
  let unsaved: readonly Loss[] = []

  function sizesOf(feed: number): Size[] {
    let sizes = tallies.get(feed)
    if (!sizes) tallies.set(feed, (sizes = categoryCodes.map(() => ({ entries: 0, bytes: 0 }))))
    return sizes
  }
  function countLost(category: TelemetryCategory, reason: LossReason, entries: number, bytes: number, at: number) {
    const total = totals.get(`${category} ${reason}`)
    if (!total) return void totals.set(`${category} ${reason}`, { category, reason, entries, bytes, lastAt: at })
    total.entries += entries
    total.bytes += bytes
    total.lastAt = Math.max(total.lastAt, at)
  }

  const run = database.transaction((work: (change: Change) => unknown) => {
    const changed = new Map<number, Feed | null>()
    const sizes = new Map<number, { feed: number; category: number; entries: number; bytes: number }>()
    const newAuthors = new Map<string, number>()
    const losses: Loss[] = [...unsaved]
    const again: Loss[] = []
    const segments: Segment[] = []
    const gone: [from: number, to: number][] = []
    let isTold = false
    let own: number | null = null
    const feed = (number: number) => {
      const found = changed.has(number) ? changed.get(number) : feeds.get(number)
      if (!found) throw new Error(`feed ${number} is unknown`)
      return found
    }
    const change: Change = {
      feed,
      setFeed: (next) => void changed.set(next.number, next),
      removeFeed: (number) => void changed.set(number, null),
      append(rows, author = null) {
        const writer = author ?? (own ??= change.author({ ...options.identity(), runId }))
        const heads = { alerts: 0, telemetry: 0 }
        const sums = categoryCodes.map(() => ({ entries: 0, bytes: 0 }))
        let key = 0
        let many: unknown[] = []
        let segment = segments.at(-1)
        // A thousand times per commit: nothing here makes objects.
        for (const row of rows) {
          const { category, at, size, body, flags = 0, origin = null } = row
          const lane = category === ALERTS ? 'alerts' : 'telemetry'
          const number = currentFeed[lane]
          if (heads[lane] === 0) heads[lane] = feed(number).head
          key = keyOf(number, ++heads[lane])
          const crc = checksum(category, writer, at, body)
          if (flags !== 0 || origin !== null) sql.insert.run(key, category, writer, at, crc, flags, origin, body)
          else if (many.push(key, category, writer, at, crc, body) === MANY) {
            sql.insertMany.run(many)
            many = []
          }
          // Bytes are the producer's, who may use them again.
          if (category !== ALERTS && typeof body === 'string') {
            if (segment?.last !== key - 1 || segment.author !== writer)
              segments.push((segment = segmentAt(key, writer)))
            segment.rows.push(row)
            segment.last = key
            segment.bytes += size
          }
          const sum = sums[category]!
          sum.entries++
          sum.bytes += size
        }
        for (let from = 0; from < many.length; from += COLUMNS)
          sql.insert.run(...many.slice(from, from + COLUMNS - 1), 0, null, many[from + COLUMNS - 1])
        for (const lane of telemetryLanes) {
          const number = currentFeed[lane]
          if (heads[lane] > 0) changed.set(number, { ...feed(number), head: heads[lane] })
        }
        for (const [category, { entries, bytes }] of sums.entries())
          if (entries > 0) change.tally(currentFeed[laneOf(categoryOf(category))], category, entries, bytes)
        return key
      },
      insert(key, { category, at, size, body, flags = 0, origin = null }, author) {
        sql.insert.run(key, category, author, at, checksum(category, author, at, body), flags, origin, body)
        change.tally(Math.floor(key / 2 ** 40), category, 1, size)
      },
      gone: (from, to) => void gone.push([from, to]),
      tally(number, category, entries, bytes) {
        const id = number * 8 + category
        const known = sizes.get(id)
        if (!known) return void sizes.set(id, { feed: number, category, entries, bytes })
        known.entries += entries
        known.bytes += bytes
      },
      author(author) {
        const name = JSON.stringify([author.runId, author.sourceId, author.edgeId, author.enrolmentId])
        const known = authorNumbers.get(name) ?? newAuthors.get(name)
        if (known !== undefined) return known
        const { lastInsertRowid } = sql.addAuthor.run(author.runId, author.sourceId, author.edgeId, author.enrolmentId)
        newAuthors.set(name, Number(lastInsertRowid))
        return Number(lastInsertRowid)
      },
      lose: (loss) => void losses.push(loss),
      tellAgain: (told) => void again.push(...told),
      told: () => (isTold = true),
    }
    const result = work(change)
    for (const [number, next] of changed) {
      if (next) sql.putFeed.run(...columnsOf(next))
      else {
        sql.removeFeed.run(number)
        sql.removeTallies.run(number)
      }
    }
    for (const size of sizes.values())
      if (changed.get(size.feed) !== null) sql.tally.run(size.feed, size.category, size.entries, size.bytes)
    if (isTold) database.exec('DELETE FROM untold')
    const merged = rules.mergeLosses([...(isTold ? [] : untold.values()), ...losses, ...again])
    const nextUntold = new Map(merged.map((loss) => [rules.lossKey(loss), loss]))
    for (const { category, reason, count, bytes, lostAt } of losses)
      sql.lost.run(codeOf(category), reason, count, bytes, lostAt)
    for (const key of new Set([...losses, ...again].map(rules.lossKey)))
      sql.putUntold.run(key, JSON.stringify(nextUntold.get(key)))
    return { result, changed, sizes, newAuthors, losses, nextUntold, segments, gone }
  })

  return {
    database,
    runId,
    options,
    tail,
    feeds: feeds as ReadonlyMap<number, Feed>,
    get untold(): ReadonlyMap<string, Loss> {
      return untold
    },
    get totals(): Iterable<LostTotal> {
      return totals.values()
    },
    /**
     * Does all of `work` or nothing, and brings the memory up to date afterwards. `mayBeUndone`: loss of power may take it back (a crash of the process does not),
     * so it need not wait for the disk. The next commit that waits takes it along.
     */
    commit<T>(work: (change: Change) => T, { mayBeUndone = false } = {}): T {
      const isQuick = mayBeUndone && unsaved.length === 0
      if (isQuick) database.pragma('synchronous = NORMAL')
      let done
      try {
        done = run.immediate(work)
      } finally {
        if (isQuick) database.pragma('synchronous = FULL')
      }
      unsaved = []
      for (const segment of done.segments) tail.add(segment)
      for (const [from, to] of done.gone) tail.gone(from, to)
      for (const size of done.sizes.values()) {
        const known = sizesOf(size.feed)[size.category]!
        known.entries += size.entries
        known.bytes += size.bytes
      }
      for (const [number, next] of done.changed) {
        if (next) feeds.set(number, next)
        else {
          feeds.delete(number)
          tallies.delete(number)
        }
      }
      for (const [name, number] of done.newAuthors) authorNumbers.set(name, number)
      for (const { category, reason, count, bytes, lostAt } of done.losses)
        countLost(category, reason, count, bytes, lostAt)
      untold = done.nextUntold
      return done.result as T
    },
    countLost,
    /** Losses that could not be written: part of the next commit. */
    saveLater(losses: readonly Loss[]) {
      unsaved = rules.mergeLosses([...unsaved, ...losses])
    },
    get unsaved() {
      return unsaved
    },
    sizesOf: (feed: number): readonly Readonly<Size>[] => sizesOf(feed),
    /** Of all feeds, by category. */
    sizes(): Record<TelemetryCategory, Size> {
      const sum = Object.fromEntries(categoryCodes.map((name) => [name, { entries: 0, bytes: 0 }])) as Record<
        TelemetryCategory,
        Size
      >
      for (const sizes of tallies.values())
        for (const [code, { entries, bytes }] of sizes.entries()) {
          sum[categoryOf(code)].entries += entries
          sum[categoryOf(code)].bytes += bytes
        }
      return sum
    },
    author(number: number): Author {
      const known = authors.get(number)
      if (known) return known
      const row = sql.author.get(number)
      const author = row
        ? { runId: row.run_id, sourceId: row.source_id, edgeId: row.edge_id, enrolmentId: row.enrolment_id }
        : { runId: 'unknown', sourceId: 'unknown', edgeId: null, enrolmentId: null }
      authors.set(number, author)
      return author
    },
    first: (from: number, to: number) => sql.first.get(from, to),
    firstOf: (feed: number) => sql.first.get(keyOf(feed, 0), lastKeyOf(feed)),
  }
}

const ALERTS = codeOf('alerts')
const segmentAt = (key: number, author: number): Segment => ({ key, first: key, last: key, author, rows: [], bytes: 0 })
/** Rows of one statement: what a row costs besides its bytes is mostly the call. */
const ROWS_AT_ONCE = 25
/** Values of a row that differ. */
const COLUMNS = 6
const MANY = ROWS_AT_ONCE * COLUMNS
export const sizeOf = (bodyBytes: number) => bodyBytes + ROW_BYTES
