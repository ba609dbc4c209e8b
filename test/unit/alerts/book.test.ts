import { beforeEach, describe, expect, test } from 'vitest'
import { AlertBook } from '../../../electron/core/alerts/alert-book'
import type { BookChange, WatchedEdge, WatchedNode } from '../../../electron/core/alerts/seen'
import { effectiveRules } from '../../../electron/core/alerts/alert-rule'
import type { AlertNow, Incident } from '../../../electron/core/alerts/alert-state'
import { previewOf } from '../../../electron/core/alerts/preview'
import { WATCHED_PER_RULE_MAX } from '../../../electron/core/alerts/watches'
import { alertRuleDocument, type AlertRuleDocument } from '../../../shared/model/documents'
import { monoMs, wallMs } from '../../../shared/model/time'

const WALL = 1_750_000_000_000
const at = (ms: number): AlertNow => ({ mono: monoMs(ms), wall: wallMs(WALL + ms) })
const rule = (fields: Record<string, unknown>): AlertRuleDocument =>
  alertRuleDocument.parse({ id: 'r', name: 'Rule', ...fields })
const load = rule({ watch: 'metric', metric: 'cpu.load', threshold: 0.9 })
const berlin = (link: WatchedEdge['link'] = 'linked', since = 0): WatchedEdge => ({
  ...{ id: 'berlin', timeoutMs: 20_000, link },
  since: monoMs(since),
})
const cpu = (value: number, core = '0', when = 0) => ({
  name: 'cpu.load',
  resource: { 'host.name': 'till' },
  points: [{ at: when, attributes: { core }, value }],
})
const words = (changes: readonly BookChange[]) =>
  changes.filter(({ output }) => output.type !== 'show').map(({ ruleId, output }) => `${output.type} ${ruleId}`)

let book: AlertBook
const begin = (documents: readonly AlertRuleDocument[], edges = [berlin()]) => {
  book = new AlertBook()
  book.setEdges(edges, at(0))
  book.setRules(
    documents.map((document) => ({ document, isDefault: false })),
    at(0),
  )
}
beforeEach(() => begin([load]))
const open = () => [...book.alerts()].map(({ series, state }) => `${state.kind} ${series}`)

describe('metrics', () => {
  test('each series has an alert of its own, which says what it is about', () => {
    expect(words(book.metric('berlin', cpu(0.95, '0'), at(0)))).toEqual(['raise r'])
    expect(words(book.metric('berlin', cpu(0.99, '1'), at(1)))).toEqual(['raise r'])
    expect(open()).toEqual(['firing cpu.load {core=0}', 'firing cpu.load {core=1}'])
    expect(words(book.metric('berlin', cpu(0.1, '0'), at(2)))).toEqual(['end r'])
    const [left] = [...book.alerts()]
    expect(left?.state).toMatchObject({
      incident: {
        said: {
          key: 'value',
          params: { what: 'cpu.load {core=1}', of: 'last', value: '0.99', how: 'above', threshold: '0.9' },
        },
        value: 0.99,
      },
    })
  })

  test('of several values in one entry the latest one counts, also if an edge lives in the future', () => {
    const day = 86_400_000
    const points = [
      { at: WALL + day + 2, attributes: {}, value: 0.1 },
      { at: WALL + day + 1, attributes: {}, value: 0.95 },
    ]
    book.metric('berlin', { name: 'cpu.load', resource: {}, points }, at(0))
    expect(open()).toEqual([])
    // Its calendar is set right: what comes later is later all the same.
    expect(words(book.metric('berlin', cpu(0.95, '0', WALL), at(1)))).toEqual(['raise r'])
  })

  test('only series with the attributes that the rule names count', () => {
    begin([rule({ watch: 'metric', metric: 'cpu.load', threshold: 0.9, where: { core: '1', 'host.name': 'till' } })])
    book.metric('berlin', cpu(1, '0'), at(0))
    expect(open()).toEqual([])
    book.metric('berlin', cpu(1, '1'), at(0))
    expect(open()).toEqual(['firing cpu.load {core=1}'])
  })

  test('a mean is of what came within the window, and is unknown when nothing comes any more', () => {
    begin([rule({ watch: 'metric', metric: 'cpu.load', threshold: 0.5, aggregate: 'mean', overMs: 60_000 })])
    book.metric('berlin', cpu(0.9), at(0))
    expect(open()).toEqual(['firing cpu.load {core=0}'])
    expect(words(book.metric('berlin', cpu(0), at(30_000)))).toEqual(['end r'])
    // The 0.9 is a minute old: what is left means 0.6.
    book.metric('berlin', cpu(1.2), at(40_000))
    expect(words(book.wake(at(61_000)))).toEqual([])
    expect(open()).toEqual(['firing cpu.load {core=0}'])
    expect(words(book.wake(at(500_000)))).toEqual(['keep r'])
    expect(open()).toEqual(['unknown cpu.load {core=0}'])
  })

  test('rules of other edges and switched off ones do not look', () => {
    begin([
      rule({ watch: 'metric', metric: 'cpu.load', threshold: 0.5, edges: ['paris'] }),
      { ...load, id: 'off', enabled: false },
    ])
    book.metric('berlin', cpu(1), at(0))
    expect(open()).toEqual([])
  })

  test(`a rule watches at most ${WATCHED_PER_RULE_MAX} series: the next is refused and counted, and nothing is given up for it`, () => {
    for (let core = 0; core < WATCHED_PER_RULE_MAX + 3; core++) book.metric('berlin', cpu(1, String(core)), at(core))
    expect(open()).toHaveLength(WATCHED_PER_RULE_MAX)
    expect(book.refusedOf('r')).toMatchObject({ count: 3, lastAt: WALL + WATCHED_PER_RULE_MAX + 2 })
    book.metric('berlin', cpu(0, '0'), at(5_000))
    expect(words(book.metric('berlin', cpu(1, '2000'), at(5_001)))).toEqual(['raise r'])
  })
})

