import type { DocumentChange, DocumentWrite } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { CheckOutcome } from '../core/documents/check'
import type { CurrentDocuments } from '../core/documents/current'
import type { FeedRules } from '../core/replication/feed'
import type { Clock, Logger, Random } from '../platform/ports'
import { damaged, guarded, openDatabase, refuseDamage } from '../platform/sqlite'
import { documentTable, openDocumentTable, understood } from './document-table'
import { openFeed } from './feed'
import type { ChangeOutcome, Journal } from './journal'
import { journalMigrations, logLimits, openLog } from './log'
import type { LogLimits, RawDocument } from './log'
import { ReadModel } from './read-model'
import type { ModelChange } from './read-model'

export interface JournalOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The controller that writes. */
  readonly sourceId: string
  /** The election term the writer holds; 0 without a cluster. */
  readonly term?: () => number
  /** Judges a change: `checkDocuments` with the drivers and zones it needs. */
  readonly check: (changes: readonly DocumentChange[], current: CurrentDocuments) => CheckOutcome
  readonly feed: FeedRules
  readonly limits?: LogLimits
}

/**
 * Opens the journal. Every change is on disk when `change` returns. Throws `HoldfastError('storage')` when the file cannot be opened, read or
 * written, or when an entry or snapshot was changed behind its back; the table of documents alone is made again from the log.
 */
export function openJournal(file: string, options: JournalOptions): Journal {
  const { clock, random, logger, sourceId, check } = options
  const database = openDatabase(file, journalMigrations)
  try {
    return guarded(file, () => {
      refuseDamage(file, database)
      database.exec(documentTable)
      return journalOver()
    })
  } catch (error) {
    database.close()
    throw error
  }

  function journalOver(): Journal {
    const log = openLog(file, database, options.limits ?? logLimits)
    const table = openDocumentTable(file, database)
    const model = new ReadModel(logger)
    const runId = random.id()
    const replayed = log.replay()
    let head = replayed.head
    for (const document of replayed.documents.values()) {
      const stored = understood(document)
      if (!stored) throw damaged(file, `the ${document.kind} ${document.id} cannot be read`)
      model.set({ kind: document.kind, id: document.id, stored })
    }
    if (!isDerived(replayed.documents)) rebuildTable(replayed.documents)
    let feedId = database.prepare<[], { id: string }>('SELECT id FROM feed').get()?.id ?? renewFeedId()
    const feed = openFeed(
      log,
      {
        head: () => head,
        feedId: () => feedId,
        documents: () => model.all(),
        renewFeedId: () => (feedId = renewFeedId()),
      },
      options.feed,
      logger,
    )

    function renewFeedId(): string {
      const id = random.id()
      database.transaction(() => {
        database.exec('DELETE FROM feed')
        database.prepare('INSERT INTO feed (id) VALUES (?)').run(id)
      })()
      return id
    }

    function isDerived(documents: ReadonlyMap<string, RawDocument>): boolean {
      try {
        const rows = table.all()
        return (
          rows.length === documents.size &&
          rows.every((row) => {
            const document = documents.get(`${row.kind} ${row.id}`)
            return document?.revision === row.revision && document.body === row.body
          })
        )
      } catch {
        // A row that does not match its seal: the log is what counts.
        return false
      }
    }
    function rebuildTable(documents: ReadonlyMap<string, RawDocument>) {
      if (head > 0)
        logger.log('warn', 'the table of documents was made again from the log', { documents: documents.size, head })
      database.transaction(() => {
        table.clear()
        for (const document of documents.values()) table.put(document)
      })()
    }

    const append = database.transaction((writes: readonly DocumentWrite[], actor: string) => {
      const at = clock.wall()
      const term = options.term?.() ?? 0
      const changes: ModelChange[] = []
      let seq = head
      for (const write of writes) {
        const { kind, id, op } = write
        const body = write.op === 'put' ? JSON.stringify(write.body) : 'null'
        log.append({ seq: ++seq, term, at, runId, sourceId, actor, kind, id, op }, body)
        if (write.op === 'put') table.put({ kind, id, revision: seq, body })
        else table.remove(kind, id)
        changes.push({ kind, id, stored: write.op === 'put' ? { kind, id, revision: seq, body: write.body } : null })
      }
      return { changes, head: seq, isSnapshot: log.snapshotWhenDue(seq, runId, () => table.all().length) }
    })

    function change(changes: readonly DocumentChange[], by: { actor: string; dryRun?: boolean }): ChangeOutcome {
      const outcome = check(changes, model)
      if (!outcome.ok) return outcome
      const { writes, differences } = outcome
      if (by.dryRun || writes.length === 0) return { ok: true, head, differences }
      const written = guarded(file, () => append.immediate(writes, by.actor.slice(0, ACTOR_LENGTH_MAX)))
      if (written.isSnapshot) log.snapshotKept(written.head)
      head = written.head
      for (const done of written.changes) model.set(done)
      model.tell(head, written.changes)
      return { ok: true, head, differences }
    }

    return {
      get: (kind, id) => model.get(kind, id),
      list: (kind) => model.list(kind),
      get head() {
        return head
      },
      get feedId() {
        return feedId
      },
      onChange: (listener) => model.onChange(listener),
      change,
      read: (params) => guarded(file, () => feed.read(params)),
      entries: ({ limit, before }) =>
        guarded(file, () => log.before(before ?? Number.MAX_SAFE_INTEGER, Math.min(limit, ENTRIES_MAX))),
      async [Symbol.asyncDispose]() {
        if (database.open) guarded(file, () => database.close())
      },
    }
  }
}

/** As the wire allows. */
const ACTOR_LENGTH_MAX = 200
/** Entries of one page of the audit. */
const ENTRIES_MAX = 1_000

/** For whoever turns an outcome into an error: what `change` refused, typed. */
export function refusalOf(outcome: Extract<ChangeOutcome, { ok: false }>): HoldfastError {
  if ('problems' in outcome) {
    const [first] = outcome.problems
    const rest = outcome.problems.length > 1 ? ` (and ${outcome.problems.length - 1} more)` : ''
    const details: unknown = JSON.parse(JSON.stringify({ problems: outcome.problems }))
    return new HoldfastError(
      'invalid',
      first ? `${first.kind} ${first.id}: ${first.message}${rest}` : 'The documents are not valid.',
      {
        ...(first ? { hint: `${first.field || 'The document'}: ${first.allowed}` } : {}),
        details: details as NonNullable<HoldfastError['details']>,
      },
    )
  }
  const { kind, id, yours, current } = outcome.conflict
  const details: unknown = JSON.parse(JSON.stringify(outcome.conflict))
  return new HoldfastError(
    'conflict',
    `The ${kind} "${id}" was changed meanwhile (revision ${yours} edited, now ${current?.revision ?? 'deleted'}).`,
    {
      hint: 'Load it again and repeat the change.',
      details: details as NonNullable<HoldfastError['details']>,
    },
  )
}
