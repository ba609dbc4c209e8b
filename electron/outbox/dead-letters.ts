import { wallMs } from '../../shared/model/time'
import type { EntryOrigin, StoredEntry } from '../../shared/model/telemetry'
import type { DeadLetter, Rejection } from './outbox'
import { lossOf } from './retention'
import { categoryOf, FLAG_DO_NOT_PROPAGATE } from './schema'
import type { EntryRow } from './schema'
import { sizeOf } from './store'
import type { Change, Store } from './store'

/** Beyond either, the oldest dead letter is dropped and counted. */
export const DEAD_LETTERS_MAX = 10_000
export const DEAD_LETTER_BYTES_MAX = 64 * 1024 * 1024
const MESSAGE_LENGTH_MAX = 500
const STEP_ROWS = 500

interface DeadRow extends Omit<EntryRow, 'key' | 'crc'> {
  readonly id: number
  readonly size: number
  readonly feed_id: string
  readonly seq: number
  readonly code: string
  readonly message: string
  readonly rejected_at: number
}

export type DeadLetters = ReturnType<typeof openDeadLetters>

/** Entries the master refuses for good: kept with the reason, tried again or dropped when somebody says so. */
export function openDeadLetters(store: Store) {
  const { database, options } = store
  const { clock } = options
  const sql = {
    add: database.prepare<unknown[]>(
      `INSERT INTO dead_letter (size, feed_id, seq, category, author, at, flags, origin, code, message, rejected_at, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    sum: database.prepare<[], { count: number; bytes: number | null }>(
      'SELECT count(*) AS count, sum(size) AS bytes FROM dead_letter',
    ),
    after: database.prepare<[number, number], DeadRow>('SELECT * FROM dead_letter WHERE id > ? ORDER BY id LIMIT ?'),
    row: database.prepare<[number], DeadRow>('SELECT * FROM dead_letter WHERE id = ?'),
    remove: database.prepare<[number]>('DELETE FROM dead_letter WHERE id = ?'),
  }
  const measure = () => {
    const { count, bytes } = sql.sum.get()!
    return { count, bytes: bytes ?? 0 }
  }
  let size = measure()

  function drop(change: Change, row: DeadRow, reason: 'dead-letters-cap' | 'dropped-by-operator') {
    sql.remove.run(row.id)
    const loss = lossOf(categoryOf(row.category), reason, row.size, row.at, clock.wall())
    change.lose({ ...loss, feedId: row.feed_id, ranges: [[row.seq, row.seq]] })
  }
  function originOf(row: DeadRow): EntryOrigin {
    if (row.origin !== null) return JSON.parse(row.origin) as EntryOrigin
    return { feedId: row.feed_id, seq: row.seq, runId: store.author(row.author).runId }
  }

  /** Does `work` with every chosen row, some hundred to a transaction. */
  function each(ids: readonly number[] | 'all', work: (change: Change, row: DeadRow) => void): number {
    let done = 0
    const step = (rows: readonly DeadRow[]) => {
      store.commit((change) => rows.forEach((row) => work(change, row)))
      done += rows.length
      size = measure()
    }
    if (ids === 'all') {
      // What fails again comes back with a higher id; it is left for the next time.
      for (let after = 0; ;) {
        const rows = sql.after.all(after, STEP_ROWS)
        if (rows.length === 0) break
        step(rows)
        after = rows.at(-1)!.id
      }
      return done
    }
    for (let from = 0; from < ids.length; from += STEP_ROWS)
      step([...new Set(ids.slice(from, from + STEP_ROWS))].flatMap((id) => sql.row.get(id) ?? []))
    return done
  }

  return {
    get size(): { readonly count: number; readonly bytes: number } {
      return size
    },
    add(change: Change, entry: StoredEntry, row: EntryRow, bytes: number, why: Omit<Rejection, 'seq'>) {
      for (
        let sum = measure();
        sum.count >= DEAD_LETTERS_MAX || sum.bytes + bytes > DEAD_LETTER_BYTES_MAX;
        sum = measure()
      ) {
        const [oldest] = sql.after.all(0, 1)
        if (!oldest) break
        drop(change, oldest, 'dead-letters-cap')
      }
      const { category, author, at, flags, body } = row
      const origin = entry.origin ? JSON.stringify(entry.origin) : null
      const message = why.message.slice(0, MESSAGE_LENGTH_MAX)
      const where = [bytes, entry.feedId, entry.seq, category, author, at, flags, origin]
      sql.add.run(...where, why.code.slice(0, 100), message, clock.wall(), body)
    },
    /** Call after the commit of a change that added. */
    settled: () => (size = measure()),
    list({ limit, after = 0 }: { limit: number; after?: number }): readonly DeadLetter[] {
      return sql.after.all(after, Math.min(limit, STEP_ROWS)).map((row): DeadLetter => {
        const author = store.author(row.author)
        const { feed_id: feedId, seq, code, message, body } = row
        const names = { sourceId: author.sourceId, edgeId: author.edgeId, enrolmentId: author.enrolmentId }
        const doNotPropagate = (row.flags & FLAG_DO_NOT_PROPAGATE) !== 0
        const origin = row.origin === null ? {} : { origin: JSON.parse(row.origin) as EntryOrigin }
        const what = { category: categoryOf(row.category), at: wallMs(row.at), doNotPropagate, body }
        const entry: StoredEntry = { feedId, seq, runId: author.runId, ...names, ...what, ...origin }
        return { id: row.id, entry, code, message, rejectedAt: wallMs(row.rejected_at) }
      })
    },
    /** New entries under the names of the old ones. */
    retry: (ids: readonly number[] | 'all') =>
      each(ids, (change, row) => {
        sql.remove.run(row.id)
        const bytes = sizeOf(Buffer.byteLength(row.body))
        const { category, at, flags, body } = row
        change.append([{ category, at, size: bytes, body, flags, origin: JSON.stringify(originOf(row)) }], row.author)
      }),
    drop: (ids: readonly number[] | 'all') => each(ids, (change, row) => drop(change, row, 'dropped-by-operator')),
  }
}
