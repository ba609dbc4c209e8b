import { describe, expect, it } from 'vitest'
import { appended, DEBUG_ROWS_MAX, hexOf, rowsOf } from '../../../renderer/features/site/debug-lines'
import { driftsOf } from '../../../renderer/features/site/drift'
import { countsOf, fleetRowsOf, namesIn, pickRows } from '../../../renderer/features/fleet/fleet'
import { nameOrder } from '../../../renderer/features/site/name-order'
import type { Site } from '../../../shared/console/sites'
import { groupsOf, systemOff, type System } from '../../../renderer/features/site/systems'
import { intervalsOf, piecesOf, sharesOf } from '../../../renderer/features/site/timeline'
import type { SecretView } from '../../../shared/console/secret-operations'
import type { Decision } from '../../../shared/model/control'
import type { DebugLine } from '../../../shared/model/modules'
import { decisionSample, edgeSample, moduleSample } from '../../support/console-samples'

const site = (change: Partial<Site> = {}): Site => ({
  ...edgeSample(),
  ref: 'berlin',
  seenFrom: 'master',
  autonomyAt: null,
  documentsHead: 7,
  ...change,
})
const system = (id: string, modules: string[]): System => ({ id, name: id, edgeId: 'berlin', modules, running: 0 })
const stopped = (id: string) => ({ ...moduleSample(id), state: 'stopped' as const, connected: false })

describe('the systems of a site', () => {
  it('hold their modules in their own order; what none lists comes last', () => {
    const modules = ['a', 'b', 'c'].map(moduleSample)
    const groups = groupsOf(modules, [system('hall', ['c', 'a']), system('empty', [])])
    expect(groups.map((group) => [group.system?.id ?? null, group.modules.map(({ id }) => id)])).toEqual([
      ['hall', ['c', 'a']],
      ['empty', []],
      [null, ['b']],
    ])
  })

  const groupOf = (...modules: ReturnType<typeof moduleSample>[]) =>
    groupsOf(modules, [
      system(
        'hall',
        modules.map(({ id }) => id),
      ),
    ])[0]!
  it.each([
    ['runs', groupOf(moduleSample('a')), null, true, { start: 'systemRuns', stop: null }],
    ['is stopped', groupOf(stopped('a')), null, true, { start: null, stop: 'systemStopped' }],
    ['runs in part', groupOf(moduleSample('a'), stopped('b')), null, true, { start: null, stop: null }],
    ['has nothing', groupOf(), null, true, { start: 'systemEmpty', stop: 'systemEmpty' }],
    ['cannot be reached', groupOf(stopped('a')), null, false, { start: 'nobodyDrives', stop: 'nobodyDrives' }],
    [
      'is looked at by a viewer',
      groupOf(stopped('a')),
      'needsOperator',
      true,
      { start: 'needsOperator', stop: 'needsOperator' },
    ],
  ])('one that %s says what can be done', (_, group, off, isDriven, expected) => {
    expect(systemOff(group, off, isDriven)).toEqual(expected)
  })
})

describe('desired against actual', () => {
  const systems = [system('hall', ['m1', 'm2'])]
  const keys = (...args: Parameters<typeof driftsOf>) => driftsOf(...args).map(({ key, id }) => `${key} ${id}`.trim())
  const none = new Map<string, never>()

  it('is the same where the copy is at the head and every module runs', () => {
    expect(keys(site(), systems, none, [])).toEqual([])
  })
  it('names how far the copy is behind, and one nobody has heard of yet', () => {
    expect(driftsOf(site({ documentsSeq: 4 }), systems, none, [])).toMatchObject([{ key: 'copyBehind', n: 3 }])
    expect(keys(site({ documentsSeq: null }), systems, none, [])).toEqual(['copyUnknown'])
    expect(keys(site({ documentsSeq: null, enrolled: false }), systems, none, [])).toEqual([])
  })
  it('names modules that are missing, but not those switched off in their document', () => {
    const more = [system('hall', ['m1', 'm2', 'm3', 'm4'])]
    const wanted = new Map([
      ['m3', { name: 'Lights', enabled: true }],
      ['m4', { name: 'Spare', enabled: false }],
    ])
    expect(driftsOf(site(), more, wanted, [])).toMatchObject([{ key: 'missing', id: 'm3', name: 'Lights' }])
  })
  it('names modules that nothing wants, that are stopped, and that failed', () => {
    const modules = [stopped('m1'), { ...moduleSample('m2'), state: 'failed' as const }, moduleSample('m9')]
    expect(keys(site({ modules }), systems, none, [])).toEqual(['stopped m1', 'failed m2', 'surplus m9'])
  })
  it('says nothing of what is missing before that is known', () => {
    expect(keys(site({ modules: [moduleSample('m9')] }), null, none, [])).toEqual([])
  })
  it('names secrets that its own modules lack', () => {
    const secret = (name: string, state: SecretView['state'], id: string): SecretView => ({
      ...{ name, state, setAt: null, by: null, usedBy: [{ id, name: `Module ${id}` }] },
    })
    const secrets = [secret('lamp', 'missing', 'm1'), secret('door', 'here', 'm2'), secret('other', 'missing', 'far')]
    expect(driftsOf(site(), systems, none, secrets)).toEqual([
      { key: 'secret', id: 'lamp', name: 'lamp', n: 1, names: ['Module m1'] },
    ])
  })
})

