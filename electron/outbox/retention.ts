import { dropOrder } from '../../shared/model/telemetry'
import type { Loss, LossReason, LossReport, TelemetryCategory, TelemetryLane } from '../../shared/model/telemetry'
import { categoryOf, codeOf, currentFeed, feedOf, FLAG_LOSS_REPORT, keyOf, seqOf } from './schema'
import { sizeOf } from './store'
import type { Change, Store } from './store'

export interface Caps {
  readonly bytes: number
  readonly ageMs: number
}

export interface Removable {
  readonly key: number
  readonly category: number
  readonly at: number
  readonly size: number
  readonly flags: number
}

/** Goes beyond what the cap asks for, so that a full outbox drops now and then and not with every entry. */
const SLACK_BYTES_MAX = 1024 * 1024
const SLACK_SHARE = 0.01
/** Rows looked at for one commit: about 20 ms. What is still over the cap then goes with the next one. */
const SCANNED_ROWS_MAX = 20_000
const PAGE_ROWS = 500
const REPORT_EVERY_MS = 600_000
const MARK_EVERY_MS = 600_000

export type Retention = ReturnType<typeof openRetention>

/** What the outbox gives up, and how it tells. */
export function openRetention(store: Store, caps: Caps) {
  const { database, options } = store
  const { clock, rules } = options
  const sql = {
    page: database.prepare<[number, number], Removable>(
      'SELECT key, category, at, octet_length(body) AS size, flags FROM entry WHERE key >= ? ORDER BY key LIMIT ?',
    ),
    upTo: database.prepare<[number, number, number], Removable>(
      'SELECT key, category, at, octet_length(body) AS size, flags FROM entry WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?',
    ),
    body: database.prepare<[number], { body: string }>('SELECT body FROM entry WHERE key = ?'),
    remove: database.prepare<[number, number]>('DELETE FROM entry WHERE key BETWEEN ? AND ?'),
    oldest: database.prepare<[], { category: number; key: number }>('SELECT * FROM oldest'),
    putOldest: database.prepare<[number, number]>('INSERT OR REPLACE INTO oldest VALUES (?, ?)'),
    report: database.prepare<[], { key: number }>('SELECT key FROM report'),
    hasEntry: database.prepare<[number], { key: number }>('SELECT key FROM entry WHERE key = ?'),
    putReport: database.prepare<[number]>('INSERT INTO report VALUES (?)'),
    putMark: database.prepare<[number, number, number, number]>('INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?)'),
    newestMark: database.prepare<[], { aged_ms: number; at: number }>(
      'SELECT aged_ms, at FROM mark ORDER BY aged_ms DESC LIMIT 1',
    ),
    markBefore: database.prepare<[number], { aged_ms: number; alerts_key: number; telemetry_key: number }>(
      'SELECT * FROM mark WHERE aged_ms <= ? ORDER BY aged_ms DESC LIMIT 1',
    ),
    dropMarks: database.prepare<[number]>('DELETE FROM mark WHERE aged_ms <= ?'),
  }
  /** No entry of the category lies below this key. */
  const oldest = new Map(sql.oldest.all().map(({ category, key }) => [category, key]))
  let reportedAt: number | null = null
  // Age is counted in time that passed, not in dates: a clock set forward by a year must not empty the outbox.
  const newest = sql.newestMark.get()
  const startedAt = clock.mono()
  const agedBefore = newest ? newest.aged_ms + Math.max(0, clock.wall() - newest.at) : 0
  const aged = () => Math.round(agedBefore + (clock.mono() - startedAt))
  let markedAt = newest?.aged_ms ?? -Infinity
  const headKey = (lane: TelemetryLane, head: number) => keyOf(currentFeed[lane], head)
  markLast()

  /** What an earlier process wrote after its last mark was written before the next one was due, however long ago that is. */
  function markLast() {
    if (!newest) return
    const sinceMs = Math.min(MARK_EVERY_MS, agedBefore - newest.aged_ms)
    const head = (lane: TelemetryLane) => headKey(lane, store.feeds.get(currentFeed[lane])?.head ?? 0)
    try {
      sql.putMark.run(newest.aged_ms + sinceMs, newest.at + sinceMs, head('alerts'), head('telemetry'))
      markedAt = newest.aged_ms + sinceMs
    } catch {
      // A full disk: they stay longer. Anything else shows with the first entry.
    }
  }

  function remove(change: Change, rows: readonly Removable[], reason: LossReason) {
    const lostAt = clock.wall()
    const lost = new Map<string, Loss>()
    let run: { from: number; to: number } | null = null
    const deleteRun = () => {
      if (!run) return
      sql.remove.run(run.from, run.to)
      change.gone(run.from, run.to)
    }
    for (const row of rows) {
      const { key, category, flags } = row
      const size = sizeOf(row.size)
      if (flags & FLAG_LOSS_REPORT) change.tellAgain(lossesIn(sql.body.get(key)?.body))
      else addLoss(lost, row, size, { reason, lostAt, feedId: change.feed(feedOf(key)).id })
      change.tally(feedOf(key), category, -1, -size)
      if (run && key === run.to + 1) run.to = key
      else {
        deleteRun()
        run = { from: key, to: key }
      }
    }
    deleteRun()
    for (const loss of lost.values()) change.lose(exactly(loss))
  }
  function addLoss(
    lost: Map<string, Loss>,
    { key, category, at }: Removable,
    size: number,
    more: Pick<Loss, 'reason' | 'lostAt' | 'feedId'>,
  ) {
    const id = `${category} ${more.feedId}`
    const known = lost.get(id)
    const seq = seqOf(key)
    if (!known) {
      lost.set(id, {
        ...lossOf(categoryOf(category), more.reason, size, at, more.lostAt),
        ...more,
        ranges: [[seq, seq]],
      })
      return
    }
    const last = known.ranges.at(-1)
    if (last && last[1] === seq - 1) last[1] = seq
    else known.ranges.push([seq, seq])
    known.count++
    known.bytes += size
    known.firstAt = Math.min(known.firstAt, at)
    known.lastAt = Math.max(known.lastAt, at)
  }
  function exactly(loss: Loss): Loss {
    const { ranges, isExact } = rules.joined(loss.ranges, 64)
    return { ...loss, ranges: ranges.map(([from, to]) => [from, to]), rangesAreExact: isExact }
  }

  /** Deletes the oldest of a category until `bytes` are free or the rows looked at are used up; returns how many more may be looked at. */
  function dropOldest(change: Change, category: TelemetryCategory, bytes: number, reason: LossReason, looks: number) {
    const code = codeOf(category)
    const from = oldest.get(code) ?? 0
    const picked: Removable[] = []
    let freed = 0
    let next = from
    while (freed < bytes && looks > 0) {
      const page = sql.page.all(next, Math.min(PAGE_ROWS, looks))
      for (const row of page) {
        looks--
        next = row.key + 1
        if (row.category !== code) continue
        picked.push(row)
        freed += sizeOf(row.size)
        if (freed >= bytes) break
      }
      if (page.length === 0) break
    }
    remove(change, picked, reason)
    if (next > from) {
      sql.putOldest.run(code, next)
      staged.set(code, next)
    }
    return { freed, looks }
  }
  const staged = new Map<number, number>()

  function sizesWith(change: SizesChange) {
    const sizes = store.sizes()
    for (const { category, entries, bytes } of change) {
      sizes[categoryOf(category)].entries += entries
      sizes[categoryOf(category)].bytes += bytes
    }
    return sizes
  }
  type SizesChange = readonly { category: number; entries: number; bytes: number }[]

  return {
    aged,
    remove,
    /** Deletes down to the cap what is there and what `adding` brings. */
    enforceBytes(change: Change, adding: SizesChange, cap = caps.bytes, reason: LossReason = 'bytes-cap') {
      staged.clear()
      const plan = rules.planDrop(sizesWith(adding), cap, Math.min(SLACK_BYTES_MAX, cap * SLACK_SHARE))
      let looks = SCANNED_ROWS_MAX
      for (const { category, bytes } of plan)
        if (looks > 0) ({ looks } = dropOldest(change, category, bytes, reason, looks))
    },
    /** Frees about `bytes`, lowest class first, however much room the cap leaves. */
    makeRoom(change: Change, bytes: number) {
      staged.clear()
      const sizes = store.sizes()
      let looks = SCANNED_ROWS_MAX
      for (const category of dropOrder) {
        if (bytes <= 0 || looks <= 0) break
        if (sizes[category].entries === 0) continue
        const dropped = dropOldest(change, category, bytes, 'disk-full', looks)
        bytes -= dropped.freed
        looks = dropped.looks
      }
    },
    /** Call after the commit of a change that dropped. */
    dropped() {
      for (const [code, key] of staged) oldest.set(code, key)
      staged.clear()
    },
    /** Entries were put below what is there: the search for the oldest begins anew. */
    forgetOldest() {
      database.exec('DELETE FROM oldest')
      oldest.clear()
    },
    get isOverBytes(): boolean {
      return Object.values(store.sizes()).reduce((sum, { bytes }) => sum + bytes, 0) > caps.bytes
    },
    /** Whether a turn of housekeeping has anything to write. */
    get isDue(): boolean {
      if (this.isOverBytes || aged() - markedAt >= MARK_EVERY_MS || store.unsaved.length > 0) return true
      return store.untold.size > 0 || sql.markBefore.get(aged() - caps.ageMs) !== undefined
    },
    markHeads(change: Change) {
      if (aged() - markedAt < MARK_EVERY_MS) return
      const head = (lane: TelemetryLane) => headKey(lane, change.feed(currentFeed[lane]).head)
      sql.putMark.run(aged(), clock.wall(), head('alerts'), head('telemetry'))
      markedAt = aged()
    },
    /** Deletes at most `rows` entries over the age cap; true: there are more. */
    enforceAge(change: Change, rows: number): boolean {
      const mark = sql.markBefore.get(aged() - caps.ageMs)
      if (!mark) return false
      const below = keyOf(currentFeed.alerts + 1, 0)
      const old = [...sql.upTo.all(0, mark.alerts_key, rows), ...sql.upTo.all(below, mark.telemetry_key, rows)]
      remove(change, old, 'age-cap')
      if (old.length > 0) return true
      sql.dropMarks.run(mark.aged_ms)
      return false
    },
    /** Appends what was lost as an entry of its own, when that is due. */
    reportLosses(change: Change, isForced = false) {
      const waiting = sql.report.get()
      const isReportWaiting = waiting !== undefined && sql.hasEntry.get(waiting.key) !== undefined
      const sinceReportMs = reportedAt === null ? Infinity : clock.mono() - reportedAt
      const facts = { hasPending: store.untold.size > 0, isReportWaiting, sinceReportMs }
      if (!facts.hasPending || (!isForced && !rules.isReportDue(facts, REPORT_EVERY_MS))) return
      const report: LossReport = { kind: 'telemetry.lost', losses: [...store.untold.values()] }
      const body = JSON.stringify(report)
      const size = sizeOf(Buffer.byteLength(body))
      const key = change.append([{ category: codeOf('events'), at: clock.wall(), size, body, flags: FLAG_LOSS_REPORT }])
      database.exec('DELETE FROM report')
      sql.putReport.run(key)
      change.told()
      reportedAt = clock.mono()
    },
  }
}

/** One lost entry; ranges and feed are the caller's. */
export function lossOf(
  category: TelemetryCategory,
  reason: LossReason,
  bytes: number,
  at: number,
  lostAt: number,
): Loss {
  return {
    category,
    reason,
    count: 1,
    bytes,
    firstAt: at,
    lastAt: at,
    lostAt,
    feedId: null,
    ranges: [],
    rangesAreExact: true,
    countIsExact: true,
  }
}

function lossesIn(body: string | undefined): readonly Loss[] {
  if (body === undefined) return []
  try {
    return (JSON.parse(body) as LossReport).losses
  } catch {
    return []
  }
}
