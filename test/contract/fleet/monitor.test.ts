import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NodeCredentials } from '../../../electron/fleet/credentials'
import { NodeMonitor } from '../../../electron/fleet/monitor'
import { checkingNodes, type CheckedNode } from '../../../electron/fleet/node-check'
import { localNode, nodeOperations, nodesShown, type NodeHandlers } from '../../../electron/fleet/node-operations'
import type { NodeStore } from '../../../electron/fleet/nodes'
import { healthProbe } from '../../../electron/fleet/health-probe'
import { skipped, succeeded, failed, tcpProbe } from '../../../electron/fleet/probes'
import { openNodes } from '../../../electron/fleet/sqlite'
import { sshProbe } from '../../../electron/fleet/ssh-probe'
import { systemClock } from '../../../electron/platform/clock'
import type { Logger } from '../../../electron/platform/ports'
import { systemRandom } from '../../../electron/platform/random'
import { fileSecrets } from '../../../electron/platform/secrets'
import { operations } from '../../../shared/console/contract'
import { usualCheckConfig } from '../../../shared/model/fleet'
import { manualClock, type ManualClock } from '../../support/console-clock'
import { freePort } from '../../support/place'

const NOON = Date.UTC(2025, 5, 15, 12)
const HOUR = 3_600_000
const EVERY = 60_000
const admin = { actor: 'cli:kim', role: 'admin' } as const
const logger: Logger = { log: () => {}, child: () => logger }
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

/** What a scripted look finds; the looks themselves are tried elsewhere. */
const up = (): CheckedNode => ({
  steps: {
    tcp: succeeded(1),
    ssh: { ...skipped(), hostKey: null },
    health: { ...succeeded(1), version: '1', role: 'edge' },
  },
  offered: undefined,
})
const down = (): CheckedNode => {
  const found = failed('refused', { key: 'refused', step: 'tcp', params: { port: 22 } }, 1)
  const health = { ...failed('refused', { key: 'refused', step: 'health', params: {} }, 1), version: null, role: null }
  return { steps: { tcp: found, ssh: { ...skipped(), hostKey: null }, health }, offered: undefined }
}

