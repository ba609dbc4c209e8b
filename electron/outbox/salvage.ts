import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Loss, LossReason, SeqRange } from '../../shared/model/telemetry'
import type { Database } from '../platform/sqlite'
import { feedFrom } from './feed-row'
import type { Feed, FeedColumns } from './feed-row'
import { lossOf } from './retention'
import { categoryCodes, categoryOf, currentFeed, feedOf, isWhole, keyOf, lowestFeed, seqOf } from './schema'
import type { EntryRow } from './schema'
import { sizeOf } from './store'
import type { Author, Store } from './store'

const STEP_ROWS = 500
/** Files kept after what could be read of them was taken over. */
const SALVAGED_KEPT = 3

const beside = (file: string, word: string) => {
  const prefix = `${path.basename(file)}.${word}-`
  const folder = path.dirname(path.resolve(file))
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && name.endsWith('Z'))
    .sort()
    .map((name) => path.join(folder, name))
}
/** Files whose rows are still to be taken over, oldest first: also those of a salvage that was cut short. */
export const waitingForSalvage = (file: string) => beside(file, 'damaged')

function finish(file: string, aside: string) {
  const target = aside.replace('.damaged-', '.salvaged-')
  for (const companion of ['-wal', '-shm', ''])
    if (existsSync(`${aside}${companion}`)) renameSync(`${aside}${companion}`, `${target}${companion}`)
  for (const old of beside(file, 'salvaged').slice(0, -SALVAGED_KEPT))
    for (const companion of ['-wal', '-shm', '']) rmSync(`${old}${companion}`, { force: true })
}

/** What of the file can still be read, in the order of the keys, whatever part of it is damaged. */
function readerOf(database: Database) {
  const rows = database.prepare<[number, number], EntryRow>('SELECT * FROM entry WHERE key >= ? ORDER BY key LIMIT ?')
  const end = keyOf(currentFeed.telemetry + 1, 0)
  let limit = STEP_ROWS
  const tried = (key: number, count: number) => {
    try {
      return rows.all(key, count)
    } catch {
      return null
    }
  }
  /** The first key from which something can be read again: doubling steps ahead, then halving back. */
  function nextReadable(bad: number): number {
    let step = 1
    while (tried(bad + step, 1) === null) {
      if (bad + step > end) return end
      step *= 2
    }
    let [unreadable, readable] = [bad + Math.floor(step / 2), bad + step]
    while (readable - unreadable > 1) {
      const middle = Math.floor((readable + unreadable) / 2)
      if (tried(middle, 1) === null) unreadable = middle
      else readable = middle
    }
    return readable
  }
  return (from: number): { rows: readonly EntryRow[]; next: number | null } => {
    for (;;) {
      const page = tried(from, limit)
      if (page) {
        const last = page.at(-1)
        const wasShort = page.length < limit
        limit = Math.min(STEP_ROWS, limit * 2)
        return { rows: page, next: last && !wasShort ? last.key + 1 : null }
      }
      if (limit > 1) limit = 1
      else from = nextReadable(from)
      if (from >= end) return { rows: [], next: null }
    }
  }
}

const attempt = <T>(work: () => T, otherwise: T): T => {
  try {
    return work()
  } catch {
    return otherwise
  }
}

/**
 * Takes over the rows of a file that was set aside under their old `(feedId, seq)`, a step at a time; what cannot be read is counted as lost. `open` gives
 * the old file, read-only.
 */
