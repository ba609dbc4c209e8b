import type { TelemetryLane } from '../../shared/model/telemetry'
import { after, wallMs, type MonoMs, type WallMs } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import { guarded, openDatabase, type Database, type Migration } from '../platform/sqlite'
import { entriesIn } from './chunks'
import type { ArrivedBatch, PackedEntries } from './telemetry'

/** Batches that come within this time are written in one transaction: the disk is waited for once. Nobody waits for the answer to a short batch. */
const TOGETHER_MS = 100
const TOGETHER_MAX = 64
/** A batch goes into the file of its edge after this time at the latest, or when so many wait: opening that file is most of what one batch costs. */
const WAITS_MS = 10 * 60_000
const BATCHES_DUE = 32
/** Beyond it nothing more of this edge waits. Whoever moves the batches is behind, so that one that comes pays for it. */
export const BATCHES_MAX = 64
/** Of all edges together; beyond it nothing waits. */
const BYTES_MAX = 256 * 1024 * 1024

/** Rows are written once and read once. */
const CACHE_KIB = 1024

const migrations: readonly Migration[] = [
  {
    history: 'batches that were answered and wait to go into the files of their edges',
    sql: `
      CREATE TABLE waiting (key INTEGER PRIMARY KEY AUTOINCREMENT, edge_id TEXT NOT NULL, feed_id TEXT NOT NULL, lane TEXT NOT NULL, first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL, historical INTEGER NOT NULL, sent_at INTEGER NOT NULL, received_at INTEGER NOT NULL, writers TEXT NOT NULL, body BLOB NOT NULL) STRICT;
      CREATE INDEX waiting_of_edge ON waiting (edge_id, key);`,
  },
  {
    history: 'what was known of edges without their files when the process ended in order',
    sql: 'CREATE TABLE tip (edge_id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;',
  },
]

interface Row {
  readonly feed_id: string
  readonly lane: TelemetryLane
  readonly first_seq: number
  readonly last_seq: number
  readonly historical: number
  readonly sent_at: number
  readonly received_at: number
  readonly writers: string
  readonly body: Buffer
}

/** What waits of one edge. */
interface Waiting {
  batches: number
  bytes: number
  readonly since: MonoMs
}

interface Coming {
  readonly edgeId: string
  readonly batch: ArrivedBatch
  readonly packed: PackedEntries
  readonly now: WallMs
  settle(error: Error | null): void
}

/** A batch out of the inbox; null: the disk has changed it, and what it held is lost. */
export interface WaitingBatch {
  readonly batch: ArrivedBatch | null
  readonly firstSeq: number
  readonly lastSeq: number
  readonly receivedAt: WallMs
}

/**
 * Batches of many edges in one file, on disk (`synchronous=FULL`) when they are answered. Each goes into the file of its edge later, with others of that edge:
 * a master of thousands would else open and close a file for each batch. Only what follows on from what is in that file already may come here.
 */
export class Inbox implements AsyncDisposable {
  readonly #file: string
  readonly #clock: Pick<Clock, 'mono' | 'at'>
  readonly #database: Database
  readonly #sql
  readonly #waiting = new Map<string, Waiting>()
  #bytes = 0
  #coming: Coming[] = []
  #timer: Disposable | null = null

