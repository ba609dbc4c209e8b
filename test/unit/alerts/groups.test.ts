import { describe, expect, test } from 'vitest'
import { groupsOf, groupWith, WAVE_GAP_MS, type Groupable } from '../../../electron/core/alerts/groups'
import type { AlertWatch } from '../../../shared/model/alerts'

let ids = 0
const alert = (change: Partial<Groupable> = {}): Groupable => ({
  ...{ id: String(++ids), ruleId: 'hot', edgeId: `e${ids}`, series: 'cpu.temperature' },
  ...{ severity: 'warning', state: 'firing', since: ids * 1_000 },
  ...change,
})
const lost = (since: number, change: Partial<Groupable> = {}) =>
  alert({ ruleId: 'edge-unreachable', series: '', severity: 'critical', since, ...change })
const watchOf = (ruleId: string): AlertWatch => (ruleId === 'edge-unreachable' ? 'edge-lost' : 'metric')
const told = (alerts: readonly Groupable[]) =>
  groupsOf(alerts, watchOf).map(({ alerts: members, severity, cause }) => [cause, severity, members.length])

describe('alerts of many edges', () => {
  test('of one rule and one metric are one group, whichever core, sensor or edge it is, and as bad as the worst', () => {
    const some = [
      alert({ series: 'cpu.load {core=0}' }),
      alert({ series: 'cpu.load {core=1}', severity: 'critical' }),
      alert({ series: 'cpu.load', edgeId: 'e1' }),
      alert({ series: 'disk.used' }),
      alert({ ruleId: 'warm', series: 'cpu.load' }),
    ]
    expect(told(some)).toEqual([
      ['cpu.load', 'critical', 3],
      ['cpu.load', 'warning', 1],
      ['disk.used', 'warning', 1],
    ])
  })

  test('are grouped as links only where they were lost together', () => {
    const first = [0, 20_000, 20_000 + WAVE_GAP_MS].map((since) => lost(since))
    const later = [lost(20_001 + 2 * WAVE_GAP_MS)]
    expect(told([...later, ...first])).toEqual([
      ['', 'critical', 1],
      ['', 'critical', 3],
    ])
    // The same instants of a rule that says what it is about are one group.
    expect(told([...later, ...first].map((one) => ({ ...one, ruleId: 'hot' })))).toEqual([['', 'critical', 4]])
  })

  test('that wait still are in no group with those that fire', () => {
    expect(told([alert(), alert({ state: 'pending' }), alert({ state: 'unknown' })])).toEqual([
      ['cpu.temperature', 'warning', 1],
      ['cpu.temperature', 'warning', 2],
    ])
  })

  test('are found by any of them, even by one that is over', () => {
    const some = [lost(0), lost(30_000), lost(10 * WAVE_GAP_MS)]
    expect(groupWith(some[1]!, some, watchOf)?.alerts).toEqual([some[0], some[1]])
    expect(groupWith(some[0]!, some.slice(1), watchOf)?.alerts).toEqual([some[1]])
    expect(groupWith(some[2]!, some.slice(0, 2), watchOf)).toBeNull()
  })
})
