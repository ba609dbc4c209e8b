import { INVENTORY_EVENTS_KEPT, INVENTORY_HISTORY_MS, RESOURCE_BYTES_MAX } from '../../shared/model/inventory'
import type { Resource, ResourceKind } from '../../shared/model/inventory'
import type { WallMs } from '../../shared/model/time'
import { INVENTORY_ANSWER_ITEMS_MAX, type InventoryAnswer, type InventoryEvent } from '../../shared/wire/inventory'
import type { FeedRules } from '../core/replication/feed'
import type { ResourceChange } from '../core/replication/inventory'
import type { Clock, Logger, Random } from '../platform/ports'
import { damaged, guarded, seal, sealHolds, type Database } from '../platform/sqlite'
import { INVENTORY_ANSWER_BYTES_MAX, type InventoryAsk, type InventoryFeed } from './inventory'
import { openRebuilding } from './rebuilding'
import { inventoryMigrations } from './schema'
import { openSnapshots } from './snapshots'

export interface InventoryFeedOptions {
  readonly sourceId: string
  /** Random per process start. */
  readonly runId: string
  readonly clock: Pick<Clock, 'wall' | 'mono'>
  readonly random: Pick<Random, 'id'>
  readonly logger: Logger
  readonly rules: FeedRules
  readonly limits?: { readonly eventsKept?: number; readonly historyMs?: number }
}

/** More than this is not kept, however young: a clock that was set back must not keep everything for ever. */
const EVENTS_MAX = 1_000_000
/** Writes between two looks at what may go. */
const PRUNE_EVERY = 64

/** The edge's own inventory: one file. A damaged one is set aside; the feed that begins then has a new id. */
export function openInventory(file: string, options: InventoryFeedOptions): InventoryFeed {
  return openRebuilding(file, inventoryMigrations, options, (database) =>
    guarded(file, () => feedOver(file, database, options)),
  )
}

interface FeedRow {
  readonly feed_id: string
  readonly head: number
  readonly run_id: string
  readonly seal: unknown
}

