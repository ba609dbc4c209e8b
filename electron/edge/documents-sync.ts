import { HoldfastError } from '../../shared/model/failures'
import { Rounds } from '../core/rounds'
import type { DocumentsReplica } from '../journal/journal'
import type { LinkSession } from '../link/link'
import type { Logger } from '../platform/ports'

/** Pieces of one catch-up; a master that never says "caught up" is not read from for ever. */
const READS_MAX = 100_000

/** Reads the documents feed from the master until the copy is at its head. One catch-up at a time, always over the newest session. */
export class DocumentsSync {
  readonly #replica: DocumentsReplica
  readonly #logger: Logger
  readonly #rounds = new Rounds(() => this.#readAll())
  #session: LinkSession | null = null

  constructor(replica: DocumentsReplica, logger: Logger) {
    this.#replica = replica
    this.#logger = logger
  }

  /** Resolves when caught up; rejects when the session ended or the answer could not be applied (the copy is then as it was). */
  catchUp(session: LinkSession): Promise<void> {
    this.#session = session
    return this.#rounds.run()
  }

  async #readAll(): Promise<void> {
    const session = this.#session
    if (!session) return
    let next: { cursor: DocumentsReplica['cursor']; snapshotAt: number | null; offset: number } | null = {
      cursor: this.#replica.cursor,
      snapshotAt: null,
      offset: 0,
    }
    for (let reads = 0; next !== null; reads++) {
      if (reads >= READS_MAX) throw new HoldfastError('invalid', 'The documents feed of the master does not end.')
      const answer = await session.request('documents.read', next)
      next = this.#replica.apply(answer)
      if (answer.mode === 'snapshot' && answer.offset === 0) {
        this.#logger.log('info', 'Reading a snapshot of the documents', { seq: answer.seq, documents: answer.total })
      }
    }
  }
}
