import type { ActivityItem } from '../../shared/console/activity-operations'
import { failureOf } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { JournalEntry } from '../../shared/wire/requests'
import type { Clock, Logger } from '../platform/ports'
import type { ActivityEntry, ActivityFilter, ActivityPage, ActivityQuery, ActivityStore } from './activity'
import { actorNamed, auditEntry, documentEntry, type Audited, type Names } from './entries'
import { fits } from './words'

/** Repeats of a refusal are written together, this often at most. */
const REPEATS_EVERY_MS = 1_000
/** Refusals whose repeats are being counted; beyond them every one is written. */
const REPEATED_MAX = 1_000
/** Refusals of one actor that are written one by one in a minute; those beyond them are one entry. Each costs a write, and whoever is refused may ask for anything. */
export const REFUSALS_OF_ACTOR_MAX = 120
const ACTORS_COUNTED_MAX = 1_000
const MINUTE_MS = 60_000
/** Entries of the journal that are taken over at once. */
const FOLLOWED_AT_ONCE = 500

/** The journal as far as the audit reads it. */
export interface FollowedJournal {
  readonly head: number
  readonly feedId: string
  /** Newest first, below `before`. */
  entries(options: { limit: number; before?: number }): readonly JournalEntry[]
  onChange(listener: () => void): () => void
}

export interface RecorderOptions {
  readonly store: ActivityStore
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Writes down what people do and what happens, and tells whoever listens. A store that cannot write holds up nobody: the entry is lost, and the log says so.
 */
export class ActivityRecorder implements AsyncDisposable {
  readonly #store: ActivityStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #listeners = new Set<{ filter: ActivityFilter; tell: (item: ActivityItem) => void }>()
  /** Repeats of refusals that are not written yet, by key. */
  readonly #repeats = new Map<string, { entry: ActivityEntry; times: number }>()
  /** Refusals of each actor in this minute. */
  readonly #refused = new Map<string, number>()
  #minute = 0
  #timer: Disposable | null = null
  #isEnding = false
  names: Names = { edge: () => null, edgeOf: () => null, user: () => null }

  constructor({ store, clock, log }: RecorderOptions) {
    this.#store = store
    this.#clock = clock
    this.#log = log
  }

  audited(audited: Audited): void {
    const told = auditEntry(audited, this.names)
    if (told === null) return
    if (told.key === null) return void this.record([told])
    const entry = this.#repeats.has(told.key) ? told : this.#bounded(told)
    const key = entry.key!
    const known = this.#repeats.get(key)
    if (known !== undefined) return void this.#repeats.set(key, { entry, times: known.times + 1 })
    this.record([entry])
    if (this.#repeats.size >= REPEATED_MAX) return
    this.#repeats.set(key, { entry, times: 0 })
    this.#timer ??= this.#clock.at(after(this.#clock.mono(), REPEATS_EVERY_MS), () => this.#writeRepeats())
  }

  #bounded(entry: ActivityEntry): ActivityEntry {
    const { actor, at, text } = entry
    const minute = Math.floor(at / MINUTE_MS)
    if (minute !== this.#minute || this.#refused.size > ACTORS_COUNTED_MAX) this.#refused.clear()
    this.#minute = minute
    const count = (this.#refused.get(actor) ?? 0) + 1
    this.#refused.set(actor, count)
    if (count <= REFUSALS_OF_ACTOR_MAX) return entry
    const key = `refusal ${actor} more ${minute}`
    return { ...entry, key, op: null, object: null, code: null, details: null, text: `More refusals, e.g. ${text}` }
  }

  /** False: it could not be written. */
  record(entries: readonly ActivityEntry[], marks?: Readonly<Record<string, string>>): boolean {
    if (entries.length === 0 && marks === undefined) return true
    let items: readonly ActivityItem[]
    try {
      const named = entries.map((entry) => ({ ...entry, ...actorNamed(entry, this.names) }))
      items = this.#store.add(named, marks)
    } catch (error) {
      const texts = entries.slice(0, 3).map(({ text }) => text)
      this.#log.log('error', 'The audit could not be written', { ...failureOf(error), entries: texts })
      return false
    }
    for (const { filter, tell } of [...this.#listeners]) {
      for (const item of items) {
        if (!fits(item, filter)) continue
        try {
          tell(item)
        } catch (error) {
          this.#log.log('error', 'An entry of the audit could not be told', failureOf(error))
        }
      }
    }
    return true
  }

  page(query: ActivityQuery): ActivityPage {
    this.#writeRepeats()
    return this.#store.page(query)
  }

  subscribe(filter: ActivityFilter, tell: (item: ActivityItem) => void): () => void {
    const listener = { filter, tell }
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Takes over what a journal records, from where it was left: also what changed while the audit could not be written, as far as the journal still has it. Call what is
   * returned before the journal closes.
   */
  follow(journal: FollowedJournal): () => Promise<void> {
    let following: Promise<void> = Promise.resolve()
    let isStopped = false
    const catchUp = (): void => {
      following = following
        .then(() => this.#takeOver(journal, () => isStopped))
        .catch((error: unknown) => this.#log.log('error', 'The journal could not be followed', failureOf(error)))
    }
    const forget = journal.onChange(catchUp)
    catchUp()
    return async () => {
      isStopped = true
      forget()
      await following
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    this.#writeRepeats()
    this.#listeners.clear()
  }

  async #takeOver(journal: FollowedJournal, isStopped: () => boolean): Promise<void> {
    const name = `journal ${journal.feedId}`
    const known = Number(this.#store.mark(name) ?? 0)
    if (known >= journal.head) return
    const waiting: JournalEntry[][] = []
    let before = journal.head + 1
    while (before > known + 1 && !isStopped()) {
      const found = journal
        .entries({ limit: Math.min(FOLLOWED_AT_ONCE, before - known - 1), before })
        .filter(({ seq }) => seq > known)
      if (found.length === 0) break
      waiting.push(found)
      before = found.at(-1)!.seq
      await this.#breath()
    }
    // What lies between is written oldest first, so that a controller that ends meanwhile goes on where it was.
    for (const entries of waiting.reverse()) {
      if (isStopped()) return
      // Accounts and channels are changed by operations of their own, which tell what was done to them.
      const told = entries.filter(({ kind }) => kind !== 'user' && kind !== 'channel')
      const items = told.toReversed().map((entry) => documentEntry(entry, journal.feedId, this.names))
      // What could not be written is tried again with the next change, or at the next start.
      if (!this.record(items, { [name]: String(entries[0]!.seq) })) return
      await this.#breath()
    }
  }

  /** Lets everything else have its turn. */
  #breath(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  #writeRepeats(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    const repeated = [...this.#repeats.values()].filter(({ times }) => times > 0)
    const isQuiet = repeated.length === 0
    this.#repeats.clear()
    if (isQuiet) return
    this.record(repeated.map(({ entry, times }) => ({ ...entry, times })))
    for (const { entry } of repeated) this.#repeats.set(entry.key!, { entry, times: 0 })
    if (!this.#isEnding)
      this.#timer = this.#clock.at(after(this.#clock.mono(), REPEATS_EVERY_MS), () => this.#writeRepeats())
  }
}