describe('logs', () => {
  const line = (text: string, severity = 17) => ({ text, severity, attributes: '{"unit":"till 4"}' })
  beforeEach(() =>
    begin(
      [rule({ watch: 'logs', text: 'paper jam', severityMin: 13, threshold: 3, overMs: 60_000 })],
      [berlin('linked', -100_000)],
    ),
  )

  test('so many lines with all words within the window fire, and their absence ends it', () => {
    for (const text of ['Paper JAM in tray', 'no paper', 'jam: paper']) book.log('berlin', line(text), at(0))
    book.log('berlin', line('paper jam', 9), at(0))
    expect(open()).toEqual([])
    expect(words(book.log('berlin', line('paper jam'), at(1_000)))).toEqual(['raise r'])
    expect(words(book.wake(at(59_000)))).toEqual([])
    expect(words(book.wake(at(60_000)))).toEqual(['end r'])
  })

  test('while the edge is away the lines that do not come say nothing', () => {
    for (let n = 0; n < 3; n++) book.log('berlin', line('paper jam'), at(0))
    expect(words(book.setEdges([berlin('lost', 10_000)], at(10_000)))).toEqual(['keep r'])
    expect(words(book.wake(at(200_000)))).toEqual([])
    expect(open()).toEqual(['unknown '])
    book.setEdges([berlin('linked', 200_000)], at(200_000))
    expect(words(book.wake(at(259_000)))).toEqual([])
    // Linked for a whole window, and no line.
    expect(words(book.wake(at(260_000)))).toEqual(['end r'])
  })
})

describe('links', () => {
  const watchers = () => effectiveRules([]).map(({ document }) => document)

  test('an edge that is away for longer than its own timeout fires, however short it was away before', () => {
    begin(watchers())
    expect(words(book.setEdges([berlin('lost', 1_000)], at(2_000)))).toEqual([])
    book.setEdges([berlin('linked', 9_000)], at(9_000))
    book.setEdges([berlin('lost', 10_000)], at(12_000))
    expect(words(book.wake(at(29_999)))).toEqual([])
    expect(words(book.wake(at(30_000)))).toEqual(['raise edge-unreachable'])
    book.setEdges([berlin('linked', 31_000)], at(31_000))
    expect(words(book.wake(at(60_999)))).toEqual([])
    expect(words(book.wake(at(61_000)))).toEqual(['end edge-unreachable'])
  })

  test('while the master loads nothing is said of links', () => {
    begin(watchers())
    book.restore(
      [{ key: '["edge-unreachable","berlin",""]', ruleId: 'edge-unreachable', edgeId: 'berlin', series: '', incident }],
      () => false,
      at(0),
    )
    expect(words(book.setEdges([berlin('unknown')], at(1_000)))).toEqual([])
    expect(open()).toEqual(['unknown '])
    expect(words(book.setEdges([berlin('lost')], at(6_000)))).toEqual(['keep edge-unreachable'])
  })

  test('data are absent only of an edge that is linked', () => {
    begin([rule({ watch: 'absence', metric: 'cpu.load', forMs: 60_000 })])
    book.metric('berlin', cpu(0), at(30_000))
    expect(words(book.wake(at(89_999)))).toEqual([])
    book.setEdges([berlin('lost', 89_999)], at(89_999))
    expect(words(book.wake(at(900_000)))).toEqual([])
    book.setEdges([berlin('linked', 900_000)], at(900_000))
    expect(words(book.wake(at(959_999)))).toEqual([])
    expect(words(book.wake(at(960_000)))).toEqual(['raise r'])
    expect(words(book.metric('berlin', cpu(0), at(961_000)))).toEqual(['end r'])
  })

  test('a gap in time begins every wait anew', () => {
    begin([rule({ watch: 'absence', forMs: 60_000 })])
    book.timeGap(at(500_000))
    expect(words(book.wake(at(500_001)))).toEqual([])
    expect(words(book.wake(at(560_000)))).toEqual(['raise r'])
  })

  test('with an edge its alerts go', () => {
    book.metric('berlin', cpu(1), at(0))
    expect(book.setEdges([], at(1))).toMatchObject([{ output: { type: 'end', because: 'edge-removed' } }])
  })
})

