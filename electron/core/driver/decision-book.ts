import type { Decision, DecisionRule } from '../../../shared/model/control'
import { failureOf } from '../../../shared/model/failures'
import type { StoredControl } from '../control/stored'
import type { ControlOutput, Settlement } from '../control/turn'

/** Decisions told to the other side when a link begins: what each made alone. */
const DECISIONS_SHARED = 20

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
  readonly logger: { log(level: 'error', message: string, fields?: Record<string, unknown>): void }
  settled(open: Decision, settlement: Settlement): Decision
  /** A decision was stored that was not known before, or not finished. */
  decided(decision: Decision): void
  /** A hand-over of this side came to nothing. */
  failed(decision: Decision): void
}

/** The record of one edge's control and the decisions that made it, on disk. */
export class DecisionBook {
  readonly #options: DecisionBookOptions
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
    for (const one of [ended, decision]) if (one !== null) this.#tell(one)
  }

  /** A hand-over whose end nobody here knew: the next link has told it. */
  #ended(settled: Settlement): Decision | null {
    const open = this.#options.records.decision(settled.decisionId)
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
      const rule = this.#options.records.decision(decisionId)?.rule
      this.#rule = rule === undefined ? null : { decisionId, rule }
    }
    return this.#rule?.rule ?? null
  }
}