describe('the debug console', () => {
  const line = (text: string, level: DebugLine['level'] = 'trace'): DebugLine => ({ at: 1, moduleId: 'm', level, text })
  it.each([
    [line('POWR ? -> %1POWR=0'), ['out POWR ?', 'in %1POWR=0']],
    [line('heard: TEMP=21'), ['in TEMP=21']],
    [line('unasked: HELLO', 'warn'), ['in HELLO']],
    [line('connected -> fine', 'info'), ['note connected -> fine']],
    [line('connected', 'debug'), ['note connected']],
  ])('tells what went where: %j', (given, expected) => {
    expect(rowsOf(given, 0).map(({ direction, text }) => `${direction} ${text}`)).toEqual(expected)
  })
  it('keeps no more than its limit, and gives every row a key of its own', () => {
    let rows = appended([], [])
    for (let n = 0; n < 40; n += 1)
      rows = appended(
        rows,
        Array.from({ length: 20 }, () => line('a -> b')),
      )
    expect(rows).toHaveLength(DEBUG_ROWS_MAX)
    expect(new Set(rows.map(({ key }) => key)).size).toBe(DEBUG_ROWS_MAX)
  })
  it('shows bytes', () => {
    expect(hexOf('A\r\n°')).toBe('41 0d 0a c2 b0')
  })
})

describe('the timeline', () => {
  const decision = (id: string, at: number, change: Partial<Decision> = {}): Decision => ({
    ...decisionSample(),
    ...{ id, startedAt: at - 1, finishedAt: at, epoch: at },
    ...change,
  })
  const log = [
    decision('d', 400, { winner: 'edge' }),
    decision('c', 300, { winner: 'edge', outcome: 'refused' }),
    decision('b', 200, { winner: 'master', contested: { from: 210, to: 230 } }),
    decision('a', 100, { winner: 'edge' }),
  ]
  it('knows who held control from when to when; what was refused changed nothing', () => {
    expect(intervalsOf(log)).toEqual([
      { id: 'd', holder: 'edge', epoch: 400, from: 400, to: null },
      { id: 'b', holder: 'master', epoch: 200, from: 200, to: 400 },
      { id: 'a', holder: 'edge', epoch: 100, from: 100, to: 200 },
    ])
  })
  it('goes on where the same side is confirmed in the same epoch', () => {
    const again = [decision('b', 200, { epoch: 1, winner: 'edge' }), decision('a', 100, { epoch: 1, winner: 'edge' })]
    expect(intervalsOf(again)).toMatchObject([{ id: 'a', from: 100, to: null }])
  })
  it('is cut to what is shown, with contested times on top', () => {
    const pieces = piecesOf(log, 0, 500)
    expect(pieces.map(({ holder, left, width }) => [holder, left, width])).toEqual([
      ['edge', 0.2, 0.2],
      ['master', 0.4, 0.4],
      ['edge', 0.8, expect.closeTo(0.2)],
      ['both', 0.42, expect.closeTo(0.04)],
    ])
    expect(sharesOf(pieces, 0, 500)).toEqual({ edge: 200, master: 200, none: 0, both: 20 })
    expect(piecesOf(log, 350, 390)).toMatchObject([{ holder: 'master', left: 0, width: 1 }])
    expect(piecesOf([], 0, 500)).toEqual([])
  })
})

describe('the fleet', () => {
  const named = (name: string, change: Partial<Site> = {}) => site({ id: name.toLowerCase(), name, ...change })
  const lost = { ...edgeSample().link, state: 'lost' as const }
  const held = { ...edgeSample().control, holder: 'master' as const }
  const sites = [
    named('Berlin 10'),
    named('Berlin 9'),
    named('Porto', { control: held }),
    named('Lyon', { link: lost }),
    named('Gdansk', { enrolled: false, link: { ...lost, state: 'unknown' } }),
    named('Turku', { revoked: true, enrolled: false }),
  ]
  const rows = fleetRowsOf(sites)
  const names = (filter: Parameters<typeof pickRows>[1], sorting = { key: 'state', descending: false }) =>
    pickRows(rows, filter, sorting, nameOrder('en')(sites)).map((row) => row.site.name)
  const all = { words: '', state: null }

  it('shows the worst first, and equal ones by name as a person counts', () => {
    expect(names({ ...all, state: null })).toEqual(['Lyon', 'Porto', 'Berlin 9', 'Berlin 10', 'Turku', 'Gdansk'])
  })
  it('is sorted by name both ways', () => {
    expect(names({ ...all, words: 'berlin' }, { key: 'name', descending: true })).toEqual(['Berlin 10', 'Berlin 9'])
  })
  it('finds all the words, and the state asked for', () => {
    expect(names({ words: ' 10 BERL', state: null })).toEqual(['Berlin 10'])
    expect(names({ words: '', state: 'master' })).toEqual(['Porto'])
    expect(names({ words: 'berlin', state: 'master' })).toEqual([])
    expect(countsOf(rows)).toMatchObject({ edge: 2, master: 1, degraded: 1, waiting: 1, revoked: 1 })
  })
  it('reads names one per line, each once', () => {
    expect(namesIn(' Gdansk \n\nNantes\nGdansk;Oulu\r\n')).toEqual(['Gdansk', 'Nantes', 'Oulu'])
  })
})
