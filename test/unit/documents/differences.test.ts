import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkDocuments } from '../../../electron/core/documents/check'
import { fieldDifferences, isSame } from '../../../electron/core/documents/differences'
import { lossesOfEdges, movesBetweenEdges } from '../../../electron/core/documents/ownership'
import type { DocumentChange } from '../../../shared/model/documents'
import { currentOf, documentContext, edge, module, put, remove, system } from '../../support/documents'

const current = currentOf([
  ['edge', edge('berlin')],
  ['edge', edge('oslo', { failover: false })],
  ['module', module('lamp', { settings: { line: { end: '\n', max: 80 } } })],
  ['module', module('fan')],
  ['module', module('bell')],
  ['system', system('hall', 'berlin', ['lamp', 'fan'])],
  ['system', system('own', undefined, ['bell'])],
])

function differences(...changes: DocumentChange[]) {
  const outcome = checkDocuments(changes, current, documentContext)
  if (!outcome.ok) throw new Error(JSON.stringify(outcome))
  return outcome
}

test('an update names its fields with a dotted path, and lists as wholes', () => {
  const changed = module('lamp', { uri: 'tcp://127.0.0.1:2', settings: { line: { end: '\n', max: 81 } } })
  expect(differences(put('module', changed), put('system', system('hall', 'berlin', ['fan']))).differences).toEqual([
    {
      op: 'update',
      kind: 'module',
      id: 'lamp',
      name: 'lamp',
      fields: [
        { path: 'uri', before: 'tcp://127.0.0.1:1', after: 'tcp://127.0.0.1:2' },
        { path: 'settings.line.max', before: 80, after: 81 },
      ],
    },
    {
      op: 'update',
      kind: 'system',
      id: 'hall',
      name: 'hall',
      fields: [{ path: 'modules', before: ['lamp', 'fan'], after: ['fan'] }],
    },
  ])
})

test('what is put as it is, is the same and is not written', () => {
  const outcome = differences(
    put('module', { ...module('fan'), role: 'device', enabled: true, settings: {} }),
    put('edge', edge('berlin', { description: 'a' })),
  )
  expect(outcome.differences.map(({ op }) => op)).toEqual(['same', 'update'])
  expect(outcome.writes.map(({ id }) => id)).toEqual(['berlin'])
})

test('a new document and a deleted one are shown field by field', () => {
  const [created, deleted] = differences(put('edge', edge('rome')), remove('edge', 'oslo')).differences
  expect(created).toMatchObject({ op: 'create', name: 'ROME' })
  expect(created?.fields).toContainEqual({ path: 'timeoutMs', before: undefined, after: 20_000 })
  expect(deleted).toMatchObject({ op: 'delete', name: 'OSLO' })
  expect(deleted?.fields).toContainEqual({ path: 'failover', before: false, after: undefined })
})

test('no difference is found exactly when both are the same JSON', () => {
  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  fc.assert(
    fc.property(json, json, (a, b) => {
      expect(fieldDifferences(a, a)).toEqual([])
      expect(fieldDifferences(a, b).length === 0).toBe(isSame(a, b))
      const copy: unknown = JSON.parse(JSON.stringify(a))
      expect(isSame(a, copy)).toBe(true)
    }),
  )
})

test('modules whose owner changes are named, from and to edges and the master', () => {
  expect(movesBetweenEdges([put('system', system('hall', 'oslo', ['lamp', 'fan']))], current)).toEqual([
    { moduleId: 'lamp', from: 'berlin', to: 'oslo' },
    { moduleId: 'fan', from: 'berlin', to: 'oslo' },
  ])
  expect(movesBetweenEdges([put('system', system('hall', undefined, ['lamp']))], current)).toEqual([
    { moduleId: 'lamp', from: 'berlin', to: null },
  ])
  expect(
    movesBetweenEdges(
      [put('system', system('hall', 'berlin', ['lamp'])), put('system', system('own', 'oslo', ['bell', 'fan']))],
      current,
    ),
  ).toEqual([
    { moduleId: 'fan', from: 'berlin', to: 'oslo' },
    { moduleId: 'bell', from: null, to: 'oslo' },
  ])
})

test('what stays with its owner, or gets its first or loses its last, is no move', () => {
  expect(movesBetweenEdges([put('system', system('hall', 'berlin', ['fan', 'lamp']))], current)).toEqual([])
  expect(
    movesBetweenEdges([remove('system', 'hall'), put('system', system('new', 'berlin', ['lamp']))], current),
  ).toEqual([])
  expect(movesBetweenEdges([remove('system', 'hall')], current)).toEqual([])
  expect(
    movesBetweenEdges([put('module', module('horn')), put('system', system('new', 'oslo', ['horn']))], current),
  ).toEqual([])
})

test('what takes something from an edge is named', () => {
  expect(
    lossesOfEdges(
      [put('edge', edge('berlin', { failover: false })), put('edge', edge('oslo', { failover: false }))],
      current,
    ),
  ).toEqual([{ edgeId: 'berlin', why: 'failover-off', moduleId: null }])
  expect(
    lossesOfEdges(
      [remove('module', 'lamp'), remove('module', 'bell'), remove('edge', 'berlin'), remove('system', 'hall')],
      current,
    ),
  ).toEqual([
    { edgeId: 'berlin', why: 'module-deleted', moduleId: 'lamp' },
    { edgeId: 'berlin', why: 'deleted', moduleId: null },
  ])
})
