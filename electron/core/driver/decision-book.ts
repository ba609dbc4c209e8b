import type { Decision, DecisionRule } from '../../../shared/model/control'
import { failureOf } from '../../../shared/model/failures'
import type { StoredControl } from '../control/stored'
import type { ControlOutput, Settlement } from '../control/turn'

/** Decisions told to the other side when a link begins: what each made alone. */
const DECISIONS_SHARED = 20

/** Kept at most while the store cannot write; then the oldest are lost. */
export const DECISIONS_KEPT_MAX = 200

/** As much of the control store as one edge's control needs. */
export interface DecisionStore {
  save(edgeId: string, control: StoredControl, decision?: Decision): void
  saveDecision(decision: Decision): void
  decision(id: string): Decision | null
  decisions(edgeId: string, options: { limit: number }): readonly Decision[]
}

export interface DecisionBookOptions {
  readonly edgeId: string
  readonly records: DecisionStore
  readonly logger: { log(level: 'warn' | 'error', message: string, fields?: Record<string, unknown>): void }
  settled(open: Decision, settlement: Settlement): Decision
  /** A decision was stored that was not known before, or not finished. */
  decided(decision: Decision): void
  /** A decision was made that cannot be stored now; `decided` follows when it is. */
  kept(decision: Decision): void
  /** A hand-over of this side came to nothing. */
  failed(decision: Decision): void
}

/** The record of one edge's control and the decisions that made it, on disk. */
export class DecisionBook {
  readonly #options: DecisionBookOptions
  /** Of steps that could not be written, oldest first. */
  #kept: Decision[] = []
  #lost = 0
  #rule: { readonly decisionId: string; readonly rule: DecisionRule } | null = null

  constructor(options: DecisionBookOptions) {
    this.#options = options
  }

  /**
   * Throws when the record could not be written, and only then. The settlement goes first: written twice it does no harm, but left out it would leave a
   * decision open for ever.
   */
  persist({ stored, decision, settled }: Extract<ControlOutput, { type: 'persist' }>): void {
    const { records, edgeId } = this.#options
    const ended = settled === null ? null : this.#ended(settled)
    if (ended !== null) records.saveDecision(ended)
    records.save(edgeId, stored, decision ?? undefined)
    if (decision !== null) this.#kept = this.#kept.filter(({ id }) => id !== decision.id)
    for (const one of [ended, decision]) if (one !== null) this.#tell(one)
    if (this.#kept.length > 0) this.#catchUp()
  }

  /** The step happened, but could not be written. The newest that is known of a decision counts. */
  keep({ decision, settled }: Pick<Extract<ControlOutput, { type: 'keep' }>, 'decision' | 'settled'>): void {
    const ended = settled === null ? null : this.#ended(settled)
    for (const one of [ended, decision]) {
      if (one === null) continue
      this.#kept = [...this.#kept.filter(({ id }) => id !== one.id), one]
      this.#options.kept(one)
    }
    this.#lost += Math.max(0, this.#kept.length - DECISIONS_KEPT_MAX)
    this.#kept = this.#kept.slice(-DECISIONS_KEPT_MAX)
  }

  /** The store has just written: what it could not write before follows. What it cannot write even now stays. */
  #catchUp(): void {
    const kept = this.#kept
    let written = 0
    try {
      for (const decision of kept) {
        const known = this.#options.records.decision(decision.id)
        if (known === null || known.finishedAt === null) this.#options.records.saveDecision(decision)
        written += 1
      }
    } catch (error) {
      this.#options.logger.log('error', 'Decisions still cannot be written', failureOf(error))
    }
    this.#kept = kept.slice(written)
    for (const decision of kept.slice(0, written)) this.#tell(decision)
    this.#options.logger.log('warn', 'Decisions were written late', {
      written,
      lost: this.#lost,
      waiting: this.#kept.length,
    })
    this.#lost = 0
  }

  /** As it stands, on disk or kept; null: not known. */
  find(id: string): Decision | null {
    return this.#kept.find((one) => one.id === id) ?? this.#options.records.decision(id)
  }

  /** A hand-over whose end nobody here knew: the next link has told it. */
  #ended(settled: Settlement): Decision | null {
    const open = this.find(settled.decisionId)
    return open === null || open.finishedAt !== null ? null : this.#options.settled(open, settled)
  }

  /** It is on disk: whatever goes wrong with telling of it must not count as a failed write. */
  #tell(decision: Decision): void {
    try {
      this.#options.decided(decision)
      if (decision.finishedAt !== null && decision.outcome !== 'done') this.#options.failed(decision)
    } catch (error) {
      this.#options.logger.log('error', 'A decision could not be told', failureOf(error))
    }
  }

  /** What the other side says, never over a decision that is finished here: of that this side knows as much as anyone. */
  learn(decisions: readonly Decision[]): void {
    const { records, edgeId } = this.#options
    for (const told of decisions) {
      // Whose decision it is, the proof says, not the message.
      const decision = { ...told, edgeId }
      const known = records.decision(decision.id)
      const isNews =
        known === null || (known.edgeId === edgeId && known.finishedAt === null && decision.finishedAt !== null)
      if (!isNews) continue
      records.saveDecision(decision)
      this.#options.decided(decision)
    }
  }

  newest(): readonly Decision[] {
    return this.#options.records.decisions(this.#options.edgeId, { limit: DECISIONS_SHARED })
  }

  /** Null: no decision, or one that is not known any more. The last one asked for is remembered, because every status asks. */
  ruleOf(decisionId: string | null): DecisionRule | null {
    if (decisionId === null) return null
    if (this.#rule?.decisionId !== decisionId) {
      const rule = this.find(decisionId)?.rule
      this.#rule = rule === undefined ? null : { decisionId, rule }
    }
    return this.#rule?.rule ?? null
  }
}
