import { failureOf } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { AlertStore, AlertWrite, KeptAlert } from '../alerts/alerts'
import type { Clock, Logger } from '../platform/ports'

const WRITE_AGAIN_MS = 5_000
/** Changes that could not be written yet. Beyond it what is new is counted and left out: the store has been refusing for long. */
const UNWRITTEN_MAX = 20_000

export type AlertTurn = 'fired' | 'resolved' | 'unknown' | 'known' | 'acknowledged' | 'unacknowledged'

export interface AlertWritingOptions {
  readonly store: Pick<AlertStore, 'write'>
  readonly clock: Clock
  readonly logger: Logger
  /** A turn in the life of an incident is on disk. */
  turned(turn: AlertTurn, id: string, write: AlertWrite): void
  /** What could not be written before is written now. */
  caughtUp(): void
}

interface Open {
  readonly id: string
  readonly isAcknowledged: boolean
  readonly isUnknown: boolean
}

/** Writes what the book says, in order, and only then lets it be told. What the disk does not take is kept and tried again. */
export class AlertWriting {
  readonly #options: AlertWritingOptions
  /** Of what is open and written, by key. */
  readonly #open = new Map<string, Open>()
  #unwritten: AlertWrite[] = []
  #leftOut = 0
  #timer: Disposable | null = null
  #ended = false

  constructor(options: AlertWritingOptions) {
    this.#options = options
  }

  /** Something waits for the disk. */
  get isBehind(): boolean {
    return this.#unwritten.length > 0
  }
  /** Null: it is not open, or not written yet. */
  idOf(key: string): string | null {
    return this.#open.get(key)?.id ?? null
  }
  keysById(): ReadonlyMap<string, string> {
    return new Map([...this.#open].map(([key, { id }]) => [id, key]))
  }

  /** What an earlier process has written. */
  takeUp(open: readonly KeptAlert[]): void {
    for (const { key, id, incident } of open) this.#open.set(key, openOf(id, incident))
  }

  write(writes: readonly AlertWrite[]): void {
    const room = Math.max(0, UNWRITTEN_MAX - this.#unwritten.length)
    this.#unwritten.push(...writes.slice(0, room))
    this.#leftOut += Math.max(0, writes.length - room)
    this.#flush()
  }

  end(): void {
    this.#ended = true
    this.#timer?.[Symbol.dispose]()
  }

  #flush(): void {
    const { store, clock, logger, caughtUp } = this.#options
    if (this.#unwritten.length === 0 || this.#ended) return
    const writes = this.#unwritten
    let ids: ReadonlyMap<string, string>
    try {
      ids = store.write(writes)
    } catch (error) {
      if (this.#timer !== null) return
      const reason = failureOf(error).message
      logger.log('error', 'Alerts could not be written', { waiting: writes.length, leftOut: this.#leftOut, reason })
      this.#timer = clock.at(after(clock.mono(), WRITE_AGAIN_MS), () => {
        this.#timer = null
        this.#flush()
        caughtUp()
      })
      return
    }
    this.#unwritten = []
    for (const write of writes) this.#tell(write, ids.get(write.key))
  }

  #tell(write: AlertWrite, raisedId: string | undefined): void {
    const { turned } = this.#options
    const { key, incident } = write
    if (write.type === 'raise' && raisedId !== undefined) this.#open.set(key, openOf(raisedId, incident))
    const known = this.#open.get(key)
    if (known === undefined) return
    if (write.type === 'raise') return turned('fired', known.id, write)
    if (write.type === 'end') {
      this.#open.delete(key)
      return turned('resolved', known.id, write)
    }
    const now = openOf(known.id, incident)
    this.#open.set(key, now)
    if (now.isAcknowledged !== known.isAcknowledged)
      turned(now.isAcknowledged ? 'acknowledged' : 'unacknowledged', known.id, write)
    if (now.isUnknown !== known.isUnknown) turned(now.isUnknown ? 'unknown' : 'known', known.id, write)
  }
}

const openOf = (id: string, { acknowledged, unknownSince }: AlertWrite['incident']): Open => ({
  ...{ id, isAcknowledged: acknowledged !== null, isUnknown: unknownSince !== null },
})