function feedOver(file: string, database: Database, options: InventoryFeedOptions): InventoryFeed {
  const { clock, rules, logger } = options
  const eventsKept = options.limits?.eventsKept ?? INVENTORY_EVENTS_KEPT
  const historyMs = options.limits?.historyMs ?? INVENTORY_HISTORY_MS
  const sql = {
    rows: database.prepare<[], { body: string }>('SELECT body FROM row ORDER BY kind, id'),
    rowsOfKind: database.prepare<[string], { body: string }>('SELECT body FROM row WHERE kind = ? ORDER BY id'),
    count: database.prepare<[], { count: number }>('SELECT COUNT(*) AS count FROM row'),
    put: database.prepare<[string, string, string]>('INSERT OR REPLACE INTO row (kind, id, body) VALUES (?, ?, ?)'),
    remove: database.prepare<[string, string]>('DELETE FROM row WHERE kind = ? AND id = ?'),
    append: database.prepare<[number, number, string, string]>(
      'INSERT INTO event (seq, at, run_id, body) VALUES (?, ?, ?, ?)',
    ),
    after: database.prepare<[number], { body: string }>('SELECT body FROM event WHERE seq > ? ORDER BY seq'),
    newest: database.prepare<[number], { body: string }>('SELECT body FROM event ORDER BY seq DESC LIMIT ?'),
    oldest: database.prepare<[], { seq: number | null }>('SELECT MIN(seq) AS seq FROM event'),
    runId: database.prepare<[number], { run_id: string }>('SELECT run_id FROM event WHERE seq = ?'),
    firstSince: database.prepare<[number], { seq: number }>('SELECT seq FROM event WHERE at >= ? ORDER BY seq LIMIT 1'),
    prune: database.prepare<[number]>('DELETE FROM event WHERE seq < ?'),
    feed: database.prepare<[], FeedRow>('SELECT * FROM feed'),
    clearFeed: database.prepare<[]>('DELETE FROM feed'),
    saveFeed: database.prepare<[string, number, string, Buffer]>(
      'INSERT INTO feed (feed_id, head, run_id, seal) VALUES (?, ?, ?, ?)',
    ),
  }
  const confirmed: Partial<Record<ResourceKind, number>> = {}
  let hasRenewed = false
  let writes = 0

  /** `runId`: of the event at the head; '' before the first. */
  const saveFeed = (feedId: string, head: number, runId: string) => {
    sql.clearFeed.run()
    sql.saveFeed.run(feedId, head, runId, seal(feedId, head, runId))
    return { feedId, head, runId }
  }
  const readFeed = () => {
    const row = sql.feed.get()
    if (!row) return database.transaction(() => saveFeed(options.random.id(), 0, ''))()
    if (!sealHolds(row.seal, row.feed_id, row.head, row.run_id)) throw damaged(file, 'the feed does not match its seal')
    return { feedId: row.feed_id, head: row.head, runId: row.run_id }
  }
  let feed = readFeed()
  const snapshots = openSnapshots(file, clock, () => feed)

  const oldest = () => sql.oldest.get()?.seq ?? feed.head + 1

  /** Whichever is more: the newest `eventsKept`, or all of the last `historyMs`. Only from the beginning, so that what remains has no hole. */
  function prune() {
    const since = sql.firstSince.get(clock.wall() - historyMs)?.seq ?? feed.head + 1
    const first = Math.max(Math.min(since, feed.head - eventsKept + 1), feed.head - EVENTS_MAX + 1)
    sql.prune.run(first)
  }

  const commit = database.transaction((changes: readonly ResourceChange[], at: WallMs) => {
    let seq = feed.head
    for (const { type, kind, id, row } of changes) {
      seq++
      const body = row && JSON.stringify(row)
      if (body === null) sql.remove.run(kind, id)
      else sql.put.run(kind, id, body)
      const event: InventoryEvent = { seq, runId: options.runId, sourceId: options.sourceId, at, type, kind, id, row }
      sql.append.run(seq, at, options.runId, JSON.stringify(event))
    }
    return saveFeed(feed.feedId, seq, options.runId)
  })

  function write(changes: readonly ResourceChange[], at: WallMs): number {
    const taken = changes.filter((change) => isSmall(change, logger))
    if (taken.length === 0) return feed.head
    snapshots.dropIdle()
    feed = commit.immediate(taken, at)
    if (writes++ % PRUNE_EVERY === 0) prune()
    return feed.head
  }

  function events(after: number): InventoryAnswer {
    const entries: InventoryEvent[] = []
    let bytes = 0
    for (const { body } of sql.after.iterate(after)) {
      bytes += Buffer.byteLength(body) + 1
      if (entries.length > 0 && (bytes > INVENTORY_ANSWER_BYTES_MAX || entries.length === INVENTORY_ANSWER_ITEMS_MAX))
        break
      entries.push(JSON.parse(body) as InventoryEvent)
    }
    const more = (entries.at(-1)?.seq ?? after) < feed.head
    return { mode: 'events', feedId: feed.feedId, entries, head: feed.head, more, confirmed: { ...confirmed } }
  }

  function read({ cursor, snapshotAt, offset }: InventoryAsk): InventoryAnswer {
    const piece = snapshotAt === null ? null : snapshots.next(snapshotAt, offset)
    if (piece) return piece
    const opening = rules.decideOpen(cursor, {
      feedId: feed.feedId,
      head: feed.head,
      oldest: oldest(),
      runIdAt: (seq) => (seq === feed.head ? feed.runId : (sql.runId.get(seq)?.run_id ?? null)),
    })
    if (opening.kind === 'events') return events(opening.after)
    if (opening.kind === 'fork') renew(opening.because)
    return snapshots.begin()
  }

  /** The master knows events that this file never had: it was put back from an older copy. Once per process is enough: a running one is not put back. */
  function renew(because: string) {
    if (hasRenewed) return
    hasRenewed = true
    feed = database.transaction(() => saveFeed(options.random.id(), feed.head, feed.runId))()
    logger.log('warn', 'The inventory was put back from an older copy: its feed begins anew', {
      because,
      feedId: feed.feedId,
    })
  }

  const on = <T>(work: () => T) => guarded(file, work)
  return {
    get feedId() {
      return feed.feedId
    },
    get head() {
      return feed.head
    },
    rows: (kind) => on(() => (kind === undefined ? sql.rows.all() : sql.rowsOfKind.all(kind)).map(readRow)),
    count: () => on(() => sql.count.get()?.count ?? 0),
    events: ({ limit }) =>
      on(() =>
        sql.newest
          .all(limit)
          .reverse()
          .map(({ body }) => JSON.parse(body) as InventoryEvent),
      ),
    write: (changes, at) => on(() => write(changes, at)),
    confirm: (kind, at) => void (confirmed[kind] = at),
    confirmed: () => confirmed,
    read: (ask) => on(() => read(ask)),
    async [Symbol.asyncDispose]() {
      snapshots.close()
      if (database.open) on(() => database.close())
    },
  }
}

const readRow = ({ body }: { body: string }): Resource => JSON.parse(body) as Resource

/** What does not fit on the wire is not taken: the row stays as it was. */
function isSmall({ kind, id, row }: ResourceChange, logger: Logger): boolean {
  if (row === null || Buffer.byteLength(JSON.stringify(row)) <= RESOURCE_BYTES_MAX) return true
  logger.log('warn', 'A resource is too large for the inventory', { kind, id, bytesMax: RESOURCE_BYTES_MAX })
  return false
}
