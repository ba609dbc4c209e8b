import { describe, expect, it } from 'vitest'
import type { EdgeFacts, MasterFacts, NegotiationFacts } from '../../../shared/model/control'
import { negotiate, tableFacts, waitsForReady, type TableFacts } from '../../../electron/core/control/negotiate'

const bools = [false, true] as const
const windows = ['in', 'out', 'unset'] as const

function* combinations(): Generator<TableFacts> {
  for (const devicesUp of bools)
    for (const masterHolds of bools)
      for (const loading of bools)
        for (const window of windows)
          for (const paused of bools)
            for (const failover of bools)
              for (const stable of bools) yield { devicesUp, masterHolds, loading, window, paused, failover, stable }
}
const all = [...combinations()]

/** The table of the specification once more, row by row: condition, winner, by hand-back. Its order decides, first match wins. */
const rows: readonly [string, (facts: TableFacts) => boolean, 'edge' | 'master', (facts: TableFacts) => boolean][] = [
  ['T1', (f) => f.devicesUp && !f.masterHolds, 'edge', () => false],
  ['T2', (f) => f.devicesUp && f.masterHolds, 'edge', () => false],
  ['T4', (f) => !f.devicesUp && !f.masterHolds && f.loading, 'edge', () => false],
  ['T7', (f) => !f.devicesUp && !f.failover, 'edge', (f) => f.masterHolds],
  ['T6', (f) => !f.devicesUp && !f.masterHolds, 'edge', () => false],
  [
    'T3',
    (f) => !f.devicesUp && f.masterHolds && f.window === 'in' && f.stable && !f.paused && !f.loading,
    'edge',
    () => true,
  ],
  ['T8', (f) => !f.devicesUp && f.masterHolds && f.window === 'unset', 'master', () => false],
  ['T5', () => true, 'master', () => false],
]

/** One record of facts as both sides hold it. */
function record(table: TableFacts): NegotiationFacts {
  const control = { agreedEpoch: 4, decisionId: null, intent: null }
  const edge: EdgeFacts = {
    devicesUp: table.devicesUp,
    devicesConnected: table.devicesUp ? 2 : 0,
    devicesTotal: 2,
    record: { holder: 'edge', epoch: 5, ...control },
    floor: 5,
    instanceId: 'i',
    bootId: 'b',
    journalSeq: 3,
    drivingForMs: null,
  }
  const master: MasterFacts = {
    record: { holder: table.masterHolds ? 'master' : 'edge', epoch: table.masterHolds ? 6 : 5, ...control },
    floor: 6,
    loading: table.loading,
    window: table.window,
    paused: table.paused,
    failover: table.failover,
    stable: table.stable,
    docRevision: 3,
    drivingForMs: null,
  }
  return { edge, master }
}

describe('the negotiation table', () => {
  it('has 192 combinations of facts', () => {
    expect(all).toHaveLength(192)
  })

  it('decides each combination by the first row that matches', () => {
    for (const facts of all) {
      const row = rows.find(([, matches]) => matches(facts))
      expect(row).toBeDefined()
      if (!row) continue
      const [rule, , winner, byHandBack] = row
      expect(negotiate(facts), JSON.stringify(facts)).toEqual({ rule, winner, byHandBack: byHandBack(facts) })
    }
  })

  it('uses every row', () => {
    expect(new Set(all.map((facts) => negotiate(facts).rule))).toEqual(new Set(rows.map(([rule]) => rule)))
  })

  it('gives both sides the same result of the same record, also after it has crossed the wire', () => {
    for (const facts of all) {
      const here = record(facts)
      const there = JSON.parse(JSON.stringify(here)) as NegotiationFacts
      expect(negotiate(tableFacts(there))).toEqual(negotiate(tableFacts(here)))
      expect(tableFacts(here)).toEqual(facts)
    }
  })

  it('never lets a pause or a window decide against an edge that drives, or an edge whose master is not in control', () => {
    for (const facts of all) if (facts.devicesUp || !facts.masterHolds) expect(negotiate(facts).winner).toBe('edge')
  })

  it('takes a master record below what the edge once agreed on for not in control', () => {
    const facts = record({ ...(all[0] as TableFacts), masterHolds: true })
    const stale = { ...facts, edge: { ...facts.edge, record: { ...facts.edge.record, agreedEpoch: 7 } } }
    expect(tableFacts(facts).masterHolds).toBe(true)
    expect(tableFacts(stale).masterHolds).toBe(false)
  })

  it('waits for a loading master exactly where the master would win', () => {
    for (const facts of all) {
      const verdict = negotiate(facts)
      expect(waitsForReady(verdict, facts.loading)).toBe(facts.loading && verdict.winner === 'master')
    }
  })
})
