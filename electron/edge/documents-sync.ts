import type { DocumentsReplica } from '../journal/journal'
import type { LinkSession } from '../link/link'
import type { Logger } from '../platform/ports'

/** Pieces of one catch-up; a master that never says "caught up" is not read from for ever. */
const READS_MAX = 100_000

/** Reads the documents feed from the master until the copy is at its head. One catch-up at a time; more calls while it runs make one more round. */
export class DocumentsSync {
  readonly #replica: DocumentsReplica
  readonly #logger: Logger
  #running: Promise<void> | null = null
  #again = false

  constructor(replica: DocumentsReplica, logger: Logger) {
    this.#replica = replica
    this.#logger = logger
  }

  /** Resolves when caught up; rejects when the session ended or the answer could not be applied (the copy is then as it was). */
  async catchUp(session: LinkSession): Promise<void> {
    if (this.#running) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#run(session).finally(() => (this.#running = null))
    return this.#running
  }

  async #run(session: LinkSession): Promise<void> {
    do {
      this.#again = false
      await this.#readAll(session)
    } while (this.#again)
  }

  async #readAll(session: LinkSession): Promise<void> {
    let next: { cursor: DocumentsReplica['cursor']; snapshotAt: number | null; offset: number } | null = {
      cursor: this.#replica.cursor,
      snapshotAt: null,
      offset: 0,
    }
    for (let reads = 0; next !== null; reads++) {
      if (reads >= READS_MAX) throw new Error('the documents feed does not end')
      const answer = await session.request('documents.read', next)
      next = this.#replica.apply(answer)
      if (answer.mode === 'snapshot' && answer.offset === 0) {
        this.#logger.log('info', 'Reading a snapshot of the documents', { seq: answer.seq, documents: answer.total })
      }
    }
  }
}
