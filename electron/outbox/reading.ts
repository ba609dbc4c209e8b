import type { gapReasons } from '../../shared/model/telemetry'
import type { EntryOrigin, SeqGap, SeqRange, StoredEntry } from '../../shared/model/telemetry'
import { wallMs } from '../../shared/model/time'
import type { Feed } from './feed-row'
import type { OutboxFeed, OutboxSlice, ReadOptions } from './outbox'
import type { Retention } from './retention'
import { categoryOf, currentFeed, FLAG_DO_NOT_PROPAGATE, isWhole, keyOf, lastKeyOf, seqOf } from './schema'
import type { EntryRow } from './schema'
import { enrolmentOf } from './store'
import type { NewRow, Store } from './store'

/** Rows fetched at once, so that reading a batch never holds more than a little of what lies behind it. */
const PAGE_ROWS = 250
const ENTRY = 'SELECT key, category, author, at, crc, flags, origin, body FROM entry'
type EntryValues = readonly [
  ...[key: number, category: number, author: number, at: number, crc: number, flags: number],
  ...[origin: string | null, body: string | Buffer],
]
const rowOf = ([key, category, author, at, crc, flags, origin, body]: EntryValues): EntryRow => {
  return { key, category, author, at, crc, flags, origin, body }
}
type RowBody = Pick<NewRow, 'category' | 'at' | 'body' | 'flags' | 'origin'>
type GapReason = (typeof gapReasons)[number]

export type Reading = ReturnType<typeof openReading>

