import { expect, it } from 'vitest'
import {
  accessOf,
  executeForEdge,
  statusForEdge,
  switchForEdge,
  type ClientAudit,
} from '../../../electron/master/edge-clients'
import type { EdgeSite } from '../../../electron/master/edge-site'
import { userDocument } from '../../../shared/model/documents'
import { moduleSample } from '../../support/console-samples'
import { manualClock } from '../../support/console-clock'

const digest = (fill: string): string => fill.repeat(64)
const token = (id: string, fill: string, role: 'viewer' | 'operator' | 'admin', expiresAt: number | null = null) => ({
  ...{ id, name: id, role, digest: digest(fill), madeAt: 1, expiresAt },
})

it('tells an edge of valid tokens only, each with the least of what it and its owner may', () => {
  const users = [
    userDocument.parse({
      ...{ id: 'kim', name: 'Kim', role: 'operator' },
      tokens: [token('a', 'a', 'admin'), token('b', 'b', 'viewer'), token('c', 'c', 'operator', 500)],
    }),
    userDocument.parse({ id: 'ann', name: 'Ann', role: 'admin', disabled: true, tokens: [token('d', 'd', 'admin')] }),
    userDocument.parse({ id: 'vi', name: 'Vi', tokens: [token('e', 'e', 'viewer', 2_000)] }),
  ]
  expect(accessOf(users, 1_000)).toEqual([
    { digest: digest('a'), userId: 'kim', tokenId: 'a', role: 'operator', isWhole: true, expiresAt: null },
    { digest: digest('b'), userId: 'kim', tokenId: 'b', role: 'viewer', isWhole: false, expiresAt: null },
    { digest: digest('e'), userId: 'vi', tokenId: 'e', role: 'viewer', isWhole: true, expiresAt: 2_000 },
  ])
})

function place({ drives }: { drives: boolean }) {
  const told: ClientAudit[] = []
  const done: unknown[] = []
  const runtime = {
    execute: (...args: unknown[]) => Promise.resolve(done.push(args)),
    startModules: (ids: unknown) => Promise.resolve(done.push(['start', ids])),
    stopModules: (ids: unknown) => Promise.resolve(done.push(['stop', ids])),
    views: () => [moduleSample('m1'), moduleSample('m2')],
    methods: () => [{ name: 'power', title: 'Power', changesDevice: true, params: {} }],
  }
  const site = { edgeId: 'berlin', modules: () => [{ id: 'm1' }], control: { drives, runtime } } as unknown as EdgeSite
  const parts = { clock: manualClock(), audited: (one: ClientAudit) => void told.push(one), modulesOf: () => ['m1'] }
  return { told, done, site, parts }
}
const asked = { moduleId: 'm1', method: 'power', args: { on: true }, requestId: 'r1', actor: 'user:kim' }

it('runs for an edge what belongs to that edge, and writes down who asked there', async () => {
  const { told, done, site, parts } = place({ drives: true })
  await executeForEdge(parts, site, asked)
  expect(done).toEqual([['m1', 'power', { on: true }, { requestId: 'r1', timeoutMs: 30_000 }]])
  await expect(executeForEdge(parts, site, { ...asked, moduleId: 'm9' })).rejects.toMatchObject({ code: 'not-found' })
  expect(await switchForEdge(parts, site, { systemId: 'room', start: false, actor: 'user:kim' })).toEqual({
    modules: 1,
  })
  expect(told.map(({ actor, op, failure }) => [actor, op, failure?.code ?? null])).toEqual([
    ['edge:berlin/user:kim', 'modules.execute', null],
    ['edge:berlin/user:kim', 'modules.execute', 'not-found'],
    ['edge:berlin/user:kim', 'systems.stop', null],
  ])
  const { modules, methods } = statusForEdge(site, () => ['m1'], { systemId: 'room', methodsOf: 'm1' })
  expect([modules.map(({ id }) => id), methods?.length]).toEqual([['m1'], 1])
  expect(statusForEdge(site, () => ['m1'], { systemId: 'room', methodsOf: 'm2' }).methods).toBeUndefined()
})

it('never passes on to an edge what came from it', async () => {
  const { told, done, site, parts } = place({ drives: false })
  const refused = { code: 'not-in-control' }
  await expect(executeForEdge(parts, site, asked)).rejects.toMatchObject(refused)
  await expect(switchForEdge(parts, site, { systemId: 'room', start: true, actor: 'a' })).rejects.toMatchObject(refused)
  expect(() => statusForEdge(site, () => ['m1'], { systemId: 'room' })).toThrow(expect.objectContaining(refused))
  expect(done).toEqual([])
  expect(told.map(({ failure }) => failure?.code)).toEqual(['not-in-control', 'not-in-control'])
})