describe('alerts of edges', () => {
  const alert = (state: 'firing' | 'resolved', more: object = {}) => ({
    ...{ name: 'no-device', text: 'No device answers.', severity: 'critical', isOver: state === 'resolved' },
    ...{ at: 100, isLate: false, isMomentary: false },
    ...more,
  })
  beforeEach(() => begin(effectiveRules([]).map(({ document }) => document)))

  test('have the severity and the life that the edge tells', () => {
    expect(words(book.edgeAlert('berlin', alert('firing'), at(0)))).toEqual(['raise edge-alerts'])
    expect([...book.alerts()][0]?.state).toMatchObject({ incident: { severity: 'critical' } })
    expect(words(book.edgeAlert('berlin', alert('firing'), at(1)))).toEqual([])
    expect(words(book.edgeAlert('berlin', alert('resolved'), at(2)))).toEqual(['end edge-alerts'])
  })

  test('what merely happened at an edge is over after an hour, and what it has forgotten after a day of being linked', () => {
    expect(words(book.edgeAlert('berlin', alert('firing', { name: 'drop', isMomentary: true }), at(0)))).toEqual([
      'raise edge-alerts',
    ])
    book.edgeAlert('berlin', alert('firing'), at(0))
    expect(words(book.wake(at(3_599_000)))).toEqual([])
    expect(words(book.wake(at(3_600_000)))).toEqual(['end edge-alerts'])
    // The edge restarts and does not know of its other alert any more.
    expect(words(book.setEdges([berlin('lost', 4_000_000)], at(4_000_000)))).toEqual(['keep edge-alerts'])
    book.setEdges([berlin('linked', 5_000_000)], at(5_000_000))
    expect(words(book.wake(at(5_000_000 + 86_399_000)))).toEqual([])
    expect(words(book.wake(at(5_000_000 + 86_400_000)))).toEqual(['end edge-alerts'])
  })

  test('late ones raise nothing, and end only what is older', () => {
    expect(words(book.edgeAlert('berlin', alert('firing', { isLate: true }), at(0)))).toEqual([])
    book.edgeAlert('berlin', alert('firing'), at(0))
    expect(words(book.edgeAlert('berlin', alert('resolved', { isLate: true, at: 99 }), at(1)))).toEqual([])
    expect(words(book.edgeAlert('berlin', alert('resolved', { isLate: true, at: 101 }), at(2)))).toEqual([
      'end edge-alerts',
    ])
  })
})

describe('what merely happens', () => {
  test('is one incident that adds up, and is over by itself', () => {
    begin(effectiveRules([]).map(({ document }) => document))
    const lost = (n: number, ms: number) =>
      words(
        book.happened('berlin', 'telemetry-lost', n, (all) => ({ key: 'telemetryLost', params: { n: all } }), at(ms)),
      )
    expect(lost(10, 0)).toEqual(['raise telemetry-lost'])
    expect(lost(5, 60_000)).toEqual([])
    expect([...book.alerts()][0]?.state).toMatchObject({
      incident: { value: 15, said: { key: 'telemetryLost', params: { n: 15 } }, episodes: 2 },
    })
    expect(words(book.wake(at(3_600_000)))).toEqual([])
    expect(words(book.wake(at(3_660_000)))).toEqual(['end telemetry-lost'])
  })
})

