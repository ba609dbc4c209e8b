import { gunzipSync, gzipSync, constants } from 'node:zlib'
import type { StoredEntry } from '../../shared/model/telemetry'
import { payloadOf, pieceFor, receivedOf, type ReceivedEntry } from '../../shared/wire/payload'
import type { EntryHead, EntryWriter } from '../../shared/wire/push'
import type { Database } from '../platform/sqlite'
import { feedOf, idOf, seqOf, SEQ_SPACE } from './schema'
import type { ArrivedEntry, PackedEntries } from './telemetry'

/** Entries of one feed that follow each other, with nothing of another batch between them. */
export interface Chunk {
  readonly feed: number
  readonly batch: number
  readonly firstSeq: number
  readonly lastSeq: number
  /** None where the chunk is damaged. */
  readonly entries: readonly ReceivedEntry[]
}
interface ChunkRow {
  /** That of its first entry. */
  readonly id: number
  readonly last_seq: number
  readonly batch: number
  readonly writers: string
  readonly body: Buffer
}

/**
 * Entries as they are kept: packed as they came, a fifth of their size. A row for each of them would cost more than all else that the master does with a batch;
 * what search and charts need of them is made from here later.
 */
export class Chunks {
  readonly #sql
  /** The one looked at last: readers go through a chunk in steps. */
  #last: { readonly id: number; readonly chunk: Chunk } | null = null

  readonly #damaged: (chunk: Chunk) => void

  /** `damaged`: what was kept of a chunk can no longer be read. */
  constructor(database: Database, damaged: (chunk: Chunk) => void) {
    this.#damaged = damaged
    this.#sql = {
      add: database.prepare<[number, number, number, string, Buffer]>(
        'INSERT INTO chunk (id, last_seq, batch, writers, body) VALUES (?, ?, ?, ?, ?)',
      ),
      ofBatch: database.prepare<[number], ChunkRow>('SELECT * FROM chunk WHERE batch = ? ORDER BY id'),
      upTo: database.prepare<[number, number], ChunkRow>(
        'SELECT * FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1',
      ),
      from: database.prepare<[number, number], ChunkRow>(
        'SELECT * FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1',
      ),
    }
  }

  /** All entries of a batch, as they came. */
  add(feed: number, batch: number, firstSeq: number, lastSeq: number, { writers, zipped }: PackedEntries): void {
    this.#sql.add.run(idOf(feed, firstSeq), lastSeq, batch, JSON.stringify(writers), zipped)
  }

  /** Entries that were chosen from a batch. */
  pack(feed: number, batch: number, entries: readonly ArrivedEntry[]): void {
    const first = entries[0]
    if (first === undefined) return
    this.add(feed, batch, first.seq, entries.at(-1)!.seq, packedChunk(entries.map(storedOf)))
  }

  *ofBatch(batch: number): Generator<Chunk> {
    for (const row of this.#sql.ofBatch.all(batch)) yield this.#read(row)
  }

  /** Chunks of the feed in order, from the one that holds the number or comes after it. */
  *from(feed: number, seq: number): Generator<Chunk> {
    const end = idOf(feed, SEQ_SPACE - 1)
    const at = this.#sql.upTo.get(idOf(feed, 0), idOf(feed, seq))
    if (at !== undefined && at.last_seq >= seq) yield this.#read(at)
    for (let next = idOf(feed, seq + 1); ;) {
      const row = this.#sql.from.get(next, end)
      if (row === undefined) return
      yield this.#read(row)
      next = idOf(feed, row.last_seq + 1)
    }
  }

  entryAt(feed: number, seq: number): ReceivedEntry | undefined {
    const row = this.#sql.upTo.get(idOf(feed, 0), idOf(feed, seq))
    return row === undefined || row.last_seq < seq
      ? undefined
      : this.#read(row).entries.find((each) => each.seq === seq)
  }

  /** Nobody goes on reading for now: with many files open, a chunk of each would be much. */
  release(): void {
    this.#last = null
  }

  #read(row: ChunkRow): Chunk {
    if (this.#last?.id === row.id) return this.#last.chunk
    const entries = entriesIn(row)
    const place = { feed: feedOf(row.id), batch: row.batch, firstSeq: seqOf(row.id), lastSeq: row.last_seq }
    const chunk: Chunk = { ...place, entries: entries ?? [] }
    this.#last = { id: row.id, chunk }
    if (entries === null) this.#damaged(chunk)
    return chunk
  }
}

/** As they come over the wire. */
export function packedChunk(entries: readonly StoredEntry[]): PackedEntries {
  const { text, writers } = payloadOf(entries, (bytes) => Buffer.from(bytes).toString('base64'))
  return { writers, zipped: gzipSync(text, { level: constants.Z_BEST_SPEED }) }
}

/** Null: the disk has changed what was written. The sum in the packed bytes tells. */
export function entriesIn({ writers, body }: Pick<ChunkRow, 'writers' | 'body'>): readonly ReceivedEntry[] | null {
  try {
    const [heads = '', ...bodies] = gunzipSync(body, pieceFor(body)).toString('utf8').split('\n')
    return receivedOf(JSON.parse(heads) as EntryHead[], bodies, JSON.parse(writers) as EntryWriter[])
  } catch {
    return null
  }
}

function storedOf({ text, isBytes, ...entry }: ArrivedEntry): StoredEntry {
  return { ...entry, feedId: '', body: isBytes ? Buffer.from(text, 'base64') : text }
}