  /** Throws `HoldfastError('storage')` when the file cannot be opened. */
  constructor(file: string, clock: Pick<Clock, 'mono' | 'at'>) {
    this.#file = file
    this.#clock = clock
    this.#database = openDatabase(file, migrations)
    this.#database.pragma(`cache_size = -${CACHE_KIB}`)
    this.#sql = {
      add: this.#database.prepare<[string, string, string, number, number, number, number, number, string, Buffer]>(
        `INSERT INTO waiting (edge_id, feed_id, lane, first_seq, last_seq, historical, sent_at, received_at, writers, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      of: this.#database.prepare<[string], Row>('SELECT * FROM waiting WHERE edge_id = ? ORDER BY key'),
      drop: this.#database.prepare<[string]>('DELETE FROM waiting WHERE edge_id = ?'),
      all: this.#database.prepare<[], { edge_id: string; batches: number; bytes: number }>(
        'SELECT edge_id, count(*) AS batches, sum(length(body)) AS bytes FROM waiting GROUP BY edge_id',
      ),
    }
    for (const { edge_id, batches, bytes } of guarded(file, () => this.#sql.all.all()))
      this.#note(edge_id, batches, bytes)
  }

  has(edgeId: string): boolean {
    return this.#waiting.has(edgeId)
  }

  hasRoom(edgeId: string): boolean {
    return this.#bytes < BYTES_MAX && (this.#waiting.get(edgeId)?.batches ?? 0) < BATCHES_MAX
  }

  /** Whether a batch of this edge is on its way to the disk: what comes after it has to know what became of it. */
  isComing(edgeId: string): boolean {
    return this.#coming.some((one) => one.edgeId === edgeId)
  }

  /** Resolves when it is on disk. Rejects with `HoldfastError('storage')`. `written`: called then, before anything else happens. */
  add(edgeId: string, batch: ArrivedBatch, packed: PackedEntries, now: WallMs, written: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null): void => {
        if (error !== null) return reject(error)
        written()
        resolve()
      }
      this.#coming.push({ edgeId, batch, packed, now, settle })
      if (this.#coming.length >= TOGETHER_MAX) return this.commit()
      this.#timer ??= this.#clock.at(after(this.#clock.mono(), TOGETHER_MS), () => this.commit())
    })
  }

  /** Writes what has come, now. Whoever waits for it is told; nothing is thrown. */
  commit(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    const coming = this.#coming
    this.#coming = []
    if (coming.length === 0) return
    let failure: Error | null = null
    try {
      guarded(this.#file, () => this.#database.transaction(() => coming.forEach((one) => this.#write(one))).immediate())
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
    }
    for (const { edgeId, packed, settle } of coming) {
      if (failure === null) this.#note(edgeId, 1, packed.zipped.length)
      settle(failure)
    }
  }

  #write({ edgeId, batch, packed, now }: Coming): void {
    const { feedId, lane, firstSeq, lastSeq, historical, sentAt } = batch
    this.#sql.add.run(
      ...([edgeId, feedId, lane, firstSeq, lastSeq, historical ? 1 : 0, Math.trunc(sentAt), now] as const),
      ...([JSON.stringify(packed.writers), packed.zipped] as const),
    )
  }

  #note(edgeId: string, batches: number, bytes: number): void {
    this.#bytes += bytes
    const known = this.#waiting.get(edgeId)
    if (known === undefined) return void this.#waiting.set(edgeId, { batches, bytes, since: this.#clock.mono() })
    known.batches += batches
    known.bytes += bytes
  }

  /** In the order in which they came. */
  of(edgeId: string): WaitingBatch[] {
    return guarded(this.#file, () => this.#sql.of.all(edgeId)).map(batchOf)
  }

  /**
   * They are in the file of their edge. `isForGood` waits for the disk; without it loss of power may bring them back, and that file knows them.
   */
  drop(edgeId: string, isForGood = false): void {
    guarded(this.#file, () => {
      if (!isForGood) this.#database.pragma('synchronous = NORMAL')
      try {
        this.#sql.drop.run(edgeId)
      } finally {
        if (!isForGood) this.#database.pragma('synchronous = FULL')
      }
    })
    this.#bytes -= this.#waiting.get(edgeId)?.bytes ?? 0
    this.#waiting.delete(edgeId)
  }

  /** Edges of which something waits. */
  edges(): string[] {
    return [...this.#waiting.keys()]
  }

  /** Edges whose batches have waited long enough. */
  due(): string[] {
    const now = this.#clock.mono()
    return [...this.#waiting].flatMap(([edgeId, { batches, since }]) =>
      batches >= BATCHES_DUE || now >= after(since, WAITS_MS) ? [edgeId] : [],
    )
  }

  /** For `takeTips` of the next process; `body` is text of whoever asks. */
  keepTips(tips: Iterable<readonly [edgeId: string, body: string]>): void {
    const keep = this.#database.prepare<[string, string]>('INSERT OR REPLACE INTO tip (edge_id, body) VALUES (?, ?)')
    guarded(this.#file, () =>
      this.#database
        .transaction(() => {
          for (const tip of tips) keep.run(...tip)
        })
        .immediate(),
    )
  }

  /** They are gone with this, on disk: a process that does not end in order leaves none, for its files go on and the tips would not. */
  takeTips(): { readonly edge_id: string; readonly body: string }[] {
    const all = this.#database.prepare<[], { edge_id: string; body: string }>('DELETE FROM tip RETURNING edge_id, body')
    return guarded(this.#file, () => all.all())
  }

  /** What waits stays where it is: it goes on with the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.commit()
    if (this.#database.open) guarded(this.#file, () => this.#database.close())
  }
}

function batchOf(row: Row): WaitingBatch {
  const { feed_id: feedId, lane, first_seq: firstSeq, last_seq: lastSeq, historical, sent_at: sentAt, body } = row
  const range = { firstSeq, lastSeq, receivedAt: wallMs(row.received_at) }
  const entries = entriesIn(row)
  if (entries === null) return { ...range, batch: null }
  const packed: PackedEntries = { writers: JSON.parse(row.writers) as PackedEntries['writers'], zipped: body }
  const batch = { feedId, lane, firstSeq, lastSeq, gaps: [], historical: historical !== 0, sentAt, entries, packed }
  return { ...range, batch }
}
