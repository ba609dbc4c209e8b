import { describe, expect, test } from 'vitest'
import { memberInEnglish } from '../../../shared/text/member-said'
import { useCli } from '../../support/cli-console'
import { AT } from '../../support/console-samples'
import { memberSample, memberTotals, summarySample } from '../../support/member-samples'

const { run, asked, double } = useCli()

const drain = { since: AT, by: 'cli:ada', reason: 'new disk', state: 'moved' as const, detail: null }

describe('fleet', () => {
  test('lists a page with totals of all, and one JSON value with --json', async () => {
    const nodes = [
      memberSample(),
      memberSample({
        ...{ id: 'f2', hostname: 'paris-box', edgeName: null, edgeId: null, address: '::1', port: 7_421 },
      }),
      memberSample({
        id: 'f3',
        edgeName: 'Rome',
        status: 'draining',
        reach: 'offline',
        drain,
        lastSeen: null,
        cpu: null,
      }),
    ]
    double().answer({ 'fleet.listNodes': () => ({ nodes, total: 9, offset: 0, totals: memberTotals }) })
    const { out } = await run(['fleet', 'list', '--status', 'online', 'draining', '--sort', 'status', '--limit', '3'])
    expect(out).toMatch(/^Berlin +berlin-box +10\.0\.0\.7 +slave +online +.* +0\.1\.0 +13 % +50 % +25 % +1 +2$/m)
    expect(out).toMatch(/^paris-box .* \[::1\]:7421 /m)
    expect(out).toMatch(/^Rome .* draining, offline +never .* - /m)
    expect(out).toMatch(/^1 unknown, 1 online$/m)
    expect(out).toContain('6 more')
    const page = { statuses: ['online', 'draining'], sort: 'status', limit: 3, offset: 0, isDescending: false }
    expect(asked()).toEqual([['fleet.listNodes', page]])
    expect((await run(['fleet', 'list', '--json'])).json()).toMatchObject({ total: 9 })
  })

  test('says what to do while there is no node', async () => {
    double().answer({ 'fleet.listNodes': () => ({ nodes: [], total: 0, offset: 0, totals: memberTotals }) })
    double().answer({ 'fleet.getSummary': () => summarySample({ nodes: 0, byStatus: [], worst: null, leader: null }) })
    expect((await run(['fleet', 'list'])).out).toContain('holdfast fleet register')
    expect((await run(['fleet', 'summary'])).out).toBe('No node.\n')
  })

  test('shows a node with how far its draining is', async () => {
    double().answer({
      'fleet.getNode': () =>
        memberSample({ status: 'draining', drain: { ...drain, state: 'blocked', detail: 'no reason' } }),
    })
    const { out } = await run(['fleet', 'show', 'Berlin'])
    expect(out).toMatch(/^draining +by cli:ada: new disk$/m)
    expect(out).toMatch(/^control +control could not be moved: no reason$/m)
    expect(asked()).toEqual([['fleet.getNode', { nodeId: 'Berlin' }]])
  })

  test('says why a node is not online, in English; --json has the key as well', async () => {
    const said = { key: 'otherRole', params: { role: 'master', runsAs: 'slave' } } as const
    const node = memberSample({ status: 'degraded', role: 'master', said, cause: memberInEnglish(said) })
    double().answer({
      'fleet.getNode': () => node,
      'fleet.getSummary': () => summarySample({ attention: [node] }),
    })
    const words = 'it is meant to be a master, and its controller runs as a slave'
    for (const asking of [['show', 'Berlin'], ['summary']])
      expect((await run(['fleet', ...asking])).out).toContain(words)
    expect((await run(['fleet', 'show', 'Berlin', '--json'])).json()).toMatchObject({ said, cause: words })
    expect((await run(['fleet', 'summary', '--json'])).json()).toMatchObject({ attention: [{ said, cause: words }] })
  })

  test('sums up, the worst first, with who leads', async () => {
    const { out } = await run(['fleet', 'summary'])
    expect(out).toMatch(/^nodes +2: 1 unknown, 1 online$/m)
    expect(out).toMatch(/^leader +head-office \(head-office:7421\)$/m)
    expect((await run(['fleet', 'summary', '--json'])).json()).toMatchObject({ worst: 'unknown' })
  })

  test('registers, removes and says what a node is for', async () => {
    await run(['fleet', 'register', '10.0.0.7'])
    await run([
      'fleet',
      'register',
      'box',
      '--port',
      '1',
      '--edge',
      'Berlin',
      '--offline-after',
      '5min',
      '--role',
      'slave',
    ])
    await run(['fleet', 'register', 'box', '--usual-offline', '--hostname', 'the box'])
    await run(['fleet', 'remove', 'berlin'])
    await run(['fleet', 'role', 'berlin', 'master'])
    expect(asked()).toEqual([
      ['fleet.registerNode', { address: '10.0.0.7', port: 7_421 }],
      ['fleet.registerNode', { address: 'box', port: 1, ofEdge: 'Berlin', offlineAfterMs: 300_000, role: 'slave' }],
      ['fleet.registerNode', { address: 'box', port: 7_421, hostname: 'the box', offlineAfterMs: null }],
      ['fleet.removeNode', { nodeId: 'berlin' }],
      ['fleet.setRole', { nodeId: 'berlin', role: 'master' }],
    ])
    expect(await run(['fleet', 'role', 'berlin', 'leader'])).toMatchObject({ code: 1 })
  })

  test('drains and undrains, and says what has not moved and why', async () => {
    expect((await run(['fleet', 'drain', 'Berlin', '--reason', 'new disk'])).out).toBe(
      'Berlin is draining; the master has its work.\n',
    )
    double().answer({
      'fleet.drainNode': () => ({ node: memberSample(), moved: false, detail: 'the edge cannot be reached' }),
    })
    expect((await run(['fleet', 'drain', 'Berlin'])).out).toContain('has not moved yet: the edge cannot be reached')
    expect((await run(['fleet', 'undrain', 'Berlin'])).out).toBe(
      'Berlin is not draining any more. Control has not moved yet: the edge cannot be reached\n',
    )
    expect(asked()).toEqual([
      ['fleet.drainNode', { nodeId: 'Berlin', draining: true, reason: 'new disk' }],
      ['fleet.drainNode', { nodeId: 'Berlin', draining: true, reason: '' }],
      ['fleet.drainNode', { nodeId: 'Berlin', draining: false, reason: '' }],
    ])
    double().answer({ 'fleet.drainNode': () => ({ node: memberSample(), moved: false, detail: null }) })
    expect((await run(['fleet', 'undrain', 'Berlin'])).out).toBe('Berlin was not draining.\n')
  })
})
