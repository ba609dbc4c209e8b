import type { SeqRange } from '../../shared/model/telemetry'
import type { Feed } from './feed-row'
import type { Rejection } from './outbox'
import type { DeadLetters } from './dead-letters'
import type { Reading } from './reading'
import type { Removable, Retention } from './retention'
import { FLAG_LOSS_REPORT, keyOf, seqOf } from './schema'
import type { EntryRow } from './schema'
import { enrolmentOf, sizeOf } from './store'
import type { Change, Store } from './store'

/** Rows deleted in one transaction: a few milliseconds. */
const STEP_ROWS = 5_000
/** Ranges beyond `through` that are remembered, for the reason a gap is given. */
const ACKED_RANGES_MAX = 1_024
/** What loss of power brings back is pushed again, and the master answers the same: nothing waits for the disk. */
const REPEATED = { mayBeUndone: true }

/** What happens to entries the master has answered for: deleted, set aside, or given a new feed id. */
export function openAcknowledging(store: Store, reading: Reading, deadLetters: DeadLetters, retention: Retention) {
  const { database, options } = store
  const { rules, random, logger } = options
  const sql = {
    step: database.prepare<[number, number, number], { key: number }>(
      'SELECT key FROM entry WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1 OFFSET ?',
    ),
    sums: database.prepare<[number, number, number], { category: number; entries: number; bytes: number }>(
      'SELECT category, count(*) AS entries, sum(octet_length(body) + ?) AS bytes FROM entry WHERE key BETWEEN ? AND ? GROUP BY category',
    ),
    remove: database.prepare<[number, number]>('DELETE FROM entry WHERE key BETWEEN ? AND ?'),
    row: database.prepare<[number], EntryRow>('SELECT * FROM entry WHERE key = ?'),
    page: database.prepare<[number, number], Removable & { author: number }>(
      'SELECT key, category, at, octet_length(body) AS size, flags, author FROM entry WHERE key >= ? ORDER BY key LIMIT ?',
    ),
    newest: database.prepare<[number, number], { key: number; author: number }>(
      'SELECT key, author FROM entry WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1',
    ),
  }

  function removeRange(change: Change, feed: Feed, from: number, to: number) {
    const sums = store.tail.sums(from, to) ?? sql.sums.all(sizeOf(0), from, to)
    for (const { category, entries, bytes } of sums) change.tally(feed.number, category, -entries, -bytes)
    sql.remove.run(from, to)
    change.gone(from, to)
  }
  function newestIn(feed: Feed, from: number, to: number): Feed['lastAcked'] {
    const [first, last] = [keyOf(feed.number, from), keyOf(feed.number, to)]
    const author = store.tail.authorOf(last)
    const row = author === null ? sql.newest.get(first, last) : { key: last, author }
    const known = feed.lastAcked
    if (!row || (known && known.seq >= seqOf(row.key))) return known
    return { seq: seqOf(row.key), runId: store.author(row.author).runId }
  }

  /** Deletes the range but for its last step, which the caller does with the new position in one transaction; null: the feed is gone. */
  async function shorten(feedId: string, from: number, to: number): Promise<void> {
    for (let feed = reading.find(feedId); feed; feed = reading.find(feedId)) {
      if (to - from < STEP_ROWS) return
      const [first, last] = [keyOf(feed.number, from), keyOf(feed.number, to)]
      const end = sql.step.get(first, last, STEP_ROWS - 1)
      if (!end || end.key === last) return
      const { number } = feed
      store.commit((change) => {
        const now = change.feed(number)
        change.setFeed({ ...now, lastAcked: newestIn(now, from, seqOf(end.key)) })
        removeRange(change, now, first, end.key)
      }, REPEATED)
      from = seqOf(end.key) + 1
      await nextTurn()
    }
  }

  return {
    async acknowledge(feedId: string, stored: { throughSeq: number; ranges: readonly SeqRange[]; by?: string }) {
      const { by = enrolmentOf(options) } = stored
      const asked = reading.find(feedId)
      if (!asked) return 'unknown-feed' as const
      const highest = stored.ranges.reduce((max, [, to]) => Math.max(max, to), stored.throughSeq)
      if (highest > asked.head) return 'beyond-head' as const
      const parts: readonly SeqRange[] = rules.unite(
        stored.throughSeq > asked.through ? [[asked.through + 1, stored.throughSeq]] : [],
        stored.ranges,
      )
      for (const [from, to] of parts) await shorten(feedId, from, to)
      const feed = reading.find(feedId)
      if (!feed) return 'done' as const
      store.commit((change) => {
        const now = change.feed(feed.number)
        const lastAcked = parts.reduce(
          (known, [from, to]) => newestIn({ ...now, lastAcked: known }, from, to),
          now.lastAcked,
        )
        for (const [from, to] of parts) removeRange(change, now, keyOf(now.number, from), keyOf(now.number, to))
        const known = { through: now.through, ranges: now.acked }
        const { through, ranges } = rules.settle(
          known,
          { through: stored.throughSeq, ranges: stored.ranges },
          ACKED_RANGES_MAX,
        )
        // Ranges of a former enrolment may have moved `through` beyond what this one's master was told of.
        const knownBy = stored.throughSeq >= through ? by : through > now.through ? null : now.knownBy
        if (!now.isCurrent && through >= now.head) change.removeFeed(now.number)
        else change.setFeed({ ...now, through, acked: ranges, lastAcked, knownBy })
      }, REPEATED)
      return 'done' as const
    },

    reject(feedId: string, rejected: readonly Rejection[]) {
      const feed = reading.find(feedId)
      if (!feed) return
      store.commit((change) => {
        const moved: SeqRange[] = []
        for (const { seq, code, message } of rejected) {
          const row = sql.row.get(keyOf(feed.number, seq))
          if (!row) continue
          const size = sizeOf(Buffer.byteLength(row.body))
          deadLetters.add(change, reading.entryOf(feed, row), row, size, { code, message })
          change.tally(feed.number, row.category, -1, -size)
          sql.remove.run(row.key, row.key)
          change.gone(row.key, row.key)
          moved.push([seq, seq])
        }
        const now = change.feed(feed.number)
        // The master has answered for them: told as a gap they are `acknowledged`, not lost.
        const acked = rules.unite(now.acked, moved).slice(-ACKED_RANGES_MAX)
        change.setFeed({ ...now, acked })
      })
      deadLetters.settled()
    },

    /** Everything, or what was written under one enrolment; the reports of losses stay, whoever reads them. */
    async dropPending({ enrolmentId }: { enrolmentId?: string }): Promise<number> {
      let dropped = 0
      for (let next = 0; ; await nextTurn()) {
        const page = sql.page.all(next, STEP_ROWS)
        const last = page.at(-1)
        if (!last) return dropped
        const rows = page.filter(
          ({ author, flags }) =>
            !(flags & FLAG_LOSS_REPORT) &&
            (enrolmentId === undefined || store.author(author).enrolmentId === enrolmentId),
        )
        store.commit((change) => retention.remove(change, rows, 'dropped-by-operator'))
        dropped += rows.length
        next = last.key + 1
      }
    },

    renew(feedId: string): string {
      const feed = reading.find(feedId)
      if (!feed) return feedId
      const id = random.id()
      store.commit((change) => {
        const now = change.feed(feed.number)
        const origin = { id: now.id, head: now.head }
        // Under the new id nothing is acknowledged; what was before is told as such.
        const acked = rules.unite(now.through > 0 ? [[1, now.through]] : [], now.acked)
        change.setFeed({ ...now, id, through: 0, acked, lastAcked: null, knownBy: null, origin })
      })
      logger.log('warn', 'the outbox was put back from an older copy: a feed has a new id', { feedId: id, was: feedId })
      return id
    },
  }
}

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))
