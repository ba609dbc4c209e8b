import { describe, expect, it } from 'vitest'
import {
  awaited,
  memberCauseOf,
  memberStatusOf,
  noTotals,
  registrationOf,
  worstFirst,
  type MemberFacts,
  type Registered,
} from '../../../electron/core/fleet/member'
import { fleetReaches, fleetRoles, fleetStatuses } from '../../../shared/model/fleet'
import { memberInEnglish } from '../../../shared/text/member-said'

const facts = (change: Partial<MemberFacts> = {}): MemberFacts => ({
  ...{ reach: 'online', isDraining: false, isPaused: false, role: 'slave', runsAs: 'slave' },
  ...change,
})

describe('the status of a node', () => {
  it('is one for every combination of facts, and has a cause unless it is online', () => {
    const all = fleetReaches.flatMap((reach) =>
      [true, false].flatMap((isDraining) =>
        [true, false].flatMap((isPaused) =>
          fleetRoles.flatMap((role) =>
            ([...fleetRoles, null] as const).map((runsAs) => ({ reach, isDraining, isPaused, role, runsAs })),
          ),
        ),
      ),
    )
    for (const one of all) {
      const differs = one.runsAs !== null && one.runsAs !== one.role
      const expected = one.isDraining
        ? 'draining'
        : one.reach === 'offline' || one.reach === 'unknown'
          ? one.reach
          : one.reach === 'degraded' || differs
            ? 'degraded'
            : one.isPaused
              ? 'paused'
              : 'online'
      expect(memberStatusOf(one), JSON.stringify(one)).toBe(expected)
      expect(memberCauseOf(one) === null, JSON.stringify(one)).toBe(expected === 'online')
    }
    expect(all).toHaveLength(96)
  })

  it('is degraded where its controller runs in another role than it is meant for', () => {
    expect(memberStatusOf(facts({ role: 'master' }))).toBe('degraded')
    const said = memberCauseOf(facts({ role: 'master' }))!
    expect(said).toEqual({ key: 'otherRole', params: { role: 'master', runsAs: 'slave' } })
    expect(memberInEnglish(said)).toBe('it is meant to be a master, and its controller runs as a slave')
    expect(memberStatusOf(facts({ role: 'master', runsAs: null }))).toBe('online')
  })

  it('is counted worst first, without those that no node has', () => {
    expect(worstFirst(noTotals())).toEqual([])
    const totals = { ...noTotals(), online: 3, draining: 1, offline: 2 }
    expect(worstFirst(totals).map(({ status, nodes }) => `${nodes} ${status}`)).toEqual([
      '2 offline',
      '1 draining',
      '3 online',
    ])
    expect(fleetStatuses[0]).toBe('offline')
    expect(fleetStatuses.at(-1)).toBe('online')
  })
})

describe('registering', () => {
  const node = (id: string, edgeId: string | null = null): Registered => ({
    id,
    address: '10.0.0.7',
    port: 7_421,
    edgeId,
  })
  const cases: [string, Registered | null, Registered | null, string | undefined, ReturnType<typeof registrationOf>][] =
    [
      ['nothing there is a new node', null, null, undefined, { kind: 'new' }],
      ['nothing there for an edge is a new node', null, null, 'berlin', { kind: 'new' }],
      ['the same place keeps its id', node('a'), null, undefined, { kind: 'same', id: 'a' }],
      [
        'an edge keeps the id of its node at another place',
        null,
        node('b', 'berlin'),
        'berlin',
        { kind: 'same', id: 'b' },
      ],
      ['the place becomes that of the edge', node('a'), null, 'berlin', { kind: 'same', id: 'a' }],
      ['the same of both', node('a', 'berlin'), node('a', 'berlin'), 'berlin', { kind: 'same', id: 'a' }],
      [
        'place and edge are two nodes',
        node('a'),
        node('b', 'berlin'),
        'berlin',
        { kind: 'two', here: 'a', ofEdge: 'b' },
      ],
      ['the place is that of another edge', node('a', 'paris'), null, 'berlin', { kind: 'taken', here: 'a' }],
    ]
  it.each(cases)('%s', (_, here, ofEdge, edgeId, expected) => {
    expect(registrationOf(here, ofEdge, edgeId)).toEqual(expected)
  })

  it('awaits the edge that links from there, or by that name, and none where two could be meant', () => {
    const at = (id: string, address: string, hostname = address, edgeId: string | null = null) => ({
      ...{ id, address, hostname, port: 7_421, edgeId, role: 'slave' as const },
    })
    const from = { address: '10.0.0.7', hostname: 'Berlin-Box' }
    expect(awaited([at('a', '10.0.0.8'), at('b', '10.0.0.7')], from)?.id).toBe('b')
    expect(awaited([at('a', 'berlin-box')], from)?.id).toBe('a')
    expect(awaited([at('a', '10.9.9.9', 'BERLIN-BOX')], from)?.id).toBe('a')
    expect(awaited([at('a', 'berlin-box')], { ...from, hostname: null })).toBe(null)
    expect(awaited([at('a', '10.0.0.7'), at('b', 'berlin-box')], from)).toBe(null)
    expect(awaited([at('a', '10.0.0.7', 'x', 'paris')], from)).toBe(null)
    expect(awaited([{ ...at('a', '10.0.0.7'), role: 'master' as const }], from)).toBe(null)
  })
})
