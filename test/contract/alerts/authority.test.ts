import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openAlerts } from '../../../electron/alerts/sqlite'
import type { AlertStore, Silence } from '../../../electron/alerts/alerts'
import { createDispatch, type AuditEntry, type LocalDispatch } from '../../../electron/console/dispatch'
import { concernedBy } from '../../../electron/console/edge-authority'
import type { Operations } from '../../../electron/console/operations'
import { checkDocuments } from '../../../electron/core/documents/check'
import { feedRules } from '../../../electron/core/replication/feed'
import type { Journal } from '../../../electron/journal/journal'
import { openJournal } from '../../../electron/journal/sqlite'
import { alertOperations } from '../../../electron/master/alert-operations'
import { Alerts, type WatchedMaster } from '../../../electron/master/alerts'
import { systemRandom } from '../../../electron/platform/random'
import { alertOf, logOf, metricOf } from '../../../electron/telemetry/body'
import type { TelemetryStores } from '../../../electron/telemetry/telemetry'
import { operations as contract, type OperationName } from '../../../shared/console/contract'
import type { Role } from '../../../shared/console/operation'
import { subjectOfNode } from '../../../shared/model/alerts'
import { monoMs, wallMs } from '../../../shared/model/time'
import { defaultHandlers } from '../../support/console-answers'
import { documentContext } from '../../support/documents'
import { collectingLogger } from '../../support/journal'
import { temporaryFolder } from '../../support/outbox'
import { SettlingClock } from '../../support/settling-clock'
import { noWatchedNodes } from '../../support/watched-nodes'

/** `own`: its admins are `va` and `oa`, `other`: it has another, `open`: it has none. */
const edges = { own: ['va', 'oa'], other: ['ann'], open: [] } as const
type Place = keyof typeof edges | 'node'
const people = { vi: 'viewer', va: 'viewer', op: 'operator', oa: 'operator', ad: 'admin' } as const satisfies Record<
  string,
  Role
>
type Person = keyof typeof people
const persons = Object.keys(people) as Person[]
const may: Record<Person, readonly Place[]> = {
  vi: [],
  va: ['own'],
  op: ['open', 'node'],
  oa: ['own', 'open', 'node'],
  ad: ['own', 'other', 'open', 'node'],
}

let folder: ReturnType<typeof temporaryFolder>
let clock: SettlingClock
let journal: Journal
let store: AlertStore
let alerts: Alerts
let audit: AuditEntry[]
let dispatch: LocalDispatch
let seq = 0

const master: WatchedMaster = {
  booted: true,
  onDecision: () => () => {},
  linkOf: () => ({ isLinked: true, since: monoMs(0), isExpected: true }),
}

