import { describe, expect, it } from 'vitest'
import { countsOfGroup, groupAgain, titleOfGroup } from '../../../renderer/features/data/alert-groups'
import { incidentStates } from '../../../renderer/features/data/incidents'
import { alertWatches } from '../../../shared/model/alerts'
import { i18n } from '../../../renderer/i18n'
import { groupSample } from '../../support/alert-samples'

describe('alerts of one cause', () => {
  it('count each of them once, silenced before acknowledged, as a list of single ones does', () => {
    // 500: 12 acknowledged, 30 silenced, 5 of these both.
    const some = groupSample({ open: 463, acknowledged: 12, silenced: 30 })
    expect(countsOfGroup(some)).toEqual({ open: 463, pending: 0, acknowledged: 7, silenced: 30 })
    const waits = groupSample({ state: 'pending', count: 3, open: 2, silenced: 1 })
    expect(countsOfGroup(waits)).toEqual({ open: 0, pending: 2, acknowledged: 0, silenced: 1 })
    for (const group of [some, waits])
      expect(Object.values(countsOfGroup(group)).reduce((sum, n) => sum + n, 0)).toBe(group.count)
    expect(Object.keys(countsOfGroup(some)).toSorted()).toEqual(
      incidentStates.filter((state) => state !== 'resolved').toSorted(),
    )
  })

  it('are called by what was lost, where each is of another site', () => {
    expect(titleOfGroup(groupSample(), 'edge-lost')).toEqual({
      key: 'alert.lostTogether',
      params: { n: 500, what: '' },
    })
    expect(titleOfGroup(groupSample({ edges: 20 }), 'edge-lost')).toEqual({
      key: 'alert.manyOf',
      params: { n: 500, what: 'Edge lost' },
    })
    expect(titleOfGroup(groupSample({ cause: 'cpu.load' }), 'metric').params.what).toBe('cpu.load')
    expect(titleOfGroup(groupSample(), null).key).toBe('alert.manyOf')
    for (const watch of alertWatches) expect(i18n.global.te(titleOfGroup(groupSample(), watch).key, 'en')).toBe(true)
  })

  it('are found again when the oldest of them is over, and not taken for others of the same rule', () => {
    const before = groupSample()
    const [later, another] = [
      groupSample({ id: '8', alerts: ['8', '9'], count: 499 }),
      groupSample({ id: '900', alerts: ['900'], firstSince: before.lastSince + 1, lastSince: before.lastSince + 9 }),
    ]
    expect(groupAgain([another, before, later], before)).toBe(before)
    expect(groupAgain([another, later], before)).toBe(later)
    expect(groupAgain([another], before)).toBeNull()
    // All whose ids were told are over, others of that minute are not.
    const rest = groupSample({ id: '400', alerts: ['400'], firstSince: before.firstSince + 1_000 })
    expect(groupAgain([another, rest], before)).toBe(rest)
  })
})
