import type { NegotiationFacts, NegotiationRule, Side } from '../../../shared/model/control'

/** The facts the table looks at; everything else in the record of facts is for people. */
export interface TableFacts {
  /** The edge's modules are started and at least one of its devices is connected. */
  readonly devicesUp: boolean
  /** The master's persisted record says master, and is not older than what both sides once agreed on. */
  readonly masterHolds: boolean
  readonly loading: boolean
  readonly window: 'in' | 'out' | 'unset'
  readonly paused: boolean
  readonly failover: boolean
  readonly stable: boolean
}

export interface Verdict {
  readonly rule: NegotiationRule
  readonly winner: Side
  /** The edge wins, but the master holds control: it drives only after a hand-back. */
  readonly byHandBack: boolean
}

/**
 * The negotiation table of SPEC.md, first match wins. Total: every combination of facts has exactly one row.
 *
 * | rule | devices up | master holds | and                                                   | winner            |
 * | T1   | yes        | no           |                                                       | edge              |
 * | T2   | yes        | yes          |                                                       | edge (contested)  |
 * | T4   | no         | no           | loading                                               | edge              |
 * | T7   | no         | any          | failover off                                          | edge              |
 * | T6   | no         | no           |                                                       | edge              |
 * | T3   | no         | yes          | in window, stable, not paused, not loading            | edge by hand-back |
 * | T8   | no         | yes          | window unset                                          | master            |
 * | T5   | no         | yes          |                                                       | master            |
 */
export function negotiate(facts: TableFacts): Verdict {
  if (facts.devicesUp) return edgeWins(facts.masterHolds ? 'T2' : 'T1', false)
  if (!facts.masterHolds && facts.loading) return edgeWins('T4', false)
  if (!facts.failover) return edgeWins('T7', facts.masterHolds)
  if (!facts.masterHolds) return edgeWins('T6', false)
  if (facts.window === 'in' && facts.stable && !facts.paused && !facts.loading) return edgeWins('T3', true)
  return { rule: facts.window === 'unset' ? 'T8' : 'T5', winner: 'master', byHandBack: false }
}

function edgeWins(rule: NegotiationRule, byHandBack: boolean): Verdict {
  return { rule, winner: 'edge', byHandBack }
}

/** What the table sees of the one record both sides evaluate. */
export function tableFacts({ edge, master }: NegotiationFacts): TableFacts {
  return {
    devicesUp: edge.devicesUp,
    masterHolds: master.record.holder === 'master' && master.record.epoch >= edge.record.agreedEpoch,
    loading: master.loading,
    window: master.window,
    paused: master.paused,
    failover: master.failover,
    stable: master.stable,
  }
}

/** While the master loads, these are decided again when it is ready. */
export function waitsForReady(verdict: Verdict, loading: boolean): boolean {
  return loading && (verdict.rule === 'T5' || verdict.rule === 'T8')
}
