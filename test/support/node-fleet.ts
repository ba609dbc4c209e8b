import type { OperationHandlers } from '../../electron/console/operations'
import { NodeCredentials } from '../../electron/fleet/credentials'
import { NodeMonitor } from '../../electron/fleet/monitor'
import type { CheckedNode } from '../../electron/fleet/node-check'
import { localNode, nodeOperations, nodesShown } from '../../electron/fleet/node-operations'
import type { Finding, KeptNode, NodeStore } from '../../electron/fleet/nodes'
import { failed, skipped, succeeded } from '../../electron/fleet/probes'
import { openNodes } from '../../electron/fleet/sqlite'
import { systemClock } from '../../electron/platform/clock'
import type { Logger, Secrets } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import type { TopicBody, TopicValues } from '../../shared/console/contract'
import { usualCheckConfig, type NodeSaid, type NodeStatus } from '../../shared/model/fleet'
import { wallMs } from '../../shared/model/time'
import { nodeInEnglish } from '../../shared/text/node-said'
import { checkOfNode } from './node-samples'

/**
 * Nodes as a master has them, for looking at their page and for its browser tests: the real store (in memory), monitor and operations; only what a look finds
 * is made up. The first few have a long history.
 */
export interface NodeFleet extends AsyncDisposable {
  readonly store: NodeStore
  readonly handlers: Partial<OperationHandlers>
  subscribe(params: TopicValues<'nodes'>, listener: (body: TopicBody<'nodes'>) => void): () => void
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** So many have been there for a quarter. */
const LONG_PAST = 6
const quiet: Logger = { log: () => {}, child: () => quiet }
const causes: Partial<Record<NodeStatus, NodeSaid>> = {
  offline: { key: 'noAnswerWithin', step: 'tcp', params: { port: 22, seconds: 5 } },
  degraded: { key: 'refused', step: 'health', params: {} },
}
const print = (letter: string): string => `SHA256:${letter.repeat(43)}`
const names = ['hall-display', 'till', 'ventilation-gateway', 'camera-recorder', 'door-control', 'print-server']
const towns = ['berlin', 'lyon', 'osaka', 'porto', 'turku', 'zagreb']

/** They show another host key than the pinned one. */
const showsOther = new Set([4, 10])

/** How a node of the fleet is: a few are not well, one shows another key. */
const statusOf = (index: number): NodeStatus =>
  index % 97 === 3 ? 'offline' : index % 41 === 7 ? 'degraded' : index % 211 === 9 ? 'paused' : 'online'

function found(status: NodeStatus, isOther: boolean): CheckedNode {
  const hostKey = isOther ? null : { type: 'ssh-ed25519', fingerprint: print('b') }
  const agent = { version: '0.1.0', role: 'edge' }
  if (status === 'offline') {
    const refused = failed('timeout', causes.offline!, 5_000)
    return {
      steps: { tcp: refused, ssh: { ...skipped(), hostKey: null }, health: { ...refused, version: null, role: null } },
      offered: undefined,
    }
  }
  const health =
    status === 'degraded'
      ? { ...failed('refused', causes.degraded!, 2), version: null, role: null }
      : { ...succeeded(4), ...agent }
  const ssh = isOther
    ? {
        ...failed('host-key-changed', { key: 'otherHostKey', step: 'ssh', params: { fingerprint: print('c') } }, 31),
        hostKey,
      }
    : { ...succeeded(38), hostKey }
  return {
    steps: { tcp: succeeded(3), ssh, health },
    offered: isOther ? { type: 'ssh-ed25519', fingerprint: print('c') } : null,
  }
}

/** A past of a quarter in looks that hold for hours, with an observer that was away for two days. */
function past(index: number, now: number): Finding[] {
  const nodeId = `n${index}`
  const everyMs = 4 * HOUR
  const findings: Finding[] = []
  for (let at = now - 89 * DAY; at < now - everyMs; at += everyMs) {
    const day = Math.floor((now - at) / DAY)
    if (day === 21 || day === 22) continue
    const turn = Math.floor(at / everyMs)
    const status: NodeStatus =
      day === 40 + index || (day === 5 && turn % 3 === 0) ? 'offline' : (day + index) % 17 === 0 ? 'degraded' : 'online'
    const paused = day === 60
    const said = causes[status] ?? null
    const check = checkOfNode({ at, status, said, cause: said === null ? null : nodeInEnglish(said) })
    findings.push({ nodeId, revision: 1, at: wallMs(at), everyMs, check: paused ? null : check, isReached: !paused })
  }
  return findings
}

export function nodeFleet(count: number, { isWatched = true } = {}): NodeFleet {
  const now = Date.now()
  const store = openNodes(':memory:')
  const random = systemRandom()
  store.saveConfig({ ...usualCheckConfig, isEnabled: isWatched })
  store.add(localNode('local', now - 100 * DAY))
  const findings: Finding[] = []
  for (let index = 0; index < count; index += 1) {
    const node: KeptNode = {
      ...localNode('x', now - 95 * DAY),
      id: `n${index}`,
      name: `${names[index % names.length]}-${String(index + 1).padStart(5, '0')}`,
      host: `${towns[index % towns.length]}-${index + 1}.example.net`,
      description: index === 0 ? 'Shows the programme in the entrance hall' : '',
      tags: [towns[index % towns.length] ?? '', ...(index % 5 === 0 ? ['spare'] : [])],
      secretsSet: { password: false, privateKey: true, passphrase: index % 2 === 0 },
      key: { type: 'ssh-ed25519', fingerprint: print('a') },
      hostKey: { type: 'ssh-ed25519', fingerprint: print('b'), pinnedAt: now - 95 * DAY },
      createdBy: 'user:anna',
      paused:
        statusOf(index) === 'paused'
          ? { since: now - 3 * HOUR, by: 'user:kim', reason: 'Moves to another rack' }
          : null,
      ...(statusOf(index) === 'paused' ? { status: 'paused' as const } : {}),
    }
    store.add(node)
    if (index < LONG_PAST) findings.push(...past(index, now))
    const everyMs = 16 * HOUR
    const status = statusOf(index)
    const check = status === 'paused' ? null : checkOfNode({ at: now - 20 * HOUR, status: 'online' })
    findings.push({ nodeId: node.id, revision: 1, at: wallMs(now - 20 * HOUR), everyMs, check, isReached: true })
  }
  store.record(findings)
  const logger = quiet
  const clock = systemClock()
  const indexOf = (id: string): number => Number(id.slice(1))
  const monitor = new NodeMonitor({
    ...{ store, clock, logger },
    check: async (node) => {
      await new Promise((resolve) => setImmediate(resolve))
      const index = node.id === 'local' ? 0 : indexOf(node.id)
      return found(
        node.id === 'local' ? 'online' : statusOf(index),
        showsOther.has(index) && node.hostKey?.fingerprint !== print('c'),
      )
    },
  })
  const kept = new Map<string, string>()
  const secrets = {
    get: (name: string) => Promise.resolve(kept.get(name) ?? null),
    set: (name: string, value: string) => Promise.resolve(void kept.set(name, value)),
    delete: (name: string) => Promise.resolve(void kept.delete(name)),
  } as unknown as Secrets
  const credentials = new NodeCredentials({ secrets, keyFolder: '/nowhere' })
  const handlers = nodeOperations({ store, monitor, credentials, clock, random, timeZone: 'Europe/Berlin' })
  monitor.start()
  return {
    ...{ store, handlers },
    subscribe(params, listener) {
      const tell = (): void => listener(nodesShown({ store, monitor }, params))
      tell()
      return monitor.onShown(tell)
    },
    async [Symbol.asyncDispose]() {
      await monitor[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}