describe('rules that change', () => {
  test('another threshold goes on with what fires; another metric ends it', () => {
    book.metric('berlin', cpu(0.95), at(0))
    expect(words(book.setRules([{ document: { ...load, threshold: 0.99 }, isDefault: false }], at(1)))).toEqual([])
    expect(words(book.metric('berlin', cpu(0.95), at(2)))).toEqual(['end r'])
    book.metric('berlin', cpu(1), at(3))
    expect(
      book.setRules([{ document: { ...load, metric: 'cpu.temperature' }, isDefault: false }], at(4)),
    ).toMatchObject([{ output: { type: 'end', because: 'rule-changed' } }])
  })

  test('a rule that is switched off ends what it raised, after a restart, too', () => {
    book.metric('berlin', cpu(1), at(0))
    expect(book.setRules([{ document: { ...load, enabled: false }, isDefault: false }], at(1))).toMatchObject([
      { output: { type: 'end', because: 'rule-off' } },
    ])
    expect(
      book.restore([{ key: 'k', ruleId: 'r', edgeId: 'berlin', series: '', incident }], () => false, at(2)),
    ).toMatchObject([{ output: { type: 'end', because: 'rule-off' } }])
  })

  test('a document takes the place of the rule that comes with the program', () => {
    const own = rule({ id: 'edge-unreachable', watch: 'edge-lost', enabled: false })
    const rules = effectiveRules([own])
    expect(rules.filter(({ document }) => document.id === 'edge-unreachable')).toEqual([
      { document: own, isDefault: false },
    ])
    expect(rules.filter(({ isDefault }) => isDefault)).toHaveLength(5)
  })
})

