import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import path from 'node:path'
import { openAlerts } from '../../../electron/alerts/sqlite'
import type { AlertStore } from '../../../electron/alerts/alerts'
import { checkDocuments } from '../../../electron/core/documents/check'
import { feedRules } from '../../../electron/core/replication/feed'
import type { Journal } from '../../../electron/journal/journal'
import { openJournal } from '../../../electron/journal/sqlite'
import { ACKNOWLEDGED_AT_ONCE } from '../../../electron/master/acknowledging'
import { alertOperations } from '../../../electron/master/alert-operations'
import { Alerts, type AlertChange, type WatchedMaster } from '../../../electron/master/alerts'
import { alertOf, logOf, metricOf } from '../../../electron/telemetry/body'
import { openTelemetryStores } from '../../../electron/telemetry/sqlite'
import type { ArrivedBatch, ArrivedEntry, TelemetryStores } from '../../../electron/telemetry/telemetry'
import { systemRandom } from '../../../electron/platform/random'
import { HoldfastError } from '../../../shared/model/failures'
import type { Decision } from '../../../shared/model/control'
import type { TelemetryCategory } from '../../../shared/model/telemetry'
import { monoMs, wallMs } from '../../../shared/model/time'
import { documentContext } from '../../support/documents'
import { collectingLogger } from '../../support/journal'
import { temporaryFolder } from '../../support/outbox'
import { SettlingClock } from '../../support/settling-clock'
import { noWatchedNodes } from '../../support/watched-nodes'

const WALL = 1_750_000_000_000
const anna = { actor: 'cli:anna', role: 'operator' } as const
let folder: ReturnType<typeof temporaryFolder>
let clock: SettlingClock
let journal: Journal
let telemetry: TelemetryStores
let store: AlertStore
let alerts: Alerts
let told: string[]
const isLinked = new Map<string, boolean>()
let seq = 0
const decided = new Set<(decision: Decision) => void>()

const master: WatchedMaster = {
  booted: true,
  onDecision: (listener) => {
    decided.add(listener)
    return () => decided.delete(listener)
  },
  // As clocks of machines tell it, which have fractions.
  linkOf: (edgeId) => ({ isLinked: isLinked.get(edgeId) ?? true, since: monoMs(0.25), isExpected: true }),
}

function begin(given: Partial<AlertStore> = {}): void {
  alerts = new Alerts({
    ...{ store: { ...store, ...given }, journal, clock, random: systemRandom(), logger: collectingLogger() },
    bodies: { metricOf, logOf, alertOf },
  })
  alerts.onChange(({ kind, alert }: AlertChange) => told.push(`${kind} ${alert.ruleId}`))
  alerts.start(master, noWatchedNodes)
}
const operations = () => alertOperations({ alerts, store, journal, telemetry, clock })
const listed = async (states?: ('firing' | 'resolved' | 'pending' | 'unknown')[]) =>
  (await operations()['alerts.list']({ limit: 100, ...(states === undefined ? {} : { states }) }, anna)).alerts