/** What push takes out: slices that are whole, with the numbers that are gone said as such. */
export function openReading(store: Store, retention: Retention) {
  const { database, options } = store
  const { rules } = options
  const sql = {
    // As lists of values: half the time of objects, where it is a thousand rows for each batch.
    forward: database
      .prepare<[number, number, number], EntryValues>(`${ENTRY} WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?`)
      .raw(),
    backward: database
      .prepare<[number, number, number], EntryValues>(`${ENTRY} WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?`)
      .raw(),
    keys: database.prepare<[number, number, number], { key: number }>(
      'SELECT key FROM entry WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?',
    ),
  }
  const find = (feedId: string) => [...store.feeds.values()].find(({ id }) => id === feedId)

  /** Up to `maxEntries` rows and `maxBytes` of bodies in the direction; rows that do not match their checksum are taken out and counted. */
  function collect(isForward: boolean, from: number, to: number, { maxEntries, maxBytes }: ReadOptions) {
    const rows: EntryRow[] = []
    const broken: EntryRow[] = []
    let bytes = 0
    let isFull = false
    while (!isFull && rows.length < maxEntries && from <= to) {
      const limit = Math.min(PAGE_ROWS, maxEntries - rows.length)
      const page = (isForward ? sql.forward : sql.backward).all(from, to, limit)
      for (const values of page) {
        const row = rowOf(values)
        if (!isWhole(row)) {
          broken.push(row)
          continue
        }
        bytes += typeof row.body === 'string' ? row.body.length : row.body.byteLength
        if (rows.length > 0 && bytes > maxBytes) {
          isFull = true
          break
        }
        rows.push(row)
      }
      const last = page.at(-1)
      if (!last || page.length < limit) break
      if (isForward) from = last[0] + 1
      else to = last[0] - 1
    }
    if (broken.length > 0) takeOut(broken)
    return { rows: isForward ? rows : rows.reverse(), isMore: isFull || rows.length >= maxEntries }
  }
  function takeOut(broken: readonly EntryRow[]) {
    options.logger.log('error', 'entries do not match their checksum and were taken out', { entries: broken.length })
    const removable = broken.map((row) => ({ ...row, size: Buffer.byteLength(row.body) })).sort((a, b) => a.key - b.key)
    store.commit((change) => retention.remove(change, removable, 'damaged'))
  }

  const entryOf = (feed: Feed, row: EntryRow): StoredEntry => entryFrom(feed, row.key, row.author, row)
  function entryFrom(feed: Feed, key: number, writer: number, row: RowBody): StoredEntry {
    const author = store.author(writer)
    const seq = seqOf(key)
    const { flags = 0, origin: told = null } = row
    const origin = told === null ? originOf(feed, seq, author.runId) : (JSON.parse(told) as EntryOrigin)
    const entry = {
      feedId: feed.id,
      seq,
      runId: author.runId,
      category: categoryOf(row.category),
      at: wallMs(row.at),
      sourceId: author.sourceId,
      edgeId: author.edgeId,
      enrolmentId: author.enrolmentId,
      doNotPropagate: (flags & FLAG_DO_NOT_PROPAGATE) !== 0,
      body: row.body,
    }
    return origin ? { ...entry, origin } : entry
  }
  const originOf = ({ origin }: Feed, seq: number, runId: string): EntryOrigin | null =>
    origin && seq <= origin.head ? { feedId: origin.id, seq, runId } : null

  /** The numbers without an entry, said apart: those the master has, and those that are lost. */
  function explained(feed: Feed, free: readonly SeqRange[]): readonly SeqGap[] {
    const known: readonly SeqRange[] = [...(feed.through > 0 ? [[1, feed.through] as const] : []), ...feed.acked]
    return free.flatMap(([from, to]) => {
      const told = (ranges: readonly SeqRange[], reason: GapReason) =>
        ranges.map(([first, last]) => ({ from: first, to: last, reason }))
      const gaps = [
        ...told(rules.within(known, from, to), 'acknowledged'),
        ...told(rules.complement(known, from, to), 'lost'),
      ]
      return gaps.sort((a, b) => a.from - b.from)
    })
  }

  function taken(feed: Feed, isForward: boolean, first: number, last: number, request: ReadOptions) {
    const [from, to] = [keyOf(feed.number, first), keyOf(feed.number, last)]
    const as = (key: number, author: number, row: RowBody) => entryFrom(feed, key, author, row)
    const kept = isForward ? store.tail.read(from, to, request, as) : null
    if (kept) return kept
    const { rows, isMore } = collect(isForward, from, to, request)
    return { entries: rows.map((row) => entryOf(feed, row)), isMore }
  }

  function read(feedId: string, request: ReadOptions): OutboxSlice | null {
    const feed = find(feedId)
    if (!feed) return null
    const { from, limit } = request
    const isForward = from === 'oldest' || (typeof from === 'object' && 'after' in from)
    const floor = Math.max(feed.through + 1, isForward ? 1 : (limit ?? 1))
    const first = typeof from === 'object' && 'after' in from ? Math.max(from.after + 1, floor) : floor
    const ceiling = Math.min(feed.head, isForward ? (limit ?? feed.head) : feed.head)
    const last = typeof from === 'object' && 'before' in from ? Math.min(from.before - 1, ceiling) : ceiling
    if (first > last) return null
    const { entries, isMore } = taken(feed, isForward, first, last, request)
    const firstSeq = !isForward && isMore ? entries[0]!.seq : first
    const lastSeq = isForward && isMore ? entries.at(-1)!.seq : last
    if (lastSeq === feed.head && feed.number === currentFeed.telemetry) store.tail.caughtUp()
    if (entries.length === lastSeq - firstSeq + 1) return { feedId, firstSeq, lastSeq, entries, gaps: [] }
    const free = rules.complement(
      entries.map(({ seq }) => [seq, seq]),
      firstSeq,
      lastSeq,
    )
    return { feedId, firstSeq, lastSeq, entries, gaps: explained(feed, free) }
  }

  return {
    read,
    entryOf,
    gaps(feedId: string, first: number, last: number): readonly SeqGap[] {
      const feed = find(feedId)
      if (!feed) return []
      const to = Math.min(last, feed.head)
      let there: readonly SeqRange[] = []
      for (let next = keyOf(feed.number, first), end = keyOf(feed.number, to); next <= end;) {
        const page = sql.keys.all(next, end, PAGE_ROWS)
        there = rules.unite(
          there,
          page.map(({ key }) => [seqOf(key), seqOf(key)]),
        )
        if (page.length < PAGE_ROWS) break
        next = page.at(-1)!.key + 1
      }
      return explained(feed, rules.complement(there, first, to))
    },
    feeds(): readonly OutboxFeed[] {
      const enrolment = enrolmentOf(options)
      const order = (feed: Feed) => (feed.isCurrent ? 0 : 1_000) + (feed.lane === 'alerts' ? 0 : 100)
      return [...store.feeds.values()]
        .sort((a, b) => order(a) - order(b) || a.number - b.number)
        .map((feed) => {
          const sizes = store.sizesOf(feed.number)
          const sum = (of: 'entries' | 'bytes') => sizes.reduce((all, size) => all + size[of], 0)
          const { id, lane, isCurrent, head, through, lastAcked, knownBy } = feed
          return {
            feedId: id,
            lane,
            isCurrent,
            head,
            throughSeq: through,
            lastAcknowledged: lastAcked,
            isKnownThere: knownBy === enrolment,
            pendingEntries: sum('entries'),
            pendingBytes: sum('bytes'),
          }
        })
    },
    find,
    lastKey: lastKeyOf,
  }
}