describe('the watch over nodes', () => {
  let folder: string
  let store: NodeStore
  let clock: ManualClock
  let monitor: NodeMonitor
  let api: NodeHandlers
  let look: (name: string) => Promise<CheckedNode>
  let running = 0
  let most = 0
  const looked: string[] = []

  const begin = (): void => {
    monitor = new NodeMonitor({
      ...{ store, clock, logger },
      check: async (node) => {
        running += 1
        most = Math.max(most, running)
        looked.push(node.name)
        try {
          return await look(node.name)
        } finally {
          running -= 1
        }
      },
    })
    const credentials = new NodeCredentials({ secrets: fileSecrets(path.join(folder, 'secrets')), keyFolder: folder })
    api = nodeOperations({ store, monitor, credentials, clock, random: systemRandom(), timeZone: 'UTC' })
    monitor.start()
  }
  const call = <N extends keyof NodeHandlers>(op: N, params: unknown): ReturnType<NodeHandlers[N]> =>
    (api[op] as (params: unknown, caller: unknown) => ReturnType<NodeHandlers[N]>)(
      operations[op].input.parse(params),
      admin,
    )
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= EVERY / 2) {
      clock.advance(Math.min(left, EVERY / 2))
      await settled()
    }
  }

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-monitor-'))
    clock = manualClock(NOON)
    store = openNodes(path.join(folder, 'fleet.db'))
    store.add(localNode('local', NOON))
    look = () => Promise.resolve(up())
    looked.length = 0
    most = 0
    begin()
  })
  afterEach(async () => {
    await monitor[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  test('does nothing until a node is registered, then looks at once and each interval', async () => {
    await pass(5 * EVERY)
    expect([looked, clock.armed]).toEqual([[], 0])
    await call('nodes.addNode', { name: 'web', host: '10.0.0.7' })
    await settled()
    expect(looked.toSorted()).toEqual(['local', 'web'])
    await pass(2 * EVERY)
    expect(looked.filter((name) => name === 'web')).toHaveLength(3)
    expect(await call('nodes.getNode', { nodeId: 'web' })).toMatchObject({
      status: 'online',
      ssh: { port: 22, user: 'root', method: 'key' },
    })
  })

  test('an observer that was away for hours shows unknown, and the percentage is as before', async () => {
    look = (name) => Promise.resolve(name === 'web' && clock.wall() < NOON + HOUR / 4 ? down() : up())
    await call('nodes.addNode', { name: 'web', host: '10.0.0.7' })
    await pass(55 * EVERY)
    const ask = { nodeId: 'web', bucketCount: 6, intervalMs: HOUR }
    const before = await call('nodes.getUptimeBar', ask)
    expect(before.buckets.map(({ state }) => state)).toEqual([...Array<string>(5).fill('unknown'), 'degraded'])
    expect(before.uptime).toBeCloseTo(40 / 55, 1)

    // Gone without a word, and back four hours later.
    await monitor[Symbol.asyncDispose]()
    clock.advance(4 * HOUR)
    await store[Symbol.asyncDispose]()
    store = openNodes(path.join(folder, 'fleet.db'))
    const { promise, resolve } = Promise.withResolvers<CheckedNode>()
    look = () => promise
    begin()
    await settled()
    const away = await call('nodes.getUptimeBar', ask)
    const gone = Array<string>(4).fill('unknown')
    expect(away.buckets.map(({ state }) => state)).toEqual(['unknown', 'degraded', ...gone])
    expect(away.buckets.slice(2).every(({ checks, downMs }) => checks === 0 && downMs === 0)).toBe(true)
    // The last look before held for a minute and a half into the absence; nothing else was added.
    expect(Math.abs((away.uptime ?? 0) - (before.uptime ?? 0))).toBeLessThan(0.02)
    const [node] = (await call('nodes.listNodes', { text: 'web' })).nodes
    expect(node).toMatchObject({
      status: 'unknown',
      statusSince: NOON + 56.5 * EVERY,
      lastCheck: { status: 'online' },
    })
    // Nor does the first look afterwards fill in what nobody saw.
    resolve(up())
    await pass(EVERY)
    const back = await call('nodes.getUptimeBar', ask)
    expect(back.buckets.slice(2, 5).map(({ state, checks }) => [state, checks])).toEqual(Array(3).fill(['unknown', 0]))
    expect(Math.abs((back.uptime ?? 0) - (before.uptime ?? 0))).toBeLessThan(0.02)
  })

  test('looks at so many at once and at none twice at a time, and a long cycle is followed, never overlapped', async () => {
    const waiting: (() => void)[] = []
    look = () => new Promise((resolve) => waiting.push(() => resolve(up())))
    await call('nodes.setCheckConfig', { concurrency: 3, isEnabled: false })
    for (let n = 0; n < 8; n += 1) await call('nodes.addNode', { name: `n${n}`, host: '10.0.0.7' })
    await call('nodes.setCheckConfig', { isEnabled: true })
    await pass(3 * EVERY)
    expect(looked).toHaveLength(3)
    while (looked.length < 9) {
      waiting.splice(0).forEach((go) => go())
      await settled()
    }
    expect(most).toBe(3)
    expect(new Set(looked).size).toBe(9)
    const asked = await call('nodes.checkAllNodes', {})
    expect(asked).toEqual({ nodes: 9, isRunning: true })
    waiting.splice(0).forEach((go) => go())
    await settled()
    expect(looked).toHaveLength(12)
    look = () => Promise.resolve(up())
    waiting.splice(0).forEach((go) => go())
  })

  test('what was under way when the machine slept is no finding', async () => {
    let answer: (found: CheckedNode) => void = () => {}
    look = (name) => (name === 'web' ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(up()))
    await call('nodes.addNode', { name: 'web', host: '10.0.0.7' })
    await settled()
    clock.advance(2 * HOUR)
    monitor.timeGap()
    answer(down())
    await settled()
    expect(await call('nodes.getCheckHistory', { nodeId: 'web' })).toEqual([])
    look = () => Promise.resolve(up())
    answer(up())
    await pass(EVERY)
    expect(await call('nodes.getNode', { nodeId: 'web' })).toMatchObject({ status: 'online', failures: 0 })
  })

  test('a paused node is not looked at, says so, and is refused a check; the controller itself stays', async () => {
    await call('nodes.addNode', { name: 'web', host: '10.0.0.7' })
    await pass(EVERY)
    await call('nodes.updateNode', { nodeId: 'web', pause: 'works' })
    looked.length = 0
    await pass(3 * EVERY)
    expect(looked).not.toContain('web')
    expect(await call('nodes.getNode', { nodeId: 'web' })).toMatchObject({
      status: 'paused',
      paused: { by: 'cli:kim', reason: 'works' },
    })
    await expect(call('nodes.checkNodeStatus', { nodeId: 'web' })).rejects.toMatchObject({ code: 'refused' })
    await call('nodes.updateNode', { nodeId: 'web', pause: null })
    expect(await call('nodes.checkNodeStatus', { nodeId: 'web' })).toMatchObject({
      check: { status: 'online', by: 'cli:kim' },
    })
    await expect(call('nodes.removeNode', { nodeId: 'local' })).rejects.toMatchObject({ code: 'refused' })
    await call('nodes.removeNode', { nodeId: 'web' })
    expect(() => call('nodes.getNode', { nodeId: 'web' })).toThrow(expect.objectContaining({ code: 'not-found' }))
  })

  test('summaries tell status and uptime of a page, and are the same after a restart', async () => {
    look = (name) => Promise.resolve(name === 'web' ? down() : up())
    await call('nodes.addNode', { name: 'web', host: '10.0.0.7' })
    await pass(10 * EVERY)
    await monitor[Symbol.asyncDispose]()
    const before = await call('nodes.getNodeHealthSummaries', { sort: 'status' })
    expect(before.nodes).toMatchObject([
      { name: 'web', status: 'offline', uptime: { day: 0, quarter: 0 }, cause: 'TCP port 22: nobody listens there' },
      { name: 'local', status: 'online', uptime: { day: 1 } },
    ])
    await store[Symbol.asyncDispose]()
    store = openNodes(path.join(folder, 'fleet.db'))
    begin()
    expect(await call('nodes.getNodeHealthSummaries', { sort: 'status' })).toEqual(before)
  })

  test('lists hear of each change: what was found, how far a cycle is, and what people say', async () => {
    const query = operations['nodes.listNodes'].input.parse({ sort: 'status', limit: 1 })
    const shown = () => nodesShown({ store, monitor }, query)
    const heard: ReturnType<typeof shown>[] = []
    const stop = monitor.onShown(() => heard.push(shown()))
    let answer = (_: CheckedNode) => {}
    look = (name) =>
      name === 'web' ? new Promise<CheckedNode>((resolve) => (answer = resolve)) : Promise.resolve(up())
    await call('nodes.addNode', { name: 'web', host: '10.0.0.7' })
    await settled()
    expect(heard.at(-1)).toMatchObject({
      total: 2,
      totals: { unknown: 2 },
      cycle: { running: { since: NOON, done: 0, total: 2 }, nextAt: null },
    })
    expect(monitor.cycle().running?.done).toBe(1)
    answer(down())
    await settled()
    expect(heard.at(-1)).toMatchObject({
      nodes: [{ name: 'web', status: 'offline' }],
      totals: { offline: 1, online: 1, unknown: 0 },
      cycle: { running: null, nextAt: NOON + EVERY },
    })
    await call('nodes.updateNode', { nodeId: 'web', pause: 'Moves house' })
    expect(heard.at(-1)?.totals).toMatchObject({ paused: 1, offline: 0 })
    await call('nodes.removeNode', { nodeId: 'web' })
    expect(heard.at(-1)).toMatchObject({ total: 1 })
    stop()
    const before = heard.length
    monitor.changed()
    expect(heard).toHaveLength(before)
  })

  test('another certificate of the health endpoint is told until it is accepted, and forgotten with its address', async () => {
    const [own, other] = ['AA', 'BB'].map((byte) => Array.from({ length: 32 }, () => byte).join(':')) as [
      string,
      string,
    ]
    const showing = (certificate: string, isPinned: boolean) => () => {
      const { steps, offered } = up()
      const health = isPinned
        ? steps.health
        : {
            ...failed('certificate-changed', { key: 'notWell', step: 'health', params: {} }, 1),
            version: null,
            role: null,
          }
      return Promise.resolve({ steps: { ...steps, health: { ...health, certificate } }, offered })
    }
    look = showing(own, true)
    await call('nodes.addNode', { name: 'web', host: '10.0.0.7', healthUrl: 'https://10.0.0.7:7421/health' })
    await pass(EVERY)
    look = showing(other, false)
    await pass(2 * EVERY)
    const node = () => call('nodes.getNode', { nodeId: 'web' })
    expect(await node()).toMatchObject({
      ...{ status: 'degraded', lastCheck: { cause: 'Health: the controller says it is not well' } },
      ...{ certificate: { fingerprint: own }, offeredCertificate: { fingerprint: other } },
    })
    await expect(call('nodes.updateNode', { nodeId: 'web', acceptFingerprint: own })).rejects.toThrow('does not show')
    const { error } = operations['nodes.updateNode'].input.safeParse({ nodeId: 'web', acceptFingerprint: 'yes' })
    expect(error?.issues[0]?.message).toBe('the fingerprint that was shown, like SHA256:… or AB:CD:…')
    await call('nodes.updateNode', { nodeId: 'web', acceptFingerprint: other })
    expect(await node()).toMatchObject({ certificate: { fingerprint: other }, offeredCertificate: null })
    await call('nodes.updateNode', { nodeId: 'web', healthUrl: 'https://10.0.0.8:7421/health' })
    expect(await node()).toMatchObject({ certificate: null, offeredCertificate: null })
  })

  test('bar arguments out of range are brought into it', async () => {
    const bar = (more: object) => call('nodes.getUptimeBar', { nodeId: 'local', ...more })
    expect(await bar({})).toMatchObject({ intervalMs: 86_400_000, bucketCount: 90 })
    expect(await bar({ intervalMs: 1, bucketCount: 0 })).toMatchObject({ intervalMs: 300_000, bucketCount: 1 })
    expect(await bar({ intervalMs: 1e12, bucketCount: 3.7 })).toMatchObject({ intervalMs: 86_400_000, bucketCount: 3 })
    expect((await bar({ intervalMs: 440_000, bucketCount: 12 })).buckets).toHaveLength(12)
    expect(await bar({ intervalMs: 460_000, bucketCount: 1 })).toMatchObject({ intervalMs: 600_000 })
  })
})

describe('the parts of a check', () => {
  const probes = {
    tcp: tcpProbe(systemClock()),
    ssh: sshProbe(systemClock(), null),
    health: healthProbe(systemClock()),
  }
  const never = new AbortController().signal

  const answering = async (status: number, body: string) => {
    const server = createServer((_, response) => {
      response.writeHead(status, status === 302 ? { Location: 'http://127.0.0.1:1/' } : {})
      response.end(body)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: (server.address() as { port: number }).port, [Symbol.asyncDispose]: async () => void server.close() }
  }

  test.each([
    [
      200,
      '{"ok":true,"role":"edge","version":"0.1.0","booted":true}',
      { state: 'ok', code: null, version: '0.1.0', role: 'edge' },
    ],
    [503, '{"ok":false,"role":"edge","version":"0.1.0"}', { state: 'failed', code: 'not-healthy', role: 'edge' }],
    [200, '<html>', { state: 'failed', code: 'protocol', version: null }],
    [302, '', { state: 'failed', code: 'protocol' }],
    [200, `{"ok":true,"x":"${'x'.repeat(80_000)}"}`, { state: 'failed', code: 'protocol' }],
  ])('a health endpoint that answers %i %.30s', async (status, body, expected) => {
    await using server = await answering(status, body)
    expect(await probes.health(`http://127.0.0.1:${server.port}/health`, 5_000, never, null)).toMatchObject(expected)
  })

  test('nobody at the port, a port that is open, and a health endpoint that says nothing', async () => {
    const free = await freePort()
    expect(await probes.tcp('127.0.0.1', free, 5_000, never)).toMatchObject({ state: 'failed', code: 'refused' })
    expect(await probes.health(`http://127.0.0.1:${free}/health`, 5_000, never, null)).toMatchObject({
      code: 'refused',
    })
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    expect(await probes.tcp('127.0.0.1', port, 5_000, never)).toMatchObject({ state: 'ok' })
    expect(await probes.health(`http://127.0.0.1:${port}/health`, 100, never, null)).toMatchObject({ code: 'timeout' })
    silent.closeAllConnections()
    silent.close()
  })

  test('a node with an agent and without credentials is online, and nothing knocks at its SSH server', async () => {
    await using server = await answering(200, '{"ok":true}')
    const check = checkingNodes({
      probes,
      credentials: { forCheck: () => Promise.resolve({ password: null, privateKey: null, passphrase: null }) },
      own: () => ({ ok: true, version: '1', role: 'master' }),
    })
    const node = { ...localNode('web', NOON), id: 'web', host: '127.0.0.1' }
    const target = { ...node, ssh: { ...node.ssh, port: server.port }, healthUrl: `http://127.0.0.1:${server.port}/` }
    const usual = usualCheckConfig
    expect(await check(target, { config: usual, ssh: null, signal: never })).toMatchObject({
      steps: { tcp: { state: 'ok' }, ssh: { state: 'skipped', code: 'no-credentials' }, health: { state: 'ok' } },
    })
    expect(await check(localNode('local', NOON), { config: usual, ssh: null, signal: never })).toMatchObject({
      steps: { tcp: { state: 'ok' }, ssh: { state: 'skipped' }, health: { state: 'ok', role: 'master' } },
    })
  })
})