beforeEach(() => {
  folder = temporaryFolder()
  clock = new SettlingClock(wallMs(WALL))
  journal = openJournal(path.join(folder.path, 'journal.db'), {
    ...{ clock, random: systemRandom(), logger: collectingLogger(), sourceId: 'm', feed: feedRules },
    check: (changes, current) => checkDocuments(changes, current, documentContext),
  })
  telemetry = openTelemetryStores(folder.path)
  store = openAlerts(path.join(folder.path, 'alerts.db'))
  told = []
  seq = 0
  isLinked.clear()
  journal.change([{ op: 'put', kind: 'edge', body: { id: 'berlin', name: 'Berlin' } }], { actor: 'test' })
  rule({ id: 'hot', name: 'Hot', watch: 'metric', metric: 'cpu.load', threshold: 0.9 })
  begin()
})
afterEach(async () => {
  alerts.end()
  await store[Symbol.asyncDispose]()
  await telemetry[Symbol.asyncDispose]()
  await journal[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

function rule(body: Record<string, unknown>): void {
  expect(journal.change([{ op: 'put', kind: 'alertRule', body: body as never }], { actor: 'test' })).toMatchObject({
    ok: true,
  })
}
function batch(
  category: TelemetryCategory,
  body: unknown,
  more: Partial<ArrivedBatch & ArrivedEntry> = {},
): ArrivedBatch {
  const { historical = false, gaps = [], ...own } = more
  seq++
  const entry: ArrivedEntry = {
    ...{ seq, runId: 'r', sourceId: 's', edgeId: 'berlin', enrolmentId: null, category, at: clock.wall() },
    ...{ doNotPropagate: false, isBytes: false, text: JSON.stringify(body) },
    ...own,
  }
  const lane = category === 'alerts' ? 'alerts' : 'telemetry'
  return { feedId: lane, lane, firstSeq: seq, lastSeq: seq, entries: [entry], gaps, historical, sentAt: clock.wall() }
}
const load = (value: number, more: Partial<ArrivedBatch & ArrivedEntry> = {}) =>
  batch(
    'metrics',
    {
      resource: { attributes: { 'host.name': 'till' } },
      ...{ scope: { name: '' }, name: 'cpu.load', type: 'gauge' },
      points: [{ time: clock.wall(), attributes: {}, value }],
    },
    more,
  )

describe('alerts of a master', () => {
  test('fire as entries arrive, are acknowledged and silenced by people, and are over when the value is', async () => {
    alerts.arrived('berlin', load(0.95))
    const [alert] = await listed()
    expect(alert).toMatchObject({ id: '1', state: 'firing', edgeName: 'Berlin', ruleName: 'Hot', value: 0.95 })
    const own = operations()
    expect(await own['alerts.acknowledge']({ ids: ['1', '99'], note: 'on it', on: true }, anna)).toEqual({ changed: 1 })
    const silence = await own['alerts.silence']({ alert: '1', forMs: 60_000, reason: 'works' }, anna)
    expect(silence.matcher).toEqual({ ruleId: 'hot', edgeId: 'berlin', edgeName: 'Berlin', series: 'cpu.load' })
    expect(alerts.body()).toMatchObject({
      open: { warning: 0 },
      firing: { warning: 1 },
      acknowledged: 1,
      silenced: 1,
      total: 1,
      active: [{ acknowledged: { by: 'cli:anna', note: 'on it' }, silenced: { by: 'cli:anna' } }],
    })
    await clock.pass(61_000)
    alerts.arrived('berlin', load(0.1))
    expect(await listed()).toEqual([])
    expect(await listed(['resolved'])).toMatchObject([
      { id: '1', resolvedBecause: 'cleared', acknowledged: { note: 'on it' } },
    ])
    expect(told).toEqual(['fired hot', 'acknowledged hot', 'silenced hot', 'unsilenced hot', 'resolved hot'])
  })

  test('are not raised by what came late, or under another number before; nor does it end them', async () => {
    alerts.arrived('berlin', load(1, { historical: true }))
    alerts.arrived('berlin', load(1, { origin: { feedId: 'f', seq: 1, runId: 'r' } }))
    expect(await listed()).toEqual([])
    alerts.arrived('berlin', load(1))
    alerts.arrived('berlin', load(0, { historical: true }))
    expect(await listed()).toMatchObject([{ state: 'firing', value: 1 }])
  })

  test('are raised all the same by an edge whose calendar is a day ahead', async () => {
    alerts.arrived('berlin', load(1, { at: wallMs(WALL + 86_400_000) }))
    expect(await listed()).toMatchObject([{ state: 'firing' }])
  })

  test('outlive the process: unknown until something speaks of them, with what people said', async () => {
    alerts.arrived('berlin', load(1))
    alerts.acknowledge(['1'], 'cli:anna', 'mine', true)
    alerts.end()
    await store[Symbol.asyncDispose]()
    store = openAlerts(path.join(folder.path, 'alerts.db'))
    told = []
    begin()
    expect(await listed()).toMatchObject([{ id: '1', state: 'unknown', acknowledged: { note: 'mine' } }])
    alerts.arrived('berlin', load(0.99))
    expect(await listed()).toMatchObject([{ id: '1', state: 'firing', value: 0.99 }])
    expect(told).toEqual(['unknown hot', 'known hot'])
  })

  test('are told only when they are written, and written as soon as the disk takes them', async () => {
    alerts.end()
    let isFull = true
    begin({
      write: (writes) => {
        if (isFull) throw new HoldfastError('storage', 'the disk is full')
        return store.write(writes)
      },
    })
    alerts.arrived('berlin', load(1))
    expect([told, alerts.active()]).toEqual([[], []])
    isFull = false
    await clock.pass(5_000)
    expect(told).toEqual(['fired hot'])
    expect(await listed()).toMatchObject([{ id: '1', state: 'firing' }])
  })

  test('of an edge appear with its own severity; what it lost and what both drove, too', async () => {
    alerts.arrived(
      'berlin',
      batch('alerts', { name: 'no-device', text: 'No device.', state: 'firing', severity: 'critical' }),
    )
    alerts.arrived('berlin', load(0, { historical: true, gaps: [{ from: 5, to: 14, reason: 'lost' }] }))
    const contested = { from: WALL, to: WALL + 900 }
    for (const tell of decided) tell({ edgeId: 'berlin', contested } as Decision)
    expect((await listed()).map(({ ruleId, severity, text }) => [ruleId, severity, text])).toEqual([
      ['both-drove', 'critical', expect.stringContaining('Both sides drove')],
      ['telemetry-lost', 'warning', '10 entries were lost at the edge.'],
      ['edge-alerts', 'critical', 'No device.'],
    ])
  })

  test('of an edge that is away come after its own timeout, and are over a while after it is back', async () => {
    isLinked.set('berlin', false)
    await clock.pass(18_000)
    expect(await listed(['firing'])).toEqual([])
    await clock.pass(4_000)
    expect(await listed(['firing'])).toMatchObject([{ ruleId: 'edge-unreachable', severity: 'critical' }])
    isLinked.set('berlin', true)
    await clock.pass(32_000)
    expect(await listed()).toEqual([])
    expect(told).toEqual(['fired edge-unreachable', 'resolved edge-unreachable'])
  })

  test('outlive the process, of an edge that is away, too, and as an earlier version wrote their instants', async () => {
    isLinked.set('berlin', false)
    await clock.pass(25_000)
    const reopen = async () => {
      alerts.end()
      await store[Symbol.asyncDispose]()
      store = openAlerts(path.join(folder.path, 'alerts.db'))
      begin()
    }
    await reopen()
    const [kept] = store.open()
    const { since } = kept!.incident
    expect(Number.isInteger(since)).toBe(true)
    store.write([{ ...kept!, type: 'keep', incident: { ...kept!.incident, since: wallMs(since + 0.75) } }])
    await reopen()
    expect(await listed()).toMatchObject([{ ruleId: 'edge-unreachable', since: since + 1 }])
  })

  test('follow their rules: a change by an operation counts at once, a default can be switched off and comes back', async () => {
    alerts.arrived('berlin', load(0.95))
    const own = operations()
    const admin = { actor: 'cli:root', role: 'admin' } as const
    await own['alerts.setRule']({ rule: 'Hot', values: { enabled: false }, create: false, dryRun: false }, admin)
    expect(await listed(['resolved'])).toMatchObject([{ resolvedBecause: 'rule-off' }])
    await own['alerts.setRule'](
      { rule: 'edge-unreachable', values: { enabled: false }, create: false, dryRun: false },
      admin,
    )
    const rules = await own['alerts.rules']({}, anna)
    expect(rules.find(({ id }) => id === 'edge-unreachable')).toMatchObject({
      isDefault: false,
      rule: { enabled: false },
    })
    await own['alerts.removeRule']({ rule: 'edge-unreachable' }, admin)
    expect(alerts.rules().find(({ document }) => document.id === 'edge-unreachable')).toMatchObject({ isDefault: true })
    expect(() => own['alerts.removeRule']({ rule: 'edge-unreachable' }, admin)).toThrow(/comes with the program/)
    const nameless = { rule: 'x', values: { watch: 'metric' }, create: true, dryRun: false }
    expect(() => own['alerts.setRule'](nameless, admin)).toThrow(/needs its name/)
  })

  test('can be tried over what is stored', async () => {
    for (let n = 0; n < 10; n++) {
      const at = wallMs(WALL - (10 - n) * 60_000)
      const body = {
        name: 'cpu.load',
        type: 'gauge',
        points: [{ time: at, attributes: {}, value: n % 5 === 4 ? 1 : 0 }],
      }
      telemetry.of('berlin').receive(batch('metrics', body, { at, historical: true }), clock.wall())
    }
    telemetry.of('berlin').index(1_000)
    const own = operations()
    const seen = await own['alerts.preview']({ rule: 'hot', overMs: 86_400_000 }, anna)
    expect(seen).toMatchObject({ fired: 2, series: 1, values: 10, isCut: false })
    const draft = { watch: 'metric', metric: 'cpu.load', threshold: 0.9, forMs: 120_000 }
    expect(await own['alerts.preview']({ rule: draft, overMs: 86_400_000 }, anna)).toMatchObject({ fired: 0 })
    expect(await listed()).toEqual([])
  })

  test('are found by edge, severity and text, page by page', async () => {
    for (let n = 0; n < 5; n++) {
      alerts.arrived('berlin', load(1))
      alerts.arrived('berlin', load(0))
    }
    const own = operations()
    const first = await own['alerts.list']({ states: ['resolved'], edge: 'Berlin', text: 'CPU', limit: 3 }, anna)
    expect([first.alerts.map(({ id }) => id), first.total, first.next]).toEqual([['5', '4', '3'], 5, '3'])
    const rest = await own['alerts.list']({ states: ['resolved'], before: first.next!, limit: 3 }, anna)
    expect([rest.alerts.map(({ id }) => id), rest.next]).toEqual([['2', '1'], null])
    expect(await own['alerts.list']({ states: ['resolved'], severityMin: 'critical', limit: 3 }, anna)).toMatchObject({
      total: 0,
    })
  })

  test('of many edges that lose their links together are one group: acknowledged, and kept quiet until the time is over, as one', async () => {
    const sites = ['oslo', 'paris', 'rome'].map((id) => ({ op: 'put', kind: 'edge', body: { id, name: id } }) as const)
    journal.change(sites, { actor: 'test' })
    for (const { body } of sites) isLinked.set(body.id, false)
    alerts.arrived('berlin', load(1))
    await clock.pass(25_000)
    const own = operations()
    const grouped = async () => (await own['alerts.list']({ grouped: true, limit: 100 }, anna)).groups!
    const [links, hot, ...others] = await grouped()
    expect(others).toEqual([])
    expect(links).toMatchObject({
      ruleId: 'edge-unreachable',
      count: 3,
      edges: 3,
      severity: 'critical',
      state: 'firing',
    })
    expect(links!.edgeNames.toSorted()).toEqual(['oslo', 'paris', 'rome'])
    expect(hot).toMatchObject({ cause: 'cpu.load', count: 1, edgeNames: ['Berlin'], acknowledged: 0 })
    const members = (asked: { limit: number; before?: string; text?: string; edge?: string }) =>
      own['alerts.list']({ group: links!.id, ...asked }, anna)
    const newest = links!.alerts.toReversed()
    const page = await members({ limit: 2 })
    expect([page.alerts.map(({ id }) => id), page.total, page.next]).toEqual([newest.slice(0, 2), 3, newest[1]])
    expect(await members({ limit: 2, before: page.next! })).toMatchObject({ alerts: [{ id: newest[2] }], next: null })
    expect(await members({ limit: 9, text: 'PARI' })).toMatchObject({ alerts: [{ edgeName: 'paris' }], total: 1 })
    expect(await members({ limit: 9, edge: 'rome' })).toMatchObject({ alerts: [{ edgeName: 'rome' }], total: 1 })
    expect(await own['alerts.acknowledge']({ group: links!.alerts[1]!, note: 'the line', on: true }, anna)).toEqual({
      changed: 3,
    })
    expect(() => own['alerts.acknowledge']({ note: '', on: true }, anna)).toThrow(/Say which/)
    const silence = await own['alerts.silence']({ group: links!.id, forMs: 60_000, reason: 'works' }, anna)
    expect(silence.matcher).toEqual({ ruleId: 'edge-unreachable', edgeId: null, series: null, edges: 3 })
    expect((await grouped())[0]).toMatchObject({ count: 3, open: 0, acknowledged: 3, silenced: 3 })
    // Only those that were lost by then are kept quiet.
    isLinked.set('berlin', false)
    await clock.pass(50_000)
    expect((await grouped())[0]).toMatchObject({ count: 4, silenced: 3 })
    await clock.pass(11_000)
    expect((await grouped())[0]).toMatchObject({ count: 4, silenced: 0 })
    expect(told.filter((line) => line === 'unsilenced edge-unreachable')).toHaveLength(3)
  })

  test('of one metric at many edges are kept quiet where they come next, too', async () => {
    journal.change([{ op: 'put', kind: 'edge', body: { id: 'oslo', name: 'Oslo' } }], { actor: 'test' })
    alerts.arrived('berlin', load(1))
    const own = operations()
    await own['alerts.silence']({ group: '1', forMs: 60_000, reason: 'works' }, anna)
    alerts.arrived('oslo', load(1))
    const { groups } = await own['alerts.list']({ grouped: true, limit: 100 }, anna)
    expect(groups).toMatchObject([{ count: 2, silenced: 2, edges: 2 }])
    expect(() => own['alerts.silence']({ group: '1', rule: 'hot', forMs: 60_000, reason: 'x' }, anna)).toThrow(/group/)
  })

  test('of thousands of edges are acknowledged as one, in pieces that the disk takes one by one', async () => {
    const COUNT = 2_500
    const sites = Array.from({ length: COUNT }, (_, n) => `site-${n}`)
    journal.change(
      sites.map((id) => ({ op: 'put', kind: 'edge', body: { id, name: id } }) as const),
      { actor: 'test' },
    )
    for (const id of sites) isLinked.set(id, false)
    const pieces: number[] = []
    let takes = Infinity
    alerts.end()
    begin({
      write: (writes) => {
        if (takes-- <= 0) throw new HoldfastError('storage', 'The disk is full.')
        pieces.push(writes.length)
        return store.write(writes)
      },
    })
    await clock.pass(25_000)
    const own = operations()
    const [group] = (await own['alerts.list']({ grouped: true, limit: 1 }, anna)).groups!
    expect(group).toMatchObject({ ruleId: 'edge-unreachable', count: COUNT })
    pieces.length = 0
    told = []
    const asked = { group: group!.id, note: 'the line' }
    expect(await own['alerts.acknowledge']({ ...asked, on: true }, anna)).toEqual({ changed: COUNT })
    expect(pieces).toEqual(Array(COUNT / ACKNOWLEDGED_AT_ONCE).fill(ACKNOWLEDGED_AT_ONCE))
    expect(told).toEqual(Array(COUNT).fill('acknowledged edge-unreachable'))
    expect(store.open().filter(({ incident }) => incident.acknowledged?.note === 'the line')).toHaveLength(COUNT)
    // A disk that is full halfway: what is changed by then is told.
    takes = 2
    const halfway = { changed: 2 * ACKNOWLEDGED_AT_ONCE, asked: COUNT }
    await expect(own['alerts.acknowledge']({ ...asked, on: false }, anna)).rejects.toMatchObject({
      ...{ code: 'storage', details: halfway },
      message: expect.stringContaining(`${halfway.changed} of ${COUNT} are changed`),
    })
  })

  test('of one cause are acknowledged and kept quiet at one edge alone, where somebody says so', async () => {
    journal.change([{ op: 'put', kind: 'edge', body: { id: 'oslo', name: 'Oslo' } }], { actor: 'test' })
    alerts.arrived('berlin', load(1))
    alerts.arrived('oslo', load(1))
    const own = operations()
    const asked = { group: '1', note: '', on: true }
    expect(await own['alerts.acknowledge']({ ...asked, edge: 'Oslo' }, anna)).toEqual({ changed: 1 })
    const silence = await own['alerts.silence']({ group: '1', edge: 'Oslo', forMs: 60_000, reason: 'works' }, anna)
    expect(silence.matcher).toMatchObject({ ruleId: 'hot', edgeId: 'oslo', series: 'cpu.load' })
    const states = alerts.active().map(({ edgeId, acknowledged, silenced }) => [edgeId, !!acknowledged, !!silenced])
    expect(states.toSorted()).toEqual([
      ['berlin', false, false],
      ['oslo', true, true],
    ])
    expect(() => own['alerts.acknowledge']({ ...asked, edge: 'rome' }, anna)).toThrow(/Nothing of this cause/)
    expect(() => own['alerts.acknowledge']({ ids: ['1'], edge: 'Oslo', note: '', on: true }, anna)).toThrow(/Say which/)
  })
})
