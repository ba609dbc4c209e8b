import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDispatch, type AuditEntry } from '../../../electron/console/dispatch'
import type { Operations } from '../../../electron/console/operations'
import type { Drainer } from '../../../electron/fleet/drainer'
import { fleetOperations } from '../../../electron/fleet/fleet-operations'
import type { FleetEdges } from '../../../electron/fleet/member'
import { openMembers } from '../../../electron/fleet/member-rows'
import { FleetRegistry } from '../../../electron/fleet/registry'
import { operations as contract, type OperationName } from '../../../shared/console/contract'
import type { Role } from '../../../shared/console/operation'
import { manualClock } from '../../support/console-clock'
import { memberSample } from '../../support/member-samples'

/** `own` and `other` have admins of their own, `open` has none; `none` is a node without an edge. */
const admins = { own: ['va', 'oa'], other: ['ann'], open: [] } as const
const places = ['own', 'other', 'open', 'none'] as const
type Place = (typeof places)[number]

/** Who may at which: `v` a viewer, `o` an operator, `a` an admin of the edge `own`. */
const persons = {
  vi: { role: 'viewer', may: [] },
  va: { role: 'viewer', may: ['own'] },
  op: { role: 'operator', may: ['open', 'none'] },
  oa: { role: 'operator', may: ['own', 'open', 'none'] },
  ad: { role: 'admin', may: places },
} as const satisfies Record<string, { role: Role; may: readonly Place[] }>
type Person = keyof typeof persons

const asked: Record<string, object> = {
  'fleet.drainNode': { draining: true },
  'fleet.removeNode': {},
  'fleet.setRole': { role: 'master' },
}

let folder: string
let registry: FleetRegistry
const stack = new AsyncDisposableStack()
const done: string[] = []
const audit: AuditEntry[] = []
let dispatch: ReturnType<typeof createDispatch>

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-authority-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const clock = manualClock()
  const log = { log: () => {}, child: () => log }
  const edges: FleetEdges = {
    edgeOf: (reference) => (Object.hasOwn(admins, reference) ? reference : null),
    nameOf: (edgeId) => `Site ${edgeId}`,
    isPaused: () => false,
    linkHeardAt: () => null,
  }
  let ids = 0
  const local = () => memberSample({ id: 'plane', role: 'master', isLocal: true, edgeId: null })
  registry = new FleetRegistry({
    ...{ store: stack.use(openMembers(path.join(folder, 'fleet.db'))), clock, edges, local, logger: log },
    ...{ random: { id: () => `f${++ids}` }, drainOf: () => ({ state: 'waiting', detail: null }), shown: () => {} },
  })
  stack.use(registry)
  const drainer = {
    drain: (member: { id: string }) => (done.push(member.id), Promise.resolve({ moved: true, detail: null })),
  } as unknown as Drainer
  const handlers = fleetOperations({
    ...{ registry, drainer, edges, local, failoverOf: () => true, requireBooted: () => {} },
    adminsOf: (edgeId) => admins[edgeId as keyof typeof admins],
  })
  const operations = {
    handlers,
    topics: { subscribe: () => () => {} },
    concernedBy: () => Object.entries(admins).map(([id, of]) => ({ id, name: `Site ${id}`, admins: [...of] })),
  } as unknown as Operations
  dispatch = createDispatch({ operations, clock, log, audit: (entry) => void audit.push(entry) })
})
afterAll(() => stack.disposeAsync())

/** Registers the place's node where it is not there (any more). */
function nodeAt(place: Place): string {
  const known = place === 'none' ? { address: '10.0.0.9' } : { address: `${place}.example`, edgeId: place }
  return registry.register({ port: 7_421, ...known }, 'test').member.view().id
}

test('every operation of the fleet whose edge its handler finds is looked at here', () => {
  const found = Object.entries(contract).filter(([op, { edgeOf }]) => edgeOf === 'found' && op.startsWith('fleet.'))
  expect(found.map(([op]) => op).toSorted()).toEqual(Object.keys(asked).toSorted())
})

const cases = Object.keys(asked).flatMap((op) =>
  (Object.keys(persons) as Person[]).map((person) => [op as OperationName, person] as const),
)
test.each(cases)('%s is done for %s where the admins of the edge allow it, and audited', async (op, person) => {
  const { role, may } = persons[person]
  const caller = { actor: `user:${person}`, role, edgeAdminAs: person }
  for (const place of places) {
    const nodeId = nodeAt(place)
    const before = JSON.stringify(registry.find(nodeId).view())
    done.length = audit.length = 0
    const isAllowed = (may as readonly Place[]).includes(place)
    const result = await dispatch.call(op, { nodeId, ...asked[op] }, caller)
    expect([place, result.ok]).toEqual([place, isAllowed])
    expect(audit).toMatchObject([{ op, outcome: isAllowed ? 'done' : 'refused', actor: `user:${person}` }])
    if (isAllowed) continue
    const isForOthers = person !== 'vi' && (place === 'own' || place === 'other')
    const words = isForOthers ? `"Site ${place}" is for its own admins.` : `${op} needs the role operator`
    expect(result).toMatchObject({ code: 'forbidden', message: expect.stringContaining(words) })
    expect([done, JSON.stringify(registry.find(nodeId).view())]).toEqual([[], before])
  }
})
