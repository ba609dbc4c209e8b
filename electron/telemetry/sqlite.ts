import { existsSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { documentId } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import { wallMs, type WallMs } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import { guarded, isDamage, openDatabase, setAside } from '../platform/sqlite'
import { Chunks } from './chunks'
import { Indexing } from './indexing'
import { migrations } from './migrations'
import { openReading } from './reading'
import { Receiving } from './receiving'
import { Retaining } from './retaining'
import { Inbox } from './inbox'
import type {
  ArrivedBatch,
  Received,
  TelemetryExtent,
  TelemetryStatus,
  TelemetryStore,
  TelemetryStores,
} from './telemetry'
import { followsOn, type Tip } from './tip'

/** Batches whose clocks are compared. The one that travelled the least time says most. */
const SKEW_OF_BATCHES = 20
const SKEW_FRESH_MS = 15 * 60_000
/** No batch is on its way for so long: a greater difference from the newest one is that a calendar has been set meanwhile. */
const SKEW_STEP_MS = 60_000
/** Pages of the log before it is copied into the file: 16 MiB. */
const CHECKPOINT_PAGES = 4_000
/** Pages of each file in memory: entries are written once and mostly at the end, so little is gained by more. With many files open each has less. */
const CACHE_KIB = 2 * 1024
const CACHE_KIB_OF_MANY = 256
const MANY_OPEN = 16
/**
 * Files open at once, of about a MiB of memory each; more than edges may drain at once. Beyond it the one not used for longest is closed, and batches of those that are closed wait in the inbox: opening
 * one takes some milliseconds.
 */
export const OPEN_MAX = 32

/** Throws `HoldfastError('storage')` when the file cannot be opened. `damaged`: some of what is kept can no longer be read; the rest can. */
export function openTelemetry(
  file: string,
  damaged: (what: string) => void = () => {},
  cacheKib = CACHE_KIB,
): TelemetryStore {
  const database = openDatabase(file, migrations)
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  database.pragma(`cache_size = -${cacheKib}`)
  const on = <T>(work: () => T): T => guarded(file, work)
  /** Made when it is first asked for: with many edges files are opened for one batch, and statements are most of what opening takes. */
  const later = <T>(make: () => T): (() => T) => {
    let made: T | undefined
    return () => (made ??= make())
  }
  const chunks = on(
    () =>
      new Chunks(database, ({ batch, firstSeq, lastSeq }) => damaged(`${firstSeq} to ${lastSeq} of arrival ${batch}`)),
  )
  const receiving = on(() => new Receiving(database, chunks))
  let madeIndexing: Indexing | null = null
  const indexing = () => (madeIndexing ??= new Indexing(database, chunks))
  const retaining = later(() => new Retaining(database))
  const reading = later(() => openReading(database, chunks))
  const sql = later(() => ({
    tallies: database.prepare<[], { name: string; value: number }>('SELECT name, value FROM tally'),
    clocks: database.prepare<[number], { received_at: number; sent_at: number }>(
      'SELECT received_at, sent_at FROM batch ORDER BY key DESC LIMIT ?',
    ),
    // Kept over deletions: a position beyond all that is left must not seem to be ahead.
    newest: database.prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'batch'`).pluck(),
    gaps: database.prepare<[], { reason: string; count: number }>(
      'SELECT reason, sum(high - low + 1) AS count FROM gap GROUP BY reason',
    ),
  }))

  function status(): TelemetryStatus {
    const tallies = new Map(
      sql()
        .tallies.all()
        .map(({ name, value }) => [name, value]),
    )
    const clocks = sql().clocks.all(SKEW_OF_BATCHES)
    const newest = clocks[0]?.received_at
    const skews = clocks
      .filter(({ received_at }) => received_at > newest! - SKEW_FRESH_MS)
      .map(({ sent_at, received_at }) => sent_at - received_at)
      .filter((skew, _, [last]) => Math.abs(skew - last!) < SKEW_STEP_MS)
    return {
      entries: tallies.get('entries') ?? 0,
      rejected: tallies.get('rejected') ?? 0,
      fromFuture: tallies.get('future') ?? 0,
      bytes: retaining().bytes,
      lastReceivedAt: newest === undefined ? null : wallMs(newest),
      // What was longest on its way makes the edge's clock seem behind; the greatest difference is the truest.
      skewMs: skews.length === 0 ? null : Math.max(...skews),
      notIndexed: indexing().left,
      gaps: Object.fromEntries(
        sql()
          .gaps.all()
          .map(({ reason, count }) => [reason, count]),
      ),
    }
  }

  function extent(): TelemetryExtent {
    const tallies = new Map(
      sql()
        .tallies.all()
        .map(({ name, value }) => [name, value]),
    )
    const deleted = tallies.get('deleted') ?? 0
    return { newest: sql().newest.get() ?? 0, stored: (tallies.get('entries') ?? 0) + deleted, deleted }
  }

  return {
    receive: (batch, now) =>
      on(() => {
        const received = receiving.receive(batch, now)
        if (batch.lane === 'alerts' && received.stored > 0) indexing().alertsCame()
        if (received.arrival !== null) madeIndexing?.arrived(batch.lastSeq - batch.firstSeq + 1)
        return received
      }),
    receiveAll: (waiting) =>
      on(() => {
        const numbers = receiving.receiveAll(waiting)
        madeIndexing?.arrived(numbers)
      }),
    position: (feedId) => receiving.position(feedId),
    index: (maxEntries, tail) =>
      on(() => {
        try {
          return indexing().run(maxEntries, tail)
        } catch (error) {
          indexing().forget()
          throw error
        }
      }),
    retain: (retention, now, maxEntries) =>
      on(() => {
        try {
          return retaining().run(retention, now, maxEntries)
        } finally {
          madeIndexing?.recount()
        }
      }),
    arrivals: (after, limit) => on(() => reading().arrivals(after, limit)),
    entries: (options) => on(() => reading().entries(options)),
    series: (options) => on(() => reading().series(options)),
    points: (series, span) => on(() => reading().points(series, span)),
    rollUps: (series, width, span) => on(() => reading().rollUps(series, width, span)),
    logs: (options) => on(() => reading().logs(options)),
    traces: (options) => on(() => reading().traces(options)),
    spans: (traceId, limit) => on(() => reading().spans(traceId, limit)),
    alerts: (options) => on(() => reading().alerts(options)),
    losses: (options) => on(() => reading().losses(options)),
    status: () => on(status),
    extent: () => on(extent),
    tip: () => on(() => ({ extent: extent(), ends: receiving.ends() })),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}

/** Ids differ in case, file systems may not: `Berlin` is `edge-^berlin.db`. The prefix keeps clear of names that some systems reserve. */
const nameOf = (edgeId: string) => `edge-${edgeId.replace(/[A-Z]/g, (letter) => `^${letter.toLowerCase()}`)}.db`
const edgeOf = (name: string) =>
  /^edge-(.+)\.db$/.exec(name)?.[1]?.replace(/\^([a-z])/g, (_, letter: string) => letter.toUpperCase()) ?? null

export interface DamageOptions {
  readonly clock: Pick<Clock, 'wall'>
  /** What the disk has changed. `aside`: the new name of the file, and a new one is in use; null: only this much cannot be read. */
  told(edgeId: string, what: string, aside: string | null): void
}
export interface TelemetryStoresOptions {
  /** Absent: the error of a damaged file is thrown. */
  readonly damage?: DamageOptions
  readonly openMax?: number
  /** With it batches of edges whose files are closed wait in a file of their own; absent: each goes into the file of its edge at once. */
  readonly clock?: Pick<Clock, 'mono' | 'at'>
}
const AGAIN_MS = 1_000
const damagedAnew = () =>
  new HoldfastError('busy', 'The telemetry of this edge was damaged; it begins anew', { retryAfterMs: AGAIN_MS })
const INBOX = 'inbox.db'
/** For what is no edge's own. */
const ALL_EDGES = '(all)'

/**
 * A file per edge in `folder`, which exists. A damaged one is set aside and a new one used: what its edge still holds comes again, and the edge tells what it
 * no longer has.
 */
export function openTelemetryStores(
  folder: string,
  { damage, openMax = OPEN_MAX, clock }: TelemetryStoresOptions = {},
): TelemetryStores {
  const open = new Map<string, TelemetryStore>()
  /** Of files that were closed to make room, with what waits. */
  const closed = new Map<string, Tip>()
  const inboxFile = path.join(folder, INBOX)
  /** Made when it is first needed: a master of few edges has none. */
  let madeInbox: Inbox | null = null
  let moved: (edgeId: string, store: TelemetryStore) => void = () => {}

  function inboxWith(timers: Pick<Clock, 'mono' | 'at'>): Inbox {
    if (madeInbox !== null) return madeInbox
    try {
      madeInbox = new Inbox(inboxFile, timers)
    } catch (error) {
      if (damage === undefined || !isDamage(error)) throw error
      damage.told(ALL_EDGES, String(error), setAside(inboxFile, damage.clock.wall()))
      madeInbox = new Inbox(inboxFile, timers)
    }
    return madeInbox
  }
  /** Runs `work` on the inbox. A damaged one is set aside: what waited in it is lost, and the edges tell so, because the answers they get say less than before. */
  function onInbox<T>(inbox: Inbox, work: () => T, lost: T): T {
    try {
      return work()
    } catch (error) {
      if (damage === undefined || !isDamage(error)) throw error
      loseInbox(inbox, error, damage)
      return lost
    }
  }
  function loseInbox(inbox: Inbox, error: unknown, { told, clock: calendar }: DamageOptions): void {
    if (madeInbox !== inbox) return
    madeInbox = null
    closed.clear()
    void inbox[Symbol.asyncDispose]().catch(() => {})
    told(ALL_EDGES, String(error), setAside(inboxFile, calendar.wall()))
  }
  // What an earlier process answered and did not move.
  if (clock !== undefined && existsSync(inboxFile)) inboxWith(clock)

  const fileOf = (edgeId: string) => {
    // Ids are checked where they are made; a name that is a path must not reach the disk all the same.
    if (!documentId.safeParse(edgeId).success) throw new HoldfastError('invalid', 'Not the id of an edge')
    return path.join(folder, nameOf(edgeId))
  }
  function opened(edgeId: string): TelemetryStore {
    const file = fileOf(edgeId)
    const told = (what: string) => damage?.told(edgeId, what, null)
    const openedNow = (): TelemetryStore => {
      const store = openTelemetry(file, told, open.size < MANY_OPEN ? CACHE_KIB : CACHE_KIB_OF_MANY)
      try {
        moveInto(edgeId, store)
        return guardedStore(edgeId, store)
      } catch (error) {
        void Promise.resolve(store[Symbol.asyncDispose]()).catch(() => {})
        throw error
      }
    }
    try {
      return openedNow()
    } catch (error) {
      if (damage === undefined || !isDamage(error)) throw error
      damage.told(edgeId, String(error), setAside(file, damage.clock.wall()))
      return openedNow()
    }
  }
  /** What waits of this edge is in its file before anybody sees it. */
  function moveInto(edgeId: string, store: TelemetryStore): void {
    const inbox = madeInbox
    if (inbox?.isComing(edgeId)) inbox.commit()
    if (!inbox?.has(edgeId)) return
    const waiting = onInbox(inbox, () => inbox.of(edgeId), [])
    const readable = waiting.flatMap(({ batch, receivedAt }) => (batch === null ? [] : [{ batch, receivedAt }]))
    store.receiveAll(readable)
    onInbox(inbox, () => inbox.drop(edgeId), undefined)
    // Its numbers are missing from now on: the edge, which was told that they are here, tells what became of them.
    for (const { batch, firstSeq, lastSeq } of waiting)
      if (batch === null) damage?.told(edgeId, `${firstSeq} to ${lastSeq}, which had not reached its file`, null)
    moved(edgeId, store)
  }
  /** Damage that shows while it is written to. */
  function guardedStore(edgeId: string, store: TelemetryStore): TelemetryStore {
    return {
      ...store,
      receive(batch, now) {
        try {
          return store.receive(batch, now)
        } catch (error) {
          if (damage === undefined || !isDamage(error)) throw error
          open.delete(edgeId)
          void Promise.resolve(store[Symbol.asyncDispose]()).catch(() => {})
          damage.told(edgeId, String(error), setAside(fileOf(edgeId), damage.clock.wall()))
          throw damagedAnew()
        }
      },
    }
  }
  function close(edgeId: string, store: TelemetryStore) {
    open.delete(edgeId)
    try {
      closed.set(edgeId, store.tip())
    } catch {
      // Whoever asks for it opens the file, and hears what is wrong with it.
    }
    void store[Symbol.asyncDispose]()
  }
  function of(edgeId: string): TelemetryStore {
    const store = open.get(edgeId) ?? opened(edgeId)
    closed.delete(edgeId)
    // Behind all others: the first of the map is the one not used for longest.
    open.delete(edgeId)
    open.set(edgeId, store)
    const [oldest] = open
    if (open.size > openMax && oldest !== undefined) close(...oldest)
    return store
  }
  /** Null: the file of the edge has to be asked, or it is open. */
  async function intoInbox(
    timers: Pick<Clock, 'mono' | 'at'>,
    edgeId: string,
    batch: ArrivedBatch,
    now: WallMs,
  ): Promise<Received | null> {
    const inbox = inboxWith(timers)
    if (inbox.isComing(edgeId)) inbox.commit()
    const tip = closed.get(edgeId)
    const next = tip === undefined || !inbox.hasRoom(edgeId) ? null : followsOn(tip, batch)
    if (next === null) return null
    try {
      await inbox.add(edgeId, batch, next.packed, now, () => closed.set(edgeId, next.tip))
    } catch (error) {
      if (damage === undefined || !isDamage(error)) throw error
      loseInbox(inbox, error, damage)
      throw damagedAnew()
    }
    const through = { throughSeq: batch.lastSeq, ranges: [], rejected: [] }
    return { ...through, stored: batch.entries.length, arrival: next.tip.extent.newest }
  }
  return {
    of,
    async receive(edgeId, batch, now) {
      const isOpen = open.has(edgeId) || open.size < openMax
      const waiting = clock === undefined || isOpen ? null : await intoInbox(clock, edgeId, batch, now)
      return waiting === null
        ? { ...of(edgeId).receive(batch, now), isWaiting: false }
        : { ...waiting, isWaiting: true }
    },
    due: () => madeInbox?.due() ?? [],
    onMoved: (listener) => void (moved = listener),
    extent: (edgeId) => open.get(edgeId)?.extent() ?? closed.get(edgeId)?.extent ?? of(edgeId).extent(),
    edges: () => readdirSync(folder).flatMap((name) => edgeOf(name) ?? []),
    async remove(edgeId) {
      const file = fileOf(edgeId)
      await open.get(edgeId)?.[Symbol.asyncDispose]()
      open.delete(edgeId)
      closed.delete(edgeId)
      const inbox = madeInbox
      inbox?.commit()
      if (inbox?.has(edgeId)) onInbox(inbox, () => inbox.drop(edgeId, true), undefined)
      for (const each of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(each)) rmSync(each)
    },
    async [Symbol.asyncDispose]() {
      for (const store of open.values()) await store[Symbol.asyncDispose]()
      open.clear()
      await madeInbox?.[Symbol.asyncDispose]()
    },
  }
}