describe('nodes', () => {
  const key = { of: 'ssh' as const, fingerprint: `SHA256:${'a'.repeat(43)}`, since: monoMs(0) }
  const web = (change: Partial<WatchedNode> = {}): WatchedNode => ({
    ...{
      id: 'node:web',
      tags: ['prod', 'shop'],
      reach: 'reached',
      since: monoMs(0),
      cause: null,
      said: null,
      offeredKey: null,
    },
    ...change,
  })
  const offline = web({ reach: 'offline', cause: 'TCP port 22: no answer' })
  const tell = (node: WatchedNode, ms: number) => words(book.nodes([node], at(ms)))
  beforeEach(() => begin(effectiveRules([]).map(({ document }) => document)))

  test('one that is offline raises an alert that says why, once, and it is over when it has been reached for long enough', () => {
    expect(tell(offline, 0)).toEqual(['raise node-offline'])
    expect(tell(offline, 60_000)).toEqual([])
    expect([...book.alerts()]).toMatchObject([
      {
        edgeId: 'node:web',
        state: { incident: { severity: 'warning', said: { key: 'nodeOffline', params: { cause: offline.cause } } } },
      },
    ])
    expect(tell(web(), 120_000)).toEqual([])
    expect(words(book.wake(at(209_999)))).toEqual([])
    expect(words(book.wake(at(210_000)))).toEqual(['end node-offline'])
  })

  test('one that comes and goes is one alert', () => {
    tell(offline, 0)
    tell(web(), 60_000)
    expect(tell(offline, 120_000)).toEqual([])
    expect([...book.alerts()]).toMatchObject([{ state: { kind: 'firing', incident: { episodes: 2 } } }])
  })

  test('one at which nobody looks is neither offline nor back', () => {
    expect(tell(web({ reach: 'unknown' }), 0)).toEqual([])
    tell(offline, 60_000)
    expect(tell(web({ reach: 'unknown' }), 120_000)).toEqual(['keep node-offline'])
    expect(words(book.wake(at(9_999_999)))).toEqual([])
    expect(open()).toEqual(['unknown '])
    expect(tell(offline, 10_000_000)).toEqual(['keep node-offline'])
  })

  test('one that is paused or removed has no alerts, and what it had is over', () => {
    const both = { ...offline, offeredKey: key }
    expect(tell({ ...both, reach: 'paused' }, 0)).toEqual([])
    for (const [reach, because] of [
      ['paused', 'paused'],
      ['removed', 'node-removed'],
    ] as const) {
      expect(tell(both, 1_000)).toEqual(['raise node-offline', 'raise host-key-changed'])
      expect(book.nodes([{ ...both, reach }], at(2_000))).toMatchObject([
        { output: { type: 'end', because } },
        { output: { type: 'end', because } },
      ])
    }
  })

  test('another host key is critical until it is accepted or gone, whoever looks meanwhile', () => {
    expect(tell(web({ offeredKey: key }), 0)).toEqual(['raise host-key-changed'])
    expect([...book.alerts()]).toMatchObject([{ state: { incident: { severity: 'critical' } } }])
    expect(tell(web({ reach: 'unknown', offeredKey: key }), 1_000)).toEqual([])
    expect(open()).toEqual(['firing '])
    expect(tell(web(), 2_000)).toEqual(['end host-key-changed'])
    tell(web({ offeredKey: { ...key, of: 'tls' } }), 3_000)
    expect([...book.alerts()]).toMatchObject([{ state: { incident: { said: { key: 'certificateChanged' } } } }])
  })

  test('a rule is for nodes that have one of its tags, and what it raised is over when they have none of them any more', () => {
    const rules = (...nodeTags: string[]) =>
      effectiveRules([rule({ id: 'node-offline', watch: 'node-offline', nodeTags })])
    book.setRules(rules('lab'), at(0))
    expect(tell(offline, 1_000)).toEqual([])
    expect(words(book.setRules(rules('lab', 'shop'), at(2_000)))).toEqual(['raise node-offline'])
    // Those of others count for nothing.
    expect(tell({ ...offline, tags: ['shop'] }, 3_000)).toEqual([])
    expect(book.nodes([{ ...offline, tags: ['prod'] }], at(4_000))).toMatchObject([
      { output: { type: 'end', because: 'rule-off' } },
    ])
    expect(tell(offline, 5_000)).toEqual(['raise node-offline'])
    expect(words(book.setRules(rules('lab'), at(6_000)))).toEqual(['end node-offline'])
    expect(words(book.setRules(rules(), at(7_000)))).toEqual(['raise node-offline'])
  })

  test('a rule that is switched on again speaks of what is so already, and rules of edges never of nodes', () => {
    tell(offline, 0)
    const rules = (enabled: boolean) => effectiveRules([rule({ id: 'node-offline', watch: 'node-offline', enabled })])
    expect(words(book.setRules(rules(false), at(1_000)))).toEqual(['end node-offline'])
    expect(words(book.setRules(rules(true), at(2_000)))).toEqual(['raise node-offline'])
    expect(words(book.setEdges([], at(3_000)))).toEqual([])
    expect(open()).toEqual(['firing '])
  })

  test('after a restart what fired is unknown until it is looked at, and over if the node is gone', () => {
    const left = { ruleId: 'node-offline', edgeId: 'node:web', series: '', incident }
    const kept = [{ key: '["node-offline","node:web",""]', ...left }]
    expect(words(book.restore(kept, () => true, at(0)))).toEqual(['keep node-offline'])
    expect(open()).toEqual(['unknown '])
    expect(tell(offline, 1_000)).toEqual(['keep node-offline'])
    begin(effectiveRules([]).map(({ document }) => document))
    expect(book.restore(kept, () => false, at(0))).toMatchObject([{ output: { type: 'end', because: 'node-removed' } }])
  })
})

describe('looking back', () => {
  test('a rule over the past fires as often as it would have, with its waits', () => {
    const watched = { ...load, forMs: 60_000 }
    const values = [0, 0.95, 0.95, 0.95, 0, 0.95, 0, 1, 1, 1]
    const events = values.map((value, n) => ({ at: WALL + n * 30_000, metric: cpu(value) }))
    const found = previewOf(watched, 'berlin', events, { from: WALL, to: WALL + 270_000 })
    expect(found.map(({ from, to }) => [from - WALL, to === null ? null : to - WALL])).toEqual([
      [270_000, null],
      [90_000, 120_000],
    ])
  })

  test('lines count within their window', () => {
    const watched = rule({ watch: 'logs', text: 'jam', threshold: 2, overMs: 10_000 })
    const log = { severity: 9, text: 'jam', attributes: '{}' }
    const events = [0, 20_000, 25_000, 60_000].map((ms) => ({ at: WALL + ms, log }))
    const found = previewOf(watched, 'berlin', events, { from: WALL, to: WALL + 100_000 })
    expect(found.map(({ from }) => from - WALL)).toEqual([25_000])
  })
})

const incident: Incident = {
  ...{ severity: 'critical', said: null, text: 'x', value: null, episodes: 1, acknowledged: null, unknownSince: null },
  ...{ since: at(0).wall, firedAt: at(0).wall, lastAt: at(0).wall },
}