beforeEach(() => {
  folder = temporaryFolder()
  clock = new SettlingClock(wallMs(1_750_000_000_000))
  const logger = collectingLogger()
  journal = openJournal(path.join(folder.path, 'journal.db'), {
    ...{ clock, random: systemRandom(), logger, sourceId: 'm', feed: feedRules },
    check: (changes, current) => checkDocuments(changes, current, documentContext),
  })
  store = openAlerts(path.join(folder.path, 'alerts.db'))
  const verifier = { disabled: false, password: null, invite: null, tokens: [] }
  for (const [id, role] of [...Object.entries(people), ['ann', 'viewer'] as const])
    put('user', { id, name: id, role, ...verifier })
  for (const [id, admins] of Object.entries(edges)) put('edge', { id, name: `Site ${id}`, admins })
  put('alertRule', { id: 'hot', name: 'Hot', watch: 'metric', metric: 'cpu.load', threshold: 0.9 })
  alerts = new Alerts({
    ...{ store, journal, clock, random: systemRandom(), logger },
    bodies: { metricOf, logOf, alertOf },
  })
  alerts.start(master, noWatchedNodes)
  seq = 0
  for (const edgeId of Object.keys(edges)) arrives(edgeId)
  audit = []
  const bodies = <K extends 'edge' | 'system' | 'module'>(kind: K) => journal.list(kind).map(({ body }) => body)
  const documents = { edges: () => bodies('edge'), systems: () => bodies('system'), modules: () => bodies('module') }
  const telemetry = null as unknown as TelemetryStores
  const handlers = { ...defaultHandlers, ...alertOperations({ alerts, store, journal, telemetry, clock }) }
  const operations: Operations = {
    handlers,
    topics: { subscribe: () => () => {} },
    concernedBy: (naming, reference) => concernedBy(documents, naming, reference),
  }
  dispatch = createDispatch({ operations, clock, log: logger, audit: (entry) => audit.push(entry) })
})
afterEach(async () => {
  alerts.end()
  await store[Symbol.asyncDispose]()
  await journal[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

function put(kind: 'user' | 'edge' | 'alertRule', body: unknown): void {
  const outcome = journal.change([{ op: 'put', kind, body: body as never }], { actor: 'test' })
  if (!outcome.ok) throw new Error(JSON.stringify(outcome))
}
function arrives(edgeId: string): void {
  seq++
  const [at, lane] = [clock.wall(), 'telemetry' as const]
  const points = [{ time: at, attributes: {}, value: 1 }]
  const body = { resource: { attributes: {} }, scope: { name: '' }, name: 'cpu.load', type: 'gauge', points }
  const entry = {
    ...{ seq, runId: 'r', sourceId: 's', edgeId, enrolmentId: null, category: 'metrics' as const, at },
    ...{ doNotPropagate: false, isBytes: false, text: JSON.stringify(body) },
  }
  const told = { feedId: edgeId, lane, firstSeq: seq, lastSeq: seq, entries: [entry], gaps: [], historical: false }
  alerts.arrived(edgeId, { ...told, sentAt: at })
}
const call = (person: Person, op: OperationName, params: object) =>
  dispatch.call(op, params, { actor: `user:${person}`, role: people[person], userId: person, edgeAdminAs: person })
const alertAt = (place: Place) => alerts.active().find(({ edgeId }) => edgeId === place)!.id
const quieted = (matcher: Partial<Silence>) =>
  alerts.silence({ ruleId: null, edgeId: null, series: null, edgeIds: null, ...matcher }, 60_000, 'user:ad', 'works').id
const acknowledged = () =>
  alerts.active().flatMap(({ edgeId, acknowledged }) => (acknowledged === null ? [] : [edgeId]))

const quiet = { forMs: 60_000, reason: 'works' }
const placed = (place: Place) => (place === 'node' ? subjectOfNode('n1') : place)
/** Every way to mean one place, of every operation whose edges only its handler finds. */
const ways: Partial<Record<OperationName, Record<string, (place: Place) => object | null>>> = {
  'alerts.acknowledge': {
    'its id': (place) => (place === 'node' ? null : { ids: [alertAt(place)] }),
    'the id it is taken back by': (place) => (place === 'node' ? null : { ids: [alertAt(place)], on: false }),
    'its group at that edge': (place) => (place === 'node' ? null : { group: alertAt('open'), edge: `Site ${place}` }),
  },
  'alerts.silence': {
    'one alert': (place) => (place === 'node' ? null : { alert: alertAt(place), ...quiet }),
    'its place': (place) => ({ edge: placed(place), ...quiet }),
    'its place and rule': (place) => ({ edge: placed(place), rule: 'hot', series: 'cpu', ...quiet }),
    'its group at that edge': (place) =>
      place === 'node' ? null : { group: alertAt('open'), edge: `Site ${place}`, ...quiet },
    'a rule for it alone': (place) => {
      if (place === 'node') return { rule: 'node-offline', ...quiet }
      put('alertRule', { id: 'there', name: 'There', watch: 'metric', metric: 'm', threshold: 1, edges: [place] })
      return { rule: 'there', ...quiet }
    },
  },
  'alerts.unsilence': {
    'one at its place': (place) => ({ id: quieted({ edgeId: placed(place) }) }),
    'one that names it': (place) => ({ id: quieted({ ruleId: 'hot', edgeIds: [placed(place)] }) }),
  },
}

test('every operation whose edges its handler finds is looked at here, or with the nodes of the fleet', () => {
  const found = Object.entries(contract).filter(([, { edgeOf }]) => edgeOf === 'found')
  const here = found.map(([op]) => op).filter((op) => !op.startsWith('fleet.'))
  expect(here.toSorted()).toEqual(Object.keys(ways).toSorted())
})

const cases = Object.entries(ways).flatMap(([op, by]) =>
  Object.keys(by).flatMap((way) => persons.map((person) => [op as OperationName, way, person] as const)),
)
test.each(cases)('%s by %s is done for %s where the admins of the edge allow it', async (op, way, person) => {
  for (const place of [...(Object.keys(edges) as Place[]), 'node' as const]) {
    const params = ways[op]![way]!(place)
    if (params === null) continue
    audit.length = 0
    const isAllowed = may[person].includes(place)
    const before = JSON.stringify(alerts.body())
    const result = await call(person, op, params)
    expect([place, result.ok]).toEqual([place, isAllowed])
    expect(audit).toMatchObject([{ op, outcome: isAllowed ? 'done' : 'refused', actor: `user:${person}` }])
    if (isAllowed) continue
    expect(result).toMatchObject({ ok: false, code: 'forbidden' })
    expect(JSON.stringify(alerts.body())).toBe(before)
    // Who is no admin of any edge needs the role; where an edge has its own the words are those of every operation there.
    const isOfItsAdmins = person !== 'vi' && (place === 'own' || place === 'other')
    const words = isOfItsAdmins ? `${op} at "Site ${place}" is for its own admins.` : `${op} needs the role operator`
    expect(result).toMatchObject({ message: expect.stringContaining(words) })
  }
})

describe('a group of alerts at several edges', () => {
  test('is acknowledged where its caller may, and what is left is told with the reason', async () => {
    const result = await call('oa', 'alerts.acknowledge', { group: alertAt('open'), note: 'the line' })
    expect(result).toMatchObject({
      ...{ ok: false, code: 'forbidden', details: { changed: 2, asked: 3 } },
      message: '2 of 3 are changed. alerts.acknowledge at "Site other" is for its own admins.',
    })
    expect(acknowledged().toSorted()).toEqual(['open', 'own'])
    expect(audit).toMatchObject([{ op: 'alerts.acknowledge', outcome: 'refused', failure: { code: 'forbidden' } }])
    const mine = await call('va', 'alerts.acknowledge', { ids: ['own', 'other'].map((id) => alertAt(id as Place)) })
    expect(mine).toMatchObject({ ok: false, details: { changed: 0, asked: 2 } })
    expect(await call('ad', 'alerts.acknowledge', { group: alertAt('open') })).toMatchObject({ value: { changed: 1 } })
  })

  test('is refused with all names where nothing of it is its caller’s', async () => {
    put('edge', { id: 'open', name: 'Site open', admins: ['ann'] })
    const result = await call('op', 'alerts.acknowledge', { group: alertAt('open') })
    expect(result).toMatchObject({ ok: false, code: 'forbidden' })
    for (const place of Object.keys(edges)) expect(result).toMatchObject({ message: expect.stringContaining(place) })
    expect(acknowledged()).toEqual([])
  })
})

describe('a silence that may be about many edges', () => {
  const wide: Record<string, () => object> = {
    'by a rule': () => ({ rule: 'hot' }),
    'by a part of the series': () => ({ series: 'cpu' }),
    'of a group': () => ({ group: alertAt('open') }),
  }
  test.each(Object.entries(wide))('%s is made and ended by whoever may at each of them', async (_, of) => {
    for (const person of persons.filter((one) => one !== 'ad')) {
      const result = await call(person, 'alerts.silence', { ...of(), ...quiet })
      expect([person, result.ok]).toEqual([person, false])
      expect(result).toMatchObject({ code: 'forbidden' })
      if (person === 'op') expect(result).toMatchObject({ message: expect.stringMatching(/"Site other".*"Site own"/) })
    }
    expect(alerts.silences()).toEqual([])
    const made = (await call('ad', 'alerts.silence', { ...of(), ...quiet })) as { value: { id: string } }
    expect(await call('op', 'alerts.unsilence', { id: made.value.id })).toMatchObject({ code: 'forbidden' })
    expect(alerts.silences()).toHaveLength(1)
    put('edge', { id: 'other', name: 'Site other', admins: [] })
    expect(await call('va', 'alerts.unsilence', { id: made.value.id })).toMatchObject({ code: 'forbidden' })
    expect(await call('oa', 'alerts.unsilence', { id: made.value.id })).toMatchObject({ ok: true })
    expect(await call('oa', 'alerts.silence', { ...of(), ...quiet })).toMatchObject({ ok: true })
  })
})
