import { JOURNAL_SNAPSHOTS_KEPT, JOURNAL_SNAPSHOT_EVERY } from '../../shared/model/defaults'
import type { DocumentKind } from '../../shared/model/documents'
import type { FeedCursor, JournalEntry, RequestResult } from '../../shared/wire/requests'
import type { FeedRules } from '../core/replication/feed'
import type { Logger } from '../platform/ports'
import type { StoredDocument } from './journal'
import type { Log } from './log'

/** One answer stays below the link's 64 KiB pieces, envelope included. A document larger than this travels alone. */
export const ANSWER_BYTES_MAX = 48 * 1024

/** The documents as they were at `seq`, held for readers who fetch them piece by piece. Documents are never changed in place, so this is a list of references. */
interface Pinned {
  readonly seq: number
  readonly runId: string
  readonly documents: readonly StoredDocument[]
  readonly sizes: readonly number[]
}

export interface FeedSource {
  readonly head: () => number
  readonly feedId: () => string
  readonly documents: () => readonly StoredDocument[]
  /** Persists a new feed id and returns it. */
  readonly renewFeedId: () => string
}

type ReadParams = {
  cursor: FeedCursor | null
  snapshotAt: number | null
  offset: number
  kinds?: readonly DocumentKind[]
}

/** Stands in the place of an entry whose kind the reader does not know, so that its numbers have no hole: the deletion of nothing. */
const withheld = { kind: 'module', id: 'withheld', op: 'delete', body: null } as const

/** Serves `documents.read`: events after the cursor, or pieces of one consistent snapshot. */
export function openFeed(log: Log, source: FeedSource, rules: FeedRules, logger: Logger) {
  const pins = new Map<number, Pinned>()
  let hasRenewed = false

  function read({ cursor, snapshotAt, offset, kinds }: ReadParams): RequestResult<'documents.read'> {
    const isKnown = ({ kind }: { kind: DocumentKind }) => kinds === undefined || kinds.includes(kind)
    const pinned = snapshotAt === null ? undefined : pins.get(snapshotAt)
    // Gone (this process is new, or the reader was too slow): the reader sees a piece at offset 0 and starts again.
    if (pinned && offset < pinned.documents.length) return piece(pinned, offset, isKnown)
    const opening = rules.decideOpen(cursor, {
      feedId: source.feedId(),
      head: source.head(),
      oldest: log.oldest(),
      runIdAt: (seq) => log.runIdAt(seq),
    })
    if (opening.kind === 'events') return events(opening.after, isKnown)
    if (opening.kind === 'fork') renew(opening.because)
    return piece(pin(snapshotAt ?? 0), 0, isKnown)
  }

  function events(after: number, isKnown: (entry: JournalEntry) => boolean): RequestResult<'documents.read'> {
    const entries: JournalEntry[] = []
    let bytes = 0
    for (const written of log.after(after)) {
      const entry = isKnown(written) ? written : { ...written, ...withheld }
      bytes += Buffer.byteLength(JSON.stringify(entry))
      if (entries.length > 0 && bytes > ANSWER_BYTES_MAX) break
      entries.push(entry)
    }
    const head = source.head()
    return { mode: 'events', feedId: source.feedId(), entries, head, more: (entries.at(-1)?.seq ?? after) < head }
  }

  /**
   * Some reader knows events that this file never had: the file was put back from an older copy, so every reader of the feed has to compare.
   * Once per process is enough (a running process is not put back), and more would let one confused edge make all the others start again and again.
   */
  function renew(because: string) {
    if (hasRenewed) return
    hasRenewed = true
    pins.clear()
    const feedId = source.renewFeedId()
    logger.log('warn', 'the journal was put back from an older copy: every edge fetches its documents again', {
      because,
      feedId,
    })
  }

  /**
   * The newest snapshot in use, as long as the events after it are kept; readers who come at once share it. Never older than `atLeast`, which a
   * reader names that has been further already: its documents must not go back while it starts again.
   */
  function pin(atLeast: number): Pinned {
    const head = source.head()
    const oldest = log.oldest()
    for (const seq of pins.keys()) if (seq !== head && seq < oldest) pins.delete(seq)
    const newest = [...pins.values()].at(-1)
    if (newest && newest.seq >= Math.min(atLeast, head) && head - newest.seq < JOURNAL_SNAPSHOT_EVERY) return newest
    const documents = source.documents()
    const sizes = documents.map((document) => Buffer.byteLength(JSON.stringify(document)) + 1)
    const fresh: Pinned = { seq: head, runId: log.runIdAt(head) ?? '', documents, sizes }
    pins.set(head, fresh)
    const [first] = pins.keys()
    if (pins.size > JOURNAL_SNAPSHOTS_KEPT && first !== undefined) pins.delete(first)
    return fresh
  }

  function piece(
    { seq, runId, documents, sizes }: Pinned,
    offset: number,
    isKnown: (document: StoredDocument) => boolean,
  ): RequestResult<'documents.read'> {
    const count = rules.pieceLength(sizes, offset, ANSWER_BYTES_MAX)
    // Documents lie in the order of their kinds, and an older reader knows a beginning of these.
    const unknown = documents.findIndex((document) => !isKnown(document))
    const total = unknown === -1 ? documents.length : unknown
    const part = documents
      .slice(offset, Math.min(total, offset + count))
      .map(({ kind, id, revision, body }) => ({ kind, id, revision, body: body as JournalEntry['body'] }))
    return { mode: 'snapshot', feedId: source.feedId(), seq, runId, offset, total, documents: part }
  }

  return { read }
}