export function openSalvage(store: Store, file: string, aside: string, open: (aside: string) => Database) {
  const { logger, clock, random, rules } = store.options
  const sql = {
    add: store.database.prepare<[number], { key: number }>('SELECT key FROM entry WHERE key = ?'),
    next: store.database.prepare<[string], { next_key: number }>('SELECT next_key FROM salvage WHERE file = ?'),
    keepNext: store.database.prepare<[string, number]>('INSERT OR REPLACE INTO salvage VALUES (?, ?)'),
    forget: store.database.prepare<[string]>('DELETE FROM salvage WHERE file = ?'),
  }
  const name = path.basename(aside)
  const old = attempt(() => open(aside), null)
  const all = <T>(text: string): readonly T[] => (old ? attempt(() => old.prepare<[], T>(text).all(), []) : [])
  const oldFeeds = all<FeedColumns>('SELECT * FROM feed ORDER BY number DESC').map(feedFrom)
  const tallies = all<{ feed: number; category: number; entries: number; bytes: number }>('SELECT * FROM tally')
  const read = old && attempt(() => readerOf(old), null)
  const authors = new Map<number, Author>()
  /** Of the old numbers: the feed here, and what of it was read. */
  const places = new Map<number, { feed: Feed; read: SeqRange[]; entries: number[]; first: number; last: number }>()
  let salvaged = 0

  function authorOf(number: number): Author {
    const known = authors.get(number)
    if (known) return known
    const [row] = all<{ run_id: string; source_id: string; edge_id: string | null; enrolment_id: string | null }>(
      `SELECT * FROM author WHERE number = ${number}`,
    )
    const author: Author = row
      ? { runId: row.run_id, sourceId: row.source_id, edgeId: row.edge_id, enrolmentId: row.enrolment_id }
      : { ...store.options.identity(), runId: 'unknown' }
    authors.set(number, author)
    return author
  }

  /** The old feed under a free number below the current one of its lane; made once, found again after a restart. */
  function placeOf(number: number) {
    const known = places.get(number)
    if (known) return known
    const lane = number > currentFeed.alerts ? 'telemetry' : 'alerts'
    // Without its id the master cannot tell what it has already: better twice than not at all.
    const columns = oldFeeds.find((feed) => feed.number === number)
    const id = columns?.id ?? random.id()
    let feed = [...store.feeds.values()].find((each) => each.id === id)
    if (!feed) {
      let free = currentFeed[lane] - 1
      while (store.feeds.has(free)) free--
      if (free < lowestFeed[lane]) throw new Error(`no room for another old feed of ${lane}`)
      const blank = { through: 0, acked: [], lastAcked: null, knownBy: null, origin: null, head: 0 }
      const made: Feed = { ...blank, ...columns, id, lane, number: free, isCurrent: false }
      store.commit((change) => change.setFeed(made))
      feed = made
    }
    const place = { feed, read: [], entries: categoryCodes.map(() => 0), first: Infinity, last: 0 }
    places.set(number, place)
    return place
  }

  function take(rows: readonly EntryRow[], next: number | null) {
    const seen = new Set<number>()
    const whole = rows.filter((row) => {
      if (!isWhole(row) || feedOf(row.key) > currentFeed.telemetry || seen.has(row.key)) return false
      seen.add(row.key)
      // Damaged pages may lead to a row again: it counts once.
      return !placeOf(feedOf(row.key)).read.some(([from, to]) => seqOf(row.key) >= from && seqOf(row.key) <= to)
    })
    store.commit((change) => {
      for (const row of whole) {
        const place = places.get(feedOf(row.key))!
        const seq = seqOf(row.key)
        place.entries[row.category] = (place.entries[row.category] ?? 0) + 1
        place.read.push([seq, seq])
        const { category, at, body, flags, origin } = row
        const feed = change.feed(place.feed.number)
        const isAcked = seq <= feed.through || feed.acked.some(([from, to]) => seq >= from && seq <= to)
        const key = keyOf(feed.number, seq)
        if (isAcked || sql.add.get(key)) continue
        if (seq > feed.head) change.setFeed({ ...feed, head: seq })
        const size = sizeOf(Buffer.byteLength(body))
        change.insert(key, { category, at, size, body, flags, origin }, change.author(authorOf(row.author)))
        salvaged++
      }
      if (next !== null) sql.keepNext.run(name, next)
      store.database.exec('DELETE FROM oldest')
    })
    for (const place of places.values()) place.read = [...rules.unite(place.read, [])]
  }

  /** What the old file says it held, less what was read. */
  function countLost(isResumed: boolean) {
    const lostAt = clock.wall()
    const losses: Loss[] = []
    const lose = (loss: Loss) => losses.push(loss)
    for (const feed of oldFeeds) {
      const place = places.get(feed.number)
      const gone = rules.complement(rules.unite(place?.read ?? [], feed.acked), feed.through + 1, feed.head)
      const { ranges, isExact } = rules.joined(gone, 64)
      for (const [code, category] of categoryCodes.entries()) {
        const tally = tallies.find((each) => each.feed === feed.number && each.category === code)
        const missing = (tally?.entries ?? 0) - (place?.entries[code] ?? 0)
        if (missing <= 0 || isResumed) continue
        const bytes = Math.round(((tally?.bytes ?? 0) / tally!.entries) * missing)
        const lost = { ...lossOf(category, 'damaged', bytes, lostAt, lostAt), count: missing, feedId: feed.id }
        lose({ ...lost, ranges: ranges.map(([from, to]) => [from, to]), rangesAreExact: isExact })
      }
    }
    // The file no longer says what it held, or a restart forgot how much had been read: that something is missing is told all the same.
    if ((oldFeeds.length === 0 || tallies.length === 0 || isResumed) && losses.length === 0)
      lose({ ...lossOf('events', 'damaged', 0, lostAt, lostAt), count: 0, countIsExact: false, rangesAreExact: false })
    return losses
  }

  function takeTotals() {
    const rows = all<{ category: number; reason: LossReason; entries: number; bytes: number; last_at: number }>(
      'SELECT * FROM lost',
    )
    const add = store.database.prepare<unknown[]>(
      'INSERT INTO lost VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes',
    )
    for (const row of rows) add.run(row.category, row.reason, row.entries, row.bytes, row.last_at)
    for (const row of rows) store.countLost(categoryOf(row.category), row.reason, row.entries, row.bytes, row.last_at)
    return all<{ key: string; body: string }>('SELECT * FROM untold').flatMap((row) =>
      attempt(() => [JSON.parse(row.body) as Loss], []),
    )
  }

  const from = sql.next.get(name)?.next_key ?? 0
  const isResumed = from > 0
  let next: number | null = read ? from : null
  return {
    /** True: there is more. */
    step(): boolean {
      if (read && next !== null) {
        const page = read(next)
        take(page.rows, page.next)
        next = page.next
        if (next !== null) return true
      }
      const losses = countLost(isResumed)
      store.commit((change) => {
        if (!isResumed) change.tellAgain(takeTotals())
        for (const loss of losses) change.lose(loss)
        sql.forget.run(name)
        for (const { feed } of places.values())
          if (store.sizesOf(feed.number).every(({ entries }) => entries === 0)) change.removeFeed(feed.number)
      })
      attempt(() => old?.close(), undefined)
      finish(file, aside)
      const lost = losses.reduce((sum, { count }) => sum + count, 0)
      logger.log('warn', 'the readable rows of the damaged outbox were taken over', { salvaged, lost, file: name })
      return false
    },
    close: () => attempt(() => void old?.close(), undefined),
  }
}
export type Salvage = ReturnType<typeof openSalvage>
