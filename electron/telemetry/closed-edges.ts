import { existsSync } from 'node:fs'
import path from 'node:path'
import type { WallMs } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import { isDamage } from '../platform/sqlite'
import { damagedAnew, setDamagedAside, type DamageOptions } from './damage'
import { Inbox } from './inbox'
import type { ArrivedBatch, Received, TelemetryExtent, TelemetryStore } from './telemetry'
import { fileOf } from './file-names'
import { textOf, tipOf } from './kept-tips'
import { followsOn, NOTHING_CAME, type Tip } from './tip'

const INBOX = 'inbox.db'
/** For what is no edge's own. */
const ALL_EDGES = '(all)'

/**
 * Edges whose files were closed to make room, or were not made yet for lack of it: what is known of each without its file, and what has come for it since, which waits in the inbox. A damaged inbox is set
 * aside: what waited in it is lost, and the edges tell so, because the answers they get say less than before.
 */
export class ClosedEdges implements AsyncDisposable {
  readonly #folder: string
  readonly #inboxFile: string
  /** Absent: nothing waits, each batch goes into the file of its edge at once. */
  readonly #timers: Pick<Clock, 'mono' | 'at'> | undefined
  readonly #damage: DamageOptions | undefined
  /** With what waits. */
  readonly #tips = new Map<string, Tip>()
  /** Made when it is first needed: a master of few edges has none. */
  #inbox: Inbox | null = null

  constructor(folder: string, timers: Pick<Clock, 'mono' | 'at'> | undefined, damage: DamageOptions | undefined) {
    this.#folder = folder
    this.#inboxFile = path.join(folder, INBOX)
    this.#timers = timers
    this.#damage = damage
    // What an earlier process answered and did not move.
    if (timers !== undefined && existsSync(this.#inboxFile)) this.#openInbox(timers)
  }

  add(edgeId: string, tip: Tip): void {
    this.#tips.set(edgeId, tip)
  }

  /** All that is in its file is searchable. False: it may not be. */
  isIndexed(edgeId: string): boolean {
    return this.#tips.get(edgeId)?.isIndexed ?? false
  }

  /** Its file is open, or gone. */
  forget(edgeId: string): void {
    this.#tips.delete(edgeId)
  }

  /** Null: nothing is known of it without its file. */
  extent(edgeId: string): TelemetryExtent | null {
    return this.#tips.get(edgeId)?.extent ?? null
  }

  /** Edges of which batches have waited long enough. */
  due(): readonly string[] {
    return this.#inbox?.due() ?? []
  }

  /** Takes a batch; on disk when it resolves. Null: the file of the edge has to be asked. */
  async receive(edgeId: string, batch: ArrivedBatch, now: WallMs): Promise<Received | null> {
    if (this.#timers === undefined) return null
    const inbox = this.#openInbox(this.#timers)
    if (inbox.isComing(edgeId)) inbox.commit()
    const tip = this.#tips.get(edgeId) ?? (this.#isNew(edgeId, inbox) ? NOTHING_CAME : undefined)
    const next = tip === undefined || !inbox.hasRoom(edgeId) ? null : followsOn(tip, batch)
    if (next === null) return null
    try {
      await inbox.add(edgeId, batch, next.packed, now, () => this.#tips.set(edgeId, next.tip))
    } catch (error) {
      this.#lose(inbox, error)
      throw damagedAnew()
    }
    const through = { throughSeq: batch.lastSeq, ranges: [], rejected: [] }
    return { ...through, stored: batch.entries.length, arrival: next.tip.extent.newest }
  }

  /** Edges of which something waits: they may have no file. */
  waiting(): readonly string[] {
    return this.#inbox?.edges() ?? []
  }

  /** Nothing has come of it yet. */
  #isNew(edgeId: string, inbox: Inbox): boolean {
    return !inbox.has(edgeId) && !existsSync(fileOf(this.#folder, edgeId))
  }

  /** Moves what waits of this edge into its file. False: nothing did. */
  moveInto(edgeId: string, store: TelemetryStore): boolean {
    const inbox = this.#inbox
    if (inbox?.isComing(edgeId)) inbox.commit()
    if (!inbox?.has(edgeId)) return false
    const waiting = this.#on(inbox, () => inbox.of(edgeId), [])
    const readable = waiting.flatMap(({ batch, receivedAt }) => (batch === null ? [] : [{ batch, receivedAt }]))
    store.receiveAll(readable)
    this.#on(inbox, () => inbox.drop(edgeId), undefined)
    // Its numbers are missing from now on: the edge, which was told that they are here, tells what became of them.
    for (const { batch, firstSeq, lastSeq } of waiting)
      if (batch === null) this.#damage?.told(edgeId, `${firstSeq} to ${lastSeq}, which had not reached its file`, null)
    return true
  }

  remove(edgeId: string): void {
    this.#tips.delete(edgeId)
    const inbox = this.#inbox
    inbox?.commit()
    if (inbox?.has(edgeId)) this.#on(inbox, () => inbox.drop(edgeId, true), undefined)
  }

  /** When all files are closed: what is known of them now is still true at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    const inbox = this.#inbox
    if (inbox === null) return
    inbox.commit()
    try {
      inbox.keepTips(this.#texts())
    } catch {
      // A full disk, say: each file is asked once then.
    }
    await inbox[Symbol.asyncDispose]()
  }

  #recall(inbox: Inbox): void {
    try {
      for (const { edge_id: edgeId, body } of inbox.takeTips()) {
        const tip = tipOf(body, fileOf(this.#folder, edgeId))
        if (tip !== null) this.#tips.set(edgeId, tip)
      }
    } catch (error) {
      // They could not be taken out. A tip that stays is not believed of a file that has gone on.
      if (!isDamage(error)) return
      void inbox[Symbol.asyncDispose]().catch(() => {})
      throw error
    }
  }

  *#texts(): Generator<readonly [edgeId: string, text: string]> {
    for (const [edgeId, tip] of this.#tips) yield [edgeId, textOf(tip, fileOf(this.#folder, edgeId))]
  }

  #openInbox(timers: Pick<Clock, 'mono' | 'at'>): Inbox {
    if (this.#inbox !== null) return this.#inbox
    try {
      const inbox = new Inbox(this.#inboxFile, timers)
      this.#recall(inbox)
      return (this.#inbox = inbox)
    } catch (error) {
      setDamagedAside(error, this.#inboxFile, ALL_EDGES, this.#damage)
      return (this.#inbox = new Inbox(this.#inboxFile, timers))
    }
  }

  #on<T>(inbox: Inbox, work: () => T, lost: T): T {
    try {
      return work()
    } catch (error) {
      this.#lose(inbox, error)
      return lost
    }
  }

  /** Throws the error again unless it tells of damage. */
  #lose(inbox: Inbox, error: unknown): void {
    if (this.#damage === undefined || !isDamage(error)) throw error
    if (this.#inbox !== inbox) return
    this.#inbox = null
    this.#tips.clear()
    void inbox[Symbol.asyncDispose]().catch(() => {})
    setDamagedAside(error, this.#inboxFile, ALL_EDGES, this.#damage)
  }
}
